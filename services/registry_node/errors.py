"""The one table from errors to gRPC codes, and the rich error that travels with a code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from registry import errors
from registry_node.log_fields import INTERNAL_REASON

ERROR_DOMAIN: Final = "intermechanisms-registry"
ERROR_ID_KEY: Final = "error_id"
"""In ErrorInfo.metadata: the same id stands in this node's log line."""
WITNESSED_SIZE_KEY: Final = "witnessed_size"
"""In ErrorInfo.metadata of an AddCheckpoint: the size that was cosigned last, in decimal."""
INTERNAL_TEXT: Final = "internal error; see the node's log"
_DETAILS_KEY: Final = "grpc-status-details-bin"

_CODES: Final[tuple[tuple[type[errors.RegistryError], grpc.StatusCode], ...]] = (
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.RequestIdReused, grpc.StatusCode.ALREADY_EXISTS),
    (errors.HistoryChanged, grpc.StatusCode.ABORTED),
    (errors.WitnessedSizeDiffers, grpc.StatusCode.ABORTED),
    (errors.NotCosigned, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.CursorOutOfRange, grpc.StatusCode.OUT_OF_RANGE),
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
    if code_of(error) is grpc.StatusCode.INTERNAL:
        return INTERNAL_TEXT
    return str(error)


def status_details(
    error: errors.RegistryError, error_id: str = ""
) -> tuple[tuple[str, bytes], ...]:
    """Returns trailing metadata with a google.rpc.Status that holds reason and id of the error."""
    facts = {}
    if isinstance(error, errors.WitnessedSizeDiffers):
        facts[WITNESSED_SIZE_KEY] = str(error.size)
    return _details(code_of(error), told_text(error), error.reason, error_id, facts)


def internal_details(error_id: str) -> tuple[tuple[str, bytes], ...]:
    """Returns the same for what is no RegistryError: nothing but the id tells it from another."""
    return _details(grpc.StatusCode.INTERNAL, INTERNAL_TEXT, INTERNAL_REASON, error_id)


def _details(
    code: grpc.StatusCode,
    text: str,
    reason: str,
    error_id: str,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[tuple[str, bytes], ...]:
    info = error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=facts)
    if error_id:
        info.metadata[ERROR_ID_KEY] = error_id
    packed = any_pb2.Any()
    packed.Pack(info)
    number: int = code.value[0]
    status = status_pb2.Status(code=number, message=text, details=[packed])
    return ((_DETAILS_KEY, status.SerializeToString()),)
