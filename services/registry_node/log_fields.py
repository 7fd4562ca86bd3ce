"""What a log line may hold: a list of fields, each with the form of its value; the rest is dropped.

A line is read by whoever runs the machine, and by whoever takes it away. So nothing is printed
because nobody forbade it: a field that is not listed here, or whose value has another form, is left
out and counted (`dropped`). Names of officers, texts of errors, paths and content have no form.
"""

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

from registry.errors import RegistryError
from registry.log.fault_verdict import TWO_ENTRIES, TWO_HISTORIES

_ROOT_CHARACTERS: Final = 16
"""Of a hash: enough to compare two lines."""
UNLISTED: Final = "unlisted_event"
"""Stands for the name of an event that is no plain word."""
INTERNAL_REASON: Final = "internal_error"
"""The reason of what is no RegistryError."""


def place_of(error: BaseException) -> str:
    """Tells where an unexpected error was raised, as `file:line`; its text might hold content."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def keep_listed(_: object, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The processor before the renderer: keeps what is listed, counts what is not."""
    kept: dict[str, Any] = {}
    dropped = 0
    for name, value in _with_error_named(line).items():
        form = _FORMS.get(name)
        shown = None if form is None else form(value)
        if shown is None:
            dropped += 1
        else:
            kept[name] = shown
    kept.setdefault("event", UNLISTED)
    if dropped:
        kept["dropped"] = dropped
    return kept


def is_listed(name: str) -> bool:
    """Tells whether a field can be logged at all."""
    return name in _FORMS


def _with_error_named(line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Puts an exception's class and place where its text and traceback would have been."""
    fields = dict(line)
    found = fields.pop("exc_info", None)
    if isinstance(found, tuple) and len(found) > 1:
        found = found[1]
    elif found is not None and found is not False and not isinstance(found, BaseException):
        found = sys.exc_info()[1]
    if isinstance(found, BaseException):
        fields |= {"error": type(found).__name__, "at": place_of(found)}
    return fields


def _text(pattern: str) -> Callable[[object], object]:
    form = re.compile(pattern, re.ASCII)

    def check(value: object) -> object:
        # The match gives plain text, whatever kind of text the value is.
        found = form.fullmatch(value) if isinstance(value, str) else None
        return found.group() if found else None

    return check


def _number(value: object) -> object:
    return value if type(value) in {int, float} else None


def _reason(value: object) -> object:
    known = {INTERNAL_REASON, TWO_HISTORIES, TWO_ENTRIES, *_reasons(RegistryError)}
    return value if value in known else None


def _reasons(kind: type[RegistryError]) -> Iterator[str]:
    yield kind.reason
    for child in kind.__subclasses__():
        yield from _reasons(child)


def _hash(value: object) -> object:
    shown = _text("(?:[0-9a-f]{2})+")(value)
    return shown[:_ROOT_CHARACTERS] if isinstance(shown, str) else None


def _place(value: object) -> object:
    return _number(value) if isinstance(value, int) else _text(r"[A-Za-z_]\w{0,80}\.py:\d+")(value)


_SLUG: Final = _text("[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_FORMS: Final[Mapping[str, Callable[[object], object]]] = {
    # What every line has.
    "event": _text("[a-z]+(?:_[a-z0-9]+){0,6}"),
    "level": _text("debug|info|warning|error|critical"),
    "timestamp": _text(r"[0-9T:.\-]+Z"),
    # Calls.
    "method": _text(r"/[A-Za-z0-9_.]{1,100}/[A-Za-z0-9]{1,60}"),
    "caller": _text("client:[0-9a-f]{12}|member:[a-z0-9-]{1,64}|unknown"),
    "outcome": _text("OK|[A-Z_]{2,30}"),
    "error_id": _text("[0-9a-f]{8}"),
    # Faults.
    "reason": _reason,
    "error": _text("[A-Za-z_][A-Za-z0-9_]{1,80}"),
    "errno": _number,
    "at": _place,
    "kind": _text("(?:[A-Z][a-z]+){2,5}"),
    "library": _text("[a-z_][a-z0-9_]{0,40}"),
    # Members and their logs.
    "mechanism": _SLUG,
    "peer": _SLUG,
    "log": _text("[a-z0-9](?:[a-z0-9./-]{0,150}[a-z0-9])?"),
    "witness": _text("[a-z0-9](?:[a-z0-9./-]{0,150}[a-z0-9])?"),
    "verdict": _text("[a-z]+(?:_[a-z]+){0,4}"),
    "origin": _text("[a-z0-9](?:[a-z0-9./-]{0,150}[a-z0-9])?"),
    "held_root": _hash,
    "held_roster": _hash,
    "shown_roster": _hash,
    "signed_root": _hash,
    # Counts and durations.
    **dict.fromkeys(
        (
            "changes",
            "count",
            "days_left",
            "duration_ms",
            "entries",
            "found",
            "held_size",
            "left",
            "members",
            "needed",
            "parts",
            "metrics_port",
            "port",
            "repaired",
            "signed_size",
            "size",
            "version",
        ),
        _number,
    ),
}
