"""gRPC errors back into the registry's own: by the stable reason in the rich error, or by code."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from registry import errors

_ERROR_ID_KEY: Final = "error_id"
_BY_CODE = {
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    grpc.StatusCode.PERMISSION_DENIED: errors.NotAllowed,
    grpc.StatusCode.UNAUTHENTICATED: errors.UnknownCaller,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Overloaded,
    grpc.StatusCode.UNAVAILABLE: errors.PeerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.PeerUnavailable,
    grpc.StatusCode.CANCELLED: errors.PeerUnavailable,  # how a stopping node ends open calls
}


def translate(error: grpc.aio.AioRpcError, address: str) -> errors.RegistryError:
    """Returns the error that the node meant; one without a reason comes from the way there."""
    info = _info(error)
    found = _meant(error, info.reason, address)
    found.error_id = info.metadata.get(_ERROR_ID_KEY, "")
    return found


def _meant(error: grpc.aio.AioRpcError, reason: str, address: str) -> errors.RegistryError:
    kind = _by_reason().get(reason)
    if kind is not None:
        return kind(error.details() or reason)
    fallback = _BY_CODE.get(error.code(), errors.RegistryError)
    detail = (error.details() or "").split("; last error: ")[-1]
    return fallback(f"the node at {address} answered {error.code().name}: {detail}")


def _info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                return _unpacked(status_pb2.Status.FromString(value))
            except DecodeError:
                break
    return error_details_pb2.ErrorInfo()


def _unpacked(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    return error_details_pb2.ErrorInfo()


@lru_cache(maxsize=1)
def _by_reason() -> dict[str, type[errors.RegistryError]]:
    found: dict[str, type[errors.RegistryError]] = {}
    for kind in _descendants(errors.RegistryError):
        found.setdefault(kind.reason, kind)  # who has its parent's reason is told as its parent
    return found


def _descendants(kind: type[errors.RegistryError]) -> Iterator[type[errors.RegistryError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
