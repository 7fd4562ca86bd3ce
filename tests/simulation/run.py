"""Runs one seed: founds a federation, lets a storm pass, heals it, and waits until it is one."""

import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final
from unittest import mock

import structlog
from nacl import bindings

from tests.simulation import convergence, endings, scenario
from tests.simulation.checks import Violation
from tests.simulation.disk import faults_installed
from tests.simulation.node import InlineWriter
from tests.simulation.world import World

SMALLEST, LARGEST = 3, 9
_SLICE_MS: Final = 5_000
_HEALS_WITHIN_MS: Final = 900_000
_TAIL_ENTRIES: Final = 3
_SIGNATURES: Final = 4_096
_OPEN: Final = bindings.crypto_sign_open


@dataclass(frozen=True)
class Outcome:
    """How a seed went.

    Attributes:
        trace: hash over all delivered messages and decisions.
        counts: of what happened.
        lines: the trace, if it was asked for.
        broken: the rule that was broken; empty = none.
    """

    seed: int
    members: int
    trace: str
    counts: Counter[str]
    lines: list[str]
    broken: str


def members_of(seed: int) -> int:
    """How many members a seed has: few are more common, since they show as much and cost less."""
    return min(Random(seed).choices(range(SMALLEST, LARGEST + 1), (8, 7, 5, 3, 2, 1, 1)))


def run_seed(seed: int, *, members: int = 0, lie: str = "", keeps_lines: bool = False) -> Outcome:
    """Runs a seed to its end, or to the first broken rule; `lie` names what one member does."""
    members = members or members_of(seed)
    with sandbox() as folder:
        world = World(seed, members, folder, lie=lie, keeps_lines=keeps_lines)
        broken = ""
        try:
            _run(world)
        except Violation as error:
            broken = str(error)
        except Exception as error:  # noqa: BLE001 - a seed that breaks the program is told, too
            last = traceback.extract_tb(error.__traceback__)[-1]
            broken = f"seed {seed}: {type(error).__name__} {error} ({last.name}, {last.lineno})"
            scheduler_note = "".join(traceback.format_exception(error))
            world.scheduler.note(scheduler_note)
        finally:
            for node in world.nodes:
                node.stop()
        scheduler = world.scheduler
        scheduler.counts["messages"] = world.network.messages
        return Outcome(
            seed, members, scheduler.trace_hash(), scheduler.counts, scheduler.lines or [], broken
        )


def _run(world: World) -> None:
    world.found()
    scenario.plan(world)
    world.scheduler.run_until(scenario.STORM_MS)
    scenario.heal(world)
    wait_until_one(world)


def wait_until_one(world: World) -> None:
    """Lets a healed federation converge.

    Raises:
        Violation: it does not.
    """
    end_ms = world.scheduler.now_ms + _HEALS_WITHIN_MS
    while (found := convergence.differences(world)) and world.scheduler.now_ms < end_ms:
        world.scheduler.run_until(world.scheduler.now_ms + _SLICE_MS)
    if found:
        msg = f"seed {world.seed} did not converge: {'; '.join(found)}"
        raise Violation(msg)
    if world.liars and (wrong := convergence.wrong_entries(world)):
        msg = f"seed {world.seed}: {wrong[0]}, which its author has not signed"
        raise Violation(msg)
    endings.count_endings(world)
    world.scheduler.note("converged")


@contextmanager
def sandbox() -> Iterator[Path]:
    """A folder of its own, a store that writes in its caller's thread, silent logs."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    folder = Path(tempfile.mkdtemp(prefix="simulated-"))
    try:
        with (
            mock.patch("registry.store.sqlite.Writer", InlineWriter),
            # Few, so that small logs are not all taken with their heads, but fetched too.
            mock.patch("registry_node.heads.TAIL_MAX_ENTRIES", _TAIL_ENTRIES),
            # Sound signatures that all members check are computed once.
            mock.patch.object(bindings, "crypto_sign_open", lru_cache(_SIGNATURES)(_OPEN)),
            faults_installed(),
        ):
            yield folder
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder)


def _drop(*_: object) -> dict[str, object]:
    raise structlog.DropEvent
