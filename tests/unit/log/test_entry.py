"""Entries: the frozen bytes of a header and its frame, and what is refused."""

from typing import Any

import pytest

from registry.domain.identifiers import NO_CASE, Commitment, LeafHash, LogId, MemberId
from registry.errors import LimitExceeded, MalformedEntry
from registry.format.v1 import event_pb2
from registry.log.entry import (
    ALL_MEMBERS,
    ENTRY_MAX_BYTES,
    HEADER_MAX_BYTES,
    INDEX_MAX,
    TIME_MAX_MS,
    TIME_MIN_MS,
    Audience,
    EventRef,
    PartCommitment,
    decode_header,
    encode_header,
    frame_entry,
    signed_message,
    split_entry,
)
from registry.log.merkle import leaf_hash
from registry.log.signing import verify
from tests.unit.log.log_world import CASE, OTHER_LOG, sample_header, signer

# Field by field: the tag, the length of a text of bytes, the value.
HEADER = bytes.fromhex(
    "08 01"  # version
    "12 20"
    + "01"
    * 32  # registry_id
    + "1a 20 85785a048d301458665965a6664ea9e37009ee7de8afdb6ae9cc3c9f798b0849"  # log_id
    "20 05"  # index
    "28 01"  # roster_version
    "32 10"
    + "03"
    * 16  # case_id
    + "38 05"  # kind
    "40 80d095ffbc31"  # time_ms, 1700000000000 as a varint
    "4a 46 0a20"
    + "04" * 32
    + "10 07 1a20"
    + "05" * 32  # a ref: log_id, index, leaf_hash
    + "52 27 0a20"
    + "06" * 32
    + "10 8002 18 09"  # a part: commitment, padded_size, not_before_ms
    "5a 02 08 01"  # audience: all
    "62 10"
    + "07" * 16  # request_id
    + "6a 02 0809"  # control
)
SIGNATURE = bytes.fromhex(
    "71efc8e38292611b807976c8f48c155cc1aa1dc145b11ba3762e7d1389994f80"
    "8b87fc1b3b4349026184d30dd52d1717e0ba5094878932f080aa8ed2125b030c"
)
LEAF_HASH = "59852d6a3e94d4d2c469e419bf101107c67af5b31551320510c8a960eba7b289"
LEAF = LeafHash(b"\x05" * 32)


def a_ref(log: int = 4, index: int = 7) -> EventRef:
    return EventRef(LogId(bytes([log]) * 32), index, LEAF)


def a_part(**changes: Any) -> PartCommitment:
    return PartCommitment(Commitment(b"\x06" * 32), 256, 0)._replace(**changes)


def unchecked_bytes(**changes: Any) -> bytes:
    """Header bytes such as only an author with other software makes them."""
    message = event_pb2.EventHeader.FromString(HEADER)
    for name, value in changes.items():
        message.ClearField(name)  # type: ignore[arg-type] # names come from the test
        if isinstance(value, list):
            getattr(message, name).extend(value)
        elif isinstance(value, event_pb2.Audience):
            message.audience.CopyFrom(value)
        else:
            setattr(message, name, value)
    return message.SerializeToString()


# --- frozen bytes -----------------------------------------------------------------------------


def test_frozen_header() -> None:
    assert encode_header(sample_header()) == HEADER
    assert decode_header(HEADER) == sample_header()


def test_frozen_signed_message() -> None:
    assert signed_message(HEADER) == (
        b"DSSEv1 50 application/vnd.registry.event-header+protobuf;v=1 %d " % len(HEADER) + HEADER
    )


def test_frozen_entry_and_leaf_hash() -> None:
    entry = bytes.fromhex("000000f0") + HEADER + SIGNATURE

    assert len(HEADER) == 0xF0
    assert frame_entry(HEADER, signer(11).sign(signed_message(HEADER))) == entry
    assert split_entry(entry) == (HEADER, SIGNATURE)
    assert leaf_hash(entry).hex() == LEAF_HASH
    assert verify(signer(11).public_key, signed_message(HEADER), SIGNATURE)


def test_signature_over_the_bare_header_is_no_event_signature() -> None:
    assert not verify(signer(11).public_key, signed_message(HEADER), signer(11).sign(HEADER))


# --- what is kept -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 73, 2**31 - 1, -1])
def test_unknown_kind_is_kept(kind: int) -> None:
    assert decode_header(unchecked_bytes(kind=kind)).kind == kind


def test_newer_version_with_fields_of_its_own_is_kept() -> None:
    newer = unchecked_bytes(version=2) + bytes.fromhex("a206 03 616263")  # field 100

    assert decode_header(newer) == sample_header(version=2)


def test_fields_that_version_1_does_not_know_are_read_over() -> None:
    assert decode_header(HEADER + bytes.fromhex("7a 03 616263")) == sample_header()


def test_header_outside_any_case_needs_no_request_and_no_parts() -> None:
    header = sample_header(case_id=NO_CASE, request_id=b"", refs=(), parts=(), control=b"")

    assert decode_header(encode_header(header)) == header


@pytest.mark.parametrize("time_ms", [TIME_MIN_MS, -1, 0, TIME_MAX_MS])
def test_lying_clock_within_the_years_1_to_9999_is_kept(time_ms: int) -> None:
    assert decode_header(encode_header(sample_header(time_ms=time_ms))).time_ms == time_ms


def test_the_largest_lists_are_kept() -> None:
    header = sample_header(
        refs=tuple(EventRef(LogId(n.to_bytes(2) * 16), INDEX_MAX, LEAF) for n in range(1, 257)),
        parts=(a_part(),) * 64,
        audience=Audience(is_all=False, member_ids=tuple(map(MemberId, range(1, 257)))),
        control=bytes(2048),
        index=INDEX_MAX,
    )

    assert decode_header(encode_header(header)) == header


def test_audience_admits_all_or_those_it_names() -> None:
    named = Audience(is_all=False, member_ids=(MemberId(2), MemberId(3)))

    assert ALL_MEMBERS.admits(MemberId(9))
    assert named.admits(MemberId(3))
    assert not named.admits(MemberId(1))


# --- framing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"\x00\x00\x00",
        b"\x00\x00\x00\x00" + bytes(63),
        b"\x00\x00\x00\x01" + bytes(64),
        (len(HEADER) + 1).to_bytes(4) + HEADER + SIGNATURE,
        (len(HEADER) - 1).to_bytes(4) + HEADER + SIGNATURE,
        frame_entry(HEADER, SIGNATURE) + b"\x00",
        frame_entry(HEADER, SIGNATURE)[:-1],
        frame_entry(bytes(HEADER_MAX_BYTES + 1), SIGNATURE),
        b"\xff\xff\xff\xff" + HEADER + SIGNATURE,
    ],
    ids=[
        "empty",
        "shorter than its length field",
        "signature too short",
        "no header",
        "length too large",
        "length too small",
        "trailing byte",
        "truncated",
        "header over its limit",
        "length of 4 GiB",
    ],
)
def test_malformed_frame_is_refused(entry: bytes) -> None:
    with pytest.raises(MalformedEntry):
        split_entry(entry)


def test_largest_entry_is_split() -> None:
    header = bytes(HEADER_MAX_BYTES)
    entry = frame_entry(header, SIGNATURE)

    assert len(entry) == ENTRY_MAX_BYTES
    assert split_entry(entry) == (header, SIGNATURE)


@pytest.mark.parametrize("header", [b"", b"\x12", HEADER[:-1], HEADER + b"\xff", b"\x07" * 40])
def test_bytes_that_are_no_header_are_refused(header: bytes) -> None:
    with pytest.raises(MalformedEntry):
        decode_header(header)


def test_oversized_header_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(LimitExceeded, match="65536"):
        decode_header(b"\xff" * (HEADER_MAX_BYTES + 1))


def test_limits_of_lists_together_keep_a_header_below_its_own_limit() -> None:
    refs = tuple(EventRef(LogId(n.to_bytes(2) * 16), INDEX_MAX, LEAF) for n in range(1, 257))
    parts = (a_part(padded_size=2**63, not_before_ms=2**62),) * 64
    header = encode_header(sample_header(refs=refs, parts=parts, control=bytes(2048)))

    assert len(header) < HEADER_MAX_BYTES


def test_header_over_a_limit_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.log.entry.HEADER_MAX_BYTES", len(HEADER) - 1)

    with pytest.raises(LimitExceeded):
        encode_header(sample_header())


# --- fields -----------------------------------------------------------------------------------

MALFORMED: dict[str, dict[str, Any]] = {
    "version 0": {"version": 0},
    "roster version 0": {"roster_version": 0},
    "no registry": {"registry_id": b""},
    "short registry id": {"registry_id": bytes(31)},
    "long registry id": {"registry_id": bytes(33)},
    "no log": {"log_id": b""},
    "long log id": {"log_id": bytes(33)},
    "short case id": {"case_id": bytes(15)},
    "long case id": {"case_id": bytes(32)},
    "short request id": {"request_id": bytes(15)},
    "long request id": {"request_id": bytes(17)},
    "index over 63 bits": {"index": INDEX_MAX + 1},
    "time before the year 1": {"time_ms": TIME_MIN_MS - 1},
    "time after the year 9999": {"time_ms": TIME_MAX_MS + 1},
    "refs unsorted": {"refs": (a_ref(5), a_ref(4))},
    "refs duplicate": {"refs": (a_ref(4, 1), a_ref(4, 2))},
    "ref to the own log": {"refs": (EventRef(sample_header().log_id, 1, LEAF),)},
    "ref to no log": {"refs": (EventRef(LogId(b""), 1, LEAF),)},
    "ref to a short log id": {"refs": (EventRef(LogId(bytes(31)), 1, LEAF),)},
    "ref without a hash": {"refs": (EventRef(OTHER_LOG, 1, LeafHash(b"")),)},
    "ref with a long hash": {"refs": (EventRef(OTHER_LOG, 1, LeafHash(bytes(33))),)},
    "ref index over 63 bits": {"refs": (a_ref(4, INDEX_MAX + 1),)},
    "refs outside any case": {"case_id": NO_CASE},
    "part without a commitment": {"parts": (a_part(commitment=b""),)},
    "part with a long commitment": {"parts": (a_part(commitment=bytes(33)),)},
    "part sealed until before 1970": {"parts": (a_part(not_before_ms=-1),)},
    "audience of nobody": {"audience": Audience(is_all=False, member_ids=())},
    "audience of all and of one": {"audience": Audience(is_all=True, member_ids=(MemberId(1),))},
    "audience unsorted": {
        "audience": Audience(is_all=False, member_ids=(MemberId(2), MemberId(1)))
    },
    "audience duplicate": {
        "audience": Audience(is_all=False, member_ids=(MemberId(2), MemberId(2)))
    },
    "audience of member 0": {"audience": Audience(is_all=False, member_ids=(MemberId(0),))},
}
TOO_LARGE: dict[str, dict[str, Any]] = {
    "257 refs": {
        "refs": tuple(EventRef(LogId(n.to_bytes(2) * 16), 1, LEAF) for n in range(1, 258))
    },
    "65 parts": {"parts": (a_part(),) * 65},
    "257 members": {
        "audience": Audience(is_all=False, member_ids=tuple(map(MemberId, range(1, 258))))
    },
    "2049 bytes of control": {"control": bytes(2049)},
}


def as_proto(changes: dict[str, Any]) -> dict[str, Any]:
    made = dict(changes)
    if "refs" in made:
        made["refs"] = [
            event_pb2.EventRef(log_id=r.log_id, index=r[1], leaf_hash=r.leaf_hash)
            for r in made["refs"]
        ]
    if "parts" in made:
        made["parts"] = [
            event_pb2.Part(commitment=p[0], padded_size=p[1], not_before_ms=p[2])
            for p in made["parts"]
        ]
    if "audience" in made:
        made["audience"] = event_pb2.Audience(
            all=made["audience"][0], member_ids=made["audience"][1]
        )
    return made


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_malformed_field_is_neither_read_nor_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedEntry):
        decode_header(unchecked_bytes(**as_proto(changes)))
    with pytest.raises(MalformedEntry):
        encode_header(sample_header(**changes))


@pytest.mark.parametrize("changes", TOO_LARGE.values(), ids=TOO_LARGE)
def test_list_over_its_limit_is_neither_read_nor_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded):
        decode_header(unchecked_bytes(**as_proto(changes)))
    with pytest.raises(LimitExceeded):
        encode_header(sample_header(**changes))


def test_header_without_an_audience_is_refused() -> None:
    with pytest.raises(MalformedEntry):
        decode_header(unchecked_bytes(audience=event_pb2.Audience()))


def test_negative_index_is_not_signed() -> None:
    with pytest.raises(MalformedEntry):
        encode_header(sample_header(index=-1))


def test_unchecked_bytes_are_the_sample_if_nothing_is_changed() -> None:
    assert unchecked_bytes() == HEADER
    assert decode_header(unchecked_bytes(case_id=CASE)) == sample_header()
