"""Nodes over real gRPC come to hold the same histories, whoever is down meanwhile."""

from functools import partial
from pathlib import Path
from typing import Final

from registry.client import situation
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    statement,
    until,
    until_equal,
)

STATE: Final = "XXA"


async def record_acts(node: LocalNode, count: int, *, name: str) -> None:
    async with client_of(node) as client:
        for number in range(count):
            title = f"{name} {number} of {node.mechanism.slug} (invented)"
            await client.record(f"{name}-{number}", situation(STATE), statement(title))


async def test_two_nodes_that_write_on_one_case_tell_one_history(tmp_path: Path) -> None:
    nodes = found(tmp_path, "alpha", "beta")
    async with running(nodes):
        for round_ in range(3):
            for node in nodes:
                await record_acts(node, 2, name=f"round-{round_}")
        await until_equal(nodes, case_count=1)
        histories = []
        for node in nodes:

            async def is_readable(node: LocalNode = node) -> bool:
                async with client_of(node) as client:
                    history = await client.history(situation(STATE))
                return all(event.content_state == "present" for event in history.events)

            await until(is_readable, f"all content at {node.mechanism.slug}")
            async with client_of(node) as client:
                histories.append(await client.history(situation(STATE)))
    assert len(histories[0].events) == 12
    assert histories[0] == histories[1]


async def has_content(node: LocalNode) -> bool:
    """Whether a node holds all of the author's content."""
    async with client_of(node) as client:
        logs = {log.mechanism: log for log in (await client.node_status()).logs}
    return logs["author"].parts_wanted == 0


async def test_node_that_was_down_catches_up_through_a_third_while_the_author_is_down(
    tmp_path: Path,
) -> None:
    author, relay, late = nodes = found(tmp_path, "author", "relay", "late")
    async with running([author, relay]):
        async with client_of(author) as client:
            for number in range(25):
                await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))
        expected = await until_equal([author, relay], case_count=25)
        await until(partial(has_content, relay), "the relay holds the author's content")
        author.kill()
        async with running([late]):
            assert await until_equal([relay, late], case_count=25) == expected
            await until(partial(has_content, late), "the author's content, from the relay")
            # The author comes back and the three go on together.
            async with running([author]):
                await record_acts(late, 3, name="afterwards")
                await until_equal(nodes, case_count=26)


async def test_three_nodes_that_lose_each_other_again_and_again_end_equal(tmp_path: Path) -> None:
    nodes = found(tmp_path, "alpha", "beta", "gamma")
    async with running(nodes):
        for round_, fallen in enumerate(nodes):
            fallen.kill()
            for node in nodes:
                if node is not fallen:
                    await record_acts(node, 5, name=f"round-{round_}")
            fallen.start()
            await fallen.wait_until_open()
        await until_equal(nodes, case_count=1)
        for node in nodes:
            assert await sizes_at(node) == {"alpha": 10, "beta": 10, "gamma": 10}
