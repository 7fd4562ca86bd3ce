"""Around every call: who calls, one log line, and errors turned into gRPC statuses.

Rules: an unknown caller reaches no handler; a RegistryError becomes its code with a rich detail;
a StorageError tells its text, which may name files, to this node's log only; any other exception
becomes INTERNAL without its text, because the text might hold content.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from inspect import isawaitable
from time import perf_counter
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError

from registry.errors import InvalidRequest, RegistryError, StorageError, UnknownCaller
from registry_node.callers import CallerDirectory, set_caller
from registry_node.errors import code_of, status_details, told_text
from registry_node.observability import place_of

_log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Identifies, times, logs and translates."""

    def __init__(self, callers: CallerDirectory, *, open_methods: frozenset[str]) -> None:
        """Wraps calls.

        Args:
            callers: tells who calls.
            open_methods: prefixes such as `/grpc.health.v1.Health/` whose calls, made all the time,
                are logged only if they fail; their callers must be known all the same.
        """
        self._callers = callers
        self._open_methods = tuple(open_methods)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Returns the handler, wrapped."""
        handler = await continuation(handler_call_details)
        # grpc gives None for an unknown method; its own UNIMPLEMENTED answer stands.
        if handler is None:
            return None
        method = str(handler_call_details.method)
        is_quiet = method.startswith(self._open_methods)
        wrap: Callable[..., Any]
        if handler.request_streaming and handler.response_streaming:
            # Reflection: its requests come as a stream.
            wrap = grpc.stream_stream_rpc_method_handler
            behaviour = self._stream(method, is_quiet, handler.stream_stream)
        elif handler.request_streaming:
            msg = f"{method}: calls that stream requests and answer once are not wrapped here"
            raise AssertionError(msg)
        elif handler.response_streaming:
            wrap = grpc.unary_stream_rpc_method_handler
            behaviour = self._stream(method, is_quiet, handler.unary_stream)
        else:
            wrap = grpc.unary_unary_rpc_method_handler
            behaviour = self._unary(method, is_quiet, handler.unary_unary)
        wrapped: Handler = wrap(
            behaviour,
            request_deserializer=_decoder(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _unary(self, method: str, is_quiet: bool, behaviour: Any) -> Any:  # noqa: ANN401, FBT001 - grpc's own untyped callables
        async def handle(request: Any, context: Context) -> Any:  # noqa: ANN401
            call = _Call(method, is_quiet)
            try:
                self._identify(call, context)
                _check_decoded(request)
                response = await behaviour(request, context)
            except asyncio.CancelledError:
                call.finish(grpc.StatusCode.CANCELLED.name)
                raise
            except RegistryError as error:
                await call.abort(context, error)
            except Exception as error:  # noqa: BLE001 - the outermost handler of a call
                await call.abort_unexpected(context, error)
            call.finish("OK")
            return response

        return handle

    def _stream(self, method: str, is_quiet: bool, behaviour: Any) -> Any:  # noqa: ANN401, FBT001
        async def handle(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            call = _Call(method, is_quiet)
            try:
                self._identify(call, context)
                _check_decoded(request)
                responses = behaviour(request, context)
                if isawaitable(responses):
                    # Health's Watch writes to the context itself.
                    await responses
                else:
                    async with aclosing(responses):
                        async for response in responses:
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

    def _identify(self, call: "_Call", context: Context) -> None:
        certificates = tuple(context.auth_context().get("x509_pem_cert", ()))
        if not certificates:
            msg = "this node takes calls over mutual TLS only"
            raise UnknownCaller(msg)
        caller = self._callers.identify(certificates[0])
        call.caller = caller.name
        set_caller(caller)


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


class _Call:
    """One call's log line."""

    def __init__(self, method: str, is_quiet: bool) -> None:  # noqa: FBT001
        self._method = method
        self._is_quiet = is_quiet
        self._started = perf_counter()
        self.caller = ""

    def finish(self, outcome: str, **more: str) -> None:
        """Writes the line."""
        if self._is_quiet and outcome == "OK":
            return
        _log.info(
            "call_handled",
            method=self._method,
            caller=self.caller,
            outcome=outcome,
            duration_ms=round((perf_counter() - self._started) * 1000, 2),
            **more,
        )

    async def abort(self, context: Context, error: RegistryError) -> NoReturn:
        """Ends the call with the error's code, text and reason."""
        code = code_of(error)
        more = {"detail": str(error)} if isinstance(error, StorageError) else {}
        self.finish(code.name, reason=error.reason, **more)
        await context.abort(code, told_text(error), trailing_metadata=status_details(error))

    async def abort_unexpected(self, context: Context, error: Exception) -> NoReturn:
        """Ends the call as INTERNAL; grpc's own abort passes through."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        self.finish(grpc.StatusCode.INTERNAL.name, error=type(error).__name__, at=place_of(error))
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the node's log")
