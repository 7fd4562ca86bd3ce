"""What a recipient holds already, as somebody says it: so many entries of each log.

It is a bundle that the recipient took, what `registry status --json` or `registry checkpoint`
printed at its node, or the sizes themselves, such as `un.example/oas/1=120,un.example/coe/1=7`.
A size that is too large costs nothing but another bundle: importing says which entries are missing.
"""

import errno
import json
from pathlib import Path
from typing import Any, Final

from registry.application.bundles.exporting import Since
from registry.application.bundles.reading import look_through
from registry.domain.identifiers import LogId, log_id_of
from registry.errors import EntryError, InvalidRequest
from registry.log.bundle import is_bundle
from registry.log.checkpoint import SIZE_MAX, parse_checkpoint, parse_note

_MAX_BYTES: Final = 2**20
_SIZE_DIGITS_MAX: Final = len(str(SIZE_MAX))


def read_since(text: str) -> Since:
    """Reads a file of that name, or else the sizes themselves; nothing = an empty vector.

    Raises:
        InvalidRequest: it is none of these.
        MalformedBundle, TruncatedStream: it is a bundle that is not whole.
        RosterError: a roster in it does not follow from those before it.
    """
    if not text:
        return {}
    path = Path(text)
    try:
        if not path.is_file():
            return _read_pairs(text)
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _read_pairs(text)  # sizes of many logs are longer than a name can be
        msg = f"{text} cannot be read: {error.strerror}"
        raise InvalidRequest(msg) from error
    if is_bundle(data):
        return {log.log_id: log.size for log in look_through(path).logs}
    return _read_document(data, text)


def _read_document(data: bytes, name: str) -> Since:
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        return _read_note(data, name)
    if isinstance(document, dict) and isinstance(document.get("checkpoint"), str):
        return _read_note(document["checkpoint"].encode(errors="replace"), name)
    logs = document.get("logs") if isinstance(document, dict) else None
    if not isinstance(logs, list) or not all(isinstance(each, dict) for each in logs):
        msg = f"{name} is neither a bundle nor what `registry status --json` prints"
        raise InvalidRequest(msg)
    return dict(_pair(str(each.get("origin", "")), str(each.get("size", ""))) for each in logs)


def _read_note(data: bytes, name: str) -> Since:
    try:
        checkpoint = parse_checkpoint(parse_note(data.rstrip(b"\n") + b"\n").text)
    except EntryError as error:
        msg = f"{name} is neither a bundle, nor a checkpoint, nor what `registry status` prints"
        raise InvalidRequest(msg) from error
    return {log_id_of(checkpoint.origin): checkpoint.size}


def _read_pairs(text: str) -> Since:
    if "=" not in text:
        msg = f"there is no file {text}, and it is no list such as ORIGIN=SIZE,ORIGIN=SIZE"
        raise InvalidRequest(msg)
    pairs = (each.partition("=") for each in text.split(","))
    return dict(_pair(origin.strip(), size.strip()) for origin, _, size in pairs)


def _pair(origin: str, size: str) -> tuple[LogId, int]:
    is_size = size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS_MAX
    if not origin or not is_size or int(size) > SIZE_MAX:
        shown = size[: _SIZE_DIGITS_MAX + 1]
        msg = f"{origin or 'a log'} cannot have {shown or 'no'} entries: write ORIGIN=SIZE"
        raise InvalidRequest(msg)
    try:
        return log_id_of(origin), int(size)
    except UnicodeEncodeError as error:
        msg = f"{origin!r} is no origin of a log: it holds what is no letter"
        raise InvalidRequest(msg) from error
