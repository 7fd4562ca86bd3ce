"""The roster changes under running nodes' feet: one joins late, one is removed, all by files."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.membership.cuts import cut_here
from registry.application.membership.founding import init_node
from registry.application.membership.joining import join
from registry.application.membership.proposals import endorse_pending, pending, share
from registry.application.membership.rosters import Change, adopt, endorse, load_roster, propose
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import RegistryClient, case
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry.peer_errors import RosterLacksNewMembers
from registry_cli.federation import CLIENT_NAME, LocalNode, Mechanism, running
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    statement,
    until,
    until_equal,
)


def change(folder: Path, name: str, nodes: list[LocalNode], wanted: Change) -> Path:
    """The whole ceremony by files: the first proposes, all endorse, all adopt."""
    file = folder / name
    file.write_bytes(propose(nodes[0].folder, wanted))
    for node in nodes:
        endorse(node.folder, file)
    for node in nodes:
        adopt(node.folder, file)
    return file


async def says(node: LocalNode, case_id: CaseId, request: str) -> int:
    async with client_of(node) as client:
        receipt = await client.record(
            request, case(case_id), statement(f"By {node.mechanism.slug}"), audience=EVERYONE
        )
    return receipt.index


async def knows(node: LocalNode, case_id: CaseId, count: int) -> bool:
    async with client_of(node) as client:
        try:
            return (await client.get_case(case(case_id))).event_count == count
        except NotFound:
            return False


def fourth(folder: Path, address: str) -> LocalNode:
    """A mechanism that founded nothing: its folder, and the member file in it."""
    node = LocalNode(Mechanism("delta", "The delta mechanism (invented)"), folder, address)
    init_node(
        folder,
        registry_name="testing",
        mechanism="delta",
        display_name=node.mechanism.display_name,
        address=address,
    )
    return node


async def test_late_joiner_gets_everything_and_a_removed_member_nothing_more(
    tmp_path: Path,
) -> None:
    *founders, spare = found(tmp_path / "nodes", "alpha", "beta", "gamma", "spare")
    alpha, beta, gamma = founders
    async with running(founders):
        async with client_of(alpha) as client:
            receipt = await client.open_case("open", opened("A case"), audience=EVERYONE)
        case_id = receipt.case_id
        await until(lambda: knows(gamma, case_id, 1), "gamma holds the case")
        await says(gamma, case_id, "first")
        await until(lambda: knows(beta, case_id, 2), "beta holds what gamma said")

    # Delta joins, in the place of the address of a founder that never ran.
    delta = fourth(tmp_path / "delta", spare.address)
    everybody = [*founders, spare]
    joining = Change(add=[delta.folder / "delta.member"])
    second = change(tmp_path, "2.roster", everybody, joining)
    registry_id = load_roster(NodeFolder(alpha.folder)).registry_id
    genesis = tmp_path / "nodes" / "genesis.roster"
    join(delta.folder, genesis, registry_id, [second])
    write_policy(
        NodeFolder(delta.folder), Policy(two_people_to_publish=False, two_people_to_erase=False)
    )
    add_client(delta.folder, CLIENT_NAME, delta.profile, Role.PUBLISHER)
    async with running([*founders, delta]):
        await until(lambda: knows(delta, case_id, 2), "delta has the whole case")
        await says(delta, case_id, "late")
        await until_equal([*founders, delta], case_count=1)
        await until(lambda: knows(gamma, case_id, 3), "gamma holds what delta said")

    # Gamma says one thing more that nobody hears before it is removed.
    async with running([alpha, beta, gamma, delta]):
        await says(gamma, case_id, "last heard")
        await until_equal([*founders, delta], case_count=1)
    cut = cut_here(alpha.folder, "gamma", "left the cooperation")
    change(tmp_path, "3.roster", [alpha, beta, spare, delta], Change(remove={"gamma": cut}))
    async with running([alpha, beta, delta]):
        await says(beta, case_id, "after")
        await until_equal([alpha, beta, delta], case_count=1)
        gamma.start()
        try:
            await gamma.wait_until_open()
            await says(gamma, case_id, "too late")
            async with client_of(gamma) as client:
                await until(lambda: _refused(client), "nobody talks to the removed member any more")
            assert (await sizes_at(alpha))["gamma"] == cut.size
            async with client_of(delta) as client:
                status = await client.node_status()
            frozen = {log.mechanism: log.frozen_at for log in status.logs}
            assert frozen["gamma"] == cut.size
            assert frozen["alpha"] is None
            assert not await knows(gamma, case_id, 6)
        finally:
            gamma.stop()
        await until_equal([alpha, beta, delta], case_count=1)
        assert await knows(delta, case_id, 5)


async def _refused(client: RegistryClient) -> bool:
    peers = await client.peers()
    return all(not peer.is_connected for peer in peers)


async def test_roster_that_one_node_adopts_spreads_and_each_node_starts_anew_under_it(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    async with running(nodes):
        async with client_of(alpha) as client:
            case_id = (await client.open_case("open", opened("A case"))).case_id
        for node in (beta, gamma):
            await until(partial(knows, node, case_id, 1), "the case is known everywhere")
        second = tmp_path / "2.roster"
        second.write_bytes(propose(alpha.folder, Change(threshold=3)))
        endorse(alpha.folder, second)
        endorse(beta.folder, second)
        with pytest.raises(RosterLacksNewMembers):
            adopt(alpha.folder, second)
        endorse(gamma.folder, second)
        adopt(alpha.folder, second)
        alpha.stop()
        alpha.start()
        # A client that records meanwhile is answered once: it repeats its request.
        indices = await asyncio.gather(*(says(beta, case_id, f"while {n}") for n in range(20)))
        for node in nodes:
            await until(partial(under, node, 2), f"{node.mechanism.slug} is under version 2")
        await says(gamma, case_id, "under the new roster")
        await until_equal(nodes, case_count=1)
        assert sorted(indices) == list(range(20))
        assert len({load_roster(NodeFolder(node.folder)) for node in nodes}) == 1


async def test_proposal_travels_between_running_nodes_and_counts_once_all_have_endorsed_it(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    async with running(nodes):
        file = tmp_path / "2.roster"
        file.write_bytes(propose(alpha.folder, Change(threshold=3)))
        endorse(alpha.folder, file)
        name = share(alpha.folder, file).name
        for node in (beta, gamma):
            await until(partial(waits, node, name), f"it reaches {node.mechanism.slug}")
            endorse_pending(node.folder, name)
        for node in nodes:
            await until(partial(under, node, 2), f"{node.mechanism.slug} is under version 2")
        assert len({load_roster(NodeFolder(node.folder)) for node in nodes}) == 1
        assert all(pending(NodeFolder(node.folder)) == [] for node in nodes)


async def waits(node: LocalNode, name: str) -> bool:
    return name in {each.name for each in pending(NodeFolder(node.folder))}


async def under(node: LocalNode, version: int) -> bool:
    async with client_of(node) as client:
        return (await client.node_status()).roster_version == version


async def test_who_joins_after_a_removal_gets_what_the_removed_member_wrote_before(
    tmp_path: Path,
) -> None:
    *founders, spare = found(tmp_path / "nodes", "alpha", "beta", "gamma", "spare")
    alpha, beta, gamma = founders
    async with running(founders):
        async with client_of(gamma) as client:
            receipt = await client.open_case("open", opened("A case"), audience=EVERYONE)
        case_id = receipt.case_id
        await says(gamma, case_id, "first")
        await until_equal(founders, case_count=1)
        for node in (alpha, beta):
            await until(partial(reads, node, case_id, 2), "all content is there")
    cut = cut_here(beta.folder, "gamma", "left")
    second = change(tmp_path, "2.roster", [alpha, beta, spare], Change(remove={"gamma": cut}))
    delta = fourth(tmp_path / "delta", gamma.address)
    third = change(
        tmp_path, "3.roster", [alpha, beta, spare], Change(add=[delta.folder / "delta.member"])
    )
    registry_id = load_roster(NodeFolder(alpha.folder)).registry_id
    join(delta.folder, tmp_path / "nodes" / "genesis.roster", registry_id, [second, third])
    add_client(delta.folder, CLIENT_NAME, delta.profile, Role.PUBLISHER)
    async with running([alpha, beta, delta]):
        await until_equal([alpha, beta, delta], case_count=1)
        await until(partial(reads, delta, case_id, 2), "delta reads what gamma wrote")
        assert (await sizes_at(delta))["gamma"] == cut.size


async def reads(node: LocalNode, case_id: CaseId, count: int) -> bool:
    async with client_of(node) as client:
        try:
            summary = await client.get_case(case(case_id))
        except NotFound:
            return False
    return (summary.event_count, summary.unreadable_count) == (count, 0)


async def test_node_under_a_roster_that_is_due_says_so_in_its_log(tmp_path: Path) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta")
    change(tmp_path, "2.roster", nodes, Change(expires_ms=1))
    async with running(nodes):
        await until_equal(nodes, case_count=0)

    for node in nodes:
        lines = node.log_file.read_text().splitlines()
        (line,) = (each for each in lines if "roster_found_due" in each)
        assert "days_left" in line
        assert "dropped" not in line
