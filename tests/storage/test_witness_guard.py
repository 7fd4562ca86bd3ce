"""The witness guard: sizes only grow, all logs at once, and a torn write spoils nothing older."""

import os
from pathlib import Path
from typing import Any

import pytest

from registry.domain.identifiers import LogId, RootHash
from registry.errors import GuardError
from registry.store.witness_guard import LOGS_MAX, CosignedState, WitnessGuard

SLOT = 131_072
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
ONE, TWO = LogId(b"1" * 32), LogId(b"2" * 32)


def at(size: int, word: bytes = b"r") -> CosignedState:
    return CosignedState(size, RootHash(word * 32))


def opened(path: Path) -> WitnessGuard:
    guard = WitnessGuard.open(path, KEY)
    assert guard is not None
    return guard


@pytest.fixture
def path(tmp_path: Path) -> Path:
    WitnessGuard.create(tmp_path / "guard" / "witness.bin", KEY, {ONE: at(3)})
    return tmp_path / "guard" / "witness.bin"


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_new_guard_holds_what_it_was_made_of_and_is_private(path: Path) -> None:
    guard = opened(path)

    assert (guard.of(ONE), guard.of(TWO)) == (at(3), None)
    assert path.stat().st_size == 2 * SLOT
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_written_of_several_logs_is_kept_with_one_sync(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = opened(path)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)

    guard.advance({ONE: at(4), TWO: at(9)})
    guard.advance({})
    guard.advance({TWO: at(9)})
    guard.close()

    assert len(synced) == 1
    assert (opened(path).of(ONE), opened(path).of(TWO)) == (at(4), at(9))


@pytest.mark.parametrize("state", [at(2), at(3, b"x"), at(0)])
def test_smaller_size_or_other_root_is_refused_and_nothing_is_written(
    path: Path, state: CosignedState
) -> None:
    with pytest.raises(GuardError, match="not below"):
        opened(path).advance({TWO: at(1), ONE: state})

    assert (opened(path).of(ONE), opened(path).of(TWO)) == (at(3), None)


def test_torn_write_leaves_what_was_there_before(path: Path) -> None:
    guard = opened(path)
    guard.advance({ONE: at(4)})
    guard.advance({ONE: at(5)})
    guard.close()
    flip(path, 90)  # the first slot holds the newest

    assert opened(path).of(ONE) == at(4)


def test_guard_that_cannot_be_read_is_as_good_as_missing(path: Path) -> None:
    flip(path, 90)
    flip(path, SLOT + 90)

    assert WitnessGuard.open(path, KEY) is None


def test_guard_of_another_key_is_as_good_as_missing(path: Path) -> None:
    assert WitnessGuard.open(path, OTHER_KEY) is None


def test_after_a_failed_write_every_advance_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = opened(path)

    def fail(*_: Any) -> int:
        raise OSError(5, "no disk")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(GuardError, match="could not be written"):
            guard.advance({ONE: at(4)})

    with pytest.raises(GuardError, match="start the node again"):
        guard.advance({ONE: at(5)})
    assert opened(path).of(ONE) == at(3)


def test_part_of_a_write_is_a_failed_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = opened(path)
    monkeypatch.setattr(os, "pwrite", lambda *_: 1)
    with pytest.raises(GuardError, match="only a part"):
        guard.advance({ONE: at(4)})


def test_guard_has_room_for_a_large_registry_and_says_when_it_has_not(path: Path) -> None:
    guard = opened(path)
    many = {LogId(number.to_bytes(32, "big")): at(7) for number in range(LOGS_MAX)}
    with pytest.raises(GuardError, match="room"):
        guard.advance(many)

    many.popitem()
    guard.advance(many)
    guard.close()
    assert opened(path).of(LogId(bytes(32))) == at(7)


def test_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(GuardError, match="could not be made"):
        WitnessGuard.create(tmp_path / "witness.bin", KEY, {})


def test_guard_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "witness.bin").mkdir()
    with pytest.raises(GuardError, match="cannot be opened"):
        WitnessGuard.open(tmp_path / "witness.bin", KEY)
