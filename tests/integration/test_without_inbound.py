"""A node that takes no calls from outside is a full member: through the connections it opens."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from registry.api.v1 import replication_pb2, replication_pb2_grpc  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.client import RegistryClient, case  # noqa: E402
from registry.client.confidentiality import PartToErase  # noqa: E402
from registry.domain.audience import EVERYONE, named  # noqa: E402
from registry.domain.identifiers import CaseId  # noqa: E402
from registry.errors import NotFound  # noqa: E402
from registry_cli.federation import LocalNode  # noqa: E402
from registry_cli.main import app  # noqa: E402
from registry_node.offers import FRAME_MAX_BYTES  # noqa: E402
from tests.integration.durable_logs import leaves_of  # noqa: E402
from tests.integration.federation_world import (  # noqa: E402
    channel_as_member,
    client_of,
    found,
    opened,
    reason_of,
    start_all,
    stop_all,
    until,
    until_equal,
)

MANY: Final = 40
RUNNER: Final = CliRunner()


@dataclass
class World:
    """A federation whose first node takes no calls, and how many cases it knows."""

    nodes: list[LocalNode]
    case_count: int = 0

    async def record(self, node: LocalNode, count: int) -> None:
        async with client_of(node) as client:
            for _ in range(count):
                await client.open_case(f"case-{self.case_count}", opened("A case (invented)"))
                self.case_count += 1

    async def until_equal(self) -> None:
        await until_equal(self.nodes, case_count=self.case_count)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Every test leaves all three running and equal."""
    folder = tmp_path_factory.mktemp("nodes")
    nodes = found(folder, "hidden", "beta", "gamma", without_inbound={"hidden"})
    try:
        start_all(nodes)
        yield World(nodes)
    finally:
        stop_all(nodes)


async def state_at(client: RegistryClient, case_id: CaseId) -> str:
    try:
        return (await client.history(case(case_id))).events[0].content_state
    except NotFound:
        return ""


async def until_state(node: LocalNode, case_id: CaseId, state: str) -> None:
    async with client_of(node) as client:

        async def has_it() -> bool:
            return await state_at(client, case_id) == state

        await until(has_it, f"the content is {state} at {node.mechanism.slug}")


async def until_connected(node: LocalNode, peer: str) -> None:
    async with client_of(node) as client:

        async def is_connected() -> bool:
            found = {each.mechanism: each for each in await client.peers()}
            return found[peer].is_caught_up

        await until(is_connected, f"{node.mechanism.slug} has caught up with {peer}")


def lines(node: LocalNode, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in node.log_file.read_text().splitlines()]
    return [line for line in found if line["event"] == event]


async def test_all_three_hold_the_same_and_content_travels_both_ways_within_its_audience(
    world: World,
) -> None:
    hidden, beta, gamma = world.nodes
    await until_connected(beta, "hidden")
    for node in world.nodes:
        await world.record(node, 5)
    await world.until_equal()
    async with client_of(hidden) as author:
        ours = await author.open_case("ours", opened("Ours (invented)"), audience=named("beta"))
    async with client_of(beta) as author:
        theirs = await author.open_case("two", opened("Two (invented)"), audience=named("hidden"))
        erased = await author.open_case("all", opened("All (invented)"), audience=EVERYONE)
    await until_state(beta, CaseId(ours.case_id), "present")
    await until_state(hidden, CaseId(theirs.case_id), "present")
    await until_state(hidden, CaseId(erased.case_id), "present")
    await until_state(gamma, CaseId(ours.case_id), "withheld")
    await until_state(gamma, CaseId(theirs.case_id), "withheld")
    async with client_of(beta) as author:
        erasure = await author.confidentiality.erase("erase", [PartToErase(erased.index, 0)])
        assert erasure.receipt is not None
        await until_state(hidden, CaseId(erased.case_id), "erased")

        async def is_confirmed() -> bool:
            assert erasure.receipt is not None
            status = await author.confidentiality.erasure_status(erasure.receipt.index)
            return {e.mechanism for e in status.confirmations if e.is_confirmed} >= {"hidden"}

        await until(is_confirmed, "the node without an inbound port has confirmed the erasure")
    world.case_count += 3
    await world.until_equal()
    served = {line["method"] for line in lines(hidden, "call_handled") if line["caller"] != ""}
    assert any(method.endswith("/GetParts") for method in served)
    shown = await asyncio.to_thread(RUNNER.invoke, app, ["peers", "--profile", str(beta.profile)])
    assert "through its own connection" in shown.stdout
    callers = {
        line["caller"] for line in lines(hidden, "call_handled") if "Replication" in line["method"]
    }
    assert callers == {"member:beta", "member:gamma"}


async def test_connection_that_breaks_is_offered_again(world: World) -> None:
    hidden, beta, gamma = world.nodes
    await until_connected(beta, "hidden")
    await asyncio.to_thread(beta.kill)
    await world.record(hidden, MANY)
    beta.start()
    await beta.wait_until_open()
    await world.until_equal()
    await asyncio.to_thread(hidden.kill)
    await world.record(beta, 1)
    hidden.start()
    await hidden.wait_until_open()
    await until_connected(beta, "hidden")
    await until_connected(gamma, "hidden")
    await world.until_equal()


def _copy_databases(source: Path, target: Path) -> None:
    for file in target.glob("*.db*"):
        file.unlink()
    for file in source.glob("*.db*"):
        shutil.copy(file, target / file.name)


async def test_restored_database_gets_its_own_log_back(world: World, tmp_path: Path) -> None:
    hidden = world.nodes[0]
    await world.record(hidden, 3)
    await world.until_equal()
    await asyncio.to_thread(hidden.stop)
    _copy_databases(hidden.folder, tmp_path)
    hidden.start()
    await hidden.wait_until_open()
    await world.record(hidden, 6)
    await world.until_equal()
    await asyncio.to_thread(hidden.stop)
    leaves = leaves_of(hidden, "testing/hidden/1")
    _copy_databases(tmp_path, hidden.folder)
    assert len(leaves_of(hidden, "testing/hidden/1")) == len(leaves) - 6
    hidden.start()
    await hidden.wait_until_open()
    await world.record(hidden, 1)
    await world.until_equal()
    await asyncio.to_thread(hidden.stop)
    assert leaves_of(hidden, "testing/hidden/1")[:-1] == leaves
    hidden.start()
    await hidden.wait_until_open()


async def test_two_nodes_without_inbound_ports_reach_each_other_through_a_third(
    tmp_path: Path,
) -> None:
    nodes = found(
        tmp_path / "nodes", "hidden", "relay", "other", without_inbound={"hidden", "other"}
    )
    hidden, _, other = nodes
    try:
        await asyncio.to_thread(start_all, nodes[1:])
        await asyncio.to_thread(start_all, nodes[:1])
        async with client_of(hidden) as author:
            told = await author.open_case("all", opened("All (invented)"), audience=EVERYONE)
        await until_state(other, CaseId(told.case_id), "present")
        async with client_of(other) as author:
            await author.open_case("two", opened("Two (invented)"))
        await until_equal(nodes, case_count=2)
        async with client_of(hidden) as client:
            peers = {each.mechanism: each for each in await client.peers()}
        assert peers["other"].last_error.startswith("no_inbound: ")
        assert NodeFolder(hidden.folder).describe().address == hidden.address
    finally:
        await asyncio.to_thread(stop_all, nodes)


# --- what is refused ------------------------------------------------------------------------------


async def offered(node: LocalNode, member: LocalNode, *frames: bytes) -> tuple[str, str]:
    """Opens a stream as a member; returns the code and the reason of its end."""
    async with channel_as_member(node, member) as channel:
        stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
        call = stub.Offer(timeout=90)
        try:
            for frame in frames:
                await call.write(replication_pb2.OfferRequest(data=frame))
            await _read_all(call)
        except grpc.aio.AioRpcError as error:
            return error.code().name, reason_of(error)
        finally:
            call.cancel()
    return "OK", ""


async def _read_all(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_offers_that_break_the_rules_are_refused_and_the_newest_counts(
    tmp_path: Path,
) -> None:
    hidden, beta, gamma = nodes = found(
        tmp_path / "nodes", "hidden", "beta", "gamma", without_inbound={"hidden"}
    )
    try:
        await asyncio.to_thread(start_all, [beta])
        assert await offered(beta, gamma) == ("INVALID_ARGUMENT", "invalid_request")
        too_large = b"x" * (FRAME_MAX_BYTES + 1)
        assert await offered(beta, hidden, too_large) == ("INVALID_ARGUMENT", "invalid_request")
        assert await offered(beta, hidden, b"") == ("INVALID_ARGUMENT", "invalid_request")
        # What is no TLS of the pinned member ends at the handshake.
        assert (await offered(beta, hidden, b"no handshake"))[0] in ("OK", "UNAVAILABLE")
        async with channel_as_member(beta, hidden) as channel:
            stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
            older = stub.Offer(timeout=90)
            assert (await older.read()).data, "the called node speaks first"
            newer = stub.Offer(timeout=90)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await _read_all(older)
            assert reason_of(ended.value) == "offer_replaced"
            newer.cancel()
        # Nothing of that kept it from serving the real one.
        await asyncio.to_thread(start_all, [hidden])
        await until_connected(beta, "hidden")
    finally:
        await asyncio.to_thread(stop_all, nodes)
