"""A node that joined later is whole once enough members have shown their heads, and not before."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from registry.application.folder import NodeFolder
from registry.domain.identifiers import LogId, Slug
from registry.log.member import Cut, MemberStatus
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster
from registry_node import content_gate
from registry_node.content_gate import ContentGate
from registry_node.first_sync import FirstSync
from tests.unit.log.log_world import sample_roster

ONE, TWO = Slug("one"), Slug("two")


class World:
    """A folder, what peers offer beyond what is held, and content that is open or not."""

    def __init__(self, path: Path, roster: Roster, *, joined_later: bool = True) -> None:
        self.lags: dict[LogId, int] = {}
        self.is_open = True
        folder = NodeFolder(path)
        if joined_later:
            folder.first_sync_file.touch()
        registry: Any = SimpleNamespace(
            roster=roster, own=roster.members[0], folder=folder, store=self
        )
        self.registry = registry
        self.sync = FirstSync(registry, lambda log_id: self.lags.get(log_id, 0))

    def close_content(self) -> None:
        self.is_open = False

    def open_content(self) -> None:
        self.is_open = True

    def gate(self) -> ContentGate:
        return ContentGate(
            self.registry,
            answered=tuple,
            is_connected=lambda _: True,
            is_caught_up=lambda _: True,
            first_sync=self.sync,
        )


def of_two_members() -> Roster:
    roster = sample_roster()
    left = replace(roster.members[2], status=MemberStatus.REMOVED, cut=Cut(0, EMPTY_ROOT, "left"))
    return replace(roster, members=(*roster.members[:2], left))


def test_founder_has_no_first_sync(tmp_path: Path) -> None:
    sync = World(tmp_path, sample_roster(), joined_later=False).sync

    assert (sync.is_under_way, sync.is_done) == (False, True)


def test_one_member_that_shows_its_heads_twice_is_one_member(tmp_path: Path) -> None:
    sync = World(tmp_path, sample_roster()).sync
    for _ in range(2):
        sync.shown(ONE)

    assert (sync.compared_with, sync.needed, sync.is_done) == (1, 2, False)
    sync.shown(TWO)
    assert sync.is_done


def test_what_is_shown_must_be_held_too(tmp_path: Path) -> None:
    world = World(tmp_path, sample_roster())
    for peer in (ONE, TWO):
        world.sync.shown(peer)
    world.lags[world.registry.roster.members[1].log_id] = 3

    assert (world.sync.entries_behind, world.sync.is_done) == (3, False)


def test_the_only_other_member_is_enough(tmp_path: Path) -> None:
    sync = World(tmp_path, of_two_members()).sync
    sync.shown(ONE)

    assert (sync.needed, sync.is_done) == (1, True)


async def test_content_opens_when_two_have_shown_their_heads(tmp_path: Path) -> None:
    world = World(tmp_path, sample_roster())
    gate = world.gate()
    seen = [world.is_open]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(gate.run())
        world.sync.shown(ONE)
        await asyncio.sleep(0.1)
        seen.append(world.is_open)
        world.sync.shown(TWO)
        await running
    assert [*seen, world.is_open] == [False, False, True]
    assert not world.registry.folder.first_sync_file.exists()
    assert not World(tmp_path, sample_roster(), joined_later=False).sync.is_under_way


async def test_content_opens_with_a_warning_if_the_others_stay_away_and_goes_on_comparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_gate, "_LONGEST_S", 0.05)
    monkeypatch.setattr(content_gate, "_LOOK_AGAIN_S", 0.01)
    world = World(tmp_path, sample_roster())
    gate = world.gate()
    world.sync.shown(ONE)
    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(gate.run())
            await gate.wait()
            assert (world.is_open, world.sync.is_under_way) == (True, True)
            assert world.registry.folder.first_sync_file.exists()
            world.sync.shown(TWO)
            await running
    warned = next(line for line in lines if line["event"] == "first_sync_compared_with_too_few")
    assert (warned["log_level"], warned["members"], warned["needed"]) == ("warning", 1, 2)
    assert not world.sync.is_under_way
