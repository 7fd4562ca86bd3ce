"""The own log key: which file holds the one that counts, and its rotation.

    keys/log.key             signs the log
    keys/next_log.key        the next one, whose hash was announced
    keys/after_next_log.key  the one after it, made when a rotation is asked for

A rotation is asked for by making the third file. The node carries it out as soon as its log is
open, so that the start-up fence stands before it as before any other event. Whatever step a crash
comes after, the next start puts the files in their places by what stands in the log.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import write_secret
from registry.application.key_care.token_file import read_token_file
from registry.application.membership.founding import KEY_SIZE_BYTES, load_signer
from registry.domain.identifiers import NO_CASE, RequestKey
from registry.domain.vocabulary import EventKind
from registry.errors import FolderError, LogReadOnly
from registry.log.author import Author, draft_event
from registry.log.entry import ALL_MEMBERS
from registry.log.log_keys import ROTATIONS_MAX, LogKeys, keys_of_member, make_rotation
from registry.log.member import Member, key_hash
from registry.log.roster import Roster
from registry.log.signing import Signer
from registry.store.entries import EntryStore
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder
from registry.store.values import Appended, AppendRequest, read_header

_CURRENT: Final = "log"
_NEXT: Final = "next_log"
_AFTER_NEXT: Final = "after_next_log"


def ask_for_rotation(folder_path: Path) -> bool:
    """Asks a node, running or not, to rotate its log key.

    Returns:
        Whether it was not asked for already.

    Raises:
        FolderError: there is no node, its next key is missing, or these keys live in a token.
        KeyFileError: a key cannot be read.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    _refuse_token(folder)
    if not _path(folder, _NEXT).exists():
        msg = f"{_path(folder, _NEXT)} is missing: restore it from a backup of the keys first"
        raise FolderError(msg)
    if _path(folder, _AFTER_NEXT).exists():
        return False
    write_secret(_path(folder, _AFTER_NEXT), os.urandom(KEY_SIZE_BYTES))
    return True


class OwnLogKey:
    """The log key of one node."""

    def __init__(
        self,
        folder: NodeFolder,
        roster: Roster,
        own: Member,
        store: EntryStore,
        now_ms: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._roster = roster
        self._own = own
        self._store = store
        self._now_ms = now_ms

    @property
    def is_rotation_wanted(self) -> bool:
        """Whether a rotation was asked for and is not in the log yet."""
        return is_rotation_asked_for(self._folder)

    def use(self) -> None:
        """Lets the key sign that counts at the end of what is held of the log, if it is here."""
        signer = self._settle(self._keys())
        if signer is not None:
            self._store.use_author(self._author(signer))

    def require(self) -> None:
        """Like `use`.

        Raises:
            LogReadOnly: no file holds that key.
        """
        keys = self._keys()
        if self._settle(keys) is None:
            msg = (
                f"no file in keys/ holds the key {keys.last.public_key.hex()[:16]} that signs "
                f"this log from entry {keys.last.first_index} on: restore it from a backup of the "
                "keys"
            )
            raise LogReadOnly(msg)
        self.use()

    def rotate(self) -> "Future[Appended]":
        """Appends a rotation to the open log and signs with the new key from then on.

        Raises:
            FolderError: the next key is missing, is not the one that was announced, or these keys
                live in a token.
            KeyFileError: a key cannot be read.
            Overloaded, TryLater: as `EntryStore.append`; the future may raise LogReadOnly.
        """
        _refuse_token(self._folder)
        keys = self._keys()
        new, after = load_signer(self._folder, _NEXT), load_signer(self._folder, _AFTER_NEXT)
        if len(keys.keys) > ROTATIONS_MAX:
            msg = f"this log has rotated its key {ROTATIONS_MAX} times: a new epoch is needed"
            raise FolderError(msg)
        if key_hash(new.public_key) != keys.last.next_hash:
            msg = f"{_path(self._folder, _NEXT)} is not the key that this log has announced"
            raise FolderError(msg)

        def request(index: int) -> AppendRequest:
            draft = draft_event(
                log_id=self._own.log_id,
                case_id=NO_CASE,
                kind=EventKind.KEY_ROTATED,
                time_ms=self._now_ms(),
                parts=(),
                audience=ALL_MEMBERS,
                request_id=RequestKey(b""),
                control=make_rotation(self._own.log_id, index, new, key_hash(after.public_key)),
            )
            return AppendRequest(draft, b"")

        return self._store.rotate_key(request, self._author(new))

    def _keys(self) -> LogKeys:
        rotations = self._store.rotations(self._own.log_id)
        return keys_of_member(self._roster.registry_id, self._own, map(read_header, rotations))

    def _author(self, signer: Signer) -> Author:
        return Author(
            signer=signer,
            registry_id=self._roster.registry_id,
            origin=self._own.origin,
            roster_version=self._roster.version,
        )

    def _settle(self, keys: LogKeys) -> Signer | None:
        """Puts the files in the places that they have by now; returns who signs, if it is here."""
        current = self._read(_CURRENT)
        if current is None or current.public_key != keys.last.public_key:
            current = self._read(_NEXT)
            if current is None or current.public_key != keys.last.public_key:
                return None
            self._move(_NEXT, _CURRENT)
        after = self._read(_AFTER_NEXT)
        if after is not None and key_hash(after.public_key) == keys.last.next_hash:
            self._move(_AFTER_NEXT, _NEXT)
        return current

    def _read(self, name: str) -> Signer | None:
        token = read_token_file(self._folder.token_file)
        is_here = _path(self._folder, name).exists() or (token is not None and token.key_of(name))
        return load_signer(self._folder, name) if is_here else None

    def _move(self, name: str, to: str) -> None:
        os.replace(_path(self._folder, name), _path(self._folder, to))  # noqa: PTH105 - durable below
        reach(Step.LOG_KEY_MOVED)
        sync_folder(self._folder.keys)


def is_rotation_asked_for(folder: NodeFolder) -> bool:
    """Whether the key for a rotation was made that is not carried out yet."""
    return _path(folder, _AFTER_NEXT).exists()


def forget_rotation(folder: NodeFolder) -> None:
    """Takes back what was asked for: in a new epoch its key would be one of before."""
    _path(folder, _AFTER_NEXT).unlink(missing_ok=True)


def _refuse_token(folder: NodeFolder) -> None:
    token = read_token_file(folder.token_file)
    if token is not None and (token.key_of(_CURRENT) or token.key_of(_NEXT)):
        msg = (
            "a log key that lives in a token cannot be rotated yet: begin a new epoch "
            "(registry new-epoch), whose keys are files"
        )
        raise FolderError(msg)


def _path(folder: NodeFolder, name: str) -> Path:
    return folder.keys / f"{name}.key"
