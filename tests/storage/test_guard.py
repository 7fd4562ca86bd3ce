"""The guard: it only grows, survives a torn write, and never pretends."""

import os
from pathlib import Path
from typing import Any

import pytest

from registry.domain.identifiers import RootHash
from registry.errors import GuardError
from registry.log.merkle import EMPTY_ROOT
from registry.store.guard import Guard
from tests.storage.storage_world import OWN, PEER

SLOT = 4096
ROOTS = [RootHash(bytes([number]) * 32) for number in range(6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Guard.create(tmp_path / "guard", OWN)
    return tmp_path / "guard"


def advance(path: Path, *sizes: int) -> None:
    guard = Guard.open(path, OWN)
    for size in sizes:
        guard.advance(size, ROOTS[size])
    guard.close()


def state(path: Path) -> tuple[int, bytes, int]:
    guard = Guard.open(path, OWN)
    found = guard.read()
    guard.close()
    return found.size, found.root, guard.damaged_slots


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_new_guard_stands_at_the_empty_log(path: Path) -> None:
    assert state(path) == (0, EMPTY_ROOT, 0)
    assert path.stat().st_size == 2 * SLOT
    assert path.stat().st_mode & 0o777 == 0o600


def test_guard_is_never_replaced_by_a_new_one(path: Path) -> None:
    advance(path, 1)
    with pytest.raises(GuardError, match="already"):
        Guard.create(path, OWN)

    assert state(path)[0] == 1


def test_missing_guard_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="missing"):
        Guard.open(tmp_path / "guard", OWN)


def test_guard_of_another_log_is_refused(path: Path) -> None:
    with pytest.raises(GuardError, match="another log"):
        Guard.open(path, PEER)


def test_advances_are_kept(path: Path) -> None:
    advance(path, 1, 2, 3)

    assert state(path) == (3, ROOTS[3], 0)


def test_every_advance_waits_for_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    write, sync = os.pwrite, os.fdatasync

    def counted_write(*arguments: Any) -> int:
        calls.append("write")
        return write(*arguments)

    def counted_sync(handle: int) -> None:
        calls.append("sync")
        sync(handle)

    monkeypatch.setattr(os, "pwrite", counted_write)
    monkeypatch.setattr(os, "fdatasync", counted_sync)
    advance(path, 1, 2)

    assert calls == ["write", "sync"] * 2


def test_guard_never_shrinks(path: Path) -> None:
    advance(path, 3)
    guard = Guard.open(path, OWN)
    with pytest.raises(GuardError):
        guard.advance(2, ROOTS[2])
    with pytest.raises(GuardError):
        guard.advance(3, ROOTS[2])
    guard.advance(3, ROOTS[3])
    guard.close()

    assert state(path) == (3, ROOTS[3], 0)


@pytest.mark.parametrize("kept_bytes", [0, 1, 60, 100, 4095])
def test_torn_write_falls_back_to_the_other_slot(path: Path, kept_bytes: int) -> None:
    advance(path, 1)
    before = path.read_bytes()
    advance(path, 2)
    after = path.read_bytes()
    place = 0 if before[:SLOT] != after[:SLOT] else SLOT
    torn = bytearray(after)
    torn[place + kept_bytes : place + SLOT] = os.urandom(SLOT - kept_bytes)
    path.write_bytes(torn)

    assert state(path) == (1, ROOTS[1], 1)
    advance(path, 3)
    assert state(path) == (3, ROOTS[3], 0)


def test_every_flipped_bit_is_reported(path: Path) -> None:
    advance(path, 1, 2)
    for bit in [*range(128 * 8), *range(128 * 8, SLOT * 8, 997)]:
        for start in (0, SLOT * 8):
            flip(path, start + bit)
            size, root, damaged = state(path)
            assert damaged == 1
            assert (size, root) in ((1, ROOTS[1]), (2, ROOTS[2]))
            flip(path, start + bit)


def test_two_damaged_slots_are_a_lost_guard(path: Path) -> None:
    flip(path, 77)
    flip(path, SLOT * 8 + 77)

    with pytest.raises(GuardError, match="damaged"):
        Guard.open(path, OWN)


def test_short_file_is_a_lost_guard(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(GuardError):
        Guard.open(path, OWN)


def test_failed_write_is_never_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard.open(path, OWN)

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(GuardError, match="Input/output"):
            guard.advance(1, ROOTS[1])
    with pytest.raises(GuardError):
        guard.advance(1, ROOTS[1])
    guard.close()


def test_half_made_guard_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(GuardError):
            Guard.create(tmp_path / "guard", OWN)

    assert list(tmp_path.iterdir()) == []
