"""The one table from errors to exit codes, and how an error is told to a person."""

from typing import Final

from registry import errors

EXIT_OK: Final = 0
EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_FOUND: Final = 3
EXIT_NOT_ALLOWED: Final = 4
EXIT_STORAGE: Final = 5
EXIT_TRY_LATER: Final = 6
EXIT_BAD_BYTES: Final = 7
EXIT_INTERNAL: Final = 70

_EXIT_CODES: Final[tuple[tuple[type[errors.RegistryError], int], ...]] = (
    (errors.NotFound, EXIT_NOT_FOUND),
    (errors.NotAllowed, EXIT_NOT_ALLOWED),
    (errors.UnknownCaller, EXIT_NOT_ALLOWED),
    (errors.HistoryChanged, EXIT_TRY_LATER),
    (errors.RequestError, EXIT_USAGE),
    (errors.StorageError, EXIT_STORAGE),
    (errors.TryLater, EXIT_TRY_LATER),
    (errors.EntryError, EXIT_BAD_BYTES),
)

_HINTS: Final = {
    errors.PeerUnavailable.reason: "is the node running, and is this its client's profile? "
    "A node ends a call without an answer if the certificate is not one of its own.",
    errors.UnknownCaller.reason: "ask the node's operator for a profile: registry client add",
    errors.LogReadOnly.reason: "`registry status` says why; reading goes on meanwhile",
    errors.RequestIdReused.reason: "choose a new --request-id for a new event",
    errors.HistoryChanged.reason: "ask again",
}
"""What to do, by reason."""


def exit_code(error: errors.RegistryError) -> int:
    """Returns the exit status of an error."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), EXIT_INTERNAL)


def hint(error: errors.RegistryError) -> str:
    """Returns what to do about an error; empty if its text says it already."""
    return _HINTS.get(error.reason, "")
