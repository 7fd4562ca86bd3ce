"""What clients may rely on: repeats, pages, limits, reasons; and what never stands in a log."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from registry.api.v1 import audit_pb2, audit_pb2_grpc, cases_pb2, cases_pb2_grpc, content_pb2
from registry.application.clients import add_client
from registry.client import RegistryClient, case, load_profile, situation
from registry.domain.audience import DEFAULT_AUDIENCE, named
from registry.domain.identifiers import CaseId
from registry.errors import NotFound, RequestIdReused
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    opened,
    reason_of,
    statement,
)

CANARY: Final = "canary-77c1-content-that-no-log-may-hold"
PAGE_MAX: Final = 1000


@pytest.fixture
async def client(alpha: LocalNode) -> AsyncIterator[RegistryClient]:
    async with client_of(alpha) as client:
        yield client


@pytest.fixture
async def raw(alpha: LocalNode) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_as_client(alpha) as channel:
        yield channel


def cases_of(channel: grpc.aio.Channel) -> Any:
    return cases_pb2_grpc.CaseServiceStub(channel)


async def refusal(call: Any) -> tuple[str, str]:
    """The code and the stable reason of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code().name, reason_of(refused.value)


def act(title: str, **fields: Any) -> content_pb2.Content:
    """A statement as it travels; fields may be wrong."""
    told: dict[str, Any] = {
        "acting_body": "test.desk",
        "basis": "own_act",
        "is_invented": True,
    } | fields
    return content_pb2.Content(statement_issued=content_pb2.StatementIssued(title=title, **told))


# --- repeats --------------------------------------------------------------------------------------


async def test_repeated_request_gives_the_same_receipt_and_records_nothing(
    client: RegistryClient,
) -> None:
    first = await client.open_case("repeat", opened("Repeated (invented)"))
    again = await client.open_case("repeat", opened("Repeated (invented)"))
    assert not first.was_recorded_before
    assert again.was_recorded_before
    assert (again.case_id, again.index, again.leaf_hash) == (
        first.case_id,
        first.index,
        first.leaf_hash,
    )
    history = await client.history(case(first.case_id))
    assert len(history.events) == 1


async def test_request_id_with_other_content_case_or_audience_is_refused(
    client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    home = await client.open_case("reuse-home", opened("Home (invented)"))
    away = await client.open_case("reuse-away", opened("Away (invented)"))
    await client.record("reuse", case(home.case_id), statement("First"))
    for selector, content, audience in (
        (case(home.case_id), statement("Second"), DEFAULT_AUDIENCE),
        (case(away.case_id), statement("First"), DEFAULT_AUDIENCE),
        (case(home.case_id), statement("First"), named("beta")),
    ):
        with pytest.raises(RequestIdReused):
            await client.record("reuse", selector, content, audience=audience)
    other = content_pb2.CaseOpened(title="Third", acting_body="test.desk", basis="own_act")
    request = cases_pb2.OpenCaseRequest(request_id="reuse", content=other)
    told = await refusal(cases_of(raw).OpenCase(request, timeout=5))
    assert told == ("ALREADY_EXISTS", "request_id_reused")


async def test_request_ids_of_two_clients_are_apart_unless_shared(
    alpha: LocalNode, client: RegistryClient, tmp_path: Path
) -> None:
    profile = tmp_path / "other"
    add_client(alpha.folder, f"other-{tmp_path.name}", profile)
    async with RegistryClient(load_profile(profile)) as other:
        mine = await client.open_case("apart", opened("Mine (invented)"))
        theirs = await other.open_case("apart", opened("Theirs (invented)"))
        assert mine.case_id != theirs.case_id
        ours = await client.open_case("shared", opened("Ours (invented)"), is_shared=True)
        same = await other.open_case("shared", opened("Ours (invented)"), is_shared=True)
        assert same.was_recorded_before
        assert same.case_id == ours.case_id


async def test_one_request_sent_many_times_at_once_is_recorded_once(
    client: RegistryClient,
) -> None:
    receipts = await asyncio.gather(
        *(client.open_case("at-once", opened("At once (invented)")) for _ in range(20))
    )
    assert len({receipt.index for receipt in receipts}) == 1
    assert sum(not receipt.was_recorded_before for receipt in receipts) == 1


# --- pages ----------------------------------------------------------------------------------------


async def test_history_is_read_page_by_page_and_a_change_between_pages_is_told(
    client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    receipt = await client.open_case("pages", opened("Pages (invented)"))
    selector = case(receipt.case_id)
    for number in range(4):
        await client.record(f"pages-{number}", selector, statement(f"Act {number}"))
    whole = await client.history(selector)
    stub, seen, token = cases_of(raw), [], ""
    while True:
        request = cases_pb2.GetHistoryRequest(case=selector, page_size=2, page_token=token)
        page = await stub.GetHistory(request, timeout=5)
        seen += [event.leaf_hash for event in page.events]
        token = page.next_page_token
        if not token:
            break
    assert seen == [event.leaf_hash for event in whole.events]
    first = await stub.GetHistory(
        cases_pb2.GetHistoryRequest(case=selector, page_size=2), timeout=5
    )
    await client.record("pages-later", selector, statement("Later"))
    old: dict[str, Any] = {
        "case": selector,
        "page_size": 2,
        "page_token": first.next_page_token,
    }
    for call in (
        stub.GetHistory(cases_pb2.GetHistoryRequest(**old), timeout=5),
        stub.GetTimeline(cases_pb2.GetTimelineRequest(**old), timeout=5),
    ):
        assert await refusal(call) == ("ABORTED", "history_changed")


async def test_page_sizes_and_tokens_out_of_bounds_are_refused(
    client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    receipt = await client.open_case("bounds", opened("Bounds (invented)"))
    selector, stub = case(receipt.case_id), cases_of(raw)
    audit: Any = audit_pb2_grpc.AuditServiceStub(raw)
    invalid = ("INVALID_ARGUMENT", "invalid_request")
    too_many, foreign = PAGE_MAX + 1, "1.peers"
    for call in (
        stub.GetHistory(cases_pb2.GetHistoryRequest(case=selector, page_size=too_many)),
        stub.GetTimeline(cases_pb2.GetTimelineRequest(case=selector, page_size=too_many)),
        stub.ListCases(cases_pb2.ListCasesRequest(page_size=too_many)),
        stub.ListCases(cases_pb2.ListCasesRequest(page_token=foreign)),
        audit.ListEntries(audit_pb2.ListEntriesRequest(page_size=too_many)),
        audit.ListEntries(audit_pb2.ListEntriesRequest(page_token=foreign)),
        audit.ListEntries(audit_pb2.ListEntriesRequest(page_token=f"{10**19}.alpha")),
    ):
        assert await refusal(call) == invalid
    page = await stub.GetHistory(cases_pb2.GetHistoryRequest(case=selector, page_size=PAGE_MAX))
    assert page.event_count == len(page.events) == 1


# --- limits and reasons ---------------------------------------------------------------------------


async def test_oversized_message_and_metadata_are_refused_and_the_node_goes_on(
    client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    huge = cases_pb2.RecordEventRequest(
        request_id="huge", case=situation("XXA"), content=act("x" * 9 * 2**20)
    )
    code, _ = await refusal(cases_of(raw).RecordEvent(huge, timeout=10))
    assert code == "RESOURCE_EXHAUSTED"
    metadata = (("x-filler", "x" * 64 * 2**10),)
    small = cases_pb2.ListCasesRequest()
    code, _ = await refusal(cases_of(raw).ListCases(small, timeout=10, metadata=metadata))
    assert code == "RESOURCE_EXHAUSTED"
    assert (await client.node_status()).is_open


WRONG_REQUESTS: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "no case": ({"case": cases_pb2.CaseSelector()}, "INVALID_ARGUMENT", "invalid_request"),
    "short case id": ({"case": case(CaseId(b"x"))}, "INVALID_ARGUMENT", "invalid_request"),
    "no such State": ({"case": situation("BBB")}, "NOT_FOUND", "not_found"),
    "unknown case": ({"case": case(CaseId(b"x" * 16))}, "NOT_FOUND", "not_found"),
    "no request id": ({"request_id": ""}, "INVALID_ARGUMENT", "invalid_request"),
    "long request id": ({"request_id": "x" * 201}, "INVALID_ARGUMENT", "invalid_request"),
    "no content": ({"content": content_pb2.Content()}, "INVALID_ARGUMENT", "invalid_content"),
    "no acting body": (
        {"content": act("x", acting_body="")},
        "INVALID_ARGUMENT",
        "invalid_content",
    ),
    "long title": ({"content": act("x" * 501)}, "INVALID_ARGUMENT", "invalid_content"),
    "very many faults": (
        {"content": act("x", references=["x" * 600] * 200, states=["ZZZ"] * 60)},
        "INVALID_ARGUMENT",
        "invalid_content",
    ),
    "unknown audience": (
        {"audience": cases_pb2.AudienceSelector(mechanisms=["nobody"])},
        "NOT_FOUND",
        "not_found",
    ),
    "sealed in a situation": (
        {"audience": cases_pb2.AudienceSelector(mechanisms=["beta"])},
        "FAILED_PRECONDITION",
        "rule_violation",
    ),
}


async def sizes_of_logs(client: RegistryClient) -> dict[str, int]:
    """How long each log is; what witnesses have cosigned of it may come at any time."""
    return {each.origin: each.size for each in (await client.node_status()).logs}


@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
async def test_wrong_request_gets_its_code_and_stable_reason(
    client: RegistryClient, raw: grpc.aio.Channel, wrong: str
) -> None:
    fields, code, reason = WRONG_REQUESTS[wrong]
    right: dict[str, Any] = {
        "request_id": f"wrong {wrong}",
        "case": situation("XXA"),
        "content": act("Right"),
    }
    request = cases_pb2.RecordEventRequest(**(right | fields))
    before = await sizes_of_logs(client)
    assert await refusal(cases_of(raw).RecordEvent(request, timeout=5)) == (code, reason)
    assert await sizes_of_logs(client) == before


async def test_request_that_is_no_message_is_refused_without_a_trace_of_it(
    alpha: LocalNode, client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    call: Any = raw.unary_unary("/registry.api.v1.CaseService/RecordEvent")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(b"\xff\xff\xff\xff" + CANARY.encode(), timeout=5)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "invalid_request"
    assert CANARY not in str(refused.value)
    assert CANARY.encode() not in alpha.log_file.read_bytes()
    assert (await client.node_status()).is_open


@pytest.mark.parametrize(
    "method", ["/registry.api.v1.CaseService/Erase", "/registry.api.v9.NoService/GetCase"]
)
async def test_unknown_method_is_unimplemented(raw: grpc.aio.Channel, method: str) -> None:
    call: Any = raw.unary_unary(method)
    assert await refusal(call(b"", timeout=5)) == ("UNIMPLEMENTED", "")


async def test_health_and_reflection_answer(raw: grpc.aio.Channel) -> None:
    check: Any = raw.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    answer = await check(health_pb2.HealthCheckRequest(service=""), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflect: Any = raw.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    asked = reflection_pb2.ServerReflectionRequest(
        file_containing_symbol="registry.api.v1.CaseService"
    )
    call = reflect(iter([asked]), timeout=5)
    files = [answer.file_descriptor_response.file_descriptor_proto async for answer in call]
    assert b"RecordEvent" in files[0][0]


# --- logs -----------------------------------------------------------------------------------------


async def test_logs_name_calls_and_callers_and_hold_no_content(
    federation: list[LocalNode], client: RegistryClient, raw: grpc.aio.Channel
) -> None:
    receipt = await client.open_case(f"log-{CANARY}", opened(f"{CANARY} (invented)"))
    await client.record("log-1", case(receipt.case_id), statement("Title", summary=CANARY))
    await refusal(
        cases_of(raw).RecordEvent(
            cases_pb2.RecordEventRequest(
                request_id="log-2",
                case=case(receipt.case_id),
                content=act("x", acting_body=CANARY.upper()),
            ),
            timeout=5,
        )
    )
    with pytest.raises(NotFound):
        await client.record("log-3", case(CaseId(b"n" * 16)), statement(CANARY))
    history = await client.history(case(receipt.case_id))
    assert CANARY in str(history)
    for node in federation:
        logged = node.log_file.read_text().lower()
        assert CANARY not in logged
        assert "traceback" not in logged
    lines = federation[0].log_file.read_text()
    assert re.search(r'"caller": "client:[0-9a-f]{12}", "outcome": "INVALID_ARGUMENT"', lines)
    assert '"reason": "invalid_content"' in lines
