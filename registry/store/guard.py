"""The guard: what was last signed, kept outside the database and its backups.

One preallocated file of two slots, each in a page of its own; an advance overwrites the older slot
and syncs it, so a torn write spoils only what was being written. It only grows.

    slot, at 0 and 4096: magic[8] || u64be(sequence) || log_id[32] || u64be(size) || root[32]
                         || SHA-256 over all of that[32]
"""

import errno
import os
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, Origin, RootHash, log_id_of
from registry.errors import GuardError
from registry.log.facts import GuardComparison, GuardVerdict
from registry.log.merkle import EMPTY_ROOT
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder

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
        self._has_failed = False
        self.damaged_slots = damaged_slots
        """Slots that could not be read when the file was opened: 0, or 1 after a torn write."""

    @classmethod
    def create(cls, path: Path, origin: Origin) -> None:
        """Makes the guard of an empty log, durable with its folder; whole or not at all.

        Raises:
            GuardError: the file exists or cannot be written.
        """
        slot = _Slot(0, log_id_of(origin), GuardState(0, EMPTY_ROOT))
        draft = path.with_name(f".{path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            try:
                _write_file(draft, _encode(slot) * _SLOTS)
                reach(Step.GUARD_DRAFTED)
                os.link(draft, path)  # unlike a rename it never replaces a guard
            finally:
                draft.unlink(missing_ok=True)
            reach(Step.GUARD_MADE)
            sync_folder(path.parent)
        except FileExistsError as error:
            msg = f"the guard {path} exists already"
            raise GuardError(msg) from error
        except OSError as error:
            msg = f"the guard {path} could not be made: {error.strerror}"
            raise GuardError(msg) from error

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
        except OSError as error:
            msg = f"the guard {path} cannot be opened: {error.strerror}"
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
            GuardError: the size is smaller, or equal with another root, or a write failed; after
                that every advance is refused, since what is on the disk is not known any more.
        """
        state = GuardState(size, root)
        if self._has_failed:
            msg = f"a write to the guard {self.path} failed; start the node again"
            raise GuardError(msg)
        if state == self._newest.state:
            return
        if size <= self._newest.state.size:
            msg = f"the guard {self.path} stands at {self._newest.state.size}, not below {size}"
            raise GuardError(msg)
        slot = _Slot(self._newest.sequence + 1, self._newest.log_id, state)
        try:
            _write_slot(self._handle, slot)
        except OSError as error:
            self._has_failed = True
            msg = f"the guard {self.path} could not be written: {error.strerror}"
            raise GuardError(msg) from error
        self._newest = slot

    def close(self) -> None:
        """Closes the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def compare_with_guard(
    guard: Guard | None, size: int, root_at_guard: RootHash | None
) -> GuardComparison:
    """Tells how the database's own log stands to the guard.

    Args:
        guard: None if it is missing.
        size: entries in the database.
        root_at_guard: the database's root at the guard's size; None if it is not that long.
    """
    if guard is None:
        return GuardComparison(GuardVerdict.GUARD_MISSING, 0, size)
    guarded = guard.read()
    verdict = GuardVerdict.EQUAL
    if root_at_guard is None:
        verdict = GuardVerdict.GUARD_AHEAD
    elif root_at_guard != guarded.root:
        verdict = GuardVerdict.INCONSISTENT
    elif size > guarded.size:
        verdict = GuardVerdict.DATABASE_AHEAD
    return GuardComparison(verdict, guarded.size, size)


def _write_slot(handle: int, slot: _Slot) -> None:
    data = _encode(slot)
    if os.pwrite(handle, data, slot.sequence % _SLOTS * _SLOT_BYTES) != len(data):
        raise OSError(errno.EIO, "only a part was written")
    reach(Step.GUARD_WRITTEN)
    os.fdatasync(handle)
    reach(Step.GUARD_SYNCED)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


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
