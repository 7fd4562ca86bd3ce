"""The bytes of bundles: one frozen sample, and what is no record, no content, no bundle."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from registry.domain.identifiers import LogId, MemberId, RegistryId
from registry.errors import LimitExceeded, MalformedBundle, TruncatedStream
from registry.format.v1 import bundle_pb2
from registry.log.bundle import (
    MAGIC,
    RECORD_MAX_BYTES,
    BundleEnd,
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
    is_bundle,
    read_bundle,
)
from registry.log.bundle_content import (
    BundleChunk,
    BundlePart,
    decode_content,
    encode_content,
)

LOG = LogId(b"l" * 32)
RECORDS: list[Record] = [
    BundleHeader(RegistryId(b"r" * 32), 1, MemberId(2)),
    BundleRoster(b"roster"),
    BundleHead(LOG, b"note", (b"rotation",), 3),
    BundleEntries(3, (b"entry 3", b"entry 4"), (b"p" * 32,)),
    BundleSealed(1, b"sealed"),
]
FROZEN = (
    "72656769737472792062756e646c6520310a000000280a260a2072727272727272727272727272727272727272"
    "72727272727272727272727272100118020000000a12080a06726f73746572000000361a340a206c6c6c6c6c6c"
    "6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c12046e6f74651a08726f746174696f6e200300"
    "000038223608031207656e74727920331207656e74727920341a20707070707070707070707070707070707070"
    "70707070707070707070707070700000000c2a0a080112067365616c656400000026322408051220afb9c3c08b"
    "4b318dc769cbafb0e4046be073f7c44da2e7025d7265d7597257da"
)
"""The bytes of `RECORDS` with their end: such files are on sticks."""
PART = BundlePart(LOG, 7, 1, b"s" * 32, "text/plain", b"content")
CHUNK = BundleChunk(LOG, 7, 1, b"s" * 32, "text/plain", 300_000, 1, b"data")


def written(records: list[Record]) -> bytes:
    file = io.BytesIO()
    writer = BundleWriter(file.write)
    for record in records:
        writer.put(record)
    writer.finish()
    return file.getvalue()


def read(data: bytes) -> list[Record]:
    return list(read_bundle(io.BytesIO(data).read))


def test_bundle_is_read_as_it_was_written() -> None:
    *records, end = read(written(RECORDS))

    assert records == RECORDS
    assert isinstance(end, BundleEnd)
    assert end.record_count == len(RECORDS)


def test_fault_proofs_stand_between_the_logs_and_the_content() -> None:
    proofs: list[Record] = [BundleFaultProof(b"one"), BundleFaultProof(b"two")]
    *records, _ = read(written([*RECORDS[:4], *proofs, RECORDS[4]]))
    assert records[4:] == [*proofs, RECORDS[4]]
    with pytest.raises(MalformedBundle, match="cannot be of the kind faultproof"):
        read(written([*RECORDS, *proofs]))
    with pytest.raises(MalformedBundle, match="cannot be of the kind head"):
        read(written([*RECORDS[:2], *proofs, RECORDS[2]]))


def test_header_without_recipient_comes_back() -> None:
    header = BundleHeader(RegistryId(b"r" * 32), 4, None)
    assert decode_record(encode_record(header)) == header


def test_what_begins_like_a_bundle_is_known_as_one() -> None:
    assert is_bundle(written(RECORDS))
    assert is_bundle(b"registry bundle 9\n")
    assert not is_bundle(b'{"logs": []}')


def test_record_over_the_limit_is_not_written() -> None:
    with pytest.raises(LimitExceeded):
        BundleWriter(lambda _: None).put(BundleSealed(1, bytes(RECORD_MAX_BYTES)))


@pytest.mark.parametrize("record", [0, 2], ids=["header", "head"])
def test_id_of_another_length_is_refused(record: int) -> None:
    message = bundle_pb2.BundleRecord.FromString(encode_record(RECORDS[record]))
    if record:
        message.head.log_id = b"short"
    else:
        message.header.registry_id = b"short"
    with pytest.raises(MalformedBundle, match="has 32 bytes"):
        decode_record(message.SerializeToString())


def test_record_with_what_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(MalformedBundle, match="does not know"):
        decode_record(encode_record(RECORDS[0]) + b"\xba\x06\x03abc")


@pytest.mark.parametrize("cut", range(1, 24))
def test_every_cut_near_the_end_is_told(cut: int) -> None:
    with pytest.raises(TruncatedStream, match="copy the whole file again"):
        read(written(RECORDS)[:-cut])


def test_count_and_digest_are_compared() -> None:
    file = io.BytesIO()
    writer = BundleWriter(file.write)
    for record in RECORDS:
        writer.put(record)
    writer.put(BundleEnd(len(RECORDS), bytes(32)))
    with pytest.raises(MalformedBundle, match="a digest that is not the one"):
        read(file.getvalue())
    with pytest.raises(MalformedBundle, match="bytes follow the end"):
        read(written(RECORDS) + b"x")


def test_records_out_of_order_are_refused() -> None:
    for order in ([0, 2], [1], [0, 1, 3], [0, 1, 4, 2], [0, 0]):
        with pytest.raises(MalformedBundle, match="cannot be of the kind"):
            read(written([RECORDS[each] for each in order]))


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", MalformedBundle, "no bundle"),
        (MAGIC[:5], TruncatedStream, "first line"),
        (b"registry bundle 2\n" + bytes(9), MalformedBundle, "another version"),
        (b"PK\x03\x04 something else entirely", MalformedBundle, "no bundle"),
        (MAGIC, TruncatedStream, "record 0"),
        (MAGIC + bytes(4), MalformedBundle, "0 bytes"),
        (MAGIC + (RECORD_MAX_BYTES + 1).to_bytes(4, "big"), MalformedBundle, "bytes"),
        (MAGIC + b"\0\0\0\2\x0a\xff", MalformedBundle, "no record"),
        (MAGIC + b"\0\0\0\2\x7a\0", MalformedBundle, "no known kind"),
    ],
)
def test_what_is_no_bundle_is_told(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read(data)


@pytest.mark.parametrize("content", [(PART,), (PART, PART), CHUNK, ()], ids=str)
def test_content_comes_back_and_has_a_size_that_tells_nothing(content: Any) -> None:
    data = encode_content(content, 4096)

    assert len(data) == 4096
    assert decode_content(data) == content
    assert len(encode_content((PART,) * 60, 4096)) == 2 * 4096


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda data: data[:3],
        lambda data: b"\xff" * 4 + data[4:],
        lambda data: data[:-1] + b"x",
        lambda _: b"\0\0\0\2\x0a\xff",
    ],
    ids=["nothing", "no length", "too long", "padding that says something", "no message"],
)
def test_what_is_no_content_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedBundle):
        decode_content(change(encode_content((PART,), 512)))


def test_content_that_names_no_log_is_refused() -> None:
    message = bundle_pb2.BundleContent(parts=[bundle_pb2.BundlePart(log_id=b"short")])
    data = message.SerializeToString()
    with pytest.raises(MalformedBundle, match="a log id has 32 bytes"):
        decode_content(len(data).to_bytes(4, "big") + data)


def test_frozen_sample() -> None:
    assert written(RECORDS).hex() == FROZEN
