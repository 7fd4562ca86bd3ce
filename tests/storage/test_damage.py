"""Promise 3: a published log is never changed unnoticed.

Damage of every kind to a database that holds a row of every kind, through SQL and in the bytes of
the file, and to messages on the wire. Each is found by SQLite, by fsck or at ingest; or it is
harmless by proof: all that the database says is equal, or it is equal but for notes that only this
node made and nothing derives (`OWN_NOTES`). The run prints what found how many.

SOAK_DAMAGES=N sets the number; SOAK_EVERY_BYTE=1 flips every byte of the file.
"""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

from registry.api.v1 import replication_pb2
from registry.application.acts import read_notes_with
from registry.domain.identifiers import Origin, RegistryId
from registry.errors import EntryError
from registry.log.signing import Ed25519Signer
from registry.store.check import Finding, check_store
from registry.store.tombstone_journal import TombstoneJournal
from tests.counts import tell
from tests.faults.honest_peer import HonestPeer
from tests.faults.receiver import MemoryKeeper, Receiver
from tests.storage.damaged_world import OWN_NOTES, build, dump, roster, row_damages, use_small_tiles
from tests.storage.storage_world import NODE_KEYS, OWN_ID, case

DAMAGES = int(os.environ.get("SOAK_DAMAGES", "2000"))
EVERY_BYTE = bool(os.environ.get("SOAK_EVERY_BYTE"))
IN_ROWS, IN_BYTES = DAMAGES * 8 // 20, DAMAGES * 8 // 20
ON_WIRE = DAMAGES - IN_ROWS - IN_BYTES
SEED = 31


class Damaged:
    """A database that is damaged and mended again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sound = path.read_bytes()
        journal = TombstoneJournal(path.with_name("tombstones.bin"))
        self.journal = journal.records
        journal.close()
        with closing(sqlite3.connect(path)) as connection:
            self.all = dump(connection)
            self.held = dump(connection, without=OWN_NOTES)
        self.counts: Counter[str] = Counter()

    def mend(self) -> None:
        self.path.write_bytes(self.sound)

    def findings(self, *, at_most: int = 10_000) -> list[Finding]:
        found = check_store(
            self.path,
            roster(),
            node_keys=NODE_KEYS,
            own_log=OWN_ID,
            journal=self.journal,
            read_notes=read_notes_with,
        )
        return list(islice(found, at_most))

    def judge(self) -> str:
        """What notices the damage; raises if nothing does and something is changed."""
        found = self.findings(at_most=1)
        if found:
            return "SQLite" if found[0].reason == "corrupt_database" else "fsck"
        with closing(sqlite3.connect(self.path)) as connection:
            if dump(connection) == self.all:
                return "harmless: all is equal"
            if dump(connection, without=OWN_NOTES) == self.held:
                return "harmless: own notes"
            now = dump(connection, without=OWN_NOTES)
        changed = [table for table in now if now[table] != self.held.get(table)]
        return f"MISSED in {changed}"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Damaged]:
    with pytest.MonkeyPatch.context() as patch:
        use_small_tiles(patch)
        yield Damaged(build(tmp_path_factory.mktemp("damaged")))


def test_sound_database_with_a_row_of_every_kind_has_no_findings(damaged: Damaged) -> None:
    damaged.mend()
    empty = [table for table, rows in damaged.all.items() if not rows]

    assert damaged.findings() == []
    assert set(empty) == {"unfinished", "own_requests"}


def test_every_change_of_a_row_is_found_or_harmless(damaged: Damaged) -> None:
    rng = random.Random(SEED)
    missed = []
    counts: Counter[str] = Counter()
    damaged.mend()
    with closing(sqlite3.connect(damaged.path, isolation_level=None)) as database:
        damages = row_damages(database, rng)
        done = 0
        while done < IN_ROWS:
            damage = next(damages)
            database.execute("PRAGMA synchronous=OFF")
            try:
                changes = database.execute(damage.statement, damage.values).rowcount
            except sqlite3.IntegrityError:
                continue  # SQLite refuses to store that
            if not changes:
                continue
            done += 1
            found = damaged.judge()
            counts[found] += 1
            if found.startswith("MISSED"):
                missed.append((damage.name, damage.values, found))
            damaged.mend()
    _tell("in rows", counts)

    assert missed == []


def byte_damages(size: int, rng: random.Random) -> Iterator[tuple[str, int, int]]:
    """Place and length of each: what is done with the bytes there, by chance."""
    if EVERY_BYTE:
        yield from (("flip", at, 1) for at in range(size))
        return
    for _ in range(IN_BYTES):
        kind = rng.choices(("flip", "zero", "swap", "cut"), (12, 3, 3, 1))[0]
        yield kind, rng.randrange(size), rng.choice((1, 2, 16, 512, 4096))


def changed_bytes(sound: bytes, kind: str, at: int, length: int, rng: random.Random) -> bytes:
    end = min(at + length, len(sound))
    if kind == "cut":
        return sound[:at]
    if kind == "flip":
        return sound[:at] + bytes([sound[at] ^ (1 << rng.randrange(8))]) + sound[at + 1 :]
    if kind == "zero":
        return sound[:at] + bytes(end - at) + sound[end:]
    other = rng.randrange(len(sound) - (end - at))
    first, second = sound[at:end], sound[other : other + end - at]
    changed = bytearray(sound)
    changed[at:end], changed[other : other + end - at] = second, first
    return bytes(changed)


def test_every_change_of_a_byte_of_the_file_is_found_or_harmless(damaged: Damaged) -> None:
    rng = random.Random(SEED)
    missed = []
    counts: Counter[str] = Counter()
    for kind, at, length in byte_damages(len(damaged.sound), rng):
        changed = changed_bytes(damaged.sound, kind, at, length, rng)
        damaged.path.write_bytes(changed)
        found = "harmless: all is equal" if changed == damaged.sound else damaged.judge()
        counts[found] += 1
        if found.startswith("MISSED"):
            missed.append((kind, at, length, found))
    damaged.mend()
    _tell("in the bytes of the file", counts)

    assert missed == []


# --- on the wire --------------------------------------------------------------------------------


def test_every_change_on_the_wire_is_refused_or_changes_nothing() -> None:
    rng = random.Random(SEED)
    signer = Ed25519Signer(sha256(b"peer").digest())
    peer = HonestPeer(Origin("test/peer/1"), RegistryId(b"r" * 32), signer)
    for number in range(20):
        peer.write(f"p{number}", case_id=case(number % 3))
    sound = [m.SerializeToString() for m in peer.messages(0, 20, at_once=7)]
    counts: Counter[str] = Counter()
    missed = []
    for number in range(ON_WIRE):
        stream = list(sound)
        if number % 10 == 0:
            first, second = rng.sample(range(len(stream)), 2)
            stream[first], stream[second] = stream[second], stream[first]
        else:
            which = rng.randrange(len(stream))
            kind = "cut" if number % 5 == 0 else rng.choice(("flip", "flip", "zero", "swap"))
            data = stream[which]
            stream[which] = changed_bytes(data, kind, rng.randrange(len(data)), 8, rng)
        found = _take(peer, stream)
        counts[found] += 1
        if found.startswith("MISSED"):
            missed.append((number, found))
    ", ".join(f"{k}: {n}" for k, n in counts.items())
    _tell("on the wire", counts)

    assert missed == []


def _take(peer: HonestPeer, stream: list[bytes]) -> str:
    """What notices a changed stream: a prefix of the true log is all that may be held."""
    keeper = MemoryKeeper(peer.author)
    outcome = "harmless: all is equal"
    try:
        messages = [replication_pb2.GetEntriesResponse.FromString(data) for data in stream]
        receiver = Receiver(peer.author, keeper, offered_size=20)
        receiver.take_all(messages)
    except DecodeError:
        outcome = "protobuf"
    except EntryError as error:
        outcome = f"ingest ({error.reason})"
    held = keeper.entries()
    if held != peer.entries[: len(held)]:
        return "MISSED: other entries are held"
    if outcome.startswith("harmless") and len(held) != len(peer.entries):
        return "MISSED: less is held, and nobody was told"
    return outcome


def _tell(where: str, counts: Counter[str]) -> None:
    told = ", ".join(f"{what}: {count}" for what, count in sorted(counts.items()))
    tell(f"damages {where}: {counts.total()} ({told})")
