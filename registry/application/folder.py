"""A node's folder: where its keys, roster, log, guard and views lie, and who holds it.

node.json            what this node is (no secrets)
keys/                private keys, 0700, files 0600; node.key opens the content of the databases;
                     passphrase.json is there if a passphrase seals them
token.json           which signing keys are in a PKCS#11 token instead, if any (no secrets)
tls/                 certificates
clients.json         fingerprints of the clients that may call (clients.lock while it is changed)
roster/<n>.roster    signed roster versions
first-sync           is there while a node that joined later has not caught up once
log.db               all logs and parts
guard/guard.bin      what was last signed: never part of a backup; beside it what was cosigned
views.db             read models, encrypted, can be rebuilt at any time (views.db-damaged: the next
                     start reads every page of them first)
office.db            what stays inside this mechanism, encrypted: acts, sources, reads
policy.json          which acts need two people
node.lock            held while a process writes
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from registry.application.key_care.passphrases import PASSPHRASE_FILE
from registry.domain.identifiers import Origin, Slug
from registry.errors import FolderError
from registry.store.folder_sync import sync_folder

_PRIVATE_FOLDER: Final = 0o700


class NodeDescription(BaseModel):
    """What `init` wrote down about a node."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    registry_name: str
    mechanism: str
    display_name: str
    origin: str
    address: str


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """Paths of one node's folder."""

    path: Path

    @property
    def description_file(self) -> Path:
        """What this node is."""
        return self.path / "node.json"

    @property
    def keys(self) -> Path:
        """Private keys."""
        return self.path / "keys"

    @property
    def tls(self) -> Path:
        """Certificates."""
        return self.path / "tls"

    @property
    def clients_file(self) -> Path:
        """Fingerprints of clients."""
        return self.path / "clients.json"

    @property
    def rosters(self) -> Path:
        """Signed roster versions."""
        return self.path / "roster"

    @property
    def first_sync_file(self) -> Path:
        """Is there from a later member's join on until its node holds what others have shown."""
        return self.path / "first-sync"

    @property
    def database(self) -> Path:
        """All logs and parts."""
        return self.path / "log.db"

    @property
    def guard_file(self) -> Path:
        """What was last signed."""
        return self.path / "guard" / "guard.bin"

    @property
    def tombstone_file(self) -> Path:
        """What was erased: outside the database and its backups, like the guard."""
        return self.path / "guard" / "tombstones.bin"

    @property
    def witness_file(self) -> Path:
        """What this member has cosigned last of each log: outside the database, like the guard."""
        return self.path / "guard" / "witness.bin"

    @property
    def views_database(self) -> Path:
        """Read models."""
        return self.path / "views.db"

    @property
    def profiles(self) -> Path:
        """Profiles of mechanisms that stand in the place of those that are shipped."""
        return self.path / "mechanisms"

    @property
    def office_database(self) -> Path:
        """What stays inside this mechanism."""
        return self.path / "office.db"

    @property
    def policy_file(self) -> Path:
        """Which acts need two people."""
        return self.path / "policy.json"

    @property
    def node_key_file(self) -> Path:
        """Opens the content of the databases."""
        return self.keys / "node.key"

    @property
    def next_node_key_file(self) -> Path:
        """The new node key while it is being rotated."""
        return self.keys / "node.key.next"

    @property
    def passphrase_file(self) -> Path:
        """Is there if a passphrase seals the keys; without it no sealed key can be read."""
        return self.keys / PASSPHRASE_FILE

    @property
    def token_file(self) -> Path:
        """Is there if a token holds signing keys; says which one, and holds no secret."""
        return self.path / "token.json"

    @property
    def lock_file(self) -> Path:
        """Held while a process writes."""
        return self.path / "node.lock"

    def create(self) -> None:
        """Makes the folders.

        Raises:
            FolderError: a node is there already.
        """
        if self.description_file.exists():
            msg = f"{self.path} holds a node already; choose an empty folder"
            raise FolderError(msg)
        self.make_folders()

    def make_folders(self) -> None:
        """Makes the folders that are not there."""
        for folder in (self.path, self.keys, self.tls, self.rosters, self.guard_file.parent):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)

    def describe(self) -> NodeDescription:
        """Reads what this node is.

        Raises:
            FolderError: no node is here, or its description is damaged.
        """
        try:
            return NodeDescription.model_validate_json(self.description_file.read_bytes())
        except FileNotFoundError as error:
            msg = (
                f"{self.path} is not a node's folder (no node.json); make one with `registry init`"
            )
            raise FolderError(msg) from error
        except ValidationError as error:
            msg = f"{self.description_file} is damaged: {error.error_count()} invalid fields"
            raise FolderError(msg) from error

    @property
    def origin(self) -> Origin:
        """Origin of the node's own log."""
        return Origin(self.describe().origin)

    @property
    def mechanism(self) -> Slug:
        """The node's mechanism."""
        return Slug(self.describe().mechanism)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder for writing; the kernel lets go when the process ends, however it ends.

        Raises:
            FolderError: another process holds it, or there is no such folder.
        """
        try:
            handle = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            msg = f"{self.path} cannot be opened as a node's folder: {error.strerror}"
            raise FolderError(msg) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = f"{self.path} is in use by a running node; stop it first"
                raise FolderError(msg) from error
            yield
        finally:
            os.close(handle)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Lets one process at a time change the files of a folder, for as long as that takes.

    Args:
        path: the folder; `changing.lock` is made in it.
    """
    handle = os.open(path / "changing.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file so that a crash leaves either the old or the new content."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
