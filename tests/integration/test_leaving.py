"""A member leaves: nothing is lost, it writes nothing more, and all know where its log ends."""

import asyncio
from functools import partial
from pathlib import Path

from typer.testing import CliRunner, Result

from registry.application.folder import NodeFolder
from registry.application.membership.leaving import profiles_of_others
from registry.application.membership.proposals import endorse_pending, pending
from registry.client.peer_heads import held_checkpoint
from registry.domain.audience import EVERYONE
from registry.errors import PeerUnavailable
from registry_cli.federation import LocalNode, running
from registry_cli.main import app
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    until,
    until_equal,
)
from tests.integration.test_roster_changes import says, under, waits
from tests.integration.test_witnessing import until_witnessed

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


async def leave(node: LocalNode) -> Result:
    """`registry leave`, in a thread: the command runs a loop of its own."""
    command = ["leave", str(node.folder), "--yes"]
    return await asyncio.to_thread(RUNNER.invoke, app, command)


async def mode_of(node: LocalNode) -> str:
    async with client_of(node) as client:
        return (await client.node_status()).mode_detail


async def stands_still(node: LocalNode, words: str) -> bool:
    return words in await mode_of(node)


async def test_member_leaves_once_another_holds_its_log_and_then_writes_nothing_more(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    async with running(nodes):
        async with client_of(gamma) as client:
            receipt = await client.open_case("open", opened("A case"), audience=EVERYONE)
        await until_equal(nodes, case_count=1)
        refused = await leave(gamma)
        assert "in use by a running node" in str(refused.exception)

        for profile in profiles_of_others(gamma.folder):
            assert await held_checkpoint(profile, b"another log".ljust(32)) == b""

        # What gamma says while nobody hears it is not given away yet.
        alpha.stop()
        beta.stop()
        await says(gamma, receipt.case_id, "unheard")
        gamma.stop()
        refused = await leave(gamma)
        assert isinstance(refused.exception, PeerUnavailable)
        for node in nodes:
            node.start()
        await until_equal(nodes, case_count=1)
        gamma.stop()
        left = await leave(gamma)
        assert left.exit_code == 0, left.exception
        assert "alpha says that it holds all 2 events of this log" in left.output
        assert "/gamma/1 ends at 2 (leaves at its own wish)" in left.output

        gamma.start()
        await until(partial(stands_still, gamma, "has signed that it leaves"), "gamma is closed")
        (proposal,) = pending(NodeFolder(gamma.folder))
        for node in (alpha, beta):
            await until(partial(waits, node, proposal.name), f"it reaches {node.mechanism.slug}")
            endorse_pending(node.folder, proposal.name)
        for node in nodes:
            await until(partial(under, node, 2), f"{node.mechanism.slug} is under version 2")
        await until(partial(stands_still, gamma, "frozen at 2 (cut_by_roster)"), "it has ended")
        await says(beta, receipt.case_id, "after")
        await until_equal([alpha, beta], case_count=1)
        assert (await sizes_at(alpha))["gamma"] == 2
        log = await until_witnessed(alpha, "beta", "alpha")
        assert [each.mechanism for each in log.witnesses] == ["alpha"], "who left counts no more"
        assert (await leave(gamma)).output.startswith("done: version 2 of the roster")
