"""Promises 2, 4 and 5 in simulation: storms of faults, with equal traces for equal seeds.

More seeds: `python -m tests.simulation --seeds 1:20000 --log FILE`.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.counts import tell
from tests.simulation.liar import LIES
from tests.simulation.run import run_seed

ROOT: Final = Path(__file__).resolve().parents[2]
SEEDS: Final = 200
PROVEN: Final = ("fork", "short_fork", "three_forks", "bad_signature")
"""Lies that leave a proof; a root of nothing leads nowhere, so nobody can show what it is not."""
MUST_HAPPEN: Final = (
    "I/O errors planned",
    "appends refused: guard_error",
    "appends refused: log_read_only",
    "appends refused: storage_error",
    "appends that stopped a log",
    "clocks that jumped",
    "clones",
    "contradictions",
    "crashes of all at once",
    "crashes: before_answer",
    "crashes: before_guard",
    "crashes: idle",
    "crashes: torn_commit",
    "crashes: torn_guard",
    "databases ahead of their guard",
    "disks full",
    "events found recorded before",
    "exits for a failing disk",
    "fence: open",
    "fence: pullback",
    "fence: stop",
    "fence: wait",
    "fetches after a setback",
    "fetches failed: author",
    "fetches failed: nobody",
    "fetches that broke off in the middle",
    "fault proofs made",
    "fault proofs taken",
    "forks frozen at one place everywhere, with proof",
    "forks met",
    "forks of which one history is left: nobody can tell",
    "partings cut short",
    "partings searched",
    "guards made anew",
    "guards with a torn slot",
    "heads out of order",
    "heads twice",
    "links cut",
    "logs forked where nobody could tell",
    "logs opened behind what was published",
    "messages cut",
    "messages lost",
    "own log larger elsewhere",
    "partitions",
    "pull-backs done",
    "pull-backs failed",
    "restores that destroyed events",
    "restores: all lost",
    "restores: both lost in part",
    "restores: database",
    "restores: guard lost",
    "restores: snapshot",
)
"""States that a gate without them would only seem to test."""


def test_two_hundred_seeds_are_safe_converge_and_repeat(tmp_path: Path) -> None:
    """Each seed twice: in two processes whose hashes of text differ."""
    logs = [tmp_path / "first", tmp_path / "second"]
    running = [start(log, hash_seed) for hash_seed, log in enumerate(logs, 1)]
    told = [process.communicate()[0] for process in running]

    tell(told[0])
    assert [process.returncode for process in running] == [0, 0], told[0] + told[1]
    first, second = (log.read_text().splitlines() for log in logs)
    assert len(first) == SEEDS
    assert first == second
    counts = counts_in(told[0])
    assert [name for name in MUST_HAPPEN if not counts[name]] == []
    assert counts["restores beside an up-to-date peer"] >= 50


def start(log: Path, hash_seed: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.simulation", "--seeds", f"1:{SEEDS + 1}", "--once"]
    return subprocess.Popen(
        [*command, "--log", str(log)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def counts_in(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in text.splitlines():
        number, _, name = line.strip().partition("  ")
        if number.isdigit():
            found[name] = int(number)
    return found


@pytest.mark.parametrize("lie", LIES)
def test_a_liar_harms_nobody_and_no_honest_member_is_accused(lie: str) -> None:
    outcomes = [run_seed(seed, lie=lie) for seed in range(1, 6)]

    assert [outcome.broken for outcome in outcomes if outcome.broken] == []
    ended = sum(
        outcome.counts["liars frozen at one place everywhere, with proof"] for outcome in outcomes
    )
    assert ended == (len(outcomes) if lie in PROVEN else 0)


def test_two_members_pass_the_same_storms() -> None:
    outcomes = [run_seed(seed, members=2) for seed in range(1, 11)]

    assert [outcome.broken for outcome in outcomes if outcome.broken] == []


def test_a_replayed_seed_shows_its_trace() -> None:
    outcome = run_seed(1, keeps_lines=True)

    assert any("converged" in line for line in outcome.lines)
    assert any("fence" in line for line in outcome.lines)
