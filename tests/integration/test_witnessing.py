"""Over real nodes: what is mirrored is cosigned, everyone learns it, and who is silent is seen."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.client import RegistryClient, situation
from registry.client.standing import LogStatus
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.cosignature import read_cosignatures
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import (
    channel_as_client,
    channel_as_member,
    client_of,
    found,
    reason_of,
    statement,
    until,
)


async def log_of(client: RegistryClient, mechanism: str) -> LogStatus:
    status = await client.node_status()
    return next(log for log in status.logs if log.mechanism == mechanism)


async def until_witnessed(node: LocalNode, mechanism: str, *by: str) -> LogStatus:
    """Waits until a node knows that exactly these have cosigned all of a log."""
    found: LogStatus | None = None

    async def is_witnessed() -> bool:
        nonlocal found
        async with client_of(node) as client:
            found = await log_of(client, mechanism)
        return found.witnessed_by == len(by) and found.size > 0

    await until(is_witnessed, f"{mechanism} is witnessed by {len(by)} at {node.mechanism.slug}")
    assert found is not None
    assert {each.mechanism for each in found.witnesses if each.size == found.size} == set(by)
    return found


async def record(node: LocalNode, *labels: str) -> list[int]:
    """Records statements; returns their places."""
    async with client_of(node) as client:
        return [
            (await client.record(each, situation("XXW"), statement(f"{each} (invented)"))).index
            for each in labels
        ]


async def test_log_is_witnessed_by_all_and_everyone_learns_it(federation: list[LocalNode]) -> None:
    places = await record(federation[0], "seen one", "seen two", "seen three")
    logs = [await until_witnessed(node, "alpha", "beta", "gamma") for node in federation]

    async with client_of(federation[2]) as client:
        history = await client.history(situation("XXW"))
        note = await client.checkpoint(logs[2].origin)
        peers = {peer.mechanism: peer for peer in await client.peers()}
    events = [e for e in history.events if e.mechanism == "alpha" and e.index in places]
    assert [(e.witnessed_by, e.witnesses) for e in events] == [(2, 2)] * 3
    assert (peers["alpha"].witnessed_by, peers["alpha"].witnesses) == (2, 2)
    assert all(peer.last_heard_ms for peer in peers.values())
    assert parse_checkpoint(parse_note(note).text).size == logs[2].size
    assert {each.witness for each in read_cosignatures(note)} == {
        "testing/beta/1",
        "testing/gamma/1",
    }


async def test_member_that_is_down_has_not_witnessed_what_came_since_and_is_seen_to_be_silent(
    tmp_path: Path,
) -> None:
    alpha, beta, gamma = nodes = found(tmp_path, "alpha", "beta", "gamma")
    async with running(nodes):
        await record(alpha, "one")
        await until_witnessed(beta, "alpha", "beta", "gamma")
        gamma.kill()
        await record(alpha, "two")

        log = await until_witnessed(alpha, "alpha", "beta")
        assert {each.mechanism: each.size for each in log.witnesses} == {"beta": 2, "gamma": 1}

        async with client_of(alpha) as client:
            history = await client.history(situation("XXW"))
            assert [event.witnessed_by for event in history.events] == [2, 1]

            async def is_silent() -> bool:
                peers = {peer.mechanism: peer for peer in await client.peers()}
                return not peers["gamma"].is_connected and peers["gamma"].last_heard_ms > 0

            await until(is_silent, "gamma is seen to be silent")

        gamma.start()
        await gamma.wait_until_open()
        await until_witnessed(alpha, "alpha", "beta", "gamma")


async def add_checkpoint(node: LocalNode, member: LocalNode, **fields: Any) -> Any:
    async with channel_as_member(node, member) as channel:
        stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
        return await stub.AddCheckpoint(replication_pb2.AddCheckpointRequest(**fields), timeout=60)


async def refused(node: LocalNode, member: LocalNode, **fields: Any) -> tuple[str, str, str]:
    """The code, the reason, and the size that the witness tells."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await add_checkpoint(node, member, **fields)
    return error.value.code().name, reason_of(error.value), fact_of(error.value, "witnessed_size")


def fact_of(error: grpc.aio.AioRpcError, name: str) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            told = error_details_pb2.ErrorInfo()
            assert status_pb2.Status.FromString(value).details[0].Unpack(told)
            return str(told.metadata.get(name, ""))
    return ""


async def test_checkpoint_that_is_brought_is_answered_as_a_witness_answers(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    await record(alpha, "brought one", "brought two")
    await record(beta, "brought three")
    log = await until_witnessed(gamma, "alpha", "beta", "gamma")
    async with client_of(alpha) as client:
        note = await client.checkpoint()
        own = await client.checkpoint("testing/beta/1")

    answer = await add_checkpoint(beta, alpha, old_size=log.size, checkpoint=note)
    (cosignature,) = read_cosignatures(answer.cosignature)
    assert cosignature.witness == "testing/beta/1"
    assert cosignature.checkpoint == parse_checkpoint(parse_note(note).text)

    def brought(old_size: int, note: bytes, *path: bytes) -> dict[str, Any]:
        return {"old_size": old_size, "checkpoint": note, "consistency_path": path}

    size = log.size
    stranger = note.replace(b"testing/alpha/1", b"testing/nobody/1")
    forged = note.replace(b"alpha/1\n%d\n" % size, b"alpha/1\n%d\n" % (size + 1))
    expected = {
        ("ABORTED", "witnessed_size_differs", str(size)): brought(size - 1, note),
        ("INVALID_ARGUMENT", "bad_proof", ""): brought(size, note, b"h" * 32),
        ("INVALID_ARGUMENT", "invalid_request", ""): brought(size + 1, note),
        ("FAILED_PRECONDITION", "not_cosigned", ""): brought(0, own),
        ("NOT_FOUND", "not_found", ""): brought(0, stranger),
        ("PERMISSION_DENIED", "not_allowed", ""): brought(size, forged),
        ("INVALID_ARGUMENT", "malformed_note", ""): brought(0, b"no note"),
    }
    for answered, fields in expected.items():
        assert await refused(beta, alpha, **fields) == answered

    async with channel_as_client(beta) as channel:
        stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.AddCheckpoint(replication_pb2.AddCheckpointRequest(), timeout=60)
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
