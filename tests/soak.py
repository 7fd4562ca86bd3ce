"""The long column of the promises: `make soak`, or `python -m tests.soak --hours 1`.

Works in turns through a table of jobs, a chunk of each at a time, until the time is over; every
chunk has seeds of its own. What was done is written down after each chunk, so that a run that was
stopped goes on where it was, and prints the counts of all runs together.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.scratch import use_memory

ROOT: Final = Path(__file__).resolve().parent.parent
_PYTHON: Final = sys.executable
_SEEDS: Final = 50
_INPUTS: Final = 200_000
_KILLS: Final = 200
_NODE_KILLS: Final = 40
_FORKS: Final = 200
_CALLS: Final = 20_000
_PLANS: Final = 1_000
_CHUNK_AT_MOST_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Job:
    """One promise's long test.

    Attributes:
        name: what is counted.
        promises: by number.
        command: of a chunk, from its number and a folder that is empty.
        counted: a pattern whose first group is how many were done, in what a chunk prints.
        variables: of the environment.
    """

    name: str
    promises: str
    command: Callable[[int, str], Sequence[str]]
    counted: str
    variables: Callable[[int], dict[str, str]] = lambda _: {}


@dataclass(slots=True)
class Done:
    """What was done of a job in all runs."""

    chunks: int = 0
    count: int = 0
    failed: int = 0
    seconds: float = 0.0


def _pytest(*words: str) -> Callable[[int, str], Sequence[str]]:
    limit = f"--timeout={_CHUNK_AT_MOST_S}"
    return lambda *_: ("-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", limit, *words)


JOBS: Final = (
    Job(
        "seeds of the simulator, each twice",
        "2, 5",
        lambda chunk, _: (
            *("-m", "tests.simulation"),
            *("--seeds", f"{1000 + chunk * _SEEDS}:{1000 + (chunk + 1) * _SEEDS}"),
        ),
        r"(\d+) seeds, 0 of them before; 0 failed",
    ),
    Job(
        "kills of a writing process",
        "1",
        lambda chunk, folder: ("tests/storage/kill_writer.py", folder, f"{_KILLS}", f"{chunk}"),
        r'"kills": (\d+)',
    ),
    Job(
        "inputs to decoders",
        "10",
        lambda chunk, folder: (
            *("-m", "tests.fuzzing", "--inputs", f"{_INPUTS}", "--seed", f"{1000 + chunk}"),
            *("--progress", f"{folder}/progress"),
        ),
        r"(\d+) inputs in .* 0 findings",
    ),
    Job(
        "kills of a node",
        "1",
        _pytest("tests/integration/test_durability.py", "-k", "forty"),
        r"(\d+) kills of a node",
        lambda _: {"SOAK_NODE_KILLS": f"{_NODE_KILLS}"},
    ),
    Job(
        "forks and accusations, by seed",
        "4",
        _pytest("tests/property/test_fault_proofs.py"),
        r"(\d+) seeds, ",
        lambda chunk: {
            "SOAK_FORKS": f"{_FORKS}",
            "SOAK_SEED": f"{1000 + chunk * _FORKS}",
        },
    ),
    Job(
        "plans of names over every export path",
        "8",
        # Each chunk another thousand: the seed of Hypothesis is the chunk's.
        lambda chunk, _: (
            *("-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"),
            *(f"--timeout={_CHUNK_AT_MOST_S}", f"--hypothesis-seed={1000 + chunk}"),
            "tests/confidentiality/test_names.py",
        ),
        r"(\d+) plans of names",
        lambda _: {"SOAK_NAMES": f"{_PLANS}", "HYPOTHESIS_PROFILE": "soak"},
    ),
    Job(
        "hostile calls to a node",
        "10, 11",
        _pytest("tests/fuzzing/test_every_call.py"),
        r"(\d+) calls of",
        lambda chunk: {"SOAK_CALLS": f"{_CALLS}", "SOAK_SEED": f"{1000 + chunk}"},
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Runs chunks until the time is over; returns 1 if any has ever failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="how long this run takes")
    parser.add_argument("--state", type=Path, default=ROOT / ".soak", help="goes on from here")
    asked = parser.parse_args(arguments)
    use_memory()
    asked.state.mkdir(exist_ok=True)
    record = asked.state / "done.json"
    done = _read(record)
    began = time.monotonic()
    try:
        while time.monotonic() - began < asked.hours * 3600:
            job = min(JOBS, key=lambda each: done[each.name].seconds)
            _run_chunk(job, done[job.name], asked.state)
            _write(record, done)
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
    _say(f"this run: {(time.monotonic() - began) / 60:.0f} minutes; all runs:")
    for job in JOBS:
        each = done[job.name]
        minutes = f"{each.seconds / 60:.0f} min"
        chunks = f"{each.chunks} chunks, {each.failed} failed, {minutes}"
        _say(f"  promise {job.promises:<7} {each.count:>9,} {job.name}: {chunks}")
    return int(any(each.failed for each in done.values()))


def _run_chunk(job: Job, done: Done, state: Path) -> None:
    """Runs one chunk; what a failed one printed is kept."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        found = subprocess.run(
            [_PYTHON, *job.command(done.chunks, folder)],
            cwd=ROOT,
            env=os.environ | job.variables(done.chunks),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_CHUNK_AT_MOST_S,
        )
    took_s = time.monotonic() - began
    counted = re.search(job.counted, found.stdout)
    is_good = found.returncode == 0 and counted is not None
    if not is_good:
        kept = state / f"failed-{job.name.split(',')[0].replace(' ', '-')}-{done.chunks}.txt"
        kept.write_text(found.stdout, encoding="utf-8")
        _say(f"FAILED: {job.name}, chunk {done.chunks}; see {kept}")
    elif counted is not None:
        done.count += int(counted[1])
        _say(f"{job.name}: {counted[1]} more in {took_s:.0f} s")
    done.failed += not is_good
    done.chunks += 1
    done.seconds += took_s


def _read(record: Path) -> dict[str, Done]:
    kept = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    return {job.name: Done(**kept.get(job.name, {})) for job in JOBS}


def _write(record: Path, done: dict[str, Done]) -> None:
    draft = record.with_suffix(".new")
    text = json.dumps({name: asdict(each) for name, each in done.items()}, indent=2)
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(record)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
