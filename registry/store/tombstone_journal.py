"""The tombstone journal: which parts were erased, kept outside the database and its backups.

A database that is restored from a backup made before an erasure still holds what was erased. So
each tombstone is also a record of one small file beside the guard, written and synced before the
transaction that erases commits; at every start all of them are carried out in the database before
anything is served. The file only grows. It tells places and commitments, never content.

    record   log_id[32] || u64be(index) || u16be(ordinal) || commitment[32] || SHA-256 of these
"""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, Commitment, LogId
from registry.errors import GuardError
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder

_BODY_BYTES: Final = 2 * HASH_SIZE_BYTES + 10
_RECORD_BYTES: Final = _BODY_BYTES + HASH_SIZE_BYTES


class ErasedPart(NamedTuple):
    """The place and the commitment of a part that was erased."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    commitment: Commitment


class TombstoneJournal:
    """The journal of one node, opened for appending; used by the writer alone."""

    def __init__(self, path: Path) -> None:
        """Opens the journal, made if it is not there; a record that was cut short is taken off.

        Raises:
            GuardError: it cannot be opened, or a record before the last ones is damaged.
        """
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            is_new = not path.exists()
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            data = path.read_bytes()
            self._records = _read(data, path)
            self._known = set(self._records)
            if len(data) != len(self._records) * _RECORD_BYTES:
                os.ftruncate(self._handle, len(self._records) * _RECORD_BYTES)
                os.fsync(self._handle)
            if is_new:
                sync_folder(path.parent)
        except OSError as error:
            msg = f"the tombstone journal {path} cannot be opened: {error.strerror}"
            raise GuardError(msg) from error
        except GuardError:
            os.close(self._handle)
            raise

    @property
    def records(self) -> tuple[ErasedPart, ...]:
        """All tombstones, in the order they were written."""
        return tuple(self._records)

    def append(self, parts: Iterable[ErasedPart]) -> None:
        """Writes those that are not there yet and waits until they are on disk.

        Raises:
            GuardError: the disk refused; the transaction must not be committed.
        """
        new = [part for part in dict.fromkeys(parts) if part not in self._known]
        if not new:
            return
        data = b"".join(_encode(part) for part in new)
        start = len(self._records) * _RECORD_BYTES
        try:
            if os.pwrite(self._handle, data, start) != len(data):
                msg = f"the tombstone journal {self.path} could be written in part only"
                raise GuardError(msg)
            reach(Step.JOURNAL_WRITTEN)
            os.fsync(self._handle)
            reach(Step.JOURNAL_SYNCED)
        except OSError as error:
            msg = f"the tombstone journal {self.path} could not be written: {error.strerror}"
            raise GuardError(msg) from error
        self._records += new
        self._known.update(new)

    def close(self) -> None:
        """Closes the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def read_journal(path: Path) -> tuple[ErasedPart, ...]:
    """Reads a journal beside a running node and changes nothing; none if there is no file.

    Raises:
        GuardError: it cannot be read, or a record before the last ones is damaged.
    """
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        msg = f"the tombstone journal {path} cannot be read: {error.strerror}"
        raise GuardError(msg) from error
    return tuple(_read(data, path))


def _encode(part: ErasedPart) -> bytes:
    body = (
        part.log_id
        + part.index.to_bytes(8, "big")
        + part.ordinal.to_bytes(2, "big")
        + part.commitment
    )
    return body + sha256(body).digest()


def _decode(record: bytes) -> ErasedPart | None:
    body = record[:_BODY_BYTES]
    if len(record) != _RECORD_BYTES or sha256(body).digest() != record[_BODY_BYTES:]:
        return None
    return ErasedPart(
        LogId(body[:32]),
        int.from_bytes(body[32:40], "big"),
        int.from_bytes(body[40:42], "big"),
        Commitment(body[42:]),
    )


def _read(data: bytes, path: Path) -> list[ErasedPart]:
    """Reads records; what a crash cut short at the end counts for nothing."""
    found = [_decode(data[at : at + _RECORD_BYTES]) for at in range(0, len(data), _RECORD_BYTES)]
    sound = next((place for place, part in enumerate(found) if part is None), len(found))
    if any(part is not None for part in found[sound:]):
        msg = f"record {sound} of the tombstone journal {path} is damaged: restore the file"
        raise GuardError(msg)
    return [part for part in found[:sound] if part is not None]
