"""The 1st, 2nd, ... N-th call to the disk fails, until none does: nothing is half done."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from registry.application.backing_up import back_up, read_backup
from registry.application.recovering import look_at, put_back
from registry.errors import RegistryError, StorageError, TryLater
from tests.counts import tell
from tests.faults.failing_disk import FailingDisk, Fault, disk
from tests.faults.step_worlds import Lost, StoreWorld, World
from tests.faults.step_worlds_of_folders import made_node, record, require_recorded
from tests.faults.step_worlds_of_starts import MigrationWorld, RecoveryWorld
from tests.storage.storage_world import NOW_MS

__all__ = ["disk"]

ALL_FAULTS: Final = bool(os.environ.get("SOAK_ALL_FAULTS"))
"""In the gate each call fails in one way, the next one in another."""
CALLS_MAX: Final = 2_000


def faults_at(call: int) -> list[Fault]:
    faults = list(Fault)
    return faults if ALL_FAULTS else [faults[call % len(faults)]]


def fresh(made: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    return folder


@contextmanager
def refusal() -> Iterator[list[str]]:
    """Takes what a failing disk may be answered with, and nothing else."""
    told: list[str] = []
    try:
        yield told
    except (StorageError, TryLater) as error:
        told.append(str(error))  # not the error: it keeps what it came through alive


def fail_each_call(world: World, place: int, made: Path, work: Path, disk: FailingDisk) -> int:
    """Carries one act out on a disk that fails at each call in turn; returns how many failed."""
    act, before = world.acts[place], world.acts[:place]
    for call in range(1, CALLS_MAX):
        for fault in faults_at(call):
            fresh(made, work)
            with world.opened(work) as opened, refusal() as told, disk.failing_at(call, fault):
                act.do(opened)
            if not disk.has_failed:
                return call - 1
            assert all(told), "an error without a word"
            try:
                world.look_closed(work, [*before, *([] if told else [act])])
                with world.opened(work) as opened:
                    for each in [*before, *([] if told else [act])]:
                        each.holds(opened)
                    act.do(opened)
                    act.holds(opened)
                world.check(work)
            except (Lost, RegistryError) as error:
                msg = f"{act.name}: {fault.value} at call {call}, told {told}: {error!r}"
                raise AssertionError(msg) from error
    raise AssertionError(act.name)


@pytest.mark.parametrize("world", [StoreWorld(), RecoveryWorld()], ids=lambda world: world.name)
def test_act_whose_call_fails_is_refused_in_words_and_leaves_nothing_half_done(
    world: World, tmp_path: Path, disk: FailingDisk
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    world.make(made)
    counts = {}
    for place, act in enumerate(world.acts):
        counts[act.name] = fail_each_call(world, place, made, tmp_path / "work", disk)
        with world.opened(made) as opened:
            act.do(opened)
    tell(f"{sum(counts.values())} calls have failed: {counts}")
    assert sum(counts.values()) > 20


def test_start_whose_call_fails_is_refused_in_words_and_the_next_one_goes_on(
    tmp_path: Path, disk: FailingDisk
) -> None:
    world = MigrationWorld()
    made = tmp_path / "made"
    made.mkdir()
    world.make(made)
    call = 0
    is_failing = True
    while is_failing:
        call += 1
        for fault in faults_at(call):
            work = fresh(made, tmp_path / "work")
            with refusal(), disk.failing_at(call, fault), world.opened(work):
                pass
            is_failing = disk.has_failed
            with world.opened(work) as opened:
                for act in world.acts:
                    act.do(opened)
                    act.holds(opened)
            world.check(work)
    tell(f"{call - 1} calls of a start have failed")
    assert call > 20


def test_backup_whose_call_fails_leaves_no_file_and_recovery_leaves_a_whole_database(
    tmp_path: Path, disk: FailingDisk
) -> None:
    node, out = made_node(tmp_path), tmp_path / "node.backup"
    record(node, "first")
    call, is_failing = 0, True
    while is_failing:
        call += 1
        for fault in faults_at(call):
            with refusal() as told, disk.failing_at(call, fault):
                back_up(node, out, now_ms=NOW_MS, progress=lambda *_: None)
            is_failing = disk.has_failed
            assert sorted(tmp_path.glob("node.backup*")) == ([] if told else [out])
            if not told:
                assert read_backup(out).own_size == 1
                out.unlink() if is_failing else None
    backups, call, is_failing = call - 1, 0, True
    record(node, "second")
    while is_failing:
        call += 1
        for fault in faults_at(call):
            with refusal() as told, disk.failing_at(call, fault):
                put_back(
                    node, out, may_replace=True, now_ms=lambda: NOW_MS, progress=lambda *_: None
                )
            is_failing = disk.has_failed
            held = look_at(node).comparison
            assert held.guard_size == 2
            assert held.database_size in ((1, 2) if told else (1,))
            if held.database_size == 2:
                require_recorded(node, "first", "second")
    tell(f"{backups} calls of a backup and {call - 1} of a recovery have failed")
