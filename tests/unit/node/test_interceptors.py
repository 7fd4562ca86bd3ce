"""The one place around every call: what is logged of it, and what is told to whom."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NoReturn

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2, status_pb2
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from registry.application.roles import Role
from registry.errors import CorruptDatabase, NotFound, RegistryError, UnknownCaller
from registry_node import interceptors
from registry_node.caller_limits import OpenCalls
from registry_node.callers import Caller
from registry_node.interceptors import CallInterceptor
from registry_node.metrics.calls import CallMetrics

QUIET = "/quiet.Service/"
PATH = "/srv/node/log.db"


@dataclass
class Context:
    """Stands for grpc's: remembers how the call ended."""

    ended: list[tuple[grpc.StatusCode, str]] = field(default_factory=list)
    trailers: list[tuple[tuple[str, bytes], ...]] = field(default_factory=list)
    callbacks: list[Any] = field(default_factory=list)

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [b"a certificate"]}

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def end(self) -> None:
        for each in self.callbacks:
            each(self)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str,
        trailing_metadata: tuple[tuple[str, bytes], ...] = (),
    ) -> NoReturn:
        self.ended.append((code, details))
        self.trailers.append(trailing_metadata)
        raise grpc.aio.AbortError


class Callers:
    """Knows one caller, or none."""

    def __init__(self, *, knows: bool = True, stays: bool = True) -> None:
        self._knows = knows
        self._stays = stays

    def identify(self, _: bytes) -> Caller:
        if not self._knows:
            msg = "not listed"
            raise UnknownCaller(msg)
        return Caller("desk", None, Role.OFFICER, "0123456789abcdef")

    def check_stays(self, _: Caller) -> None:
        if not self._stays:
            msg = "parted from"
            raise UnknownCaller(msg)


@pytest.fixture
def facts() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    yield capture.entries
    structlog.configure(**before)


def handler_that(error: BaseException | None, *, streams: bool) -> Any:
    """Answers one call, or fails; a stream fails after its first message."""

    async def answer(_request: Any, _context: Any) -> str:
        if error is not None:
            raise error
        return "answer"

    async def answers(_request: Any, _context: Any) -> AsyncIterator[str]:
        yield "answer"
        if error is not None:
            raise error

    if streams:
        return grpc.unary_stream_rpc_method_handler(answers)
    return grpc.unary_unary_rpc_method_handler(answer)


async def call(
    method: str,
    error: BaseException | None,
    *,
    streams: bool = False,
    knows: bool = True,
    stays: bool = True,
    context: Context | None = None,
    open_calls: OpenCalls | None = None,
    metrics: CallMetrics | None = None,
) -> list[tuple[grpc.StatusCode, str]]:
    """Makes one call through the interceptor; returns how it was aborted, if it was."""

    async def handler_of(_: Any) -> Any:
        return handler_that(error, streams=streams)

    callers: Any = Callers(knows=knows, stays=stays)
    details: Any = SimpleNamespace(method=method, invocation_metadata=())
    permissions = {method: frozenset({Role.OFFICER.value})}
    interceptor = CallInterceptor(
        callers,
        open_methods=frozenset({QUIET}),
        permissions=permissions,
        open_calls=open_calls,
        metrics=metrics,
    )
    handler: Any = await interceptor.intercept_service(handler_of, details)
    context = context or Context()
    with suppress(grpc.aio.AbortError):
        if streams:
            assert [each async for each in handler.unary_stream("request", context)] == ["answer"]
        else:
            assert await handler.unary_unary("request", context) == "answer"
    return context.ended


@pytest.mark.parametrize("streams", [False, True])
async def test_caller_that_is_parted_from_meanwhile_gets_no_message(*, streams: bool) -> None:
    context = Context()
    ended = await call("/x/Get", None, streams=streams, stays=False, context=context)
    assert [code for code, _ in ended] == [grpc.StatusCode.UNAUTHENTICATED]


@pytest.mark.parametrize("streams", [False, True])
async def test_text_of_our_own_disks_error_goes_neither_to_the_caller_nor_to_the_log(
    facts: list[Any], *, streams: bool
) -> None:
    told = await call("/a.Service/Read", CorruptDatabase(f"{PATH} is damaged"), streams=streams)
    ((code, details),) = told
    assert code is grpc.StatusCode.DATA_LOSS
    assert PATH not in details
    assert "corrupt_database" in details
    (fact,) = facts
    assert (fact["outcome"], fact["reason"]) == ("DATA_LOSS", "corrupt_database")
    assert fact["at"].startswith("test_interceptors.py:")
    assert PATH not in str(facts)


async def test_text_of_a_refusal_goes_to_the_caller_and_not_to_the_log(facts: list[Any]) -> None:
    told = await call("/a.Service/Read", NotFound("no such case as this"))
    assert told == [(grpc.StatusCode.NOT_FOUND, "no such case as this")]
    assert "no such case" not in str(facts)


async def test_call_is_logged_with_a_pseudonym_of_its_caller(facts: list[Any]) -> None:
    assert await call("/a.Service/Read", None) == []
    (fact,) = facts
    assert (fact["method"], fact["outcome"]) == ("/a.Service/Read", "OK")
    assert re.fullmatch("client:[0-9a-f]{12}", fact["caller"])
    assert "desk" not in str(facts)


@pytest.mark.parametrize("error", [NotFound("no such case"), CorruptDatabase("x"), KeyError("x")])
@pytest.mark.parametrize("streams", [False, True])
async def test_failure_has_one_id_in_its_answer_and_in_the_log(
    facts: list[Any], error: Exception, *, streams: bool
) -> None:
    context = Context()
    await call("/a.Service/Read", error, streams=streams, context=context)
    (trailer,) = context.trailers
    ((_, status),) = trailer
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(status).details[0].Unpack(info)
    told = info.metadata["error_id"]
    assert re.fullmatch("[0-9a-f]{8}", told)
    assert [fact["error_id"] for fact in facts] == [told]


async def test_two_failures_have_two_ids(facts: list[Any]) -> None:
    for _ in range(2):
        await call("/a.Service/Read", NotFound("x"))
    assert len({fact["error_id"] for fact in facts}) == 2


async def test_text_of_an_internal_error_reaches_neither_caller_nor_log(facts: list[Any]) -> None:
    failures: list[Exception] = [RuntimeError("canary"), RegistryError("canary")]
    for error in failures:
        context = Context()
        told = await call("/a.Service/Read", error, context=context)
        assert told == [(grpc.StatusCode.INTERNAL, "internal error; see the node's log")]
        assert b"canary" not in context.trailers[0][0][1]
    assert "canary" not in str(facts)


@pytest.mark.parametrize("streams", [False, True])
async def test_quiet_call_is_logged_only_if_it_fails(facts: list[Any], *, streams: bool) -> None:
    assert await call(f"{QUIET}Check", None, streams=streams) == []
    assert facts == []
    failures: list[RegistryError] = [NotFound("x"), CorruptDatabase("y")]
    for error in failures:
        await call(f"{QUIET}Check", error, streams=streams)
    assert [fact["reason"] for fact in facts] == ["not_found", "corrupt_database"]


async def test_quiet_call_of_an_unknown_caller_is_refused_and_logged(facts: list[Any]) -> None:
    told = await call(f"{QUIET}Check", None, knows=False)
    assert [code for code, _ in told] == [grpc.StatusCode.UNAUTHENTICATED]
    assert [fact["outcome"] for fact in facts] == ["UNAUTHENTICATED"]


async def test_call_that_is_given_up_is_logged_as_such(facts: list[Any]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await call(f"{QUIET}Check", asyncio.CancelledError())
    assert [fact["outcome"] for fact in facts] == ["CANCELLED"]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("error", [None, NotFound("x"), KeyError("x"), asyncio.CancelledError()])
async def test_place_among_the_open_calls_is_given_back_however_a_call_ends(
    error: BaseException | None, *, streams: bool
) -> None:
    open_calls = OpenCalls(1, lambda: 0.0)
    for _ in range(3):
        with suppress(asyncio.CancelledError):
            context = Context()
            await call(
                "/a.Service/Read", error, streams=streams, open_calls=open_calls, context=context
            )
        context.end()
    assert open_calls.refused == 0


async def test_call_is_open_until_its_answer_has_left() -> None:
    open_calls, unread = OpenCalls(1, lambda: 0.0), Context()
    assert await call("/a.Service/Read", None, open_calls=open_calls, context=unread) == []
    refused = await call("/a.Service/Read", None, open_calls=open_calls)
    assert [code for code, _ in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
    unread.end()
    assert await call("/a.Service/Read", None, open_calls=open_calls) == []


@pytest.mark.parametrize("streams", [False, True])
async def test_call_over_the_limit_reaches_no_handler_and_is_told_once_a_second(
    facts: list[Any], *, streams: bool
) -> None:
    open_calls = OpenCalls(1, lambda: 0.0)
    open_calls.enter("client:0123456789abcdef")
    outcomes = [
        await call("/a.Service/Read", KeyError("reached"), streams=streams, open_calls=open_calls)
        for _ in range(5)
    ]
    assert {code for outcome in outcomes for code, _ in outcome} == {
        grpc.StatusCode.RESOURCE_EXHAUSTED
    }
    assert [fact["reason"] for fact in facts] == ["overloaded"]


@pytest.mark.parametrize("streams", [False, True])
async def test_calls_are_counted_under_their_codes(*, streams: bool) -> None:
    collectors = CollectorRegistry()
    metrics = CallMetrics(collectors)
    await call("/a.Service/Read", None, streams=streams, metrics=metrics)
    for _ in range(2):
        await call("/a.Service/Read", NotFound("x"), streams=streams, metrics=metrics)

    kind = "server_stream" if streams else "unary"
    labels = {"grpc_type": kind, "grpc_service": "a.Service", "grpc_method": "Read"}
    value = collectors.get_sample_value
    assert value("grpc_server_started_total", labels) == 3
    assert value("grpc_server_handled_total", {**labels, "grpc_code": "OK"}) == 1
    assert value("grpc_server_handled_total", {**labels, "grpc_code": "NOT_FOUND"}) == 2
    assert value("grpc_server_handling_seconds_count", labels) == 3
    assert value("grpc_server_msg_sent_total", labels) == (3 if streams else 1)


@pytest.mark.parametrize("is_silent", [False, True])
async def test_refused_stream_of_requests_is_heard_out_for_its_first_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, *, is_silent: bool
) -> None:
    monkeypatch.setattr(interceptors, "_HEARING_S", 0.01)
    heard: list[str] = []

    async def requests() -> AsyncIterator[str]:
        if is_silent:
            await asyncio.Event().wait()
        heard.append("first")
        yield "first"
        heard.append("second")
        yield "second"

    async def handler_of(_: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(lambda *_: pytest.fail("it was answered"))

    callers: Any = Callers(knows=False)
    interceptor = CallInterceptor(callers, open_methods=frozenset(), permissions={})
    details: Any = SimpleNamespace(method="/a.Service/Talk", invocation_metadata=())
    handler: Any = await interceptor.intercept_service(handler_of, details)
    context = Context()
    with suppress(grpc.aio.AbortError):
        assert [each async for each in handler.stream_stream(requests(), context)] == []
    ((code, told),) = context.ended
    assert (code, heard) == (grpc.StatusCode.UNAUTHENTICATED, [] if is_silent else ["first"])
    assert told == "not listed"
