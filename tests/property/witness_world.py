"""One witness, a lying author, crashes and restored databases, in memory but for the guard's file.

`Run` plays steps in any order and keeps all that the witness ever gave away. The author writes two
histories that part after two entries; the database can be set back to any earlier state, and then
the node may mirror the other one.
"""

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from registry.application.folder import NodeFolder
from registry.application.witness import Witness
from registry.domain.identifiers import LeafHash, LogId, RootHash
from registry.errors import RegistryError
from registry.log.checkpoint import Checkpoint
from registry.log.cosignature import Cosignature, cosignature_notes
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.merkle import EMPTY_RANGE, consistency_path, leaf_hash, node_hash
from registry.log.roster import Member
from registry.log.signing import Ed25519Signer
from registry.store.values import LogState
from registry.store.witness_guard import WitnessGuard
from tests.storage.storage_world import OWN, PEER, PEER_ID, REGISTRY, author_of, roster

COMMON: Final = 2
SIGNER: Final = Ed25519Signer(b"c" * 32)
ROSTER: Final = replace(
    roster(),
    members=tuple(
        replace(m, cosigner_key=SIGNER.public_key) if m.origin == OWN else m
        for m in roster().members
    ),
)
OWN_MEMBER: Final = next(m for m in ROSTER.members if m.origin == OWN)


def leaf(branch: str, index: int) -> LeafHash:
    word = "common" if index < COMMON else branch
    return leaf_hash(f"{word} {index}".encode())


def root(branch: str, size: int) -> RootHash:
    return EMPTY_RANGE.extend(leaf(branch, index) for index in range(size)).root()


def path(branch: str, first: int, second: int) -> tuple[bytes, ...]:
    def subtree(at: Any) -> bytes:
        if at.level == 0:
            return leaf(branch, at.index)
        left = at._replace(level=at.level - 1, index=2 * at.index)
        return node_hash(subtree(left), subtree(left._replace(index=left.index + 1)))

    return consistency_path(first, second, subtree) if 0 < first < second else ()


def note(branch: str, size: int) -> bytes:
    return author_of(PEER).sign_checkpoint(size, root(branch, size))


@dataclass
class Disk:
    """A database: how much of which history is mirrored, and the stored cosignatures."""

    branch: str = "left"
    size: int = 0
    rows: dict[tuple[str, str], Cosignature] = field(default_factory=dict)

    def copy(self) -> "Disk":
        return Disk(self.branch, self.size, dict(self.rows))


class Store:
    """As much of a store as a witness needs."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.cosignatures = self

    def all(self) -> list[Cosignature]:
        return list(self.disk.rows.values())

    def put(self, cosignatures: list[Cosignature]) -> "Future[None]":
        self.disk.rows |= {(each.checkpoint.origin, each.witness): each for each in cosignatures}
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def log_state(self, log_id: LogId) -> LogState:
        size, branch = self.disk.size if log_id == PEER_ID else 0, self.disk.branch
        return LogState(
            log_id=log_id,
            origin=ROSTER.member_by_log(log_id).origin,
            size=size,
            root=root(branch, size),
            range=EMPTY_RANGE,
            note=note(branch, size) if size else None,
            noted_size=size,
            frozen_at=None,
            frozen_reason=None,
            parts_below=0,
        )

    def root_at(self, log_id: LogId, size: int) -> RootHash:
        assert log_id == PEER_ID
        assert size <= self.disk.size, "nobody asks for what is not held"
        return root(self.disk.branch, size)


class Run:
    """A run of steps; `given` is all that ever left the node."""

    def __init__(self, folder: Path, kind: type[Witness] = Witness) -> None:
        self.folder = NodeFolder(folder)
        self.folder.guard_file.parent.mkdir(parents=True, exist_ok=True)
        WitnessGuard.create(self.folder.witness_file, SIGNER.public_key, {})
        self._kind = kind
        self.disk = Disk()
        self.backups = [self.disk.copy()]
        self.given: list[Cosignature] = []
        self.witness = self._open()

    def _open(self) -> Witness:
        store: Any = Store(self.disk)
        return self._kind(
            self.folder,
            ROSTER,
            OWN_MEMBER,
            store,
            signer=SIGNER,
            log_keys=_keys,
            now_ms=lambda: 1_700_000_000_000,
        )

    def mirror(self, count: int) -> None:
        """Brings more entries of the history that is mirrored."""
        self.disk.size += count

    def cosign(self) -> None:
        """A round: sign, store, give away."""
        made = self.witness.cosign([PEER_ID])
        self.witness._store.cosignatures.put(made)
        self.witness.stored(made)
        self._give(*made)

    def cosign_and_crash(self) -> None:
        """A round that is cut short before anything is stored or given away."""
        self.witness.cosign([PEER_ID])
        self.restart()

    def bring(self, branch: str, size: int) -> None:
        """Somebody brings a checkpoint, with the best proof there is."""
        before = self.witness._before(PEER_ID).size
        with suppress(RegistryError):
            proof = path(branch, before, size)
            self._give(self.witness.add_checkpoint(before, note(branch, size), proof))

    def restart(self) -> None:
        """The process ends and starts again."""
        self.witness.close()
        self.witness = self._open()

    def back_up(self) -> None:
        """A backup of the database is made."""
        self.backups.append(self.disk.copy())

    def restore(self, which: int, branch: str) -> None:
        """The database is set back; what it mirrors from now on may be the other history."""
        self.witness.close()
        self.disk = self.backups[which % len(self.backups)].copy()
        if self.disk.size <= COMMON:
            self.disk.branch = branch
        self.witness = self._open()

    def lose_guard(self) -> None:
        """The guard is lost; it comes back once all others have shown what they know."""
        self.witness.close()
        self.folder.witness_file.unlink()
        self.witness = self._open()
        self.cosign()
        self.witness.take(cosignature_notes(self.given))
        self.witness.recover_guard()

    def _give(self, *cosignatures: Cosignature) -> None:
        for each in cosignatures:
            assert each.checkpoint.size <= self.disk.size, "cosigned what is not mirrored"
            assert each.checkpoint.root == root(self.disk.branch, each.checkpoint.size)
        self.given += cosignatures

    def check(self) -> None:
        """All that was given away is of one history, and sizes never went back."""
        sizes = [each.checkpoint.size for each in self.given]
        assert sizes == sorted(sizes), f"a smaller size was cosigned: {sizes}"
        checkpoints = {each.checkpoint for each in self.given}
        assert any(
            checkpoints <= {_checkpoint(branch, size) for size in sizes}
            for branch in ("left", "right")
        ), "two histories were cosigned"


def _checkpoint(branch: str, size: int) -> Checkpoint:
    return Checkpoint(PEER, size, root(branch, size))


def _keys(member: Member) -> LogKeys:
    return keys_of_member(REGISTRY, member)
