"""A restore that was killed leaves nothing on the disk of what was erased meanwhile."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from registry.application.backing_up import back_up
from registry.application.recovering import put_back
from registry.store.failpoints import Step, hooked
from tests.unit.application.federation_in_process import (
    START_MS,
    found_federation,
    open_federation,
    open_node,
    opening,
)

SIDE_FILES: Final = ("", "-wal", "-shm")


class Killed(Exception):
    """Stands for the end of the process."""


def nothing(*_: object) -> None:
    """No progress to show."""


@pytest.fixture
def alpha(tmp_path: Path) -> Path:
    """A node, with a backup beside it."""
    found_federation(tmp_path, ("alpha", "beta"))
    with open_federation(tmp_path, ("alpha", "beta")) as nodes:
        nodes["alpha"].record(opening("to be erased one day (invented)"))
    back_up(tmp_path / "alpha", tmp_path / "old.backup", now_ms=START_MS, progress=nothing)
    return tmp_path / "alpha"


@pytest.mark.parametrize("step", [Step.PUT_BACK_COPIED, Step.PUT_BACK_VIEWS_GONE])
def test_copy_of_a_restore_that_was_killed_goes_at_the_next_start(alpha: Path, step: Step) -> None:
    draft, kept = alpha / "log.db.putting-back", alpha.parent / "kept"

    def kill(reached: Step) -> None:
        if reached is step:
            shutil.copy(draft, kept)  # a kill would leave it there
            raise Killed

    with hooked(kill), pytest.raises(Killed):
        put_back(
            alpha,
            alpha.parent / "old.backup",
            may_replace=True,
            now_ms=lambda: START_MS,
            progress=nothing,
        )
    for suffix in SIDE_FILES:
        shutil.copy(kept, draft.with_name(draft.name + suffix))
    shutil.copy(kept, alpha / "office.db.putting-back")

    with closing(open_node(alpha.parent, "alpha", opens_log=False).registry):
        left = sorted(path.name for path in alpha.glob("*.putting-back*"))
    assert left == []
