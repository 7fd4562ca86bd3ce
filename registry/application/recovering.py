"""Puts a node's database back from a backup, and never what must not go back in time.

The guard, the tombstone journal and the keys stay as they are. So the start-up fence keeps the own
log closed until all that the guard knows has come back from another member, and what was erased
since the backup was made is erased again before anything can read it.

1. The backup is copied beside its place, migrated, cleaned of what was erased, and proven.
2. The views go: they are folded anew at the next start.
3. The copy takes the place of the database; the office's records too, if those here do not open.

Cut short anywhere, it is done again. Until step 3 the node starts with what it had, and deletes the
copy: what was erased since the backup may still be in it.
"""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from registry.application.backing_up import About, Progress, prove, read_backup
from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import read_node_keys
from registry.application.membership.cuts import apply_cuts
from registry.application.membership.rosters import load_roster
from registry.application.witness_guards import (
    accept_lost_witness_guard,
    is_witness_guard_lost,
)
from registry.domain.identifiers import RootHash, log_id_of
from registry.errors import FolderError, GuardError, NodeKeyMissing, StorageError
from registry.log.facts import GuardComparison
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster
from registry.store import backup as databases
from registry.store.data_keys import adopt_database_key, known_database_key
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder
from registry.store.guard import Guard, compare_with_guard
from registry.store.sealing import NodeKeys
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.tombstone_journal import TombstoneJournal

_DRAFT: Final = ".putting-back"
_DAMAGED: Final = ".damaged"
_LOST: Final = ".lost"
_OFFICE: Final = "office"


class OfficeFate(StrEnum):
    """What became of the office's records: acts that wait, who may see a case, who read what."""

    KEPT = "kept"
    PUT_BACK = "put_back"
    LOST = "lost"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a stopped node stands: what it has signed, and what it holds of it.

    Attributes:
        origin: of the own log.
        members: how many other active members there are.
        comparison: guard against database.
        has_database: whether there is one.
        erased: how many parts the tombstone journal names.
        is_witness_guard_lost: whether it no longer knows what it has cosigned of other logs.
    """

    origin: str
    members: int
    comparison: GuardComparison
    has_database: bool
    erased: int
    is_witness_guard_lost: bool


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was put back.

    Attributes:
        about: what the backup says of itself.
        office: what became of the office's records.
        standing: how the node stands now.
    """

    about: About
    office: OfficeFate
    standing: Standing


def look_at(folder_path: Path) -> Standing:
    """Tells how a stopped node stands; changes nothing.

    Raises:
        FolderError: no node is there, or it is running.
        GuardError: the guard or the journal is damaged.
        StorageError: the database cannot be read.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with folder.held():
        return _standing(folder)


def put_back(
    folder_path: Path,
    backup: Path,
    *,
    may_replace: bool,
    now_ms: Callable[[], int],
    progress: Progress,
) -> PutBack:
    """Puts the databases of a backup into the folder of a stopped node.

    Args:
        folder_path: the node's folder; its keys must be there (see `registry keys restore`).
        backup: what `back_up` wrote; it is not changed.
        may_replace: whether a database that is there may go.
        now_ms: the clock, milliseconds since 1970 UTC.
        progress: called while the copy is proven.

    Raises:
        FolderError: the folder is in use, is another node's, or has a database.
        NodeKeyMissing: the backup's content opens with another node key.
        CorruptDatabase: the backup does not prove itself; nothing was changed.
        GuardError, KeyFileError, StorageError: as named.
    """
    folder = NodeFolder(folder_path)
    about, roster = read_backup(backup), load_roster(folder)
    _refuse_other_node(folder, roster, about)
    with folder.held():
        if folder.database.exists() and not may_replace:
            msg = (
                f"{folder.database} is there. Putting the backup back deletes it, with all that "
                "is not in the backup; keep a copy if you may need it, then say --replace"
            )
            raise FolderError(msg)
        node_keys = _fitting_keys(folder, about)
        draft = _draft_of(folder.database)
        try:
            databases.copy_logs(backup, draft)
            reach(Step.PUT_BACK_COPIED)
            office_key = _make_ready(folder, draft, node_keys, now_ms, roster)
            own = roster.member_by_slug(folder.mechanism)
            prove(draft, roster, own, node_keys, progress)
            reach(Step.PUT_BACK_PROVEN)
            databases.remove_database(folder.views_database)
            reach(Step.PUT_BACK_VIEWS_GONE)
            _take_place(draft, folder.database)
            reach(Step.PUT_BACK_REPLACED)
        finally:
            databases.remove_database(draft)
        office = _settle_office(folder, backup, office_key)
        reach(Step.PUT_BACK_DONE)
        return PutBack(about, office, _standing(folder))


def remove_drafts(folder: NodeFolder) -> None:
    """Deletes what a `put_back` that was killed left beside the databases.

    Args:
        folder: held by the caller.

    Raises:
        StorageError: the disk refused.
    """
    for database in (folder.database, folder.office_database):
        with databases.disk_faults(database):
            databases.remove_database(_draft_of(database))


def look_for_lost_guard(folder_path: Path) -> Standing:
    """Tells how a stopped node stands that lacks a sound guard of its log, or else as a witness.

    Raises:
        FolderError: no node is there, it is running, or it has no database.
        GuardError: both guards are there and sound.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with folder.held():
        is_lost = _require_lost_guard(folder)
        return _standing(folder, has_guard=not is_lost)


def accept_lost_guard(folder_path: Path) -> Standing:
    """Makes the guard of a stopped node anew, at what its database holds; if sound, the witness's.

    Only for an operator who knows that nothing newer was ever signed: what was, and is held by a
    member that cannot be asked now, would be signed a second time, differently. A guard that is
    damaged is moved aside. Who knows that of the log knows nothing of cosignatures, which a node
    makes unasked: if both guards are lost, that of the witness is left, and may be accepted next.

    Raises:
        GuardError: the new one cannot be written; and as `look_for_lost_guard`.
    """
    folder = NodeFolder(folder_path)
    origin = folder.origin
    with folder.held():
        if not _require_lost_guard(folder):
            accept_lost_witness_guard(folder)
            return _standing(folder)
        if folder.guard_file.exists():
            aside = folder.guard_file.with_name(folder.guard_file.name + _DAMAGED)
            folder.guard_file.replace(aside)
        own_size, own_root = databases.own_states(folder.database).get(origin, (0, b""))
        folder.guard_file.parent.mkdir(mode=0o700, exist_ok=True)
        Guard.create(folder.guard_file, origin)
        guard = Guard.open(folder.guard_file, origin)
        try:
            if own_size:
                guard.advance(own_size, RootHash(own_root))
        finally:
            guard.close()
        return _standing(folder)


def _require_lost_guard(folder: NodeFolder) -> bool:
    """Whether the guard of the log is lost; False = that of the witness is."""
    if not folder.database.exists():
        msg = (
            "there is no database: nothing says what this node has signed. Put a backup back, or "
            "start the node and wait for all other members"
        )
        raise FolderError(msg)
    try:
        Guard.open(folder.guard_file, folder.origin).close()
    except GuardError:
        return True  # missing or damaged
    if is_witness_guard_lost(folder):
        return False
    msg = f"the guard {folder.guard_file} is there and sound: it decides what this node has signed"
    raise GuardError(msg)


def _refuse_other_node(folder: NodeFolder, roster: Roster, about: About) -> None:
    here = (roster.registry_id.hex(), str(folder.mechanism))
    if here != (about.registry_id, about.mechanism):
        msg = (
            f"the backup is of {about.mechanism} in registry {about.registry_id[:16]}, and "
            f"{folder.path} of {here[1]} in registry {here[0][:16]}"
        )
        raise FolderError(msg)


def _fitting_keys(folder: NodeFolder, about: About) -> NodeKeys:
    node_keys = read_node_keys(folder, os.urandom)
    if not node_keys.opens(bytes.fromhex(about.node_key_id)):
        msg = (
            f"the backup's content opens with node key {about.node_key_id}, and keys/node.key is "
            f"{node_keys.current_id.hex()}: the key was rotated since. Take a later backup, or "
            "put the node key of that time back"
        )
        raise NodeKeyMissing(msg)
    return node_keys


def _make_ready(
    folder: NodeFolder,
    draft: Path,
    node_keys: NodeKeys,
    now_ms: Callable[[], int],
    roster: Roster,
) -> bytes:
    """Brings the copy up to the roster and what was erased since; returns the key of the office."""
    folder.tombstone_file.parent.mkdir(mode=0o700, exist_ok=True)
    kept = _office_key_here(folder, node_keys)
    with closing(_opened(folder, draft, node_keys, now_ms)) as store:
        store.register_logs([member.origin for member in roster.writers()]).result()
        apply_cuts(store, roster)
        made = store.database_key(_OFFICE)
    if kept is None:
        return made
    # A backup of before the office had a key, or of a database that was begun anew since.
    adopt_database_key(draft, _OFFICE, kept, node_keys)
    return kept


def _office_key_here(folder: NodeFolder, node_keys: NodeKeys) -> bytes | None:
    """The key that opens the office's records here; None if nothing does."""
    if not (folder.database.exists() and folder.office_database.exists()):
        return None
    try:
        key = known_database_key(folder.database, _OFFICE, node_keys)
    except StorageError:
        return None
    return key if databases.opens_with(folder.office_database, key) else None


def _opened(
    folder: NodeFolder, draft: Path, node_keys: NodeKeys, now_ms: Callable[[], int]
) -> SqliteStore:
    return open_sqlite_store(
        draft,
        author=None,
        guard=None,
        node_keys=node_keys,
        now_ms=now_ms,
        journal=TombstoneJournal(folder.tombstone_file),
    )


def _draft_of(database: Path) -> Path:
    return database.with_name(database.name + _DRAFT)


def _take_place(draft: Path, database: Path) -> None:
    databases.settle_wal(draft)
    with databases.disk_faults(database):
        if database.exists():
            databases.settle_wal(database)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(database)
        sync_folder(database.parent)


def _settle_office(folder: NodeFolder, backup: Path, key: bytes) -> OfficeFate:
    """Keeps the office's records that are here if they open; else takes those of the backup."""
    office = folder.office_database
    if databases.opens_with(office, key):
        return OfficeFate.KEPT
    draft = _draft_of(office)
    try:
        if not databases.copy_office(backup, draft):
            if not office.exists():
                return OfficeFate.NONE
            databases.settle_wal(office)
            office.replace(office.with_name(office.name + _LOST))
            return OfficeFate.LOST
        with databases.disk_faults(office):
            databases.settle_wal(office)
            draft.replace(office)
            sync_folder(office.parent)
    finally:
        databases.remove_database(draft)
    return OfficeFate.PUT_BACK


def _standing(folder: NodeFolder, *, has_guard: bool = True) -> Standing:
    roster, origin = load_roster(folder), folder.origin
    has_database = folder.database.exists()
    has_guard = has_guard and folder.guard_file.exists()
    guard = Guard.open(folder.guard_file, origin) if has_guard else None
    try:
        size, root = _own_state(folder, guard) if has_database else _nothing(guard)
        comparison = compare_with_guard(guard, size, root)
    finally:
        if guard is not None:
            guard.close()
    return Standing(
        origin=origin,
        members=len(roster.active_members()) - 1,
        comparison=comparison,
        has_database=has_database,
        erased=_erased(folder),
        is_witness_guard_lost=is_witness_guard_lost(folder),
    )


def _own_state(folder: NodeFolder, guard: Guard | None) -> tuple[int, RootHash | None]:
    """How many own events the database holds; its root at the guard's size, if it has so many."""
    store = open_sqlite_store(
        folder.database,
        author=None,
        guard=None,
        node_keys=None,
        now_ms=lambda: 0,
        is_read_only=True,
    )
    log_id = log_id_of(folder.origin)
    signed = guard.read().size if guard is not None else 0
    with closing(store):
        states = {state.log_id: state for state in store.log_states()}
        size = states[log_id].size if log_id in states else 0
        if signed > size:
            return size, None
        return size, store.root_at(log_id, signed) if signed else EMPTY_ROOT


def _nothing(guard: Guard | None) -> tuple[int, RootHash | None]:
    return 0, EMPTY_ROOT if guard is None or not guard.read().size else None


def _erased(folder: NodeFolder) -> int:
    if not folder.tombstone_file.exists():
        return 0
    with closing(TombstoneJournal(folder.tombstone_file)) as journal:
        return len(journal.records)
