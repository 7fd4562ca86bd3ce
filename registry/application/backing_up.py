"""A backup of a node's databases, running or stopped, proven before it gets its name.

What it never holds is what must not go back in time (guard, tombstone journal) and what must not
lie about (private keys). See `recovering` for the way back.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import read_node_keys
from registry.application.membership.rosters import load_roster
from registry.errors import CorruptDatabase, FolderError
from registry.log.roster import Member, Roster
from registry.peer_errors import OtherThanRoster
from registry.store import backup as databases
from registry.store.check import check_store
from registry.store.data_keys import known_database_key
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder
from registry.store.sealing import NodeKeys

Progress = Callable[[int, int], None]
"""Called with (entries proven, entries in all) of one log after the other."""
_DRAFT: Final = ".writing"


class About(BaseModel):
    """What a backup says of itself; no secrets.

    Attributes:
        format: grows when a backup is written differently.
        registry_id: hexadecimal.
        mechanism: whose node it is of.
        origin: of its own log.
        made_ms: when, milliseconds since 1970 UTC.
        node_key_id: names the node key that opens the content, hexadecimal.
        sizes: how many events there are of each log, by origin.
        own_root: of the own log at its size, hexadecimal; empty if there is none.
        has_office: whether the office's records are in it.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    registry_id: str
    mechanism: str
    origin: str
    made_ms: int
    node_key_id: str
    sizes: dict[str, int]
    own_root: str
    has_office: bool

    @property
    def own_size(self) -> int:
        """Events of the own log."""
        return self.sizes.get(self.origin, 0)


def back_up(folder_path: Path, out: Path, *, now_ms: int, progress: Progress) -> About:
    """Writes a backup of a node's databases and proves it: every signature, root and part.

    Args:
        folder_path: the node's folder; the node may be running.
        out: the file to write, mode 0600; it appears when it is whole and proven.
        now_ms: the time, milliseconds since 1970 UTC.
        progress: called while it is proven.

    Raises:
        FolderError: no node is there, it has no database yet, or `out` exists or cannot be made.
        CorruptDatabase: what was copied does not prove itself; nothing is left of it.
        KeyFileError, NodeKeyMissing, StorageError: as named.
    """
    folder = NodeFolder(folder_path)
    description, roster = folder.describe(), load_roster(folder)
    _refuse_place(folder, out)
    node_keys = read_node_keys(folder, os.urandom)
    draft = out.with_name(out.name + _DRAFT)
    try:
        databases.write_backup(
            draft,
            database=folder.database,
            office=folder.office_database,
            office_key=_office_key(folder, node_keys),
        )
        reach(Step.BACKUP_COPIED)
        states = databases.own_states(draft)
        own_size, own_root = states.get(description.origin, (0, b""))
        about = About(
            registry_id=roster.registry_id.hex(),
            mechanism=description.mechanism,
            origin=description.origin,
            made_ms=now_ms,
            node_key_id=node_keys.current_id.hex(),
            sizes={origin: size for origin, (size, _) in sorted(states.items())},
            own_root=own_root.hex() if own_size else "",
            has_office=folder.office_database.exists(),
        )
        databases.write_about(draft, about.model_dump_json())
        prove(draft, roster, roster.member_by_slug(folder.mechanism), node_keys, progress)
        reach(Step.BACKUP_PROVEN)
        _publish(draft, out)
    finally:
        databases.remove_database(draft)
    return about


def read_backup(path: Path) -> About:
    """Reads what a backup says of itself.

    Raises:
        FolderError: it is no backup, was not finished, or was written by newer software.
    """
    try:
        return About.model_validate_json(databases.read_about(path))
    except ValidationError as error:
        msg = f"{path} was written by newer software, or was damaged"
        raise FolderError(msg) from error


def prove(
    database: Path, roster: Roster, own: Member, node_keys: NodeKeys, progress: Progress
) -> None:
    """Checks all that a copy says against all else that it says.

    Raises:
        CorruptDatabase: something does not prove itself.
    """
    found = check_store(
        database,
        roster,
        node_keys=node_keys,
        own_log=own.log_id,
        beside=databases.TABLES,
        on_progress=lambda step: progress(step.done, step.total),
    )
    for finding in found:
        if finding.reason == OtherThanRoster.reason:
            continue  # nothing is damaged, and all else is as worth keeping as before
        place = "" if finding.index is None else f" at event {finding.index}"
        msg = (
            f"the copy does not prove itself: {finding.origin or 'database'}{place}: "
            f"{finding.reason}: {finding.detail}; see `registry fsck`"
        )
        raise CorruptDatabase(msg)


def _refuse_place(folder: NodeFolder, out: Path) -> None:
    if not folder.database.exists():
        msg = f"{folder.path} has no database yet: there is nothing to back up"
        raise FolderError(msg)
    if out.exists():
        msg = f"{out} exists; a backup is never written over another one"
        raise FolderError(msg)
    if out.absolute().is_relative_to(folder.path.absolute()):
        msg = f"{out} lies in the node's own folder; keep backups on another disk"
        raise FolderError(msg)


def _office_key(folder: NodeFolder, node_keys: NodeKeys) -> bytes:
    """The key of the office database; any if there is none."""
    if not folder.office_database.exists():
        return bytes(32)
    return known_database_key(folder.database, "office", node_keys)


def _publish(draft: Path, out: Path) -> None:
    """Gives a proven backup its name, durably; on a stick that knows no hard links too."""
    if out.exists():
        msg = f"{out} has come meanwhile; a backup is never written over another one"
        raise FolderError(msg)
    with databases.disk_faults(out):
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.rename(out)
        reach(Step.BACKUP_NAMED)
        try:
            sync_folder(out.parent)
        except OSError:
            out.unlink()  # a power cut might take its name back: whoever asked is told so
            raise
