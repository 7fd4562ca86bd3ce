"""Clients: a profile for whoever may call, and the list that decides."""

import json
from pathlib import Path

import pytest
from cryptography import x509

from registry.application.certificates import load_pair
from registry.application.clients import (
    add_client,
    fingerprint_of,
    load_client_authority,
    read_clients,
    remove_client,
    set_role,
)
from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_private
from registry.application.roles import Client, Role
from registry.errors import FolderError, InvalidRequest, KeyFileError, NotFound, RegistryError

NAMES = ["a", "desk", "desk.2@un.example", "A_b-9", "x" * 63]
BAD_NAMES = ["", ".desk", "-desk", "two words", "desk\n", "dé", "x" * 64, "../desk", "a/b"]


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


def test_profile_holds_what_a_caller_needs(alpha: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "profile"

    fingerprint = add_client(alpha, "desk", out)

    assert sorted(path.name for path in out.iterdir()) == [
        "client.crt",
        "client.key",
        "node.crt",
        "profile.json",
    ]
    assert json.loads((out / "profile.json").read_text()) == {
        "name": "desk",
        "address": "127.0.0.1:50051",
        "server_name": "alpha.registry.invalid",
        "mechanism": "alpha",
    }
    pair = load_pair((out / "client.crt").read_bytes(), read_private(out / "client.key"))
    assert fingerprint == fingerprint_of(pair.certificate_der)
    pair.certificate.verify_directly_issued_by(load_client_authority(NodeFolder(alpha)).certificate)
    x509.load_pem_x509_certificate((out / "node.crt").read_bytes())


def test_profile_is_for_its_owner_alone(alpha: Path, tmp_path: Path) -> None:
    add_client(alpha, "desk", tmp_path / "profile")

    assert (tmp_path / "profile").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "profile" / "client.key").stat().st_mode & 0o777 == 0o600


def test_list_maps_fingerprints_to_names_and_roles(alpha: Path, tmp_path: Path) -> None:
    assert read_clients(NodeFolder(alpha)) == {}

    added = {
        add_client(alpha, name, tmp_path / str(n), role): Client(name, role)
        for n, (name, role) in enumerate(zip(NAMES, Role, strict=True))
    }

    assert read_clients(NodeFolder(alpha)) == added
    assert len(added) == len(NAMES)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_malformed_name_is_refused_and_nothing_is_made(
    alpha: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidRequest, match="named by"):
        add_client(alpha, name, tmp_path / "profile")

    assert not (tmp_path / "profile").exists()
    assert read_clients(NodeFolder(alpha)) == {}


@pytest.mark.parametrize("again", ["desk", "Desk", "DESK"])
def test_name_is_given_once_whatever_the_case_of_its_letters(
    alpha: Path, tmp_path: Path, again: str
) -> None:
    add_client(alpha, "desk", tmp_path / "first")

    with pytest.raises(InvalidRequest, match="exists"):
        add_client(alpha, again, tmp_path / "second")

    assert not (tmp_path / "second").exists()


def test_folder_or_file_that_holds_something_is_not_written_into(
    alpha: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis").write_text("dear")
    (tmp_path / "file").write_text("dear")

    for name in ("full", "file"):
        with pytest.raises(FolderError, match="not an empty folder"):
            add_client(alpha, "desk", tmp_path / name)

    assert read_clients(NodeFolder(alpha)) == {}
    (tmp_path / "empty").mkdir()
    add_client(alpha, "desk", tmp_path / "empty")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": 1}',
        b"\xff",
        b'"x"',
        b'{"a": {"name": "x"}}',
        b'{"a": {"name": 1, "role": "officer"}}',
        b'{"a": {"name": "x", "role": "god"}}',
    ],
    ids=repr,
)
def test_damaged_list_is_told_and_not_replaced(alpha: Path, tmp_path: Path, text: bytes) -> None:
    (alpha / "clients.json").write_bytes(text)

    with pytest.raises(FolderError, match="damaged"):
        add_client(alpha, "desk", tmp_path / "profile")

    assert (alpha / "clients.json").read_bytes() == text


def test_folder_without_a_node_adds_no_client(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="registry init"):
        add_client(tmp_path / "nothing", "desk", tmp_path / "profile")


@pytest.mark.parametrize(
    "name", ["tls/client_authority.crt", "keys/client_authority.key", "tls/node.crt"]
)
def test_missing_file_of_the_node_is_named_and_nothing_is_made(
    alpha: Path, tmp_path: Path, name: str
) -> None:
    (alpha / name).unlink()

    with pytest.raises(KeyFileError, match=Path(name).name.replace(".", r"\.")):
        add_client(alpha, "desk", tmp_path / "profile")

    assert not (tmp_path / "profile").exists()


def test_authority_key_that_others_can_read_signs_nothing(alpha: Path, tmp_path: Path) -> None:
    (alpha / "keys" / "client_authority.key").chmod(0o640)

    with pytest.raises(RegistryError, match="chmod 600"):
        add_client(alpha, "desk", tmp_path / "profile")


def test_line_of_the_first_version_is_an_officer(alpha: Path) -> None:
    (alpha / "clients.json").write_text('{"aa": "desk", "bb": {"name": "eve", "role": "viewer"}}')

    assert read_clients(NodeFolder(alpha)) == {
        "aa": Client("desk", Role.OFFICER),
        "bb": Client("eve", Role.VIEWER),
    }


def test_role_is_changed_for_all_certificates_of_a_name_and_for_no_other(alpha: Path) -> None:
    (alpha / "clients.json").write_text('{"aa": "desk", "bb": "desk", "cc": "eve"}')

    set_role(alpha, "desk", Role.AUDITOR)

    assert read_clients(NodeFolder(alpha)) == {
        "aa": Client("desk", Role.AUDITOR),
        "bb": Client("desk", Role.AUDITOR),
        "cc": Client("eve", Role.OFFICER),
    }


def test_removed_client_is_gone_with_all_its_certificates(alpha: Path) -> None:
    (alpha / "clients.json").write_text('{"aa": "desk", "bb": "desk", "cc": "eve"}')

    remove_client(alpha, "desk")

    assert read_clients(NodeFolder(alpha)) == {"cc": Client("eve", Role.OFFICER)}


def test_client_that_is_not_listed_has_no_role_to_change(alpha: Path) -> None:
    with pytest.raises(NotFound, match="ghost"):
        set_role(alpha, "ghost", Role.VIEWER)
    with pytest.raises(NotFound, match="ghost"):
        remove_client(alpha, "ghost")
