"""Around every call: who calls, one log line, and errors turned into gRPC statuses.

Rules: an unknown caller reaches no handler, and a known one none that permissions.py does not name
for it; one that the node has parted from meanwhile gets no message more;
a caller has so many calls open and no more;
a RegistryError becomes its code with a rich detail;
a StorageError keeps its text, which may name files, to itself; any other exception becomes INTERNAL
without its text, because the text might hold content. Every failure has an id, which stands in the
answer and in this node's log line, so that an operator finds the one by the other.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from functools import partial
from inspect import isawaitable
from time import perf_counter
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError
from prometheus_client import CollectorRegistry

from registry.errors import (
    InvalidRequest,
    NotAllowed,
    Overloaded,
    RegistryError,
    StorageError,
    UnknownCaller,
)
from registry_node.caller_limits import OpenCalls
from registry_node.callers import Caller, CallerDirectory, name_of, set_caller
from registry_node.errors import INTERNAL_TEXT, code_of, internal_details, status_details, told_text
from registry_node.metrics.calls import CallMetrics, MethodMetrics, labels_of
from registry_node.observability import place_of
from registry_node.permissions import PERMISSIONS, check_permitted

_log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_HEARING_S = 2.0
"""How long a refused stream of requests may keep us waiting for its first."""


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Identifies, times, logs and translates."""

    def __init__(
        self,
        callers: CallerDirectory,
        *,
        open_methods: frozenset[str],
        permissions: Mapping[str, frozenset[str]] = PERMISSIONS,
        open_calls: OpenCalls | None = None,
        metrics: CallMetrics | None = None,
    ) -> None:
        """Wraps calls.

        Args:
            callers: tells who calls.
            open_methods: prefixes such as `/grpc.health.v1.Health/` whose calls, made all the time,
                are logged only if they fail; their callers must be known all the same.
            permissions: who may call what.
            open_calls: how many calls each caller may have open; None = any number.
            metrics: told of every call.
        """
        self._callers = callers
        self._permissions = permissions
        self._open_methods = tuple(open_methods)
        self._open_calls = open_calls or OpenCalls(sys.maxsize, perf_counter)
        self._metrics = metrics or CallMetrics(CollectorRegistry())
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Returns the handler, wrapped; of each method one for all calls."""
        method = str(handler_call_details.method)
        if (known := self._wrapped.get(method)) is not None:
            return known
        handler = await continuation(handler_call_details)
        # grpc gives None for an unknown method; its own UNIMPLEMENTED answer stands.
        if handler is None:
            return None
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: "Handler") -> "Handler":
        is_quiet = method.startswith(self._open_methods)
        labels = labels_of(
            method,
            is_streaming_in=handler.request_streaming,
            is_streaming_out=handler.response_streaming,
        )
        begin = partial(_Call, method, is_quiet, MethodMetrics(self._metrics, labels))

        wrap: Callable[..., Any]
        if handler.request_streaming and handler.response_streaming:
            # Reflection: its requests come as a stream.
            wrap = grpc.stream_stream_rpc_method_handler
            # A line that both sides send on carries what this node itself asks.
            behaviour = self._stream(begin, handler.stream_stream, lambda _: None)
        elif handler.request_streaming:
            msg = f"{method}: calls that stream requests and answer once are not wrapped here"
            raise AssertionError(msg)
        elif handler.response_streaming:
            wrap = grpc.unary_stream_rpc_method_handler
            behaviour = self._stream(begin, handler.unary_stream, self._callers.check_stays)
        else:
            wrap = grpc.unary_unary_rpc_method_handler
            behaviour = self._unary(begin, handler.unary_unary)
        wrapped: Handler = wrap(
            behaviour,
            request_deserializer=_decoder(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _unary(self, begin: Callable[[], "_Call"], behaviour: Any) -> Any:  # noqa: ANN401 - grpc's own untyped callables
        async def handle(request: Any, context: Context) -> Any:  # noqa: ANN401
            call = begin()
            try:
                caller = self._identify(call, context)
                _check_decoded(request)
                response = await behaviour(request, context)
                self._callers.check_stays(caller)
            except asyncio.CancelledError:
                call.finish(grpc.StatusCode.CANCELLED.name)
                raise
            except RegistryError as error:
                await call.abort(context, error)
            except Exception as error:  # noqa: BLE001 - the outermost handler of a call
                await call.abort_unexpected(context, error)
            call.tell_sent()
            call.finish("OK")
            return response

        return handle

    def _stream(
        self,
        begin: Callable[[], "_Call"],
        behaviour: Any,  # noqa: ANN401
        check_stays: Callable[[Caller], None],
    ) -> Any:  # noqa: ANN401
        async def handle(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            call = begin()
            try:
                try:
                    caller = self._identify(call, context)
                except (UnknownCaller, NotAllowed):
                    await _hear_out(request)
                    raise
                _check_decoded(request)
                asked = _each_decoded(request) if isinstance(request, AsyncIterable) else request
                responses = behaviour(asked, context)
                if isawaitable(responses):
                    # Health's Watch writes to the context itself.
                    await responses
                else:
                    async with aclosing(responses):
                        async for response in responses:
                            check_stays(caller)
                            call.tell_sent()
                            yield response
            except (asyncio.CancelledError, GeneratorExit):
                call.finish(grpc.StatusCode.CANCELLED.name)
                raise
            except RegistryError as error:
                await call.abort(context, error)
            except Exception as error:  # noqa: BLE001 - the outermost handler of a call
                await call.abort_unexpected(context, error)
            call.finish("OK")

        return handle

    def _identify(self, call: "_Call", context: Context) -> Caller:
        certificates = tuple(context.auth_context().get("x509_pem_cert", ()))
        if not certificates:
            msg = "this node takes calls over mutual TLS only"
            raise UnknownCaller(msg)
        caller = self._callers.identify(certificates[0])
        call.caller = _pseudonym(caller)
        self._enter(call, name_of(caller), context)
        check_permitted(call.method, caller, self._permissions)
        set_caller(caller)
        return caller

    def _enter(self, call: "_Call", name: str, context: Context) -> None:
        """A call is open until its answer has left: who reads none has the node keep it."""
        try:
            self._open_calls.enter(name)
        except Overloaded:
            self._metrics.over_limit()
            call.is_told = self._open_calls.is_worth_telling(name)
            raise
        ended: Any = partial(self._leave, name)  # grpc's type of it is a class that nobody can make
        context.add_done_callback(ended)

    def _leave(self, name: str, _: object) -> None:
        self._open_calls.leave(name)


def _pseudonym(caller: Caller) -> str:
    """Names a caller in the log; a client's name, often a person's, stays in clients.json."""
    if caller.member is not None:
        return f"member:{caller.member.slug}"
    return f"client:{caller.fingerprint[:12]}"


def _decoder(decode: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Lets bytes that are no message reach our handler: grpc's own answer tells no reason."""

    def decode_or_none(message: bytes) -> Any:  # noqa: ANN401 - any message
        try:
            return message if decode is None else decode(message)
        except DecodeError:
            return None

    return decode_or_none


def _check_decoded(request: object) -> None:
    if request is None:
        msg = "the bytes of the request are no message of this call"
        raise InvalidRequest(msg)


async def _hear_out(requests: object) -> None:
    """Takes what a caller who is to be refused has begun to send, for a moment.

    Its library tells INTERNAL, not our reason, when the call ends while it sends its first message.
    """
    if not isinstance(requests, AsyncIterable):
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_HEARING_S):
            async for _ in requests:
                return


async def _each_decoded(requests: AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Hands on a stream of requests up to the first that is no message."""
    async for request in requests:
        _check_decoded(request)
        yield request


class _Call:
    """One call's log line and its counts."""

    def __init__(
        self,
        method: str,
        is_quiet: bool,  # noqa: FBT001
        metrics: MethodMetrics,
    ) -> None:
        self.method = method
        self._is_quiet = is_quiet
        self._started = perf_counter()
        self._metrics = metrics
        self.caller = "unknown"
        self.is_told = True
        metrics.started()

    def tell_sent(self) -> None:
        """Counts a message that goes to the caller."""
        self._metrics.sent()

    def finish(self, outcome: str, **more: str) -> None:
        """Counts the call and writes the line."""
        took_s = perf_counter() - self._started
        self._metrics.handled(outcome, took_s)
        if not self.is_told or (self._is_quiet and outcome == "OK"):
            return
        _log.info(
            "call_handled",
            method=self.method,
            caller=self.caller,
            outcome=outcome,
            duration_ms=round(took_s * 1000, 2),
            **more,
        )

    async def abort(self, context: Context, error: RegistryError) -> NoReturn:
        """Ends the call with the error's code, text, reason and id."""
        code, error_id = code_of(error), _new_error_id()
        # Of our own disk's errors the operator needs the place: their text stays out of the log.
        more = {"at": place_of(error)} if isinstance(error, StorageError) else {}
        self.finish(code.name, reason=error.reason, error_id=error_id, **more)
        await context.abort(
            code, told_text(error), trailing_metadata=status_details(error, error_id)
        )

    async def abort_unexpected(self, context: Context, error: Exception) -> NoReturn:
        """Ends the call as INTERNAL; grpc's own abort passes through."""
        if isinstance(error, grpc.aio.AbortError):
            self._metrics.handled(grpc.StatusCode.UNKNOWN.name, perf_counter() - self._started)
            raise error
        error_id = _new_error_id()
        self.finish(
            grpc.StatusCode.INTERNAL.name,
            error=type(error).__name__,
            at=place_of(error),
            error_id=error_id,
        )
        await context.abort(
            grpc.StatusCode.INTERNAL, INTERNAL_TEXT, trailing_metadata=internal_details(error_id)
        )


def _new_error_id() -> str:
    return secrets.token_hex(4)
