"""All bytes of a node's office database, decrypted: live rows, free pages and write-ahead log.

SQLCipher 4 with a raw key: each page of 4096 bytes ends with the IV (16 bytes) and a MAC (64); the
first page begins with a salt (16 bytes) that is not encrypted. A frame of the write-ahead log is a
header of 24 bytes and a page; the log begins with 32 bytes.
"""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.unit.application.federation_in_process import Node

_PAGE: Final = 4096
_RESERVED: Final = 80
_SALT: Final = 16
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24


def office_bytes(node: Node) -> bytes:
    """What stands in the pages of office.db and of its write-ahead log."""
    path = node.registry.folder.office_database
    key = node.registry.store.database_key("office")
    return b"".join(_decrypted(page, key) for page in (*_pages(path), *_frames(path)))


def _pages(path: Path) -> list[tuple[bytes, bool]]:
    data = path.read_bytes()
    return [(data[at : at + _PAGE], at == 0) for at in range(0, len(data), _PAGE)]


def _frames(path: Path) -> list[tuple[bytes, bool]]:
    wal = path.with_name(f"{path.name}-wal")
    data = wal.read_bytes() if wal.exists() else b""
    step = _FRAME_HEADER + _PAGE
    frames = [data[at : at + step] for at in range(_WAL_HEADER, len(data) - step + 1, step)]
    return [(each[_FRAME_HEADER:], int.from_bytes(each[:4]) == 1) for each in frames]


def _decrypted(page: tuple[bytes, bool], key: bytes) -> bytes:
    data, is_first = page
    end = _PAGE - _RESERVED
    cipher = Cipher(algorithms.AES(key), modes.CBC(data[end : end + 16]))
    decryptor = cipher.decryptor()
    return decryptor.update(data[_SALT if is_first else 0 : end]) + decryptor.finalize()
