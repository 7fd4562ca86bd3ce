"""No acknowledged event is lost by killing the writing process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counts import tell

KILLS = int(os.environ.get("SOAK_KILLS", "300"))
SEED = 20_261


@pytest.mark.timeout(300 + KILLS)
def test_three_hundred_kills_lose_no_acknowledged_event(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill_writer.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", script, tmp_path, str(KILLS), str(SEED)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    counted = json.loads(done.stdout)
    tell(f"{counted}, 0 lost")
    assert counted["kills"] == KILLS
    # The run must have seen what it is about: work done, and kills in the middle of it.
    assert counted["acknowledged"] > KILLS
    assert counted["unanswered"] > 0
