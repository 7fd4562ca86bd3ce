"""The one place around every call: what is logged of it, and what is told to whom."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NoReturn

import grpc
import pytest
import structlog
from structlog.testing import LogCapture

from registry.errors import CorruptDatabase, NotFound, RegistryError, UnknownCaller
from registry_node.callers import Caller
from registry_node.interceptors import CallInterceptor

QUIET = "/quiet.Service/"
PATH = "/srv/node/log.db"


@dataclass
class Context:
    """Stands for grpc's: remembers how the call ended."""

    ended: list[tuple[grpc.StatusCode, str]] = field(default_factory=list)

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [b"a certificate"]}

    async def abort(self, code: grpc.StatusCode, details: str, **_: object) -> NoReturn:
        self.ended.append((code, details))
        raise grpc.aio.AbortError


class Callers:
    """Knows one caller, or none."""

    def __init__(self, *, knows: bool = True) -> None:
        self._knows = knows

    def identify(self, _: bytes) -> Caller:
        if not self._knows:
            msg = "not listed"
            raise UnknownCaller(msg)
        return Caller(name="desk", member=None)


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
    method: str, error: BaseException | None, *, streams: bool = False, knows: bool = True
) -> list[tuple[grpc.StatusCode, str]]:
    """Makes one call through the interceptor; returns how it was aborted, if it was."""

    async def handler_of(_: Any) -> Any:
        return handler_that(error, streams=streams)

    callers: Any = Callers(knows=knows)
    details: Any = SimpleNamespace(method=method, invocation_metadata=())
    interceptor = CallInterceptor(callers, open_methods=frozenset({QUIET}))
    handler: Any = await interceptor.intercept_service(handler_of, details)
    context = Context()
    with suppress(grpc.aio.AbortError):
        if streams:
            assert [each async for each in handler.unary_stream("request", context)] == ["answer"]
        else:
            assert await handler.unary_unary("request", context) == "answer"
    return context.ended


@pytest.mark.parametrize("streams", [False, True])
async def test_text_of_our_own_disks_error_stays_in_the_log(
    facts: list[Any], *, streams: bool
) -> None:
    told = await call("/a.Service/Read", CorruptDatabase(f"{PATH} is damaged"), streams=streams)
    ((code, details),) = told
    assert code is grpc.StatusCode.DATA_LOSS
    assert PATH not in details
    assert "corrupt_database" in details
    (fact,) = facts
    assert (fact["outcome"], fact["reason"]) == ("DATA_LOSS", "corrupt_database")
    assert fact["detail"] == f"{PATH} is damaged"


async def test_text_of_a_refusal_goes_to_the_caller_and_not_to_the_log(facts: list[Any]) -> None:
    told = await call("/a.Service/Read", NotFound("no such case as this"))
    assert told == [(grpc.StatusCode.NOT_FOUND, "no such case as this")]
    assert "no such case" not in str(facts)


async def test_call_is_logged_with_its_caller(facts: list[Any]) -> None:
    assert await call("/a.Service/Read", None) == []
    (fact,) = facts
    assert (fact["method"], fact["caller"], fact["outcome"]) == ("/a.Service/Read", "desk", "OK")


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
