r"""A backup of a node's private keys: one file that nobody can open alone.

    "registry-key-backup/v1\n" || header || "\n" || base64(sealed) || "\n"

    header   one line of JSON, readable: mechanism, origin, made_ms, threshold, shares, set_id, salt
    sealed   nonce(12) || AES-256-GCM(key, nonce, files, first two lines with their line breaks)
    key      HKDF-SHA-256(secret, salt, "registry-key-backup/v1\n"), 32 bytes of 16 and 16
    files    JSON: for each file its path in the folder, its bytes in base64, and when it was made

The secret is random, is kept nowhere, and is split among officers (`shares`). In it are all files
of `keys/`, the one of a waiting rotation among them, not sealed by the passphrase, and what a node
needs beside them to start with nothing else: its description, certificates, rosters, endorsements
and the list of its clients; the same of each epoch whose keys wait (`membership.epochs`). Never in
it: keys inside a token; the guard, so that a node which is put back asks the others what it has
signed.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_private
from registry.application.key_care.private_files import write_owned
from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.shares import (
    SECRET_SIZE_BYTES,
    SHARES_MAX,
    THRESHOLD_MIN,
    OfficerShare,
    join_shares,
    split_secret,
)
from registry.application.membership.epochs import EPOCH_FOLDERS, staged_epochs
from registry.application.membership.founding import read_file
from registry.errors import InvalidRequest, KeyFileError

BACKUP_MAX_BYTES: Final = 64 * 2**20
_MAGIC: Final = b"registry-key-backup/v1\n"
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_DAMAGED: Final = "is no backup of keys, or was cut short or changed; take another copy of it"
_BESIDE_KEYS: Final = (
    *("node.json", "token.json", "*.member", "clients.json", "policy.json", "tls/*.crt"),
    *("roster/*.roster", "roster/*.endorsed"),
)
_BESIDE_KEYS_OF_EPOCH: Final = ("node.json", "token.json", "*.member", "tls/*.crt")


class Header(BaseModel):
    """What can be read of a backup without any share."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    mechanism: str
    origin: str
    made_ms: int
    threshold: int = Field(ge=THRESHOLD_MIN, le=SHARES_MAX)
    shares: int = Field(ge=THRESHOLD_MIN, le=SHARES_MAX)
    set_id: int = Field(ge=0, lt=2**15)
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a backup: its path in the folder, its bytes, when it was made."""

    name: str
    data: bytes
    time_ns: int

    @property
    def is_key(self) -> bool:
        """Whether it is a private key."""
        return self.path.parent.name == "keys"

    @property
    def path(self) -> PurePosixPath:
        """Its name, in its steps."""
        return PurePosixPath(self.name)

    @property
    def epoch(self) -> str:
        """The folder of the epoch that it waits for; empty if it counts now."""
        first = self.path.parts[0]
        return first if first != self.name and fnmatchcase(first, EPOCH_FOLDERS) else ""


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """A backup as it lies in its file: what can be read, and what the shares open."""

    header: Header
    public: bytes
    sealed: bytes


def back_up_keys(
    folder_path: Path, out: Path, *, threshold: int, count: int, now_ms: int
) -> tuple[OfficerShare, ...]:
    """Writes a backup of a node's keys, and tests that the shares open it.

    Args:
        folder_path: the node's folder; the node may be running.
        out: the file to write.
        threshold: how many shares open it.
        count: how many shares there are.
        now_ms: the time, milliseconds since 1970 UTC.

    Returns:
        The shares, one for each officer; they are kept nowhere.

    Raises:
        InvalidRequest: see `split_secret`.
        FolderError: no node is there, or `out` exists.
        KeyFileError: a key cannot be read, keys were changed meanwhile, or the backup does not read
            back.
    """
    folder = NodeFolder(folder_path)
    description = folder.describe()
    secret = os.urandom(SECRET_SIZE_BYTES)
    shares = split_secret(secret, threshold=threshold, count=count)
    header = Header(
        mechanism=description.mechanism,
        origin=description.origin,
        made_ms=now_ms,
        threshold=threshold,
        shares=count,
        set_id=shares[0].set_id,
        salt=os.urandom(_SALT_BYTES).hex(),
    )
    public = _MAGIC + header.model_dump_json().encode() + b"\n"
    files = _files_at_rest(folder)
    sealed = _seal(_key_of(secret, header), _encode(files), public)
    write_owned(out, public + base64.b64encode(sealed) + b"\n")
    if open_backup(read_backup(out), shares[-threshold:]) != files:
        msg = f"{out} does not give back what was written to it; its disk may be failing"
        raise KeyFileError(msg)
    return shares


def read_backup(path: Path) -> KeyBackup:
    """Reads a backup file without opening it.

    Raises:
        InvalidRequest: it cannot be read, or is no backup.
    """
    data = read_file(path)
    head, _, body = data[len(_MAGIC) :].partition(b"\n")
    try:
        if not data.startswith(_MAGIC) or len(data) > BACKUP_MAX_BYTES:
            raise ValueError  # noqa: TRY301 - one text for all that is no backup
        header = Header.model_validate_json(head)
        sealed = base64.b64decode(body.strip(), validate=True)
    except (ValidationError, ValueError, binascii.Error) as error:
        msg = f"{path} {_DAMAGED}"
        raise InvalidRequest(msg) from error
    return KeyBackup(header, _MAGIC + head + b"\n", sealed)


def check_share(backup: KeyBackup, share: OfficerShare) -> None:
    """Tells at once whether a share is one of a backup's.

    Raises:
        InvalidRequest: it belongs to another backup.
    """
    header = backup.header
    if (share.set_id, share.threshold) != (header.set_id, header.threshold):
        msg = f"share {share.number} belongs to another backup than this one of {header.mechanism}"
        raise InvalidRequest(msg)


def open_backup(backup: KeyBackup, shares: Sequence[OfficerShare]) -> list[KeptFile]:
    """Opens a backup.

    Raises:
        InvalidRequest: too few shares, of another backup, one twice; or the file was changed.
    """
    for share in shares:
        check_share(backup, share)
    if len(shares) < backup.header.threshold:
        msg = f"{backup.header.threshold} shares are needed, {len(shares)} given"
        raise InvalidRequest(msg)
    key = _key_of(join_shares(shares), backup.header)
    nonce, text = backup.sealed[:_NONCE_BYTES], backup.sealed[_NONCE_BYTES:]
    try:
        return _decode(AESGCM(key).decrypt(nonce, text, backup.public))
    except (InvalidTag, ValueError) as error:
        msg = f"these shares do not open the file: it {_DAMAGED}"
        raise InvalidRequest(msg) from error


def _files_at_rest(folder: NodeFolder) -> list[KeptFile]:
    """Reads all files twice: one is missed if a node puts keys in other places meanwhile."""
    try:
        files = list(_files_of(folder))
        is_at_rest = list(_files_of(folder)) == files
    except FileNotFoundError:
        is_at_rest = False
    if not is_at_rest:
        msg = f"the keys in {folder.path} were changed or taken away meanwhile: back them up again"
        raise KeyFileError(msg)
    return files


def _files_of(folder: NodeFolder) -> Iterator[KeptFile]:
    yield from _files_below(folder, folder.path, _BESIDE_KEYS)
    for staged in staged_epochs(folder):
        yield from _files_below(staged, folder.path, _BESIDE_KEYS_OF_EPOCH)


def _files_below(folder: NodeFolder, root: Path, patterns: Sequence[str]) -> Iterator[KeptFile]:
    """The private keys of a folder, opened, and what stands beside them; names begin at `root`."""
    for path in private_key_files(folder.keys):
        yield _kept(path, root, read_private(path))
    for pattern in patterns:
        for path in sorted(folder.path.glob(pattern)):
            yield _kept(path, root, path.read_bytes())


def _kept(path: Path, root: Path, data: bytes) -> KeptFile:
    return KeptFile(path.relative_to(root).as_posix(), data, path.stat().st_mtime_ns)


def _key_of(secret: bytes, header: Header) -> bytes:
    salt = bytes.fromhex(header.salt)
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=_MAGIC).derive(secret)


def _seal(key: bytes, text: bytes, public: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, public)


def _encode(files: Sequence[KeptFile]) -> bytes:
    lines = [
        {"name": file.name, "data": base64.b64encode(file.data).decode(), "time_ns": file.time_ns}
        for file in files
    ]
    return json.dumps(lines).encode()


def _decode(text: bytes) -> list[KeptFile]:
    return [
        KeptFile(line["name"], base64.b64decode(line["data"]), line["time_ns"])
        for line in json.loads(text)
    ]
