"""Structured logs on standard error: one fact a line, never content, names, salts or keys.

Whatever may write there goes through the same list of fields (log_fields.py): our own lines, those
of libraries, warnings, and errors that nobody caught. grpc's core is silenced before its import.
"""

import asyncio
import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import structlog

from registry_node.log_fields import keep_listed, place_of

__all__ = ["configure_logging", "place_of", "watch_loop"]
_log = structlog.get_logger()
_OUR_LEVEL: Final = logging.WARNING
"""Of libraries, which log much: from this level on."""


def configure_logging(log_format: Literal["json", "text"]) -> None:
    """Sets structlog up for the process; call it once, before anything logs."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over_libraries()
    sys.excepthook = _tell_uncaught
    threading.excepthook = _tell_in_thread
    sys.unraisablehook = _tell_unraisable


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Lets the loop tell what nobody awaited or caught as a line without its text."""
    loop.set_exception_handler(_tell_in_loop)


class _LibraryLines(logging.Handler):
    """Takes what libraries log: its message may quote anything, so only who and where is told."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        error = record.exc_info[1] if record.exc_info else None
        _log.warning(
            "library_logged",
            library=record.name.partition(".")[0],
            **_named(error) if error else {"at": f"{record.filename}:{record.lineno}"},
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Says nothing: the original prints the message."""


def _take_over_libraries() -> None:
    logging.basicConfig(handlers=[_LibraryLines()], level=_OUR_LEVEL, force=True)
    logging.raiseExceptions = False
    logging.lastResort = None
    warnings.showwarning = _tell_warning


def _named(error: BaseException) -> dict[str, str]:
    return {"error": type(error).__name__, "at": place_of(error)}


def _tell_uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    _log.critical("error_uncaught", **_named(error))


def _tell_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log.error("thread_failed", **_named(arguments.exc_value))


def _tell_unraisable(found: "sys.UnraisableHookArgs") -> None:
    if found.exc_value is not None:
        _log.error("error_ignored", **_named(found.exc_value))


def _tell_in_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    _log.error("loop_failed", **_named(error) if isinstance(error, BaseException) else {})


def _tell_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line
    _log.warning("library_warned", error=category.__name__, at=f"{_name(filename)}:{lineno}")


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
