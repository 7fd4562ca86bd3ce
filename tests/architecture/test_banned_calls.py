"""Ruff refuses clocks, randomness, loose tasks and foreign loggers outside composition roots."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED = {
    "time.time": "import time\n\ntime.time()\n",
    "time.time_ns": "from time import time_ns\n\ntime_ns()\n",
    "datetime.now": "from datetime import UTC, datetime\n\ndatetime.now(UTC)\n",
    "datetime.utcnow": "import datetime\n\ndatetime.datetime.utcnow()\n",
    "date.today": "from datetime import date\n\ndate.today()\n",
    "random": "import random\n\nrandom.random()\n",
    "uuid4": "from uuid import uuid4\n\nuuid4()\n",
    "asyncio.create_task": "import asyncio\n\nasyncio.create_task(print)\n",
    "logging.getLogger": "import logging\n\nlogging.getLogger()\n",
}


def complaints(text: str, file_name: str) -> set[str]:
    """Returns the codes that ruff reports for `text` if it stood in `file_name`."""
    command = [sys.executable, "-m", "ruff", "check", "--output-format=json", "--no-cache"]
    done = subprocess.run(
        [*command, "--stdin-filename", file_name, "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return {found["code"] for found in json.loads(done.stdout)}


@pytest.mark.parametrize("text", BANNED.values(), ids=BANNED)
@pytest.mark.parametrize("folder", ["registry/application", "services/registry_node"])
def test_call_is_banned_outside_composition_roots(text: str, folder: str) -> None:
    assert "TID251" in complaints(text, f"{folder}/module.py")


def test_composition_root_may_read_the_clock() -> None:
    assert "TID251" not in complaints(BANNED["time.time"], "services/registry_node/main.py")


def test_monotonic_clock_is_allowed() -> None:
    assert "TID251" not in complaints("import time\n\ntime.monotonic()\n", "registry/store/a.py")
