"""Where logs end: the cut that a node proposes, those that it carries out, those of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.errors import CorruptDatabase, InvalidRequest
from registry.log.member import Cut, Member
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster
from registry.peer_errors import RosterCutsOwnLog
from registry.store.entries import EntryStore
from registry.store.freezes import CUT_BY_ROSTER, OTHER_THAN_ROSTER
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.values import LogState

_log = structlog.get_logger()
_REASON_MAX = 200
_NOWHERE: Final = Cut(0, EMPTY_ROOT, "")
"""Where a log ends that a roster does not name."""


def cut_here(folder_path: Path, mechanism: str, reason: str) -> Cut:
    """The cut after everything that this node holds of a mechanism's log.

    Args:
        folder_path: of a node, running or not.
        mechanism: slug.
        reason: for people to read; no names.

    Raises:
        NotFound: the roster knows no such mechanism.
        InvalidRequest: the reason is empty or too long.
        FolderError: no node.
    """
    if not 1 <= len(reason) <= _REASON_MAX or not reason.isprintable():
        msg = f"say why in 1 to {_REASON_MAX} printable characters"
        raise InvalidRequest(msg)
    folder = NodeFolder(folder_path)
    member = load_roster(folder).member_by_slug(mechanism)
    with _opened(folder) as store:
        if store is None:
            return Cut(0, EMPTY_ROOT, reason)
        size = store.log_state(member.log_id).valid_size
        return Cut(size, store.root_at(member.log_id, size), reason)


def check_own_ends(folder_path: Path, roster: Roster) -> None:
    """Checks that a roster ends no log of this node below what this node holds of it.

    Args:
        folder_path: of a node, running or not.
        roster: of a registry that was founded anew, maybe by a node that held less.

    Raises:
        RosterCutsOwnLog: it does; says how many events would be void.
        FolderError: no node.
    """
    folder = NodeFolder(folder_path)
    own = load_roster(folder).member_by_slug(folder.mechanism)
    ends = {writer.origin: writer.cut for writer in roster.writers()}
    with _opened(folder) as store:
        states = () if store is None else store.log_states()
    held = {state.log_id: state.valid_size for state in states}
    for writer in own.as_writers():
        count, end = held.get(writer.log_id, 0), ends.get(writer.origin, _NOWHERE)
        if end is not None and end.size < count:
            msg = (
                f"this roster ends {writer.origin} at {end.size}, and this node holds {count} "
                f"events of it: {count - end.size} would be void everywhere. Bring the node "
                "that made it up to date and found anew there, or say --accept-void"
            )
            raise RosterCutsOwnLog(msg)


@contextmanager
def _opened(folder: NodeFolder) -> Iterator[SqliteStore | None]:
    """The logs, read only: a node that runs beside it goes on; None = it never was started."""
    if not folder.database.exists():
        yield None
        return
    store = open_sqlite_store(
        folder.database,
        author=None,
        guard=None,
        node_keys=None,
        now_ms=lambda: 0,
        is_read_only=True,
    )
    try:
        yield store
    finally:
        store.close()


def apply_cuts(store: EntryStore, roster: Roster) -> None:
    """Makes void what lies at or past the cuts of a roster, whenever it came or will come.

    Of a log that is held with another history up to its cut than the roster names, nothing counts:
    where the two part is not known, and what is stored is never replaced.

    Raises:
        DiskFull: there is no room even for this.
        StorageError: our own disk failed.
    """
    for member in roster.writers():
        if member.cut is not None:
            _end_log(store, member, member.cut)


def _end_log(store: EntryStore, member: Member, cut: Cut) -> None:
    state = store.log_state(member.log_id)
    at, reason = cut.size, CUT_BY_ROSTER
    if _is_other(store, state, cut):
        at, reason = 0, OTHER_THAN_ROSTER
        # What to do stands in the runbook: what is stored is never replaced.
        _log.error("log_other_than_roster", log=member.origin, size=cut.size)
    is_over = state.frozen_at is not None and state.frozen_at <= at
    if not is_over or state.frozen_reason not in (CUT_BY_ROSTER, OTHER_THAN_ROSTER):
        # Also where a fault proof ends it before: a rotation may take the proof, never the cut.
        store.freeze(member.log_id, at, reason, b"").result()


def _is_other(store: EntryStore, state: LogState, cut: Cut) -> bool:
    """Whether another history is held up to a cut; a damaged tree is repaired before it is judged.

    Less than up to the cut cannot be compared: see `LogIntake.plan` for what comes.
    """
    if state.size < cut.size:
        return False
    try:
        is_sound = store.root_at(state.log_id, state.size) == state.root
        return is_sound and store.root_at(state.log_id, cut.size) != cut.root
    except CorruptDatabase:
        return False
