"""Where tests make their folders."""

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import scratch
from tests.scratch import ROOM_BYTES, use_memory


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "")  # put back afterwards, whatever a test makes of it
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(tempfile, "tempdir", None)


def say_free(
    monkeypatch: pytest.MonkeyPatch, folder: Path, free: int, memory: int = ROOM_BYTES
) -> None:
    """What the disk and the system tell of their room, bytes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    meminfo = folder / "meminfo"
    meminfo.write_text(f"MemTotal: 9 kB\nMemAvailable: {memory // 1024} kB\n", encoding="ascii")
    monkeypatch.setattr(scratch, "MEMINFO", meminfo)


def test_folders_are_made_in_memory_that_has_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    say_free(monkeypatch, tmp_path, ROOM_BYTES)
    use_memory(tmp_path)
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path)


def test_they_are_not_where_it_is_small_or_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_memory(tmp_path / "nowhere")
    say_free(monkeypatch, tmp_path, ROOM_BYTES - 1)
    use_memory(tmp_path)
    say_free(monkeypatch, tmp_path, ROOM_BYTES, memory=ROOM_BYTES - 1024)
    use_memory(tmp_path)
    monkeypatch.setattr(scratch, "MEMINFO", tmp_path / "nowhere")
    use_memory(tmp_path)
    assert "TMPDIR" not in os.environ


def test_who_sets_a_folder_is_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    say_free(monkeypatch, tmp_path, ROOM_BYTES)
    monkeypatch.setenv("TMPDIR", str(tmp_path.parent))
    use_memory(tmp_path)
    assert tempfile.gettempdir() == str(tmp_path.parent)
