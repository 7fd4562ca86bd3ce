"""gRPC errors as the client meets them: rich ones of a node, bare ones of the way there."""

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

DETAILS_KEY = "grpc-status-details-bin"


def failure(
    code: grpc.StatusCode, details: str | None = "", trailer: bytes | str | None = None
) -> grpc.aio.AioRpcError:
    """An error with a trailer, or without any."""
    trailing = grpc.aio.Metadata()
    if trailer is not None:
        trailing.add("x-other", "1")
        trailing.add(DETAILS_KEY, trailer)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details)


def rich_failure(
    reason: str, details: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
) -> grpc.aio.AioRpcError:
    """An error that says its stable reason, after a detail of another kind."""
    status = status_pb2.Status(message=details)
    for detail in (
        error_details_pb2.RetryInfo(),
        error_details_pb2.ErrorInfo(reason=reason, domain="intermechanisms-registry"),
    ):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return failure(code, details, status.SerializeToString())
