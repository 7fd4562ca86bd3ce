"""The calls of a real node on loopback: random and mutated bytes on every method it serves.

Each call ends with a status of the right class and a reason; it changes nothing unless it was taken
as a sound one; its words stand in no log; and the node goes on serving.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import case
from registry_cli.federation import LocalNode
from registry_node.permissions import MEMBER, PERMISSIONS
from tests.counts import tell
from tests.fuzzing.messages import CANARY, sample_of
from tests.fuzzing.mutation import Form, Mutator
from tests.integration.federation_world import (
    channel_as_client,
    channel_as_member,
    client_of,
    found,
    opened,
    reason_of,
    start_all,
    statement,
    stop_all,
)
from tests.integration.test_access import served_methods

CALLS: Final = int(os.environ.get("SOAK_CALLS", "3000"))
"""In all; they are shared out over the methods and who may call them."""
SEED: Final = int(os.environ.get("SOAK_SEED", "6"))
AT_ONCE: Final = 16
_DEADLINE_S: Final = 10.0
_LISTENED_S: Final = 0.2
"""To a stream that may stay open for ever."""
_TRIES: Final = 4
_NODE_AT_FAULT: Final = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAUTHENTICATED"})
_OF_THE_LIBRARY: Final = "/grpc."
"""Health answers NOT_FOUND for a service that there is not, without a reason of ours."""
_LOST: Final = "LOST"
_ENDLESS: Final = ("Watch", "ServerReflectionInfo")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    nodes = found(tmp_path_factory.mktemp("calls"), "alpha", "beta")
    try:
        start_all(nodes[:1])
        yield nodes
    finally:
        stop_all(nodes)


@pytest.fixture
async def callers(
    nodes: list[LocalNode], tmp_path: Path
) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    """A channel for each role and for the other member."""
    opened_channels = {MEMBER: channel_as_member(nodes[0], nodes[1])}
    for role in Role:
        add_client(nodes[0].folder, f"fuzzing-{role}", tmp_path / role, role)
        opened_channels[role] = channel_as_client(nodes[0], tmp_path / role)
    yield opened_channels
    for each in opened_channels.values():
        await each.close()


def path_of(method: MethodDescriptor) -> str:
    assert method.containing_service is not None
    return f"/{method.containing_service.full_name}/{method.name}"


async def call(caller: grpc.aio.Channel, method: MethodDescriptor, data: bytes) -> tuple[str, str]:
    """Sends raw bytes; returns the code and the stable reason.

    Of a call that is refused before its bytes were read the answer can be lost on the way. Of a
    stream of requests it can be lost each time: then the node's log alone tells of a fault.
    """
    for _ in range(_TRIES):
        outcome = await _call(caller, method, data)
        if outcome != ("INTERNAL", ""):
            return outcome
    return (_LOST, _LOST) if method.client_streaming else outcome


async def _call(caller: grpc.aio.Channel, method: MethodDescriptor, data: bytes) -> tuple[str, str]:
    path = path_of(method)
    is_endless = method.name.startswith(_ENDLESS)
    timeout = _LISTENED_S if is_endless else _DEADLINE_S
    try:
        if not method.server_streaming:
            unary: Any = caller.unary_unary(path)
            await unary(data, timeout=timeout)
            return "OK", ""
        many: Any = (
            caller.stream_stream(path) if method.client_streaming else caller.unary_stream(path)
        )
        stream = many(iter([data]) if method.client_streaming else data, timeout=timeout)
        try:
            async for _ in stream:
                break
        finally:
            stream.cancel()
    except grpc.aio.AioRpcError as error:
        if is_endless and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return "OK", ""
        return error.code().name, reason_of(error)
    return "OK", ""


async def state_of(node: LocalNode) -> tuple[bytes, int]:
    """The digest over all cases, and the size of the node's own log."""
    async with client_of(node) as client:
        status = await client.node_status()
        digest = await client.node_digest()
    return digest.digest, max(log.size for log in status.logs)


def samples_of(method: MethodDescriptor, case_id: bytes) -> list[bytes]:
    """Sound-looking requests, also such that name a case which is there."""
    samples = [
        sample_of(method.input_type, choice=choice).SerializeToString() for choice in range(3)
    ]
    return [b"", *samples, *(each.replace(b"\x05" * 16, case_id) for each in samples)]


async def test_hostile_calls_are_answered_by_name_and_change_nothing(
    nodes: list[LocalNode], callers: dict[str, grpc.aio.Channel]
) -> None:
    node, began = nodes[0], time.monotonic()
    async with client_of(node) as client:
        receipt = await client.open_case("fuzzing-0", opened("A case that is there (invented)"))
        await client.record("fuzzing-00", case(receipt.case_id), statement("Said (invented)"))
    methods = await served_methods(callers[Role.OFFICER])
    asked = [
        (role, method)
        for method in methods.values()
        for role in callers
        if role in PERMISSIONS.get(path_of(method), ())
    ]
    each = -(-CALLS // len(asked))
    codes: Counter[str] = Counter()
    faults: list[str] = []
    for role, method in asked:
        before = await state_of(node)
        outcomes = await _many(callers[role], method, receipt.case_id, each, f"{SEED}/{role}")
        after = await state_of(node)
        codes.update(code for code, _ in outcomes)
        taken = sum(code == "OK" for code, _ in outcomes)
        faults += [
            f"{role} {path_of(method)}: {code} {reason or '(no reason)'}"
            for code, reason in set(outcomes)
            if code in _NODE_AT_FAULT
            or (code != "OK" and not reason and not path_of(method).startswith(_OF_THE_LIBRARY))
        ]
        if before != after and not 0 < after[1] - before[1] <= taken:
            faults.append(f"{role} {path_of(method)}: {taken} taken, {before} became {after}")
    tell(
        f"fuzzing: {codes.total()} calls of {len(methods)} methods by {len(callers)} kinds "
        f"of callers in {time.monotonic() - began:.1f} s: {dict(codes.most_common())}"
    )
    assert "\n".join(faults) == ""
    _check_log(node)
    async with client_of(node) as client:
        await client.record("fuzzing-last", case(receipt.case_id), statement("Serves (invented)"))


async def _many(
    caller: grpc.aio.Channel, method: MethodDescriptor, case_id: bytes, count: int, seed: str
) -> list[tuple[str, str]]:
    mutator = Mutator(
        Random(f"{seed}/{path_of(method)}"), samples_of(method, case_id), Form.PROTOBUF
    )
    inputs = [mutator.make() for _ in range(count)]
    outcomes: list[tuple[str, str]] = []
    for start in range(0, count, AT_ONCE):
        calls = (call(caller, method, data) for data in inputs[start : start + AT_ONCE])
        outcomes += await asyncio.gather(*calls)
    return outcomes


def _check_log(node: LocalNode) -> None:
    text = node.log_file.read_text()
    assert CANARY not in text
    assert "Traceback" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line for line in lines if line.get("outcome") == "INTERNAL" or "error" in line] == []
