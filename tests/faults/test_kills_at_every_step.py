"""A process that is killed at any step loses nothing that it acknowledged (promise 1)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from registry.store import failpoints
from registry.store.failpoints import Step, hooked, reach
from tests.counts import tell

ROOT: Final = Path(__file__).resolve().parents[2]
HITS: Final = int(os.environ.get("SOAK_KILLS_PER_STEP", "1"))
"""At so many hits of each step in each world; 0 = at every one."""


def run(
    folder: Path, hits: int, variant: str = "none", *steps: str
) -> "subprocess.CompletedProcess[str]":
    script = Path(__file__).with_name("kill_at_steps.py")
    return subprocess.run(
        [sys.executable, "-W", "error", script, folder, str(hits), variant, *steps],
        capture_output=True,
        text=True,
        check=False,
    )


def test_kill_at_every_step_loses_nothing_and_the_node_goes_on(tmp_path: Path) -> None:
    done = run(tmp_path, HITS)
    assert done.returncode == 0, done.stderr[-2000:]
    kills: dict[str, int] = json.loads(done.stdout)
    tell(f"{sum(kills.values())} kills at {len(kills)} steps, 0 lost")
    never = [step.value for step in Step if not kills.get(step.value)]
    assert never == [], "a step that no kill was made at"


@pytest.mark.parametrize(
    ("variant", "step", "words"),
    [
        ("answer_early", "append_committed", "above the guard"),
        ("forget_the_guard", "append_guarded", "above the guard"),
        ("guard_first", "guard_synced", "guard_ahead"),
        ("drop_the_journal", "freeze_written", "a tombstone is not in the journal"),
    ],
)
def test_store_with_a_mistake_is_found_out_by_a_kill(
    tmp_path: Path, variant: str, step: str, words: str
) -> None:
    done = run(tmp_path, 3, variant, step)
    assert done.returncode == 1
    assert done.stderr.startswith("LOST in store")
    assert words in done.stderr


def test_nothing_but_a_test_can_install_a_hook() -> None:
    """Who can start a node, or write its environment, cannot make it stop at a step."""
    tell = ("hooked", "_hook")
    module = Path(failpoints.__file__)
    for folder in ("registry", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != module:
                assert not any(word in path.read_text() for word in tell), path
    text = module.read_text()
    assert "environ" not in text
    assert "import os" not in text


def test_hook_is_told_of_steps_only_while_it_is_set() -> None:
    told: list[Step] = []
    reach(Step.APPEND_SIGNED)
    with hooked(told.append):
        reach(Step.APPEND_NOTED)
        with hooked(lambda _: None):
            reach(Step.APPEND_COMMITTED)
    reach(Step.APPEND_GUARDED)
    assert told == [Step.APPEND_NOTED]
