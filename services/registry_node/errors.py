"""The one table from errors to gRPC codes, and the rich error that travels with a code."""

from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from registry import errors

ERROR_DOMAIN: Final = "intermechanisms-registry"
_DETAILS_KEY: Final = "grpc-status-details-bin"

_CODES: Final[tuple[tuple[type[errors.RegistryError], grpc.StatusCode], ...]] = (
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.RequestIdReused, grpc.StatusCode.ALREADY_EXISTS),
    (errors.HistoryChanged, grpc.StatusCode.ABORTED),
    (errors.NotAllowed, grpc.StatusCode.PERMISSION_DENIED),
    (errors.UnknownCaller, grpc.StatusCode.UNAUTHENTICATED),
    (errors.RuleViolation, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.RequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.TryLater, grpc.StatusCode.UNAVAILABLE),
    (errors.StorageError, grpc.StatusCode.DATA_LOSS),
    (errors.EntryError, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.RegistryError, grpc.StatusCode.INTERNAL),
)
"""First match counts: the more special class stands first."""


def code_of(error: errors.RegistryError) -> grpc.StatusCode:
    """Returns the gRPC code of an error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def told_text(error: errors.RegistryError) -> str:
    """Returns what a caller is told: the text of our own disk's errors may name files of ours."""
    if isinstance(error, errors.StorageError):
        return f"this node's own files are not as they must be ({error.reason}); see the node's log"
    return str(error)


def status_details(error: errors.RegistryError) -> tuple[tuple[str, bytes], ...]:
    """Returns trailing metadata with a google.rpc.Status that holds the stable reason."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN)
    packed = any_pb2.Any()
    packed.Pack(info)
    number: int = code_of(error).value[0]
    status = status_pb2.Status(code=number, message=told_text(error), details=[packed])
    return ((_DETAILS_KEY, status.SerializeToString()),)
