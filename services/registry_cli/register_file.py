"""Reads the CSV file of a register: rows with their lines, each as its header says or told apart.

RFC 4180 with a header, UTF-8 with or without a byte order mark, any line ends. Refused as a whole:
what is no UTF-8 CSV, a header without the mapping's columns or with one of them twice. A row with
more or fewer cells than the header is not guessed at: it may be cut off, or have a stray comma.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from registry.domain.register_mapping import RegisterMapping
from registry.errors import InvalidRequest

FILE_MAX_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A row by column; `line` is its first line in the file, `problem` what is wrong with it."""

    line: int
    cells: dict[str, str]
    problem: str = ""


def read_rows(path: Path, mapping: RegisterMapping) -> tuple[RegisterRow, ...]:
    """Reads every row of a register.

    Raises:
        InvalidRequest: not readable as UTF-8 CSV, or columns of the mapping are missing.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > FILE_MAX_BYTES:
            msg = f"{path} has {size_bytes} bytes; an import takes {FILE_MAX_BYTES} at most"
            raise InvalidRequest(msg)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise InvalidRequest(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} cannot be read as UTF-8 CSV: {error}"
        raise InvalidRequest(msg) from error
    # The cells of a file of this size may be as long as they are: a row with a long one is judged
    # like any other. The limit belongs to the whole process, so it is put back.
    limit = csv.field_size_limit(FILE_MAX_BYTES)
    try:
        return tuple(_read(text, path, mapping))
    finally:
        csv.field_size_limit(limit)


def _read(text: str, path: Path, mapping: RegisterMapping) -> Iterator[RegisterRow]:
    records = _records(text, path)
    _, header = next(records, (1, []))
    _check_header(header, path, mapping)
    for line, cells in records:
        if len(cells) == len(header):
            yield RegisterRow(line, dict(zip(header, map(str.strip, cells), strict=True)))
        else:
            problem = f"{len(cells)} cells where the header has {len(header)}"
            yield RegisterRow(line, {}, problem)


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row with the line on which it begins; empty lines are no rows."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        msg = f"{path} cannot be read as UTF-8 CSV: line {line}: {error}"
        raise InvalidRequest(msg) from error


def _check_header(header: Sequence[str], path: Path, mapping: RegisterMapping) -> None:
    missing = mapping.columns() - set(header)
    if missing:
        msg = f"{path}: columns {', '.join(sorted(missing))} are missing from its header"
        raise InvalidRequest(msg)
    twice = sorted(name for name in mapping.columns() if header.count(name) > 1)
    if twice:
        msg = f"{path}: columns {', '.join(twice)} stand twice in its header"
        raise InvalidRequest(msg)
