"""Client profiles: read as a whole, refused if the key is open to others, never shown."""

import json
from pathlib import Path

import pytest

from registry.client import load_profile
from registry.errors import FolderError, KeyFileError

DESCRIPTION = {
    "name": "desk",
    "address": "127.0.0.1:7",
    "server_name": "un.defenders.example",
    "mechanism": "un",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "profile.json").write_text(json.dumps(DESCRIPTION))
    for name in ("client.key", "client.crt", "node.crt"):
        (tmp_path / name).write_bytes(f"PEM of {name}".encode())
    (tmp_path / "client.key").chmod(0o600)
    return tmp_path


def test_profile_is_read(folder: Path) -> None:
    profile = load_profile(folder)

    assert profile.description.model_dump() == DESCRIPTION
    assert profile.key == b"PEM of client.key"
    assert profile.certificate == b"PEM of client.crt"
    assert profile.node_certificate == b"PEM of node.crt"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o777])
def test_key_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    (folder / "client.key").chmod(mode)

    with pytest.raises(KeyFileError, match=r"client\.key must have mode 0600: chmod 600"):
        load_profile(folder)


def test_key_that_only_its_owner_reads_is_taken(folder: Path) -> None:
    (folder / "client.key").chmod(0o400)

    assert load_profile(folder).key


@pytest.mark.parametrize("name", ["profile.json", "client.key", "client.crt", "node.crt"])
def test_folder_without_a_file_of_a_profile_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(FolderError, match=r"is no client profile \(No such file.*client add"):
        load_profile(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**DESCRIPTION, "colour": "red"}),
        json.dumps({**DESCRIPTION, "address": 7}),
        "\xff",
    ],
)
def test_damaged_description_is_refused(folder: Path, text: str) -> None:
    (folder / "profile.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(FolderError, match=r"profile\.json is damaged; make the profile anew"):
        load_profile(folder)


def test_key_is_never_shown(folder: Path) -> None:
    profile = load_profile(folder)

    for shown in (repr(profile), str(profile), f"{profile}", f"{profile!r}"):
        assert "PEM" not in shown
        assert "127.0.0.1:7" in shown
