"""Structured logs on standard error: one fact a line, never content, names, salts or keys."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Literal

import structlog


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
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def place_of(error: BaseException) -> str:
    """Tells where an unexpected error was raised, as `file:line`; its text might hold content."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
