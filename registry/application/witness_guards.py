"""When a witness guard is made: for a key that has cosigned nothing, or by an operator's word.

A guard that is missing at any other time is lost, and says nothing of what was cosigned: the node
then cosigns nothing until it has asked the others (`registry.application.witness`). So it is made
with the key: when a node joins, when an epoch begins, and at the first start of software that
cosigns over a database of one that did not.
"""

from contextlib import closing
from typing import Final

from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.domain.identifiers import log_id_of
from registry.log.member import Member
from registry.store import backup as databases
from registry.store.schema import WITNESSING_VERSION
from registry.store.sqlite import open_sqlite_store
from registry.store.witness_guard import CosignedState, WitnessGuard

_DAMAGED: Final = ".damaged"


def begin_witnessing(folder: NodeFolder, own: Member) -> None:
    """Makes the guard of a node whose database is older than witnessing, before it is migrated.

    Raises:
        GuardError, StorageError: as named.
    """
    is_missing = folder.guard_file.exists() and not folder.witness_file.exists()
    if is_missing and _is_older_than_witnessing(folder):
        WitnessGuard.create(folder.witness_file, own.cosigner_key, {})


def is_witness_guard_lost(folder: NodeFolder) -> bool:
    """Whether a stopped node no longer knows what it has cosigned.

    Raises:
        GuardError, StorageError: as named.
    """
    own = load_roster(folder).member_by_slug(folder.mechanism)
    if own.origin != folder.origin:
        return False  # its epoch, with a guard of its own, begins at the next start
    guard = WitnessGuard.open(folder.witness_file, own.cosigner_key)
    if guard is not None:
        guard.close()
        return False
    return not _is_older_than_witnessing(folder)


def accept_lost_witness_guard(folder: NodeFolder) -> None:
    """Makes the guard of a stopped node anew, of the cosignatures that its database holds.

    Only for an operator who knows that none was made since. One that is damaged is moved aside.

    Raises:
        GuardError, StorageError: as named.
    """
    own = load_roster(folder).member_by_slug(folder.mechanism)
    store = open_sqlite_store(
        folder.database,
        author=None,
        guard=None,
        node_keys=None,
        now_ms=lambda: 0,
        is_read_only=True,
    )
    with closing(store):
        stored = [e.checkpoint for e in store.cosignatures.all() if e.witness == own.origin]
    if folder.witness_file.exists():
        aside = folder.witness_file.with_name(folder.witness_file.name + _DAMAGED)
        folder.witness_file.replace(aside)
    known = {log_id_of(each.origin): CosignedState(each.size, each.root) for each in stored}
    WitnessGuard.create(folder.witness_file, own.cosigner_key, known)


def _is_older_than_witnessing(folder: NodeFolder) -> bool:
    return 0 < databases.version_of(folder.database) < WITNESSING_VERSION
