"""Rows for files of a node's folder and of its operator: damaged, cut short, from another hand."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from registry.application import backing_up
from registry.application.certificates import load_pair, make_client_authority, read_certificate
from registry.application.clients import load_client_authority, read_clients
from registry.application.folder import NodeFolder
from registry.application.key_care.key_backup import back_up_keys, open_backup, read_backup
from registry.application.key_care.key_files import read_private, read_secret
from registry.application.key_care.key_sealing import make_cover, open_cover, open_key, seal_key
from registry.application.key_care.node_keys import load_node_keys, read_node_keys
from registry.application.key_care.private_files import read_owned
from registry.application.key_care.shares import OfficerShare
from registry.application.key_care.token_file import read_token_file
from registry.application.membership.founding import init_node, load_signer, read_file
from registry.application.membership.rosters import load_chain, load_roster
from registry.application.policy import read_policy
from registry.client.profile import load_profile
from registry.domain.identifiers import Commitment, Origin, Slug, log_id_of
from registry.domain.mechanisms.profiles import load_profiles
from registry.errors import (
    FolderError,
    GuardError,
    InvalidRequest,
    KeyFileError,
    RosterError,
)
from registry.store import backup as databases
from registry.store.guard import Guard
from registry.store.tombstone_journal import ErasedPart, TombstoneJournal
from registry_cli.fields import read_content_file
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.mutation import Form
from tests.fuzzing.on_disk import on_file, scratch
from tests.property.signed_samples import SIGNED_ROSTER

_ORIGIN: Final = Origin("registry.example/alpha/1")
_FOLDER_KEY: Final = bytes(range(32))
_COVER_N: Final = 2
"""So that a right passphrase costs nothing."""


@cache
def _backup() -> tuple[bytes, tuple[OfficerShare, ...]]:
    folder = scratch() / "backed_up"
    init_node(
        folder,
        registry_name="registry.example",
        mechanism="alpha",
        display_name="Alpha (invented)",
        address="alpha.example:7443",
    )
    out = scratch() / "sound.backup"
    shares = back_up_keys(folder, out, threshold=2, count=2, now_ms=1_700_000_000_000)
    return out.read_bytes(), shares


def _open_backup(path: Path) -> None:
    assert open_backup(read_backup(path), _backup()[1])


def _sound_database_backup(path: Path) -> None:
    """Of an empty database with small pages: it is short, and most of it says something."""
    database = path.with_name("small.db")
    databases.make_empty(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE logs (origin TEXT, size INTEGER, root BLOB)")
    databases.write_backup(
        path, database=database, office=path.with_name("no_office.db"), office_key=bytes(32)
    )
    about = backing_up.About(
        registry_id="01" * 32,
        mechanism="alpha",
        origin=_ORIGIN,
        made_ms=1_700_000_000_000,
        node_key_id="02" * 8,
        sizes={_ORIGIN: 1},
        own_root="03" * 32,
        has_office=False,
    )
    databases.write_about(path, about.model_dump_json())


def _database_backup(path: Path) -> None:
    text = databases.read_about(path)
    about = backing_up.read_backup(path)
    assert backing_up.About.model_validate_json(about.model_dump_json()) == about
    assert text


def _in_folder(name: str, read: Callable[[NodeFolder], object]) -> Callable[[bytes], None]:
    """A file in a node's folder; folders of different rows are apart."""
    top = name.replace("/", "_")
    return on_file(f"{top}/{name}", lambda _: read(NodeFolder(scratch() / top)))


def _sealed_key(data: bytes) -> None:
    # The mark in front is what tells a sealed key from another one.
    opened = open_key([_FOLDER_KEY], data, Path("log.key"))
    assert opened == b"invented key"


def _cover(data: bytes) -> None:
    assert open_cover(data, "invented passphrase", Path("passphrase.json")) == (_FOLDER_KEY,)


def _guard(path: Path) -> None:
    guard = Guard.open(path, _ORIGIN)
    try:
        assert guard.read().size == 0
    finally:
        guard.close()


def _tombstones(data: bytes) -> None:
    """What was cut short is taken off, so the file may change: by less than a record."""
    path = scratch() / "tombstones.bin"
    path.write_bytes(data)
    journal = TombstoneJournal(path)
    try:
        assert data.startswith(path.read_bytes())
        assert len(journal.records) * 2 <= len(data)
    finally:
        journal.close()


def _written(name: str, make: Callable[[Path], object]) -> bytes:
    path = scratch() / name
    path.unlink(missing_ok=True)
    make(path)
    return path.read_bytes()


def _sound_tombstones(path: Path) -> None:
    journal = TombstoneJournal(path)
    journal.append(
        ErasedPart(log_id_of(_ORIGIN), index, 0, Commitment(bytes([index]) * 32))
        for index in range(3)
    )
    journal.close()


def _pair(data: bytes) -> None:
    certificate, _, key = data.partition(b"-----BEGIN PRIVATE KEY-----")
    load_pair(certificate, b"-----BEGIN PRIVATE KEY-----" + key)


def _authority(data: bytes) -> None:
    """The folder's files that sign clients; the certificate stands before the key."""
    folder = NodeFolder(scratch() / "authority")
    folder.make_folders()
    certificate, _, key = data.partition(b"-----BEGIN PRIVATE KEY-----")
    (folder.tls / "client_authority.crt").write_bytes(certificate)
    key_file = folder.keys / "client_authority.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(b"-----BEGIN PRIVATE KEY-----" + key)
    load_client_authority(folder)


def _profile(data: bytes) -> None:
    folder = scratch() / "profile"
    folder.mkdir(exist_ok=True)
    for name in ("client.key", "client.crt", "node.crt"):
        (folder / name).touch(mode=0o600)
    (folder / "profile.json").write_bytes(data)
    load_profile(folder)


_PAIR: Final = make_client_authority(Slug("alpha"))
_PEM: Final = _PAIR.certificate_pem + _PAIR.key_pem
_SHIPPED: Final = min(
    (files("registry.domain.mechanisms") / "shipped").iterdir(), key=lambda each: each.name
)
_CLIENTS: Final = b'{"%s": {"name": "invented", "role": "officer"}, "%s": "earlier"}' % (
    b"a" * 64,
    b"b" * 64,
)
_TOKEN: Final = (
    b'{"module": "/usr/lib/token.so", "token_label": "registry", "pin_file": "/etc/pin",'
    b' "keys": {"log": {"label": "un log 1", "id": "01"}}}'
)
_DESCRIPTION: Final = (
    b'{"registry_name": "registry.example", "mechanism": "alpha", "display_name": "A",'
    b' "origin": "registry.example/alpha/1", "address": "a.example:1"}'
)
_PROFILE: Final = b'{"name": "a", "address": "a:1", "server_name": "b", "mechanism": "alpha"}'
_HEX_KEY: Final = b"ab" * 32 + b"\n"
_TEXT, _RAW, _PROTO = Form.TEXT, Form.BYTES, Form.PROTOBUF
_KEY: Final = (KeyFileError,)
_FOLDER: Final = (FolderError,)

ROWS: Final = (
    Decoder(
        "backup of databases",
        on_file("node.backup", _database_backup),
        (_written("sound.database_backup", _sound_database_backup),),
        (databases.read_about, backing_up.read_backup),
        _RAW,
        _FOLDER,
    ),
    Decoder(
        "backup of keys",
        on_file("keys.backup", _open_backup),
        (_backup()[0],),
        (read_backup, open_backup, read_file),
        _TEXT,
        (InvalidRequest,),
    ),
    Decoder(
        "sealed key",
        _sealed_key,
        (seal_key(_FOLDER_KEY, b"invented key"),),
        (open_key,),
        _RAW,
        _KEY,
    ),
    Decoder(
        "passphrase file",
        _cover,
        (make_cover("invented passphrase", [_FOLDER_KEY], n=_COVER_N),),
        (open_cover,),
        _TEXT,
        _KEY,
    ),
    Decoder(
        "token file",
        on_file("token.json", read_token_file),
        (_TOKEN,),
        (read_token_file,),
        _TEXT,
        _KEY,
    ),
    Decoder(
        "secret file",
        on_file("log.key", lambda path: read_secret(path, 32)),
        (_HEX_KEY,),
        (read_secret, read_private, read_owned),
        _TEXT,
        _KEY,
    ),
    Decoder(
        "signing key",
        _in_folder("keys/log.key", lambda folder: load_signer(folder, "log")),
        (_HEX_KEY,),
        (load_signer,),
        _TEXT,
        _KEY,
    ),
    Decoder(
        "node key",
        _in_folder(
            "keys/node.key",
            lambda folder: (read_node_keys(folder, bytes), load_node_keys(folder, bytes)),
        ),
        (_HEX_KEY,),
        (read_node_keys, load_node_keys),
        _TEXT,
        _KEY,
    ),
    Decoder("TLS pair", _pair, (_PEM,), (load_pair,), _TEXT, _KEY),
    Decoder(
        "certificate file",
        on_file("node.crt", read_certificate),
        (_PAIR.certificate_pem,),
        (read_certificate,),
        _TEXT,
        _KEY,
    ),
    Decoder("client authority", _authority, (_PEM,), (load_client_authority,), _TEXT, _KEY),
    Decoder(
        "clients file",
        _in_folder("clients.json", read_clients),
        (_CLIENTS,),
        (read_clients,),
        _TEXT,
        _FOLDER,
    ),
    Decoder(
        "policy file",
        _in_folder("policy.json", read_policy),
        (b'{"two_people_to_publish": false, "two_people_to_erase": true}',),
        (read_policy,),
        _TEXT,
        _FOLDER,
    ),
    Decoder(
        "node description",
        _in_folder("node.json", lambda folder: folder.describe()),
        (_DESCRIPTION,),
        (),
        _TEXT,
        _FOLDER,
    ),
    Decoder(
        "client profile", _profile, (_PROFILE,), (load_profile,), _TEXT, (FolderError, KeyFileError)
    ),
    Decoder(
        "profiles of a folder",
        on_file(f"mechanisms/{_SHIPPED.name}", lambda path: load_profiles(path.parent)),
        (_SHIPPED.read_bytes(),),
        (load_profiles,),
        _TEXT,
        (InvalidRequest,),
    ),
    Decoder(
        "rosters of a folder",
        _in_folder("roster/1.roster", lambda folder: (load_chain(folder), load_roster(folder))),
        (SIGNED_ROSTER,),
        (load_chain, load_roster),
        _PROTO,
        (FolderError, RosterError),
    ),
    Decoder(
        "guard",
        on_file("guard.bin", _guard),
        (_written("sound.guard", lambda path: Guard.create(path, _ORIGIN)),),
        (Guard.open,),
        _RAW,
        (GuardError,),
    ),
    Decoder(
        "tombstone journal",
        _tombstones,
        (_written("sound.tombstones", _sound_tombstones),),
        (),
        _RAW,
        (GuardError,),
    ),
    Decoder(
        "content file",
        on_file("content.json", lambda path: read_content_file(path, None)),
        (b'{"title": "x"}',),
        (read_content_file,),
        _TEXT,
        (InvalidRequest,),
    ),
)
