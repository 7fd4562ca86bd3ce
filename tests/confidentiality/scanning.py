"""Scans: is any of these secrets in any of these bytes?

A secret is searched for by its two halves: whatever splits it once, such as the border of a
database page, leaves one half whole. It is searched for as it is, in hexadecimal and in base64;
text has its non-ASCII signs in the middle, so that JSON's and Python's escapes leave both halves as
they are. Every 8 bytes at every offset are looked up in one set: the time does not grow with the
number of secrets.
"""

import base64
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_GRAM_BYTES: Final = 8
_HALF_MIN_BYTES: Final = 12
"""A half of fewer bytes might be found by chance."""


class Found(NamedTuple):
    """A secret's label and where it was found."""

    label: str
    where: str


@dataclass(frozen=True)
class _Piece:
    label: str
    data: bytes


class Scan:
    """A set of labelled secrets to search for."""

    def __init__(self, secrets: Iterable[tuple[str, bytes]]) -> None:
        self._pieces: dict[int, list[_Piece]] = {}
        self.labels: set[str] = set()
        for label, secret in secrets:
            self.labels.add(label)
            for form in _forms(secret):
                for half in (form[: len(form) // 2], form[len(form) // 2 :]):
                    assert len(half) >= _HALF_MIN_BYTES, f"{label} is too short to search for"
                    gram = int.from_bytes(half[:_GRAM_BYTES], "little")
                    self._pieces.setdefault(gram, []).append(_Piece(label, half))
        self._grams = frozenset(self._pieces)

    def labels_in(self, data: bytes) -> set[str]:
        """The labels of the secrets of which a half or more is in `data`."""
        grams: set[int] = set()
        for shift in range(min(_GRAM_BYTES, len(data))):
            whole = (len(data) - shift) // _GRAM_BYTES * _GRAM_BYTES
            grams.update(
                self._grams.intersection(memoryview(data)[shift : shift + whole].cast("Q"))
            )
        return {piece.label for gram in grams for piece in self._pieces[gram] if piece.data in data}

    def in_pieces(self, where: str, pieces: Iterable[bytes]) -> set[Found]:
        return {Found(label, where) for piece in pieces for label in self.labels_in(piece)}

    def in_files(self, files: Iterable[Path]) -> set[Found]:
        """Searches files, and their names."""
        return {
            Found(label, str(file))
            for file in files
            for label in self.labels_in(file.read_bytes()) | self.labels_in(bytes(file))
        }


def _forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        # The first and last signs depend on the neighbours: they are left off.
        yield base64.b64encode(bytes(shift) + secret)[4:-4]
        yield base64.urlsafe_b64encode(bytes(shift) + secret)[4:-4]


def windows(ciphertext: bytes, *, size: int = 48, count: int = 4) -> list[bytes]:
    """Some windows of a long secret: pages of a database may split it many times."""
    last = max(len(ciphertext) - size, 0)
    starts = sorted({last * number // max(count - 1, 1) for number in range(count)})
    return [ciphertext[start : start + size] for start in starts]


def files_of(folder: Path) -> list[Path]:
    """Every file of a node: databases and what lies beside them, journals, guard, keys, logs."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def deleted_files_of(pid: int) -> list[Path]:
    """Files that a process holds open and that have no name any more."""
    handles = sorted(Path(f"/proc/{pid}/fd").iterdir())
    return [handle for handle in handles if is_deleted_file(handle)]


def is_deleted_file(handle: Path) -> bool:
    """Whether an open handle leads to a file that has no name any more.

    A handle that the process closed since it was listed leads nowhere: it is none.
    """
    try:
        target = str(handle.readlink())
    except FileNotFoundError:
        return False
    return target.endswith(" (deleted)") and target.startswith("/")


def back_up(database: Path, copy: Path) -> Path:
    """Copies a database with SQLite's own backup, while its node may be running."""
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy
