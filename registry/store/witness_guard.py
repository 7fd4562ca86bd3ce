"""The witness guard: what this member cosigned last of each log, outside the database.

A database that is restored from an older backup knows less than this member has cosigned. Followed
up with another history of a log it would sign a contradiction; so size and root of each log's
largest cosigned checkpoint are written here, and synced, before any cosignature is made.

One preallocated file of two slots; an advance writes all logs into the older slot and syncs it
once, so a torn write spoils only what was being written. Sizes only grow.

    slot, at 0 and 131072: magic[8] || u64be(sequence) || cosigner key[32] || u32be(count)
                           || count times log_id[32] || u64be(size) || root[32], by log id
                           || SHA-256 over all of that[32]
"""

import errno
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, RootHash
from registry.errors import GuardError
from registry.store.folder_sync import sync_folder

LOGS_MAX: Final = 1_800
"""Six times the members that a registry can have: logs of epochs before count too."""
_MAGIC: Final = b"RGWITNS1"
_SLOT_BYTES: Final = 131_072
_SLOTS: Final = 2
_HEAD_BYTES: Final = 8 + 8 + HASH_SIZE_BYTES + 4
_RECORD_BYTES: Final = HASH_SIZE_BYTES + 8 + HASH_SIZE_BYTES


class CosignedState(NamedTuple):
    """What was cosigned last of a log."""

    size: int
    root: RootHash


class _Slot(NamedTuple):
    sequence: int
    cosigner_key: bytes
    logs: dict[LogId, CosignedState]


class WitnessGuard:
    """An open guard of one cosigner key; used by one thread at a time."""

    def __init__(self, path: Path, handle: int, newest: _Slot) -> None:
        self.path = path
        self._handle = handle
        self._newest = newest
        self._has_failed = False

    @classmethod
    def create(cls, path: Path, cosigner_key: bytes, logs: Mapping[LogId, CosignedState]) -> None:
        """Makes the guard, or makes it anew for another key; whole or not at all.

        Raises:
            GuardError: it cannot be written.
        """
        draft = path.with_name(f".{path.name}.new")
        slot = _encode(_Slot(0, cosigner_key, dict(logs))).ljust(_SLOT_BYTES, b"\0")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.unlink(missing_ok=True)
            with draft.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(slot * _SLOTS)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            msg = f"the witness guard {path} could not be made: {error.strerror}"
            raise GuardError(msg) from error

    @classmethod
    def open(cls, path: Path, cosigner_key: bytes) -> "WitnessGuard | None":
        """Opens the guard of a key; None if it is missing, is another key's, or cannot be read.

        Raises:
            GuardError: the file is there and cannot be opened.
        """
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"the witness guard {path} cannot be opened: {error.strerror}"
            raise GuardError(msg) from error
        found = [_decode(os.pread(handle, _SLOT_BYTES, n * _SLOT_BYTES)) for n in range(_SLOTS)]
        slots = [slot for slot in found if slot is not None and slot.cosigner_key == cosigner_key]
        if not slots:
            os.close(handle)
            return None
        return cls(path, handle, max(slots, key=lambda slot: slot.sequence))

    def of(self, log_id: LogId) -> CosignedState | None:
        """What was cosigned last of a log; None = nothing was."""
        return self._newest.logs.get(log_id)

    def advance(self, logs: Mapping[LogId, CosignedState]) -> None:
        """Writes larger sizes of some logs down and waits until they are on disk.

        Raises:
            GuardError: a size is smaller, or equal with another root; there is no room; or a write
                failed: after that every advance is refused.
        """
        if self._has_failed:
            msg = f"a write to the witness guard {self.path} failed; start the node again"
            raise GuardError(msg)
        before = self._newest
        new = {log_id: state for log_id, state in logs.items() if self.of(log_id) != state}
        for log_id, state in new.items():
            known = self.of(log_id)
            if known is not None and state.size <= known.size:
                msg = f"{log_id.hex()} was cosigned at {known.size}, not below {state.size}"
                raise GuardError(msg)
        if not new:
            return
        slot = _Slot(before.sequence + 1, before.cosigner_key, before.logs | new)
        try:
            _write_slot(self._handle, slot)
        except OSError as error:
            self._has_failed = True
            msg = f"the witness guard {self.path} could not be written: {error.strerror}"
            raise GuardError(msg) from error
        self._newest = slot

    def close(self) -> None:
        """Closes the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def _write_slot(handle: int, slot: _Slot) -> None:
    data = _encode(slot)
    if os.pwrite(handle, data, slot.sequence % _SLOTS * _SLOT_BYTES) != len(data):
        raise OSError(errno.EIO, "only a part was written")
    os.fdatasync(handle)


def _encode(slot: _Slot) -> bytes:
    if len(slot.logs) > LOGS_MAX:
        msg = f"a witness guard has room for {LOGS_MAX} logs, not for {len(slot.logs)}"
        raise GuardError(msg)
    body = b"".join(
        (
            _MAGIC,
            slot.sequence.to_bytes(8, "big"),
            slot.cosigner_key,
            len(slot.logs).to_bytes(4, "big"),
            *(
                log_id + state.size.to_bytes(8, "big") + state.root
                for log_id, state in sorted(slot.logs.items())
            ),
        )
    )
    return body + sha256(body).digest()


def _decode(data: bytes) -> _Slot | None:
    """Reads a slot; None if it is damaged. What lies behind the checksum is of earlier slots."""
    if len(data) != _SLOT_BYTES or not data.startswith(_MAGIC):
        return None
    count = int.from_bytes(data[_HEAD_BYTES - 4 : _HEAD_BYTES], "big")
    end = _HEAD_BYTES + count * _RECORD_BYTES
    if count > LOGS_MAX or sha256(data[:end]).digest() != data[end : end + HASH_SIZE_BYTES]:
        return None
    logs = {}
    for at in range(_HEAD_BYTES, end, _RECORD_BYTES):
        size = int.from_bytes(data[at + 32 : at + 40], "big")
        logs[LogId(data[at : at + 32])] = CosignedState(size, RootHash(data[at + 40 : at + 72]))
    sequence = int.from_bytes(data[8:16], "big")
    return _Slot(sequence, data[16 : 16 + HASH_SIZE_BYTES], logs)
