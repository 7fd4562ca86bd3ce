"""The own log key: which of those that are here counts, and its rotation.

    log             signs the log
    next_log        the next one, whose hash was announced
    after_next_log  the one after it, made when a rotation is asked for

Each is a file of `keys/`, or lives in the token that `token.json` names (`log_key_places`). A
rotation is asked for by making the third. The node carries it out as soon as its log is open, so
that the start-up fence stands before it as before any other event. Whatever step a crash comes
after, the next start puts the keys in their places by what stands in the log.
"""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from registry.application.folder import NodeFolder, changing
from registry.application.key_care.log_key_places import (
    AFTER_NEXT,
    CURRENT,
    NEXT,
    drop_log_key,
    is_in_token,
    is_log_key_here,
    log_key_file,
    make_after_next,
    move_log_key,
)
from registry.application.key_care.token_file import SigningKey
from registry.application.membership.founding import load_signer
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
from registry.store.values import Appended, AppendRequest, read_header


def ask_for_rotation(folder_path: Path) -> bool:
    """Asks a node, running or not, to rotate its log key.

    Returns:
        Whether it was not asked for already.

    Raises:
        FolderError: there is no node, or its next key is missing.
        KeyFileError: a key cannot be read; the PIN of the token is missing or wrong.
        TokenUnavailable: the token does not answer, or cannot make such keys.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    if is_rotation_asked_for(folder):
        return False
    if not folder.keys.is_dir() or not is_log_key_here(folder, NEXT):
        msg = f"{log_key_file(folder, NEXT)} is missing: restore it from a backup of the keys first"
        raise FolderError(msg)
    for name in (CURRENT, NEXT):
        # Whoever asks is told what the node would only log; and a PIN is asked for here, not while
        # the node may wait for the lock.
        load_signer(folder, name)
    # Two that ask at once, or one while the node puts keys in their places, must not name two.
    with changing(folder.keys):
        if is_rotation_asked_for(folder):
            return False
        make_after_next(folder)
    return True


def is_log_key_leaving_token(folder_path: Path) -> bool:
    """Whether the log key lives in a token and the next one is a file.

    Raises:
        KeyFileError: `token.json` is malformed.
    """
    folder = NodeFolder(folder_path)
    return is_in_token(folder, CURRENT) and not is_in_token(folder, NEXT)


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
        """Whether a rotation was asked for and is not in the log yet.

        Raises:
            KeyFileError: `token.json` is malformed.
        """
        return is_rotation_asked_for(self._folder)

    def use(self) -> None:
        """Lets the key sign that counts at the end of what is held of the log, if it is here."""
        signer = self._settle(self._keys())
        if signer is not None:
            self._store.use_author(self._author(signer))

    def require(self) -> None:
        """Like `use`.

        Raises:
            LogReadOnly: neither a file nor the token holds that key.
        """
        keys = self._keys()
        if self._settle(keys) is None:
            msg = (
                f"no file in keys/ holds the key {keys.last.public_key.hex()[:16]} that signs "
                f"this log from entry {keys.last.first_index} on, and token.json names none in a "
                "token that is it: restore it from a backup of the keys"
            )
            raise LogReadOnly(msg)
        self.use()

    def rotate(self) -> "Future[Appended]":
        """Appends a rotation to the open log and signs with the new key from then on.

        Raises:
            FolderError: the next key is missing, or is not the one that was announced.
            KeyFileError: a key cannot be read.
            TokenUnavailable: the token that holds a key does not answer; nothing was appended.
            Overloaded, TryLater: as `EntryStore.append`; the future may raise LogReadOnly.
        """
        keys = self._keys()
        new, after = load_signer(self._folder, NEXT), load_signer(self._folder, AFTER_NEXT)
        if len(keys.keys) > ROTATIONS_MAX:
            msg = f"this log has rotated its key {ROTATIONS_MAX} times: a new epoch is needed"
            raise FolderError(msg)
        if key_hash(new.public_key) != keys.last.next_hash:
            msg = f"{log_key_file(self._folder, NEXT)} is not the key that this log has announced"
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
        """Puts the keys in the places that they have by now; returns who signs, if it is here."""
        current = self._read(CURRENT)
        if current is None or current.public_key != keys.last.public_key:
            current = self._read(NEXT)
            if current is None or current.public_key != keys.last.public_key:
                return None
            move_log_key(self._folder, NEXT, CURRENT)
        after = self._read(AFTER_NEXT)
        if after is not None and key_hash(after.public_key) == keys.last.next_hash:
            move_log_key(self._folder, AFTER_NEXT, NEXT)
        return current

    def _read(self, name: SigningKey) -> Signer | None:
        is_here = is_log_key_here(self._folder, name)
        return load_signer(self._folder, name) if is_here else None


def is_rotation_asked_for(folder: NodeFolder) -> bool:
    """Whether the key for a rotation was made that is not carried out yet.

    Raises:
        KeyFileError: `token.json` is malformed.
    """
    return is_log_key_here(folder, AFTER_NEXT)


def forget_rotation(folder: NodeFolder) -> None:
    """Takes back what was asked for: in a new epoch its key would be one of before."""
    drop_log_key(folder, AFTER_NEXT)
