"""What one node writes every node reads as the same, down to the last byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.identifiers import (
    CaseId,
    Commitment,
    LeafHash,
    LogId,
    MemberId,
    Origin,
    RegistryId,
    RequestKey,
    RootHash,
)
from registry.errors import RegistryError
from registry.format.v1 import event_pb2
from registry.log.checkpoint import (
    Checkpoint,
    note_text,
    parse_note,
    sign_checkpoint,
    verify_checkpoint,
)
from registry.log.entry import (
    ALL_MEMBERS,
    INDEX_MAX,
    TIME_MAX_MS,
    TIME_MIN_MS,
    Audience,
    EventRef,
    Header,
    PartCommitment,
    decode_header,
    encode_header,
    frame_entry,
    split_entry,
)
from registry.log.merkle import CompactRange
from registry.log.proof import (
    decode_inclusion_evidence,
    encode_inclusion_evidence,
)
from registry.log.roster import (
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
)
from tests.property.hostile_bytes import EXAMPLES
from tests.property.signed_samples import (
    EVIDENCE,
    ROSTER,
    SIGNED_ROSTER,
)
from tests.unit.log.log_world import (
    ORIGIN,
    signer,
)

HASHES = st.binary(min_size=32, max_size=32)
IDS = st.binary(min_size=16, max_size=16)
INDICES = st.integers(0, INDEX_MAX)
AUDIENCES = st.one_of(
    st.just(ALL_MEMBERS),
    st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=9).map(
        lambda ids: Audience(is_all=False, member_ids=tuple(map(MemberId, sorted(ids))))
    ),
)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    log_id = LogId(draw(HASHES))
    case_id = draw(st.one_of(st.just(b""), IDS))
    logs = draw(st.sets(HASHES.filter(lambda other: other != log_id), max_size=5 if case_id else 0))
    return Header(
        version=draw(st.integers(1, 2**32 - 1)),
        registry_id=RegistryId(draw(HASHES)),
        log_id=log_id,
        index=draw(INDICES),
        roster_version=draw(st.integers(1, 2**64 - 1)),
        case_id=CaseId(case_id),
        kind=draw(st.integers(-(2**31), 2**31 - 1)),
        time_ms=draw(st.integers(TIME_MIN_MS, TIME_MAX_MS)),
        refs=tuple(
            EventRef(LogId(log), draw(INDICES), LeafHash(draw(HASHES))) for log in sorted(logs)
        ),
        parts=tuple(
            PartCommitment(
                Commitment(draw(HASHES)),
                draw(st.integers(0, 2**64 - 1)),
                draw(st.integers(0, 2**63 - 1)),
            )
            for _ in range(draw(st.integers(0, 4)))
        ),
        audience=draw(AUDIENCES),
        request_id=RequestKey(draw(st.one_of(st.just(b""), IDS))),
        control=draw(st.binary(max_size=40)),
    )


@settings(max_examples=EXAMPLES)
@given(headers())
def test_header_is_read_as_it_was_written(header: Header) -> None:
    data = encode_header(header)

    assert decode_header(data) == header
    assert encode_header(decode_header(data)) == data
    assert split_entry(frame_entry(data, bytes(64))) == (data, bytes(64))


@given(st.integers(0, INDEX_MAX), HASHES)
def test_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(Origin(ORIGIN), size, RootHash(root))
    note = sign_checkpoint(checkpoint, signer(11))

    assert verify_checkpoint(note, origin=ORIGIN, log_key=signer(11).public_key) == checkpoint
    assert parse_note(note).text == note_text(checkpoint)


@given(st.integers(0, 2**40), st.data())
def test_compact_range_is_read_as_it_was_written(size: int, data: st.DataObject) -> None:
    count = size.bit_count()
    stored = CompactRange(size, tuple(data.draw(st.lists(HASHES, min_size=count, max_size=count))))

    assert CompactRange.decode(size, stored.encode()) == stored


def test_signed_roster_and_evidence_are_read_as_they_were_written() -> None:
    assert encode_signed_roster(decode_signed_roster(SIGNED_ROSTER)) == SIGNED_ROSTER
    assert encode_roster(decode_roster(ROSTER)) == ROSTER
    assert encode_inclusion_evidence(decode_inclusion_evidence(EVIDENCE)) == EVIDENCE


# --- messages that parse, with fields as no honest author fills them ----------------------------

LENGTHS = st.sampled_from((0, 15, 16, 17, 31, 32, 33)).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)
ODD_REFS = st.builds(
    event_pb2.EventRef, log_id=LENGTHS, index=st.integers(0, 2**64 - 1), leaf_hash=LENGTHS
)
ODD_PARTS = st.builds(
    event_pb2.Part,
    commitment=LENGTHS,
    padded_size=st.integers(0, 2**64 - 1),
    not_before_ms=st.integers(-(2**63), 2**63 - 1),
)
ODD_HEADERS = st.builds(
    event_pb2.EventHeader,
    version=st.integers(0, 2),
    registry_id=LENGTHS,
    log_id=LENGTHS,
    index=st.integers(0, 2**64 - 1),
    roster_version=st.integers(0, 2),
    case_id=LENGTHS,
    time_ms=st.integers(-(2**63), 2**63 - 1),
    refs=st.lists(ODD_REFS, max_size=3),
    parts=st.lists(ODD_PARTS, max_size=3),
    audience=st.builds(
        event_pb2.Audience,
        all=st.booleans(),
        member_ids=st.lists(st.integers(0, 2**32 - 1), max_size=3),
    ),
    request_id=LENGTHS,
    control=LENGTHS,
)


@settings(max_examples=EXAMPLES)
@given(ODD_HEADERS)
def test_odd_header_is_refused_or_can_be_written_again(message: event_pb2.EventHeader) -> None:
    try:
        header = decode_header(message.SerializeToString())
    except RegistryError:
        return
    assert decode_header(encode_header(header)) == header
