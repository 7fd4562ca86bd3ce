"""Who joins later, from a registry id and one address, to a mirror that two members agree on."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import Change, load_roster
from registry.application.roles import Role
from registry.client import RegistryClient, case
from registry.client.standing import NodeStatus
from registry.domain.audience import EVERYONE, named
from registry.domain.identifiers import CaseId, RegistryId
from registry_cli.federation import CLIENT_NAME, LocalNode, free_addresses, running
from registry_cli.main import app
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    statement,
    until,
    until_equal,
)
from tests.integration.parts_world import CANARY, open_registry
from tests.integration.test_roster_changes import change, fourth, says


def joins(node: LocalNode, address: str, registry_id: RegistryId) -> str:
    """Gives `registry join` once; returns what it says."""
    command = ["join", str(node.folder), "--from", address, "--registry-id", registry_id.hex()]
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, command)
    assert result.exit_code == 0, result.exception
    return result.output


async def status_of(node: LocalNode) -> NodeStatus:
    async with client_of(node) as client:
        return await client.node_status()


async def states_at(client: RegistryClient, case_id: CaseId) -> dict[int, str]:
    """How the content of each event of alpha's log stands."""
    history = await client.history(case(case_id))
    return {e.index: e.content_state for e in history.events if e.mechanism == "alpha"}


class Written(NamedTuple):
    """What there was before delta joined; index of events in alpha's log."""

    case_id: CaseId
    for_beta: int
    for_delta_later: int


async def written_before(founders: list[LocalNode]) -> Written:
    """Content for all and for beta alone; the last of it beta has never heard of."""
    alpha, _, gamma = founders
    async with running(founders):
        async with client_of(alpha) as client:
            receipt = await client.open_case("open", opened("A case"), audience=EVERYONE)
            selector, to_beta = case(receipt.case_id), named("beta")
            text = statement("For beta alone", summary=CANARY)
            secret = await client.record("secret", selector, text, audience=to_beta)
            text = statement("For beta, and later for delta")
            later = await client.record("later", selector, text, audience=to_beta)
        await until_equal(founders, case_count=1)
        await says(gamma, receipt.case_id, "Of gamma, for all")
        await until_equal(founders, case_count=1)
    async with running([alpha, gamma]):
        await says(alpha, receipt.case_id, "Of alpha, for all, never heard by beta")
        await until_equal([alpha, gamma], case_count=1)
    return Written(receipt.case_id, secret.index, later.index)


async def start_joined(delta: LocalNode, beta: LocalNode, registry_id: RegistryId) -> None:
    said = await asyncio.to_thread(joins, delta, beta.address, registry_id)
    assert "joined testing" in said
    add_client(delta.folder, CLIENT_NAME, delta.profile, Role.PUBLISHER)
    delta.start()
    await delta.wait_until_open()


async def test_late_joiner_is_whole_once_two_have_shown_their_heads_and_holds_only_its_own(
    tmp_path: Path,
) -> None:
    founders = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    alpha, beta, gamma = founders
    delta = fourth(tmp_path / "delta", free_addresses(1)[0])
    registry_id = load_roster(NodeFolder(alpha.folder)).registry_id
    written = await written_before(founders)
    change(tmp_path, "2.roster", founders, Change(add=[delta.folder / "delta.member"]))
    try:
        # Beta shows too little, as one does that hides the ends of logs.
        async with running([beta]):
            await start_joined(delta, beta, registry_id)
            await until(lambda: holds_all_of(delta, beta), "delta holds all that beta shows")
            status = await status_of(delta)
            assert status.is_first_sync
            assert (status.heads_compared_with, status.heads_needed) == (1, 2)
            async with client_of(delta) as client:
                assert not any(peer.is_caught_up for peer in await client.peers())
            again = await asyncio.to_thread(joins, delta, beta.address, registry_id)
            assert "first sync not done" in again
            assert "0 behind; heads compared with 1 member\n" in again
            async with running([alpha, gamma]):
                await until(lambda: is_whole(delta), "two have shown delta their heads")
                await until_equal([*founders, delta], case_count=1)
                assert await sizes_at(delta) == await sizes_at(alpha)
                await until_let_in(alpha, delta, written)
                await until_equal([*founders, delta], case_count=1)
    finally:
        delta.stop()
    check_held(delta, written)


async def until_let_in(alpha: LocalNode, delta: LocalNode, written: Written) -> None:
    """Alpha widens one content; delta reads it, and what is for all, and nothing else."""
    async with client_of(alpha) as author, client_of(delta) as reader:
        await author.confidentiality.widen("widen", written.for_delta_later, named("delta"))

        async def is_let_in() -> bool:
            states = await states_at(reader, written.case_id)
            return states[written.for_delta_later] == "present"

        await until(is_let_in, "delta reads what it was let in to")
        states = await states_at(reader, written.case_id)
    assert states[written.for_beta] == "withheld"
    assert [states[index] for index in (0, 3)] == ["present", "present"]


def check_held(delta: LocalNode, written: Written) -> None:
    """Of content for others there is no part in the folder: neither salt nor bytes."""
    registry = open_registry(delta)
    try:
        log_id = registry.roster.member_by_slug("alpha").log_id
        assert registry.store.parts_of([(log_id, written.for_beta, 0)]) == []
        assert len(registry.store.parts_of([(log_id, written.for_delta_later, 0)])) == 1
    finally:
        registry.close()
    assert not NodeFolder(delta.folder).first_sync_file.exists()


async def holds_all_of(node: LocalNode, peer: LocalNode) -> bool:
    held, shown = await sizes_at(node), await sizes_at(peer)
    return all(held[slug] >= size for slug, size in shown.items())


async def is_whole(node: LocalNode) -> bool:
    return not (await status_of(node)).is_first_sync
