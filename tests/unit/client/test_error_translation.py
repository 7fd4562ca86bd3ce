"""Errors of a node become the registry's own: by their reason, else by their code."""

from collections.abc import Iterator

import grpc
import pytest
from google.rpc import status_pb2

from registry import errors
from registry.client.errors import translate
from tests.unit.client.rpc_failures import failure, rich_failure

ADDRESS = "127.0.0.1:7"


def every_error(kind: type[errors.RegistryError]) -> Iterator[type[errors.RegistryError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from every_error(child)


EVERY = sorted(every_error(errors.RegistryError), key=lambda kind: kind.__name__)


def test_reasons_are_told_apart() -> None:
    assert len({kind.reason for kind in EVERY}) == len(EVERY) > 30


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_error_of_a_node_comes_back_by_its_reason(kind: type[errors.RegistryError]) -> None:
    error = translate(rich_failure(kind.reason, "said by the node"), ADDRESS)

    assert type(error) is kind
    assert str(error) == "said by the node"


def test_error_of_a_node_without_words_says_its_reason() -> None:
    assert str(translate(rich_failure("not_found", ""), ADDRESS)) == "not_found"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, errors.NotFound),
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequest),
        (grpc.StatusCode.PERMISSION_DENIED, errors.NotAllowed),
        (grpc.StatusCode.UNAUTHENTICATED, errors.UnknownCaller),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.Overloaded),
        (grpc.StatusCode.UNAVAILABLE, errors.PeerUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.PeerUnavailable),
        (grpc.StatusCode.INTERNAL, errors.RegistryError),
        (grpc.StatusCode.UNKNOWN, errors.RegistryError),
    ],
)
def test_error_without_a_reason_is_told_by_its_code_with_the_address(
    code: grpc.StatusCode, kind: type[errors.RegistryError]
) -> None:
    error = translate(failure(code, "words"), ADDRESS)

    assert type(error) is kind
    assert str(error) == f"the node at {ADDRESS} answered {code.name}: words"


def test_reason_of_a_later_version_is_told_by_its_code() -> None:
    error = translate(rich_failure("brand_new", "words", grpc.StatusCode.UNAVAILABLE), ADDRESS)

    assert type(error) is errors.PeerUnavailable


@pytest.mark.parametrize(
    "trailer",
    [b"\xff\xff", b"", "text", status_pb2.Status(message="no details").SerializeToString()],
)
def test_damaged_or_empty_details_are_told_by_the_code(trailer: bytes | str) -> None:
    error = translate(failure(grpc.StatusCode.NOT_FOUND, "words", trailer), ADDRESS)

    assert type(error) is errors.NotFound


def test_words_of_a_failed_connection_are_its_last_ones() -> None:
    details = "failed to connect to all addresses; last error: UNKNOWN: refused"

    error = translate(failure(grpc.StatusCode.UNAVAILABLE, details), ADDRESS)

    assert str(error).endswith("answered UNAVAILABLE: UNKNOWN: refused")


def test_error_without_details_is_told() -> None:
    error = translate(failure(grpc.StatusCode.UNAVAILABLE, None), ADDRESS)

    assert type(error) is errors.PeerUnavailable
