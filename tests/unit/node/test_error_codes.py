"""The one table from errors to gRPC codes, and the way back at the client."""

from collections.abc import Iterator

import grpc
import pytest

from registry import errors
from registry.client.errors import translate
from registry_node.errors import code_of, status_details, told_text

CODES = {
    errors.InvalidRequest: "INVALID_ARGUMENT",
    errors.InvalidContent: "INVALID_ARGUMENT",
    errors.RuleViolation: "FAILED_PRECONDITION",
    errors.NotFound: "NOT_FOUND",
    errors.RequestIdReused: "ALREADY_EXISTS",
    errors.HistoryChanged: "ABORTED",
    errors.WitnessedSizeDiffers: "ABORTED",
    errors.NotCosigned: "FAILED_PRECONDITION",
    errors.NotAllowed: "PERMISSION_DENIED",
    errors.UnknownCaller: "UNAUTHENTICATED",
    errors.LogReadOnly: "UNAVAILABLE",
    errors.Overloaded: "RESOURCE_EXHAUSTED",
    errors.PeerUnavailable: "UNAVAILABLE",
    errors.CorruptDatabase: "DATA_LOSS",
    errors.GuardError: "DATA_LOSS",
    errors.RootMismatch: "INVALID_ARGUMENT",
    errors.RegistryError: "INTERNAL",
}


def tree(kind: type[errors.RegistryError]) -> Iterator[type[errors.RegistryError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


ALL = sorted(set(tree(errors.RegistryError)), key=lambda kind: kind.__name__)
ALL_BUT_ROOT = [kind for kind in ALL if kind is not errors.RegistryError]
"""The root has no reason of its own: the client says where it comes from instead."""


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_error_has_the_code_that_its_family_promises(kind: type[errors.RegistryError]) -> None:
    assert code_of(kind("words")).name == CODES[kind]


def test_no_error_but_the_root_is_internal() -> None:
    internal = [kind for kind in ALL if code_of(kind("")) is grpc.StatusCode.INTERNAL]
    assert internal == [errors.RegistryError]


def received(sent: errors.RegistryError) -> grpc.aio.AioRpcError:
    """What a client gets."""
    return grpc.aio.AioRpcError(
        code_of(sent),
        grpc.aio.Metadata(),
        grpc.aio.Metadata(*status_details(sent, "0badcafe")),
        details=told_text(sent),
    )


@pytest.mark.parametrize("kind", ALL_BUT_ROOT, ids=lambda kind: kind.__name__)
def test_error_comes_back_as_itself_at_the_client(kind: type[errors.RegistryError]) -> None:
    sent = kind("what was expected and what was found")
    found = translate(received(sent), "127.0.0.1:1")
    assert type(found) is kind
    assert str(found) == told_text(sent)
    assert found.error_id == "0badcafe"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_only_errors_of_our_own_disk_keep_their_text_from_the_caller(
    kind: type[errors.RegistryError],
) -> None:
    text = "the guard /srv/node/guard contradicts the database"
    sent = kind(text)
    travels = [str(received(sent).details()), *(str(value) for _, value in status_details(sent))]
    if issubclass(kind, errors.StorageError):
        assert not any("/srv" in each for each in travels)
        assert told_text(sent).endswith(f"({kind.reason}); see the node's log")
    elif kind is errors.RegistryError:
        # Nobody raises the root itself: what it says was written for nobody in particular.
        assert not any(text in each for each in travels)
    else:
        assert all(text in each for each in travels)
