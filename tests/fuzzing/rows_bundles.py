"""Rows for bundles: damaged ones, and those of a liar who writes the digest of what was changed."""

import json
from pathlib import Path
from typing import Final

from registry.application.bundles.reading import look_through, read_again
from registry.application.bundles.since import read_since
from registry.domain.identifiers import MemberId, log_id_of
from registry.errors import InvalidRequest, MalformedBundle, RosterError, TruncatedStream
from registry.log.bundle import (
    BundleEntries,
    BundleFaultProof,
    BundleHead,
    BundleHeader,
    BundleRoster,
    BundleSealed,
    BundleWriter,
    Record,
    decode_record,
    encode_record,
    read_bundle,
)
from registry.log.bundle_content import BundleChunk, decode_content, encode_content
from registry.log.checkpoint import SIZE_MAX
from registry.log.fault_proof import two_entries
from registry.log.roster import registry_id_of
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.mutation import Form, read_fields, write_fields
from tests.fuzzing.on_disk import on_file, scratch
from tests.fuzzing.rows_log import ROTATION
from tests.property.signed_samples import (
    BUNDLE_CONTENT,
    ENTRY,
    NOTE,
    ROSTER,
    SIGNED_ROSTER,
)
from tests.unit.log.log_world import ORIGIN

_LOG: Final = log_id_of(ORIGIN)
_RECORD_FIELD, _BYTES = 1, 2
_PADDED: Final = 64
_RECORDS: Final[tuple[Record, ...]] = (
    BundleHeader(registry_id_of(ROSTER), 1, MemberId(1)),
    BundleRoster(SIGNED_ROSTER),
    BundleHead(_LOG, NOTE, (), 0),
    BundleEntries(0, (ENTRY,), ()),
    BundleFaultProof(two_entries(ORIGIN, 0, (ENTRY, ROTATION), ())),
    BundleSealed(1, bytes(64)),
)
_MORE: Final[tuple[Record, ...]] = (
    BundleHead(_LOG, NOTE, (ROTATION,), 1),
    BundleEntries(0, (ENTRY, ENTRY), (bytes(32),)),
    BundleHeader(registry_id_of(ROSTER), 1, None),
)
_CHUNK: Final = BundleChunk(
    log_id=_LOG,
    index=0,
    ordinal=0,
    salt=bytes(32),
    media_type="text/plain",
    size=2**20,
    chunk_no=1,
    data=b"invented",
)
_SIZES: Final = b"invented.example/alpha/1=12,invented.example/beta/1=3"
_STATUS: Final = b'{"logs": [{"origin": "invented.example/alpha/1", "size": 12}]}'


def _written(records: tuple[Record, ...]) -> bytes:
    """A whole bundle."""
    pieces: list[bytes] = []
    writer = BundleWriter(pieces.append)
    for record in records:
        writer.put(record)
    writer.finish()
    return b"".join(pieces)


def _bundle(path: Path) -> None:
    records = tuple(read_again(path, look_through(path)))
    # Only one file says so: all of it is covered by the end.
    assert _written(records[:-1]) == path.read_bytes()


def _as_fields(records: tuple[Record, ...]) -> bytes:
    """Records without their end as fields of a message, so that the mutator gets into them."""
    return write_fields([(_RECORD_FIELD, _BYTES, encode_record(each)) for each in records])


def _liars_bundle(data: bytes) -> None:
    records = [value for _, wire, value in read_fields(data) if wire == _BYTES]
    path = scratch() / "liar.bundle"
    path.write_bytes(_written(tuple(map(decode_record, records))))
    contents = look_through(path)
    assert contents.roster.registry_id == contents.registry_id
    assert all(0 <= log.start <= log.end == log.size for log in contents.logs)
    assert contents.size_bytes == path.stat().st_size


def _record(data: bytes) -> None:
    assert encode_record(decode_record(data)) == data


def _content(data: bytes) -> None:
    # It was opened with the recipient's key: other encodings of the same are no lie.
    content = decode_content(data)
    assert decode_content(encode_content(content, _PADDED)) == content


def _since(text: str) -> None:
    held = read_since(text)
    assert all(len(log_id) == len(_LOG) for log_id in held)
    assert all(0 <= size <= SIZE_MAX for size in held.values())


def _argument(data: bytes) -> None:
    """As Python gives what stands on a command line: bytes that are no UTF-8 too."""
    _since(data.decode("utf-8", "surrogateescape"))


_PROTO, _TEXT, _RAW = Form.PROTOBUF, Form.TEXT, Form.BYTES
_CHANGED: Final = (MalformedBundle, TruncatedStream, RosterError)

ROWS: Final = (
    Decoder(
        "bundle",
        on_file("exchange.bundle", _bundle),
        (_written(_RECORDS), _written(_RECORDS[:2])),
        (read_bundle, read_again),
        _RAW,
        _CHANGED,
    ),
    Decoder(
        "bundle of a liar",
        _liars_bundle,
        (_as_fields(_RECORDS), _as_fields(_RECORDS[:2])),
        (),
        _PROTO,
        _CHANGED,
    ),
    Decoder(
        "record of a bundle",
        _record,
        tuple(map(encode_record, (*_RECORDS, *_MORE))),
        (decode_record,),
        _PROTO,
        (MalformedBundle,),
    ),
    Decoder(
        "content of a bundle",
        _content,
        (BUNDLE_CONTENT, encode_content(_CHUNK, _PADDED), encode_content((), _PADDED)),
        (decode_content,),
        _RAW,
        (MalformedBundle,),
    ),
    Decoder(
        "sizes held",
        _argument,
        (_SIZES, b"invented.example/alpha/1=0", b""),
        (read_since,),
        _TEXT,
        (InvalidRequest,),
    ),
    Decoder(
        "file of sizes held",
        on_file("held.json", lambda path: _since(str(path))),
        (_STATUS, NOTE, json.dumps({"checkpoint": NOTE.decode()}).encode()),
        (),
        _TEXT,
        (InvalidRequest, *_CHANGED),
    ),
)
