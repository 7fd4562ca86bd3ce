"""Replays seeds of the simulator, or runs a range of them.

    python -m tests.simulation 17                       one seed, twice
    python -m tests.simulation 17 --trace               with its trace
    python -m tests.simulation 17 --nodes 5             with so many members
    python -m tests.simulation 17 --liar fork           with one member that lies
    python -m tests.simulation --seeds 1:20000          a range, end excluded
    python -m tests.simulation --seeds 1:20000 --log F  goes on where F, a file of results, ends

The exit status is 1 if a rule was broken or two runs of one seed differ.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.scratch import use_memory
from tests.simulation.liar import LIES
from tests.simulation.run import Outcome, run_seed


def main() -> int:
    words = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=words)
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--nodes", type=int, default=0, help="members; 0 = as the seed says")
    parser.add_argument("--liar", default="", choices=LIES, help="one member lies")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    parser.add_argument("--seeds", help="START:END")
    parser.add_argument("--once", action="store_true", help="run each seed of a range once")
    parser.add_argument("--log", type=Path, help="results are added here, and runs go on from here")
    asked = parser.parse_args()
    use_memory()
    if asked.seeds:
        return run_range(asked)
    if asked.seed is None:
        parser.error("name a seed, or a range of them with --seeds")
    first = run_seed(asked.seed, members=asked.nodes, lie=asked.liar, keeps_lines=asked.trace)
    second = run_seed(asked.seed, members=asked.nodes, lie=asked.liar)
    for line in first.lines:
        print(line)
    print_counts(first.counts)
    return int(not report(first, second))


def run_range(asked: argparse.Namespace) -> int:
    """Runs the seeds; prints the broken ones, now and then how many, and all counts at the end."""
    start, _, end = asked.seeds.partition(":")
    seeds, log = range(int(start), int(end)), asked.log
    done = len(log.read_text().splitlines()) if log is not None and log.exists() else 0
    totals: Counter[str] = Counter()
    failed = 0
    for number, seed in enumerate(seeds[done:], done + 1):
        first = run_seed(seed, members=asked.nodes, lie=asked.liar)
        second = first if asked.once else run_seed(seed, members=asked.nodes, lie=asked.liar)
        failed += not report(first, second, is_quiet=True)
        totals += first.counts
        if log is not None:
            with log.open("a") as file:
                file.write(f"{seed} {first.members} {first.trace} {first.broken or 'good'}\n")
        if number % 500 == 0:
            print(f"{number} seeds, {failed} failed", flush=True)
    print_counts(totals)
    print(f"{len(seeds)} seeds, {done} of them before; {failed} failed")
    return int(failed > 0)


def report(first: Outcome, second: Outcome, *, is_quiet: bool = False) -> bool:
    """Prints how a seed went; returns whether it was good."""
    is_same = (first.trace, first.broken) == (second.trace, second.broken)
    is_good = is_same and not first.broken
    if not is_good or not is_quiet:
        told = first.broken or ("good" if is_same else "two runs differ")
        print(f"seed {first.seed}, {first.members} members, {first.trace[:16]}: {told}", flush=True)
    return is_good


def print_counts(counts: Counter[str]) -> None:
    for name, count in sorted(counts.items()):
        print(f"{count:>10}  {name}")


if __name__ == "__main__":
    sys.exit(main())
