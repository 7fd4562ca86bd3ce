"""How much room the disk has, and for what: content stops first, own events last.

    free above the reserve          everything is taken
    free below the reserve          entries alone: among those of others are erasures, which make
                                    room and must not wait for it
    free below half of it           own events alone
    free below an eighth of it      nothing; a clear error, before anything is written

The last eighth is for what is written anyway: a checkpoint of the write-ahead log, the guard, the
node's log lines. A commit that finds no room after its note was signed would close the own log
until a restart; so it is asked before. Nothing is remembered: with room, everything goes on.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.errors import DiskFull, DiskReserved, StorageError

RESERVE_BYTES: Final = 256 * 2**20
_SHARE: Final = 20
"""A reserve is at most one twentieth of its disk."""
_ENTRIES_SHARE: Final = 2
_LAST_SHARE: Final = 8
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """Answers from any thread.

    Attributes:
        free_bytes: reads how many bytes are free.
        reserve_bytes: kept for entries; half of it for own events.
    """

    free_bytes: Callable[[], int]
    reserve_bytes: int

    @classmethod
    def without_end(cls) -> "DiskRoom":
        """A disk of which nothing is kept back."""
        return cls(lambda: 0, 0)

    @classmethod
    def of_folder(cls, folder: Path, reserve_bytes: int) -> "DiskRoom":
        """The disk of a folder; of a small one less is kept back than was asked for.

        Raises:
            StorageError: the disk does not answer.
        """
        total = _read(folder, lambda found: found.f_blocks * found.f_frsize)
        return cls(
            # What root may use beyond is nothing to count on.
            lambda: _read(folder, lambda found: found.f_bavail * found.f_frsize),
            min(reserve_bytes, total // _SHARE),
        )

    def check_for_others(self) -> None:
        """Asked before content, or something else that is large, is stored.

        Raises:
            DiskReserved: what is left is for entries.
        """
        if not self.has_room_for_others():
            raise _reserved(self.reserve_bytes)

    def check_for_entries(self) -> None:
        """Asked before entries of others are stored.

        Raises:
            DiskReserved: what is left is for own events.
        """
        if not self.has_room_for_entries():
            raise _reserved(self.reserve_bytes // _ENTRIES_SHARE)

    def has_room_for_entries(self) -> bool:
        """Whether more is free than what is kept for own events alone."""
        return self.free_bytes() >= self.reserve_bytes // _ENTRIES_SHARE

    def has_room_for_others(self) -> bool:
        """Whether more than the reserve is free."""
        return self.free_bytes() >= self.reserve_bytes

    def check_for_own(self) -> None:
        """Asked before own events are stored.

        Raises:
            DiskFull: there is no room even for them.
        """
        floor = self.reserve_bytes // _LAST_SHARE
        if self.free_bytes() < floor:
            msg = (
                f"the disk is full (less than {_mib(floor)} left): no event is taken until there "
                "is room again; nothing was recorded"
            )
            raise DiskFull(msg)


def _reserved(floor: int) -> DiskReserved:
    msg = (
        f"the disk has less than {_mib(floor)} left, which are kept for this node's own events and "
        "for erasures; make room, and the rest goes on by itself"
    )
    return DiskReserved(msg)


def _read(folder: Path, figure: Callable[[os.statvfs_result], int]) -> int:
    try:
        return figure(os.statvfs(folder))
    except OSError as error:
        msg = f"the disk does not tell how much room it has: {error.strerror}"
        raise StorageError(msg) from error


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"
