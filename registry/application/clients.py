"""Clients of one node: certificates that its own authority signs, kept by fingerprint.

`clients.json` maps the SHA-256 of a client's DER certificate (hex) to its name and role. A
certificate that the authority signed but that is not listed is refused: taking a line out revokes a
client at once, on a running node too. A line of the first version is a plain name: an officer.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from registry.application.certificates import (
    KeyPair,
    load_pair,
    make_client_certificate,
    read_certificate,
    server_name,
)
from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_files import read_private, write_private
from registry.application.key_care.tls_renewal import trusted_certificates
from registry.application.roles import Client, Role, is_same_person, parse_role
from registry.domain.identifiers import Slug
from registry.errors import FolderError, InvalidRequest, NotFound

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")


def load_client_authority(folder: NodeFolder) -> KeyPair:
    """Reads the authority that signs this node's client certificates.

    Raises:
        KeyFileError: a file is missing, readable by others, or malformed.
    """
    return load_pair(
        read_certificate(folder.tls / "client_authority.crt"),
        read_private(folder.keys / "client_authority.key"),
    )


def add_client(folder_path: Path, name: str, out: Path, role: Role = Role.OFFICER) -> str:
    """Issues a client certificate and writes the profile that `registry.client` reads.

    The profile folder holds profile.json, client.key (0600), client.crt and node.crt.

    Args:
        folder_path: the node's folder; the node may be running.
        name: 1 to 63 of letters, digits and `. _ @ -`; appears in the node's logs.
        out: folder to write; must not exist or be empty.
        role: what the client is here for.

    Returns:
        The certificate's fingerprint, SHA-256 in hexadecimal.

    Raises:
        InvalidRequest: the name is malformed or taken.
        FolderError: no node is there, or `out` is not empty.
        KeyFileError: the authority or the node's certificate cannot be read.
    """
    if not _NAME.fullmatch(name):
        msg = f"a client is named by letters, digits and . _ @ - (1 to 63), not {name[:80]!r}"
        raise InvalidRequest(msg)
    folder = NodeFolder(folder_path)
    folder.describe()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"{out} is not an empty folder; a profile is written into a new one"
        raise FolderError(msg)
    with _list_held(folder):
        return _add(folder, Client(name, role), out)


def set_role(folder_path: Path, name: str, role: Role) -> None:
    """Gives a client another role; a running node follows with the next call.

    Raises:
        NotFound: no client has this name.
        FolderError: no node is there, or its list is damaged.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with _list_held(folder):
        clients = read_clients(folder)
        changed = {key: Client(name, role) for key in _lines_of(clients, name)}
        write_clients(folder, clients | changed)


def remove_client(folder_path: Path, name: str) -> None:
    """Takes a client's lines out of the list; a running node refuses its next call.

    Raises:
        NotFound: no client has this name.
        FolderError: no node is there, or its list is damaged.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with _list_held(folder):
        clients = read_clients(folder)
        gone = _lines_of(clients, name)
        write_clients(folder, {key: each for key, each in clients.items() if key not in gone})


def refresh_profile(folder_path: Path, profile: Path, address: str) -> None:
    """Brings a profile up to date with its node: the certificate, which is no secret, and where.

    Args:
        folder_path: the node's folder.
        profile: the folder that `add_client` has written.
        address: `host:port` where the node is reached now.

    Raises:
        FolderError: no node is there, or the profile is none of this mechanism's.
        KeyFileError: the certificate cannot be read.
    """
    folder = NodeFolder(folder_path)
    try:
        before = json.loads((profile / "profile.json").read_bytes())
        name, mechanism = str(before["name"]), str(before["mechanism"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"{profile} is no client profile; see `registry client add`"
        raise FolderError(msg) from error
    if mechanism != folder.mechanism:
        msg = f"{profile} is a profile of {mechanism}, not of {folder.mechanism}"
        raise FolderError(msg)
    certificate = trusted_certificates(folder)
    _describe_node(folder.mechanism, profile, name, address, certificate)


def fingerprint_of(certificate_der: bytes) -> str:
    """SHA-256 of a DER certificate, in hexadecimal."""
    return hashlib.sha256(certificate_der).hexdigest()


def read_clients(folder: NodeFolder) -> dict[str, Client]:
    """Reads clients by fingerprint; empty if no client was added yet.

    Raises:
        FolderError: the file is damaged.
    """
    try:
        lines = json.loads(folder.clients_file.read_bytes())
        return {str(key): _read_line(line) for key, line in lines.items()}
    except FileNotFoundError:
        return {}
    except (
        *(ValueError, TypeError, KeyError, AttributeError, RecursionError),
        InvalidRequest,
    ) as error:
        msg = f"{folder.clients_file} is damaged: it must map fingerprints to names and roles"
        raise FolderError(msg) from error


def write_clients(folder: NodeFolder, clients: dict[str, Client]) -> None:
    """Replaces the list of clients, all or nothing."""
    lines = {key: {"name": each.name, "role": each.role} for key, each in clients.items()}
    replace_file(folder.clients_file, json.dumps(lines, indent=2, sort_keys=True).encode() + b"\n")


def _read_line(line: object) -> Client:
    if isinstance(line, str):
        return Client(line, Role.OFFICER)
    if not isinstance(line, dict) or not isinstance(line["name"], str):
        msg = "a line is a name, or a name and a role"
        raise TypeError(msg)
    return Client(line["name"], parse_role(str(line["role"])))


def _lines_of(clients: dict[str, Client], name: str) -> set[str]:
    found = {key for key, each in clients.items() if each.name == name}
    if not found:
        msg = f"no client named {name[:80]} is listed; see `registry client list`"
        raise NotFound(msg)
    return found


def _add(folder: NodeFolder, client: Client, out: Path) -> str:
    clients, name = read_clients(folder), client.name
    if any(is_same_person(name, each.name) for each in clients.values()):
        msg = f"a client named {name} exists; choose another name"
        raise InvalidRequest(msg)
    description = folder.describe()
    node_certificate = trusted_certificates(folder)
    issued = make_client_certificate(load_client_authority(folder), name)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(out / "client.key", issued.key_pem)
    replace_file(out / "client.crt", issued.certificate_pem)
    _describe_node(folder.mechanism, out, name, description.address, node_certificate)
    fingerprint = fingerprint_of(issued.certificate_der)
    clients[fingerprint] = client
    write_clients(folder, clients)
    return fingerprint


def _describe_node(
    mechanism: Slug, profile: Path, name: str, address: str, certificate: bytes
) -> None:
    """Writes into a profile how its node is reached and known."""
    described = {
        "name": name,
        "address": address,
        "server_name": server_name(mechanism),
        "mechanism": mechanism,
    }
    replace_file(profile / "node.crt", certificate)
    replace_file(profile / "profile.json", json.dumps(described, indent=2).encode() + b"\n")


@contextmanager
def _list_held(folder: NodeFolder) -> Iterator[None]:
    """Holds the list for a change; two that change it at once would lose a line."""
    handle = os.open(folder.path / "clients.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
