"""What is provoked from outside leaves no word of it in a node's log."""

import json
from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest

from registry.api.v1 import cases_pb2, cases_pb2_grpc, content_pb2
from registry.client import case
from registry.errors import RegistryError
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    found,
    opened,
    reason_of,
    start_all,
    statement,
    stop_all,
)

CANARY: Final = "canary-log-90be"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNode]:
    nodes = found(tmp_path_factory.mktemp("log"), "alpha", "beta")
    try:
        start_all(nodes)
        yield nodes[0]
    finally:
        stop_all(nodes)


async def refused(
    node: LocalNode, method: str, request: Any, metadata: tuple[tuple[str, str], ...] = ()
) -> grpc.aio.AioRpcError:
    """Makes a call that must fail."""
    async with channel_as_client(node) as channel:
        stub: Any = cases_pb2_grpc.CaseServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(stub, method)(request, timeout=10, metadata=metadata)
    return caught.value


async def test_no_text_of_a_call_reaches_the_log(node: LocalNode) -> None:
    async with client_of(node) as client:
        receipt = await client.open_case(f"{CANARY} request", opened(f"{CANARY} title"))
        await client.record(
            f"{CANARY} second", case(receipt.case_id), statement(CANARY, summary=CANARY)
        )
        with pytest.raises(RegistryError):
            await client.record(
                f"{CANARY} second", case(receipt.case_id), statement(f"{CANARY} other")
            )
    content = content_pb2.Content(
        statement_issued=content_pb2.StatementIssued(title=CANARY, states=[CANARY])
    )
    failures = [
        await refused(node, "OpenCase", cases_pb2.OpenCaseRequest(request_id=CANARY * 100)),
        await refused(
            node,
            "RecordEvent",
            cases_pb2.RecordEventRequest(
                request_id="x", case=case(receipt.case_id), content=content
            ),
        ),
        await refused(
            node,
            "ListCases",
            cases_pb2.ListCasesRequest(page_token=CANARY),
            (("x-words", CANARY),),
        ),
        await refused(
            node,
            "GetCase",
            cases_pb2.GetCaseRequest(case=cases_pb2.CaseSelector(situation_of=CANARY)),
        ),
        await refused(
            node, "ListCases", cases_pb2.ListCasesRequest(), (("x-words", CANARY * 2_000),)
        ),
    ]
    # The last is refused by grpc itself, before any handler.
    assert all(reason_of(failure) for failure in failures[:-1])
    text = node.log_file.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    told = [line for line in lines if line["event"] == "call_handled" and "reason" in line]
    assert len(told) >= len(failures)
    assert all(len(line["error_id"]) == 8 for line in told)
    assert "dropped" not in text
    assert CANARY not in text
    # The client's name is a person's, or a desk's.
    assert all(line["caller"].startswith("client:") for line in told)
