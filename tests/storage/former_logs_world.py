"""A member with three logs, one after the other, and a store that knows them as such."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from registry.application.membership.cuts import apply_cuts
from registry.domain.identifiers import CaseId, LogsBefore, Origin, log_id_of
from registry.domain.vocabulary import EventKind
from registry.log.control import ContentErased, PartTarget
from registry.log.member import Cut, FormerLog
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster
from registry.store.check import check_store
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.tombstone_journal import TombstoneJournal, read_journal
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    OWN_ID,
    PEER,
    Peer,
    author_of,
    case,
    create_guard,
    roster,
    seed,
)
from tests.storage.storage_world import OWN as OWN_ORIGIN
from tests.storage.test_control_in_store import say

FIRST, SECOND, THIRD = PEER, Origin("test/peer/2"), Origin("test/peer/3")
FIRST_ID, SECOND_ID, THIRD_ID = (log_id_of(origin) for origin in (FIRST, SECOND, THIRD))
JOURNAL: Final = "tombstones.bin"


def later_roster() -> Roster:
    """The roster under which the peer has written two logs before the present one."""
    before = tuple(
        FormerLog(
            origin=origin,
            log_key=author_of(origin).public_key,
            next_log_key_hash=seed(f"hash {origin}"),
            cut=Cut(99, EMPTY_ROOT, "stolen"),
        )
        for origin in (FIRST, SECOND)
    )
    members = tuple(
        replace(
            member,
            origin=THIRD,
            log_key=author_of(THIRD).public_key,
            former_logs=before,
        )
        if member.origin == PEER
        else member
        for member in roster().members
    )
    return replace(roster(), members=members)


@contextmanager
def store_of(folder: Path, *, knows_logs: bool = True) -> Iterator[SqliteStore]:
    """A node's store with its journal, under the later roster."""
    folder.mkdir(exist_ok=True)
    found = later_roster()
    logs_before: LogsBefore | None = found.logs_before() if knows_logs else None
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN_ORIGIN),
        guard=create_guard(folder),
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        journal=TombstoneJournal(folder / JOURNAL),
        logs_before=logs_before,
    )
    with closing(store):
        store.register_logs([writer.origin for writer in found.writers()]).result()
        apply_cuts(store, found)
        yield store


def findings(folder: Path) -> list[tuple[str, str]]:
    """What fsck finds of the rows that are derived from entries, and of the journal."""
    found = check_store(
        folder / "log.db",
        later_roster(),
        node_keys=NODE_KEYS,
        own_log=OWN_ID,
        journal=read_journal(folder / JOURNAL),
    )
    return [(each.reason, each.detail) for each in found]


def written(origin: Origin = FIRST, count: int = 3) -> Peer:
    """A log with events of one part each, all of one case."""
    peer = Peer(origin)
    for number in range(count):
        peer.write(f"{origin} {number}", case_id=case(0))
    return peer


def target(peer: Peer, index: int) -> PartTarget:
    """The part of an event, as an erasure names it."""
    commitment = peer.drafts[index].commitments[0].commitment
    return PartTarget(peer.log_id, index, 0, commitment)


def eraser(
    targets: Sequence[PartTarget], origin: Origin = SECOND, *, case_id: CaseId | None = None
) -> Peer:
    """A log whose second event erases parts."""
    peer = written(origin, 1)
    say(peer, EventKind.CONTENT_ERASED, ContentErased(tuple(targets)), case_id or case(0))
    return peer
