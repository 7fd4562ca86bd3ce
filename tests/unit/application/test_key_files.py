"""Key files: for their owner alone or refused, whole or absent, never overwritten."""

import os
import stat
from pathlib import Path

import pytest

from registry.application.folder import replace_file
from registry.application.key_care.key_files import (
    read_private,
    read_secret,
    write_private,
    write_secret,
)
from registry.errors import FolderError, KeyFileError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_secret_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_secret(tmp_path / "a.key", bytes(range(32)))

    assert read_secret(tmp_path / "a.key", 32) == bytes(range(32))
    assert (tmp_path / "a.key").read_text() == bytes(range(32)).hex() + "\n"


def test_key_file_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "a.key", b"secret")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o700 | 0o001])
def test_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    write_secret(path, b"k" * 32)
    path.chmod(mode)

    with pytest.raises(KeyFileError, match=f"{mode:04o}: chmod 600"):
        read_secret(path, 32)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_key_file_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    write_secret(path, b"k" * 32)
    path.chmod(mode)

    assert read_secret(path, 32) == b"k" * 32


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"aa" * 31,
        b"aa" * 33,
        b"zz" * 32,
        b"a" * 63,
        "é".encode() * 32,
        b"\xff" * 64,
        b"-----BEGIN PRIVATE KEY-----",
    ],
)
def test_key_file_of_another_length_or_form_is_refused_and_not_shown(
    tmp_path: Path, text: bytes
) -> None:
    write_private(tmp_path / "a.key", text)

    with pytest.raises(KeyFileError, match="64 hexadecimal digits") as caught:
        read_secret(tmp_path / "a.key", 32)

    assert text.decode("latin-1").strip()[:40] not in str(caught.value) or not text.strip()


def test_key_is_never_overwritten(tmp_path: Path) -> None:
    write_secret(tmp_path / "a.key", b"k" * 32)

    with pytest.raises(FolderError, match="never overwritten"):
        write_secret(tmp_path / "a.key", b"n" * 32)

    assert read_secret(tmp_path / "a.key", 32) == b"k" * 32
    assert names(tmp_path) == ["a.key"]


def test_crash_while_a_key_is_written_leaves_none_and_the_next_write_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            write_secret(tmp_path / "a.key", b"k" * 32)
    assert not (tmp_path / "a.key").exists()
    # What a power cut leaves, where nothing cleans up.
    (tmp_path / "a.key.new").write_bytes(b"half a k")
    (tmp_path / "a.key.new").chmod(0o644)

    write_secret(tmp_path / "a.key", b"k" * 32)

    assert read_secret(tmp_path / "a.key", 32) == b"k" * 32
    assert names(tmp_path) == ["a.key"]


def test_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"a\.key"):
        read_private(tmp_path / "a.key")


def test_link_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "real.key", b"secret")
    (tmp_path / "a.key").symlink_to(tmp_path / "real.key")

    with pytest.raises(KeyFileError, match=r"a\.key"):
        read_private(tmp_path / "a.key")


def test_folder_or_pipe_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)

    for name in ("folder", "pipe"):
        with pytest.raises(KeyFileError, match="must be a file"):
            read_private(tmp_path / name)


def test_refused_key_file_is_closed(tmp_path: Path) -> None:
    write_private(tmp_path / "a.key", b"secret")
    (tmp_path / "a.key").chmod(0o644)
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        with pytest.raises(KeyFileError):
            read_private(tmp_path / "a.key")

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_file_that_is_replaced_is_old_or_new_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clients.json"
    replace_file(path, b"old")

    def crash(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            replace_file(path, b"new")

    assert path.read_bytes() == b"old"
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["clients.json"]
