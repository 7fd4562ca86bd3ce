"""Kills a process at every step at which something was just done, and looks at what it leaves.

    python kill_at_steps.py FOLDER HITS [VARIANT STEP...]

For each step that a world is for, at its first hits and its last one (HITS of them in all; 0 =
every hit of every step that it reaches), a child opens a copy of the world's folder and ends itself
with SIGKILL there. It tells through a pipe what it was told is done. Then the folder is opened:
what was done is there, all acts are carried out again, and everything is read back. Prints one
JSON line.

VARIANT names a mistake that is made on purpose: the run must find it, killing at the STEPs alone.
"""

import json
import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "services"))

from registry.store.failpoints import Step, hooked
from tests.faults.broken_stores import ACKNOWLEDGED, VARIANTS
from tests.faults.step_worlds import StoreWorld, World
from tests.faults.step_worlds_of_folders import BackupWorld, KeysWorld
from tests.faults.step_worlds_of_starts import MigrationWorld, NewWorld, RecoveryWorld


class Killer:
    """Counts how often each step is reached; ends the process at one of them."""

    def __init__(self, step: Step | None = None, hit: int = 0) -> None:
        self._step = step
        self._hit = hit
        self.reached: Counter[Step] = Counter()

    def __call__(self, step: Step) -> None:
        self.reached[step] += 1
        if step is self._step and self.reached[step] == self._hit:
            os.kill(os.getpid(), signal.SIGKILL)


def run_child(world: World, folder: Path, killer: Killer, pipe: int, variant: str) -> None:
    VARIANTS[variant]()
    with hooked(killer), world.opened(folder) as opened:
        for place, act in enumerate(world.acts):
            act.do(opened)
            os.write(pipe, bytes([place]))
            ACKNOWLEDGED.set()
    os.write(pipe, json.dumps(killer.reached).encode())


def run(world: World, folder: Path, killer: Killer, variant: str) -> tuple[int, bytes, bytes]:
    """Runs a child; returns its exit code, the places of acts that were done, and what else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            run_child(world, folder, killer, writing, variant)
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            os.write(writing, f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    data = b""
    while piece := os.read(reading, 65536):
        data += piece
    os.close(reading)
    _, status = os.waitpid(child, 0)
    done = next((at for at, byte in enumerate(data) if byte != at), len(data))
    return os.waitstatus_to_exitcode(status), data[:done], data[done:]


def look(world: World, folder: Path, done: bytes) -> None:
    """Opens what a kill left: what was done is there, and the rest can be done."""
    world.look_closed(folder, [world.acts[place] for place in done])
    with world.opened(folder) as opened:
        for place in done:
            world.acts[place].holds(opened)
        for act in world.acts:
            act.do(opened)
        for act in world.acts:
            act.holds(opened)
    world.check(folder)


def fresh(made: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    return folder


def hits_of(count: int, wanted: int) -> list[int]:
    """Which hits of a step to take: the first ones and the last, or all."""
    if not wanted or count <= wanted:
        return list(range(1, count + 1))
    return [*range(1, wanted), count]


def run_world(
    world: World, folder: Path, hits: int, variant: str, only: tuple[str, ...] = ()
) -> Counter[str]:
    made, work = folder / world.name, folder / f"{world.name}.work"
    made.mkdir()
    world.make(made)
    status, _, told = run(world, fresh(made, work), Killer(), variant)
    if status:
        msg = f"{world.name}: {told.decode()}"
        raise SystemExit(msg)
    kills: Counter[str] = Counter()
    for name, count in json.loads(told).items():
        is_chosen = name in only if only else not hits or name.startswith(world.its_own)
        for hit in hits_of(count, hits) if is_chosen else ():
            killer = Killer(Step(name), hit)
            status, done, told = run(world, fresh(made, work), killer, variant)
            if status != -signal.SIGKILL:
                msg = f"{world.name}, {name} {hit}: no kill but {status}: {told!r}"
                raise SystemExit(msg)
            try:
                look(world, work, done)
            except Exception as error:
                msg = f"LOST in {world.name} at {name}, hit {hit}: {error!r}"
                raise SystemExit(msg) from error
            kills[name] += 1
    return kills


def worlds() -> list[World]:
    return [StoreWorld(), MigrationWorld(), NewWorld(), RecoveryWorld(), KeysWorld(), BackupWorld()]


def main(folder: Path, hits: int, variant: str = "none", *only: str) -> dict[str, int]:
    if only:
        return dict(run_world(StoreWorld(), folder, hits, variant, only))
    kills: Counter[str] = Counter()
    for world in worlds():
        kills += run_world(world, folder, hits, variant)
    return dict(kills)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))  # noqa: T201
