"""The client: what it asks of a node, how it pages, and how patient it is."""

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from registry.api.v1 import admin_pb2, audit_pb2, cases_pb2
from registry.client import ClientProfile, RegistryClient, case, situation
from registry.client import client as client_module
from registry.client.profile import ProfileDescription
from registry.domain.audience import named
from registry.domain.content import CaseOpened, StatementIssued
from registry.domain.identifiers import CaseId
from registry.errors import LogReadOnly, NotFound, Overloaded, PeerUnavailable
from tests.unit.client.rpc_failures import failure, rich_failure

CASE = CaseId(bytes(range(16)))
STATEMENT = StatementIssued(acting_body="un", basis="own_act")
OPENING = CaseOpened(title="Invented", acting_body="un", basis="own_act")
UNREACHABLE = failure(grpc.StatusCode.UNAVAILABLE, "refused")


class FakeStub:
    """One method of a service: keeps what it was asked and answers in turn."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.timeouts: list[float] = []

    async def __call__(self, request: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - grpc's name
        self.requests.append(request)
        self.timeouts.append(timeout)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeStream:
    """A server stream that ends with an error or well, and knows whether it was cancelled."""

    def __init__(self, *notes: bytes, error: Exception | None = None) -> None:
        self.notes = notes
        self.error = error
        self.requests: list[Any] = []
        self.is_cancelled = False
        self.timeout = 0.0

    def __call__(self, request: Any, *, timeout: float) -> "FakeStream":
        self.requests.append(request)
        self.timeout = timeout
        return self

    async def __aiter__(self) -> AsyncIterator[audit_pb2.WatchCheckpointsResponse]:
        for note in self.notes:
            yield audit_pb2.WatchCheckpointsResponse(checkpoint=note)
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """A simulated clock in the place of asyncio's: waiting moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def get_running_loop(self) -> Any:
        return SimpleNamespace(time=lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(client_module, "asyncio", clock)
    return clock


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    description = ProfileDescription(
        name="desk", address="127.0.0.1:7", server_name="un.example", mechanism="un"
    )
    profile = ClientProfile(
        description=description, key=b"k", certificate=b"c", node_certificate=b"n"
    )
    async with RegistryClient(profile, timeout_s=3.0, patience_s=10.0) as opened:
        yield opened


def receipt(index: int = 5) -> cases_pb2.EventReceipt:
    return cases_pb2.EventReceipt(case_id=CASE, origin="o", index=index)


def serve(client: RegistryClient, service: str, **methods: Any) -> None:
    setattr(client, f"_{service}", SimpleNamespace(**methods))


async def test_record_says_who_shares_its_request_id_and_who_may_hold_it(
    client: RegistryClient,
) -> None:
    stub = FakeStub(cases_pb2.RecordEventResponse(receipt=receipt()))
    serve(client, "cases", RecordEvent=stub)

    await client.record("r1", situation("POL"), STATEMENT)
    await client.record("r2", case(CASE), STATEMENT, audience=named("un", "coe"), is_shared=True)

    first, second = stub.requests
    assert (first.request_id, first.case.situation_of) == ("r1", "POL")
    assert first.scope == cases_pb2.REQUEST_SCOPE_CLIENT
    assert first.content.statement_issued.acting_body == "un"
    assert not first.audience.mechanisms
    assert (second.request_id, second.case.case_id) == ("r2", CASE)
    assert second.scope == cases_pb2.REQUEST_SCOPE_NODE
    assert list(second.audience.mechanisms) == ["un", "coe"]


async def test_open_case_sends_the_opening_and_returns_the_receipt(client: RegistryClient) -> None:
    stub = FakeStub(cases_pb2.OpenCaseResponse(receipt=receipt()))
    serve(client, "cases", OpenCase=stub)

    opened = await client.open_case("r", OPENING, audience=named("un"), is_shared=True)

    (request,) = stub.requests
    assert (opened.case_id, opened.index) == (CASE, 5)
    assert request.content.title == "Invented"
    assert list(request.audience.mechanisms) == ["un"]
    assert request.scope == cases_pb2.REQUEST_SCOPE_NODE


@pytest.mark.parametrize(
    "error",
    [
        UNREACHABLE,
        failure(grpc.StatusCode.DEADLINE_EXCEEDED, "late"),
        rich_failure("log_read_only", "starting"),
        rich_failure("overloaded", "too much"),
    ],
)
async def test_record_is_repeated_with_the_same_request_until_the_node_answers(
    client: RegistryClient, clock: Clock, error: Exception
) -> None:
    stub = FakeStub(error, error, error, cases_pb2.RecordEventResponse(receipt=receipt()))
    serve(client, "cases", RecordEvent=stub)

    recorded = await client.record("r", case(CASE), STATEMENT)

    assert recorded.index == 5
    assert len(stub.requests) == 4
    assert all(request == stub.requests[0] for request in stub.requests)
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4])
    assert set(stub.timeouts) == {3.0}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UNREACHABLE, PeerUnavailable),
        (rich_failure("log_read_only", "stopped"), LogReadOnly),
        (rich_failure("overloaded", "too much"), Overloaded),
    ],
)
async def test_patience_ends_with_the_last_error(
    client: RegistryClient, clock: Clock, error: Exception, kind: type[Exception]
) -> None:
    stub = FakeStub(error)
    serve(client, "cases", RecordEvent=stub, OpenCase=stub)

    with pytest.raises(kind):
        await client.record("r", case(CASE), STATEMENT)

    assert 8.0 < sum(clock.waits) <= 10.0
    assert max(clock.waits) == 2.0
    with pytest.raises(kind):
        await client.open_case("r", OPENING)


async def test_refusal_is_not_repeated(client: RegistryClient, clock: Clock) -> None:
    stub = FakeStub(rich_failure("not_found", "no such case"))
    serve(client, "cases", RecordEvent=stub)

    with pytest.raises(NotFound, match="no such case"):
        await client.record("r", case(CASE), STATEMENT)

    assert len(stub.requests) == 1
    assert clock.waits == []


async def test_reading_is_not_repeated(client: RegistryClient, clock: Clock) -> None:
    stub = FakeStub(UNREACHABLE)
    serve(client, "cases", GetCase=stub)

    with pytest.raises(PeerUnavailable, match=r"the node at 127\.0\.0\.1:7 answered UNAVAILABLE"):
        await client.get_case(case(CASE))

    assert len(stub.requests) == 1
    assert clock.waits == []


def paged(make: Callable[..., Any], name: str, item: Callable[[int], Any]) -> FakeStub:
    return FakeStub(
        make(**{name: [item(0), item(1)], "next_page_token": "t1"}),
        make(**{name: [], "next_page_token": "t2"}),
        make(**{name: [item(2)]}),
    )


def assert_paged(stub: FakeStub) -> None:
    assert [request.page_token for request in stub.requests] == ["", "t1", "t2"]
    assert {request.page_size for request in stub.requests} == {200}


async def test_cases_are_listed_page_by_page(client: RegistryClient) -> None:
    stub = paged(
        cases_pb2.ListCasesResponse, "cases", lambda n: cases_pb2.CaseSummary(event_count=n)
    )
    serve(client, "cases", ListCases=stub)

    found = [each.event_count async for each in client.list_cases(state="POL", mechanism="un")]

    assert found == [0, 1, 2]
    assert_paged(stub)
    assert {(request.state, request.mechanism) for request in stub.requests} == {("POL", "un")}


async def test_history_is_read_page_by_page_with_its_digest(client: RegistryClient) -> None:
    place = cases_pb2.HistoryPlace(origin="o", size=3, root=b"r")

    def page(**fields: Any) -> cases_pb2.GetHistoryResponse:
        return cases_pb2.GetHistoryResponse(case_id=CASE, digest=b"d", vector=[place], **fields)

    stub = paged(page, "events", lambda n: cases_pb2.HistoryEvent(position=n))
    serve(client, "cases", GetHistory=stub)

    history = await client.history(case(CASE))

    assert [event.position for event in history.events] == [0, 1, 2]
    assert (history.case_id, history.digest) == (CASE, b"d")
    assert [(each.origin, each.size, each.root) for each in history.vector] == [("o", 3, b"r")]
    assert_paged(stub)


async def test_timeline_is_read_page_by_page(client: RegistryClient) -> None:
    stub = paged(
        cases_pb2.GetTimelineResponse, "items", lambda n: cases_pb2.TimelineItem(received_ms=n)
    )
    serve(client, "cases", GetTimeline=stub)

    items = await client.timeline(situation("POL"))

    assert [item.received_ms for item in items] == [0, 1, 2]
    assert_paged(stub)


async def test_peers_are_listed_page_by_page(client: RegistryClient) -> None:
    stub = paged(admin_pb2.ListPeersResponse, "peers", lambda n: admin_pb2.PeerStatus(size_held=n))
    serve(client, "admin", ListPeers=stub)

    assert [peer.size_held for peer in await client.peers()] == [0, 1, 2]
    assert_paged(stub)


async def test_case_status_checkpoint_proof_and_digest_are_read(client: RegistryClient) -> None:
    proof = FakeStub(audit_pb2.GetInclusionProofResponse(evidence=b"e"))
    digest = audit_pb2.GetNodeDigestResponse(
        digest=b"d", case_count=2, vector=[audit_pb2.LogPlace(origin="o", size=1, root=b"r")]
    )
    serve(
        client,
        "cases",
        GetCase=FakeStub(cases_pb2.GetCaseResponse(case=cases_pb2.CaseSummary(title="t"))),
    )
    serve(
        client,
        "admin",
        GetNodeStatus=FakeStub(admin_pb2.GetNodeStatusResponse(mechanism="un")),
    )
    serve(
        client,
        "audit",
        GetCheckpoint=FakeStub(audit_pb2.GetCheckpointResponse(checkpoint=b"note")),
        GetInclusionProof=proof,
        GetNodeDigest=FakeStub(digest),
    )

    assert (await client.get_case(case(CASE))).title == "t"
    assert (await client.node_status()).mechanism == "un"
    assert await client.checkpoint() == b"note"
    assert await client.inclusion_proof("o", 3) == b"e"
    assert (proof.requests[0].origin, proof.requests[0].index) == ("o", 3)
    found = await client.node_digest()
    assert (found.digest, found.case_count, found.vector[0].size) == (b"d", 2, 1)


async def test_watched_checkpoints_end_with_the_stream_and_the_call_is_cancelled(
    client: RegistryClient,
) -> None:
    stream = FakeStream(b"1", b"2")
    serve(client, "audit", WatchCheckpoints=stream)

    assert [note async for note in client.watch_checkpoints(timeout_s=4.0)] == [b"1", b"2"]
    assert stream.is_cancelled
    assert stream.timeout == 4.0


async def test_broken_watch_is_told_and_the_call_is_cancelled(client: RegistryClient) -> None:
    stream = FakeStream(b"1", error=UNREACHABLE)
    serve(client, "audit", WatchCheckpoints=stream)
    watch = client.watch_checkpoints(timeout_s=4.0)

    assert await anext(watch) == b"1"
    with pytest.raises(PeerUnavailable):
        await anext(watch)
    assert stream.is_cancelled


async def test_calls_are_bound_to_the_server_name_of_the_profile(client: RegistryClient) -> None:
    options = dict(client_module._options("un.example"))

    assert client.address == "127.0.0.1:7"
    assert options["grpc.ssl_target_name_override"] == "un.example"
    assert options["grpc.enable_retries"] == 0
