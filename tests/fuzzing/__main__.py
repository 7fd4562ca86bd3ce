"""The long run of the fuzzer: `python -m tests.fuzzing --inputs 10000000 --seed 1`.

It goes on where the same seed was stopped, keeps what it finds in the corpus that the gate replays,
prints counts, and ends with 1 if anything was found.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzzing.campaign import Campaign, keep, load_progress, save_progress, shrunk
from tests.fuzzing.rows_peers import close_store
from tests.fuzzing.table import DECODERS
from tests.scratch import use_memory

_SAID_EVERY_S = 60.0


def main(arguments: list[str]) -> int:
    """Runs it."""
    options = _parser().parse_args(arguments)
    use_memory()
    names = options.decoder or list(DECODERS)
    unknown = [name for name in names if name not in DECODERS]
    if unknown:
        sys.stderr.write(f"no decoder {unknown[0]!r}; there are {', '.join(DECODERS)}\n")
        return 2
    progress: Path = options.progress or Path(f".fuzzing-{options.seed}.json")
    campaign = Campaign(options.seed, load_progress(progress, options.seed))
    began = said = time.monotonic()

    def after_block() -> None:
        nonlocal said
        if time.monotonic() - said > _SAID_EVERY_S:
            said = time.monotonic()
            save_progress(progress, campaign)
            _say(f"{campaign.inputs} inputs, {len(campaign.findings)} findings")

    try:
        campaign.run([DECODERS[name] for name in names], options.inputs, after_block)
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
    save_progress(progress, campaign)
    keep(shrunk(DECODERS[each.decoder], each) for each in campaign.findings.values())
    close_store()
    for line in campaign.report():
        _say(line)
    took = time.monotonic() - began
    _say(
        f"{campaign.inputs} inputs in {took:.1f} s, seed {campaign.seed}, "
        f"{len(campaign.findings)} findings"
    )
    return 1 if campaign.findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="for all decoders together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decoder", action="append", help="only this one; may be repeated")
    parser.add_argument("--progress", type=Path, help="file to go on from")
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
