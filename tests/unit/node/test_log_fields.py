"""The list of what a log line may hold, and the ways on which something else tries to get in."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.errors import CorruptDatabase
from registry_node.log_fields import is_listed, keep_listed

CANARY = "canary-71c3 in words of a victim"
ROOT = Path(__file__).resolve().parents[3]
_CALLS = {"debug", "info", "warning", "error", "critical", "exception"}


def kept(**line: Any) -> dict[str, Any]:
    return dict(keep_listed(None, "info", line))


def test_listed_fields_are_kept_as_they_are() -> None:
    line = {
        "event": "call_handled",
        "level": "info",
        "timestamp": "2026-11-25T12:00:00.123456Z",
        "method": "/registry.api.v1.CaseService/GetHistory",
        "caller": "client:0123456789ab",
        "outcome": "NOT_FOUND",
        "reason": "not_found",
        "duration_ms": 1.25,
        "error_id": "0badcafe",
    }
    assert kept(**line) == line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("caller", "the desk of an officer"),
        ("caller", "officer"),  # a name that looks like a slug
        ("reason", "tortured"),  # one word of a content
        ("reason", f"invalid_content: {CANARY}"),
        ("peer", CANARY),
        ("log", "/srv/node/log.db"),
        ("origin", "../keys"),
        ("size", "17"),
        ("size", True),
        ("duration_ms", CANARY),
        ("at", "/srv/node/file.py:12"),
        ("held_root", CANARY),
        ("method", f"/a.B/C {CANARY}"),
        ("error", f"KeyError: {CANARY}"),
        ("error_id", "0badcafe\n"),
        ("event_detail", "x"),
        ("title", CANARY),
        ("salt", "00" * 32),
    ],
)
def test_other_field_or_other_form_is_dropped_and_counted(name: str, value: object) -> None:
    assert kept(event="call_handled", **{name: value}) == {"event": "call_handled", "dropped": 1}


@pytest.mark.parametrize("event", [CANARY, "Statement", "two words", "x" * 500 + " ", 7, None])
def test_event_that_is_no_plain_name_is_not_printed(event: object) -> None:
    assert kept(event=event) == {"event": "unlisted_event", "dropped": 1}


def test_hash_is_cut_short() -> None:
    assert kept(event="log_contradicted", held_root="ab" * 32)["held_root"] == "ab" * 8


def test_value_that_lies_about_its_text_is_not_asked_for_it() -> None:
    class Liar(str):
        __slots__ = ()

        def __str__(self) -> str:
            return CANARY

    assert CANARY not in str(kept(event="call_handled", outcome=Liar("OK")))


def fail() -> None:
    raise CorruptDatabase(CANARY)


def test_exception_is_told_by_class_and_place_alone() -> None:
    try:
        fail()
    except CorruptDatabase as error:
        raised = error
        lines = [kept(event="x_failed", exc_info=True), kept(event="x_failed", exc_info=raised)]
        lines.append(kept(event="x_failed", exc_info=sys.exc_info()))
    for line in lines:
        assert line["error"] == "CorruptDatabase"
        assert line["at"].startswith("test_log_fields.py:")
        assert CANARY not in str(line)


def log_calls() -> Iterator[tuple[Path, ast.Call]]:
    for file in sorted([*(ROOT / "services").rglob("*.py"), *(ROOT / "registry").rglob("*.py")]):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _CALLS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"_log", "log", "logger"}
            ):
                yield file, node


def test_every_line_of_the_source_has_a_literal_name_and_listed_fields() -> None:
    found = list(log_calls())
    assert len(found) > 15
    for file, call in found:
        place = f"{file.name}:{call.lineno}"
        assert len(call.args) == 1, place
        name = call.args[0]
        assert isinstance(name, ast.Constant), place
        assert isinstance(name.value, str), place
        assert re.fullmatch("[a-z]+(?:_[a-z0-9]+)*", name.value), place
        unlisted = [each.arg for each in call.keywords if each.arg and not is_listed(each.arg)]
        assert not unlisted, f"{place}: {unlisted}"


SCRIPT = """
import asyncio, gc, logging, sys, threading, warnings
from registry.client.tls import require_tls13
require_tls13()
import structlog
from registry_node.observability import configure_logging, watch_loop
CANARY = sys.argv[1]
configure_logging(sys.argv[2])
log = structlog.get_logger()
log.info(CANARY)
log.info("text %s", CANARY)
log.info("call_handled", detail=CANARY, caller=CANARY, reason=CANARY)
structlog.contextvars.bind_contextvars(case=CANARY)
try:
    raise ValueError(CANARY)
except ValueError:
    log.exception("x_failed")
    log.error("x_failed", exc_info=True, stack_info=True)
    logging.getLogger("grpc._cython").exception("Unexpected %s", CANARY)
logging.getLogger("asyncio").error(CANARY)
logging.error("%d", CANARY)
warnings.warn(CANARY)
def fail():
    local = CANARY
    raise RuntimeError(local)
thread = threading.Thread(target=fail, name=CANARY)
thread.start(); thread.join()
class Bad:
    def __del__(self):
        raise OSError(2, CANARY, CANARY)
Bad(); gc.collect()
async def main():
    loop = asyncio.get_running_loop()
    watch_loop(loop)
    loop.call_soon(fail)
    async def failing():
        fail()
    task = loop.create_task(failing(), name=CANARY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
asyncio.run(main())
fail()
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_nothing_that_writes_to_standard_error_tells_a_text(log_format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", SCRIPT, CANARY, log_format],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr
    if log_format == "json":
        events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
        expected = {
            "unlisted_event",
            "call_handled",
            "x_failed",
            "library_logged",
            "library_warned",
            "thread_failed",
            "error_ignored",
            "loop_failed",
            "error_uncaught",
        }
        assert set(events) == expected
        assert events.count("loop_failed") == 2
