"""Rebuilding the read models of a stopped node: the same bytes, from the logs alone."""

from pathlib import Path

import pytest

from registry.application.maintenance import _no_randomness, rebuild_views
from registry.errors import FolderError
from tests.unit.application.federation_in_process import (
    START_MS,
    open_federation,
    open_node,
    opening,
)

CASES = 5
PAGE = 4096


@pytest.fixture
def alpha(folder: Path) -> Path:
    """A stopped node with five cases, folded."""
    with open_federation(folder) as nodes:
        for number in range(CASES):
            nodes["alpha"].record(opening(f"matter {number}"))
        nodes["alpha"].registry.projector.advance()
    return folder / "alpha"


def quiet(done: int, total: int) -> None:
    assert done <= total


def rebuild(folder: Path) -> tuple[int, bool]:
    return rebuild_views(folder, quiet, now_ms=lambda: START_MS)


def rows(folder: Path) -> bytes:
    node = open_node(folder.parent, folder.name)
    dump = node.registry.models.dump()
    node.registry.close()
    return dump


def test_rebuilt_rows_are_byte_for_byte_what_was_there(alpha: Path) -> None:
    before = rows(alpha)

    assert rebuild(alpha) == (len(before), True)


def test_fold_that_was_not_finished_is_told_apart(folder: Path, alpha: Path) -> None:
    with open_federation(folder) as nodes:
        nodes["alpha"].record(opening("one more"))

    size_bytes, is_same = rebuild(alpha)

    assert size_bytes > 0
    assert not is_same
    assert rebuild(alpha)[0] == size_bytes


def test_lost_read_models_come_back(alpha: Path) -> None:
    before = rows(alpha)
    (alpha / "views.db").unlink()

    assert rebuild(alpha) == (len(before), False)


def test_rebuilt_rows_are_still_there_when_the_node_starts(alpha: Path) -> None:
    before = rows(alpha)
    rebuild(alpha)

    assert rows(alpha) == before


def test_damaged_read_models_are_made_anew(alpha: Path) -> None:
    before = rows(alpha)
    (alpha / "views.db").write_bytes(b"no database" * 999)

    assert rebuild(alpha) == (len(before), False)


@pytest.mark.parametrize("page", range(14))
def test_read_models_that_are_damaged_anywhere_are_made_anew_whoever_meets_it(
    alpha: Path, page: int
) -> None:
    before = rows(alpha)
    views = alpha / "views.db"
    data = bytearray(views.read_bytes())
    assert len(data) >= 14 * PAGE
    data[page * PAGE + 100] ^= 1
    views.write_bytes(data)

    open_node(alpha.parent, alpha.name).registry.close()
    assert rebuild(alpha)[0] == len(before)
    assert rows(alpha) == before


def test_progress_reaches_the_end_in_steps(alpha: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.views.projector.BATCH_CHANGES", 2)
    monkeypatch.setattr("registry.views.projector.STEP_CASES", 2)
    heard: list[tuple[int, int]] = []

    rebuild_views(alpha, lambda done, of: heard.append((done, of)), now_ms=lambda: START_MS)

    assert heard[:2] == [(2, CASES), (4, CASES)]
    assert set(heard[2:]) == {(CASES, CASES)}


def test_running_node_is_not_rebuilt_and_the_folder_is_free_afterwards(alpha: Path) -> None:
    node = open_node(alpha.parent, alpha.name)
    with pytest.raises(FolderError, match="in use"):
        rebuild(alpha)
    node.registry.close()

    rebuild(alpha)
    rows(alpha)


def test_rebuild_that_fails_lets_go_of_the_folder(alpha: Path) -> None:
    def crash(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_views(alpha, crash, now_ms=lambda: START_MS)

    rebuild(alpha)


def test_rebuild_makes_no_random_bytes() -> None:
    with pytest.raises(AssertionError, match="no random bytes"):
        _no_randomness(16)
