"""Around every call: who calls, one log line, and errors turned into gRPC statuses.

Rules: an unknown caller reaches no handler; a RegistryError becomes its code with a rich detail; any
other exception becomes INTERNAL without its text, because the text might hold content.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog

from registry.errors import RegistryError, UnknownCaller
from registry_node.callers import CallerDirectory, set_caller
from registry_node.errors import code_of, status_details

_log = structlog.get_logger()

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Identifies, times, logs and translates."""

    def __init__(self, callers: CallerDirectory, *, open_methods: frozenset[str]) -> None:
        """Wraps calls.

        Args:
            callers: tells who calls.
            open_methods: prefixes such as `/grpc.health.v1.Health/` whose calls are not logged.
        """
        self._callers = callers
        self._open_methods = tuple(open_methods)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Returns the handler, wrapped; streams from callers are passed on as they are."""
        handler = await continuation(handler_call_details)
        # grpc gives None for an unknown method; its own UNIMPLEMENTED answer stands.
        if handler is None or handler.request_streaming:
            return handler
        method = str(handler_call_details.method)
        is_quiet = method.startswith(self._open_methods)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, is_quiet, handler.unary_stream),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, is_quiet, handler.unary_unary),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, method: str, is_quiet: bool, behaviour: Any) -> Any:  # noqa: ANN401, FBT001 - grpc's own untyped callables
        async def handle(request: Any, context: Context) -> Any:  # noqa: ANN401
            call = _Call(method, is_quiet)
            try:
                self._identify(call, context)
                response = await behaviour(request, context)
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
                async for response in behaviour(request, context):
                    yield response
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
        self.finish(code.name, reason=error.reason)
        await context.abort(code, str(error), trailing_metadata=status_details(error))

    async def abort_unexpected(self, context: Context, error: Exception) -> NoReturn:
        """Ends the call as INTERNAL; grpc's own abort passes through."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        self.finish(grpc.StatusCode.INTERNAL.name, error=type(error).__name__)
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the node's log")
