"""A snapshot goes on alone, and meets the others: its log ends where its two histories part."""

import pytest

from tests.simulation import endings
from tests.simulation.run import sandbox, wait_until_one
from tests.simulation.world import World

COMMON = 3


@pytest.mark.parametrize(("lost", "again"), [(1, 1), (3, 1), (1, 3), (7, 7)], ids=str)
def test_log_ends_where_it_forked_whichever_branch_is_longer(lost: int, again: int) -> None:
    with sandbox() as folder:
        world = World(1, 3, folder)
        world.found()
        author, *others = world.nodes
        for node in world.nodes:
            node.start()
        record(world, COMMON)
        backup = author.disk.read()
        record(world, lost)
        for other in others:
            world.network.cut(author.host, other.host)
            world.network.cut(other.host, author.host)

        author.power_cut(backup)
        world.checks.restored(author, "snapshot")
        author.start()
        record(world, again)
        world.network.mend_all()
        wait_until_one(world)

        assert world.checks.logs[author.own.log_id].parted_at == COMMON
        states = [node.store.log_state(author.own.log_id) for node in world.nodes]
        assert [state.frozen_at for state in states] == [COMMON] * 3
        assert list(endings.wrong_endings(world, world.nodes)) == []
        assert "frozen" in (author.store.read_only_reason() or "")
        for node in world.nodes:
            node.stop()


def record(world: World, count: int) -> None:
    """The first member records so many events, and all who can be reached take them."""
    for _ in range(count):
        world.ask_to_record(world.nodes[0].own.slug, world.new_number())
        world.scheduler.run_until(world.scheduler.now_ms + 5_000)
