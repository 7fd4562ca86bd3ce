"""The tombstone journal: what is written is there again; a torn end counts for nothing."""

from pathlib import Path

import pytest

from registry.domain.identifiers import Commitment, LogId
from registry.errors import GuardError
from registry.store.tombstone_journal import ErasedPart, TombstoneJournal

FIRST = ErasedPart(LogId(b"a" * 32), 2**40, 63, Commitment(b"c" * 32))
SECOND = ErasedPart(LogId(b"b" * 32), 0, 0, Commitment(b"d" * 32))


def written(path: Path) -> bytes:
    journal = TombstoneJournal(path)
    journal.append([FIRST])
    journal.append([FIRST, SECOND, SECOND])
    journal.close()
    return path.read_bytes()


def records(path: Path) -> tuple[ErasedPart, ...]:
    journal = TombstoneJournal(path)
    journal.close()
    return journal.records


def test_tombstones_are_there_again_each_once(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.bin"
    written(path)
    assert records(path) == (FIRST, SECOND)
    assert path.stat().st_mode & 0o777 == 0o600


def test_record_that_a_crash_cut_short_is_taken_off_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.bin"
    data = written(path)
    for size in range(len(data) // 2, len(data)):
        path.write_bytes(data[:size])
        assert records(path) == (FIRST,)
        assert path.stat().st_size == len(data) // 2


def test_damaged_record_before_a_sound_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.bin"
    data = bytearray(written(path))
    data[5] ^= 1
    path.write_bytes(data)
    with pytest.raises(GuardError, match="damaged"):
        TombstoneJournal(path)
