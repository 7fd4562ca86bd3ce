"""The guard: what was last signed, kept outside the database and its backups.

One preallocated file of two slots, each in a page of its own; an advance overwrites the older slot
and syncs it, so a torn write spoils only what was being written. It only grows.

    slot, at 0 and 4096: magic[8] || u64be(sequence) || log_id[32] || u64be(size) || root[32]
                         || SHA-256 over all of that[32]
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, Origin, RootHash, log_id_of
from registry.errors import GuardError
from registry.log.merkle import EMPTY_ROOT

_MAGIC: Final = b"RGGUARD1"
_SLOT_BYTES: Final = 4096
_SLOTS: Final = 2
_BODY_BYTES: Final = 8 + 8 + HASH_SIZE_BYTES + 8 + HASH_SIZE_BYTES


class GuardState(NamedTuple):
    """What was last signed: size and root of the own log."""

    size: int
    root: RootHash


class _Slot(NamedTuple):
    sequence: int
    log_id: LogId
    state: GuardState


class Guard:
    """An open guard file of one log; used by one thread at a time."""

    def __init__(self, path: Path, handle: int, newest: _Slot, damaged_slots: int) -> None:
        self.path = path
        self._handle = handle
        self._newest = newest
        self.damaged_slots = damaged_slots
        """Slots that could not be read when the file was opened: 0, or 1 after a torn write."""

    @classmethod
    def create(cls, path: Path, origin: Origin) -> None:
        """Makes the guard of an empty log, durable with its folder.

        Raises:
            GuardError: the file exists.
        """
        slot = _Slot(0, log_id_of(origin), GuardState(0, EMPTY_ROOT))
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            msg = f"the guard {path} exists already"
            raise GuardError(msg) from error
        try:
            for number in range(_SLOTS):
                os.pwrite(handle, _encode(slot), number * _SLOT_BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @classmethod
    def open(cls, path: Path, origin: Origin) -> "Guard":
        """Opens the guard of a log.

        Raises:
            GuardError: the file is missing, both slots are damaged, or it is another log's.
        """
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError as error:
            msg = f"the guard {path} is missing: what this node last signed is not known"
            raise GuardError(msg) from error
        found = [_decode(os.pread(handle, _SLOT_BYTES, n * _SLOT_BYTES)) for n in range(_SLOTS)]
        slots = [slot for slot in found if slot is not None]
        if not slots or any(slot.log_id != log_id_of(origin) for slot in slots):
            os.close(handle)
            msg = f"the guard {path} is damaged or belongs to another log than {origin}"
            raise GuardError(msg)
        newest = max(slots, key=lambda slot: slot.sequence)
        return cls(path, handle, newest, _SLOTS - len(slots))

    def read(self) -> GuardState:
        """Returns what was last signed."""
        return self._newest.state

    def advance(self, size: int, root: RootHash) -> None:
        """Writes a larger size down and waits until it is on disk.

        Raises:
            GuardError: the size is smaller, or equal with another root, or the write failed.
        """
        state = GuardState(size, root)
        if state == self._newest.state:
            return
        if size <= self._newest.state.size:
            msg = f"the guard {self.path} stands at {self._newest.state.size}, not below {size}"
            raise GuardError(msg)
        slot = _Slot(self._newest.sequence + 1, self._newest.log_id, state)
        try:
            os.pwrite(self._handle, _encode(slot), slot.sequence % _SLOTS * _SLOT_BYTES)
            os.fdatasync(self._handle)
        except OSError as error:
            msg = f"the guard {self.path} could not be written: {error.strerror}"
            raise GuardError(msg) from error
        self._newest = slot

    def close(self) -> None:
        """Closes the file."""
        os.close(self._handle)


def _encode(slot: _Slot) -> bytes:
    body = (
        _MAGIC
        + slot.sequence.to_bytes(8, "big")
        + slot.log_id
        + slot.state.size.to_bytes(8, "big")
        + slot.state.root
    )
    return (body + sha256(body).digest()).ljust(_SLOT_BYTES, b"\0")


def _decode(data: bytes) -> _Slot | None:
    body, checksum = data[:_BODY_BYTES], data[_BODY_BYTES : _BODY_BYTES + HASH_SIZE_BYTES]
    is_sound = len(data) == _SLOT_BYTES and not data[_BODY_BYTES + HASH_SIZE_BYTES :].strip(b"\0")
    if not is_sound or not body.startswith(_MAGIC) or sha256(body).digest() != checksum:
        return None
    return _Slot(
        sequence=int.from_bytes(body[8:16], "big"),
        log_id=LogId(body[16:48]),
        state=GuardState(int.from_bytes(body[48:56], "big"), RootHash(body[56:88])),
    )
