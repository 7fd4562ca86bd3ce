"""A node's disk in the simulator: real files, and what is left of them after a crash.

What was committed with a full sync survives; of a commit that was under way any prefix of what it
wrote to the write-ahead log may be there, and of a guard slot its first half. Faults stand at
numbered calls: the beginning of a transaction, its commit, the time after it, the guard's slot.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias, TypeVar

from eventsourcing.sqlite import SQLiteCursor

from registry.errors import StorageError
from registry.store import guard as guard_module
from registry.store.sqlite import SqliteStore

T = TypeVar("T")
Image: TypeAlias = dict[str, bytes]
DATABASE: Final = "logs.db"
WAL: Final = "logs.db-wal"
GUARD: Final = "guard"
_SLOT_BYTES: Final = 4096
_SYNCHRONOUS_FULL: Final = 2
_PAGES_MAX: Final = 4_294_967_294


class Crashed(Exception):
    """The power went in the middle of a write; nobody was told anything."""


class CrashPoint(Enum):
    """Where in a write the power goes."""

    TORN_COMMIT = "torn_commit"
    BEFORE_GUARD = "before_guard"
    TORN_GUARD = "torn_guard"
    BEFORE_ANSWER = "before_answer"


class Disk:
    """The files of one host, over its crashes."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._life = 0
        self._left: Image = {}
        self.fails_in: int | None = None
        """The so-manieth call from now fails; None = none does."""
        self.is_full = False
        self.pages_max = _PAGES_MAX
        self.crash_point: CrashPoint | None = None
        """The next write that changes something ends in a crash here."""
        self.folder = root / f"{name}.0"
        self.folder.mkdir(parents=True)

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def guard_file(self) -> Path:
        return self.folder / GUARD

    def read(self) -> Image:
        """All bytes as a crash now would leave them."""
        names = (DATABASE, WAL, GUARD)
        files = [self.folder / name for name in names]
        return {file.name: file.read_bytes() for file in files if file.exists()}

    def write(self, image: Image) -> None:
        """Puts a disk in place of this one; whoever has files of the old one open keeps them."""
        old, self._life = self.folder, self._life + 1
        self.folder = self._root / f"{self._name}.{self._life}"
        self.folder.mkdir()
        for name, data in image.items():
            (self.folder / name).write_bytes(data)
        shutil.rmtree(old)

    def after_power_cut(self, store: SqliteStore) -> Image:
        """What stays when nothing is being written: all, if commits wait for the disk."""
        image = self.read()
        with store._datastore.reading() as cursor:
            cursor.execute("PRAGMA synchronous")
            is_synced = cursor.fetchone()[0] == _SYNCHRONOUS_FULL
        if not is_synced and WAL in image:
            image[WAL] = image[WAL][: len(image[WAL]) // 2]
        return image

    # --- crashes --------------------------------------------------------------------------------

    def during(self, write: Callable[[], T], random: Random) -> T:
        """Does a write, or crashes in it where that is planned.

        Raises:
            Crashed: the disk is already as the crash left it.
        """
        if self.crash_point is None:
            return write()
        before = self.read()
        try:
            result = write()
        finally:
            after = self.read()
        point = self.crash_point
        is_of_guard = point in (CrashPoint.BEFORE_GUARD, CrashPoint.TORN_GUARD)
        if after == before or (is_of_guard and after.get(GUARD) == before.get(GUARD)):
            return result
        self.crash_point = None
        self._left = _torn(before, after, point, random)
        raise Crashed(point.value)

    def take_left(self) -> Image:
        """What the crash in `during` left."""
        return self._left


def _torn(before: Image, after: Image, point: CrashPoint, random: Random) -> Image:
    left = dict(after)
    if point is CrashPoint.BEFORE_ANSWER or GUARD not in before:
        return left
    left[GUARD] = before[GUARD]
    if point is CrashPoint.TORN_COMMIT:
        old, new = before.get(WAL, b""), after.get(WAL, b"")
        assert after[DATABASE] == before[DATABASE], "a small log was moved out of the WAL"
        assert new.startswith(old), "the WAL began anew"
        left[WAL] = new[: random.randrange(len(old), len(new))]
    if point is CrashPoint.TORN_GUARD:
        half = _SLOT_BYTES // 128  # 32 bytes: the new sequence number, the old hash
        for start in range(0, len(before[GUARD]), _SLOT_BYTES):
            end = start + half
            left[GUARD] = left[GUARD][:start] + after[GUARD][start:end] + left[GUARD][end:]
    return left


# --- faults -------------------------------------------------------------------------------------

_real_write_slot: Final = guard_module._write_slot
_disks: Final[dict[int, Disk]] = {}
"""By the guard's file handle."""


def _write_slot(handle: int, slot: guard_module._Slot) -> None:
    disk = _disks.get(handle)
    if disk is not None and _is_due(disk):
        raise OSError(errno.EIO, "simulated")
    _real_write_slot(handle, slot)


def _is_due(disk: Disk) -> bool:
    if disk.fails_in is None:
        return False
    disk.fails_in -= 1
    if disk.fails_in >= 0:
        return False
    disk.fails_in = None
    return True


def put_faults(store: SqliteStore, disk: Disk) -> None:
    """Makes a store feel the faults of its disk."""
    datastore: Any = store._datastore
    real: Callable[[], AbstractContextManager[SQLiteCursor]] = datastore.writing

    @contextmanager
    def writing() -> Iterator[SQLiteCursor]:
        _fail_if_due(disk)
        with real() as cursor:
            _limit_pages(cursor, disk)
            yield cursor
            _fail_if_due(disk)
        # The commit stands and its answer is lost.
        _fail_if_due(disk)

    datastore.writing = writing


def put_guard_faults(guard: guard_module.Guard, disk: Disk) -> None:
    """Makes a guard feel the faults of its disk."""
    _disks[guard._handle] = disk


def _fail_if_due(disk: Disk) -> None:
    if _is_due(disk):
        msg = "the database failed: simulated I/O error"
        raise StorageError(msg)


def _limit_pages(cursor: SQLiteCursor, disk: Disk) -> None:
    """SQLite itself finds that there is no page left."""
    limit = _PAGES_MAX
    if disk.is_full:
        cursor.execute("PRAGMA page_count")
        limit = cursor.fetchone()[0]
    if limit != disk.pages_max:
        cursor.execute(f"PRAGMA max_page_count = {limit}")
        disk.pages_max = limit


@contextmanager
def faults_installed() -> Iterator[None]:
    """Lets guards feel the faults of their disks."""
    guard_module._write_slot = _write_slot
    try:
        yield
    finally:
        guard_module._write_slot = _real_write_slot
        _disks.clear()
