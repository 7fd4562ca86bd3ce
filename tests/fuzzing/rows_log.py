"""Rows for what is signed or stored in a log: exact bytes, so that canonical forms are checked."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from registry.domain.identifiers import (
    CASE_ID_SIZE_BYTES,
    CaseId,
    Commitment,
    LeafHash,
    LogId,
    MemberId,
    RootHash,
    log_id_of,
)
from registry.domain.vocabulary import EventKind
from registry.errors import (
    BadKeyRotation,
    BadProof,
    CommitmentMismatch,
    CorruptDatabase,
    EntryError,
    LimitExceeded,
    MalformedEntry,
    MalformedNote,
    NotFound,
    RosterError,
)
from registry.log.checkpoint import (
    note_text,
    parse_checkpoint,
    parse_note,
    verify_checkpoint,
)
from registry.log.commitment import check_commitment, commit
from registry.log.control import (
    AudienceWidened,
    ContentErased,
    Control,
    ErasureReceipt,
    PartTarget,
    encode_control,
    parse_control,
    read_control,
)
from registry.log.entry import (
    ALL_MEMBERS,
    Audience,
    Header,
    decode_header,
    encode_header,
    frame_entry,
    signed_message,
    split_entry,
)
from registry.log.facts import facts_of
from registry.log.links import Link, LinkAnswer, LinkProposal, encode_link, read_link
from registry.log.log_keys import keys_of_member, make_rotation, verify_log_checkpoint
from registry.log.member import key_hash, member_from_proto, read_member_file
from registry.log.merkle import CompactRange, verify_consistency, verify_inclusion
from registry.log.proof import (
    decode_inclusion_evidence,
    encode_inclusion_evidence,
    verify_inclusion_evidence,
)
from registry.log.roster import (
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    verify_genesis,
)
from registry.log.roster_chain import begin_chain, verify_chain
from registry.log.signing import check_public_key, verify
from registry.store.values import read_header
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.mutation import Form
from tests.property.signed_samples import (
    CHECKPOINT,
    ENTRY,
    EVIDENCE,
    HEADER,
    MEMBER_FILE,
    NOTE,
    RANGE,
    ROSTER,
    SIGNED_ROSTER,
    VERIFIED_ROSTER,
)
from tests.unit.log.log_world import (
    ORIGIN,
    REGISTRY,
    sample_header,
    sample_member,
    sample_roster,
    sign_roster,
    signer,
)

_LOG: Final = log_id_of(ORIGIN)
_OTHER: Final = LogId(b"\x04" * 32)
_LEAF: Final = LeafHash(b"\x05" * 32)
_COMMITTED: Final = bytes(32) + b"text/plain\ncontent"
_CONTROLS: Final[dict[EventKind, Control]] = {
    EventKind.AUDIENCE_WIDENED: AudienceWidened(
        1, _LEAF, Audience(is_all=False, member_ids=(MemberId(2),))
    ),
    EventKind.CONTENT_ERASED: ContentErased((PartTarget(_LOG, 1, 0, Commitment(_LEAF)),)),
    EventKind.ERASURE_RECEIPT: ErasureReceipt(_OTHER, 4, _LEAF),
}
_LINKS: Final[dict[EventKind, Link]] = {
    EventKind.CASE_LINK_PROPOSED: LinkProposal(CaseId(b"\x09" * CASE_ID_SIZE_BYTES)),
    EventKind.CASE_LINK_ACCEPTED: LinkAnswer(_OTHER, 4, _LEAF),
    EventKind.CASE_UNLINKED: LinkAnswer(_LOG, 4, _LEAF),
}
HEADERS: Final = (
    HEADER,
    *(
        encode_header(sample_header(kind=kind, control=data))
        for kind, data in (
            *((kind, encode_control(each)) for kind, each in _CONTROLS.items()),
            *((kind, encode_link(each)) for kind, each in _LINKS.items()),
        )
    ),
    encode_header(
        sample_header(audience=Audience(is_all=False, member_ids=(MemberId(1), MemberId(3))))
    ),
)


def _rotation_entry() -> bytes:
    member = sample_member()
    new = signer(12)
    assert key_hash(new.public_key) == member.next_log_key_hash
    header = encode_header(
        sample_header(
            index=1,
            case_id=CaseId(b""),
            kind=EventKind.KEY_ROTATED,
            refs=(),
            parts=(),
            audience=ALL_MEMBERS,
            control=make_rotation(_LOG, 1, new, key_hash(signer(19).public_key)),
        )
    )
    return frame_entry(header, signer(11).sign(signed_message(header)))


ROTATION: Final = _rotation_entry()
_KEYS: Final = keys_of_member(REGISTRY, sample_member())


def _second_roster() -> bytes:
    roster = sample_roster(registry_id=REGISTRY, version=2, prev_hash=sha256(ROSTER).digest())
    return sign_roster(roster)


def _header(data: bytes) -> Header:
    header = decode_header(data)
    # Other encodings of the same fields are read; what they mean must have one canonical form.
    assert decode_header(encode_header(header)) == header
    facts_of(header)
    return header


def _header_with_control(data: bytes) -> None:
    header = _header(data)
    found = read_control(header)
    assert found is None or encode_control(found) == header.control
    link = read_link(header)
    assert link is None or encode_link(link) == header.control


def _entry(data: bytes) -> None:
    header, signature = split_entry(data)
    assert frame_entry(header, signature) == data
    _header(header)
    is_signed = verify(signer(11).public_key, signed_message(header), signature)
    assert is_signed == (data in {ENTRY, ROTATION})


def _control(data: bytes) -> None:
    for kind in _CONTROLS:
        found = parse_control(_LOG, 5, kind, data)
        assert found is None or encode_control(found) == data


def _note(data: bytes) -> None:
    note = parse_note(data)
    assert data.startswith(note.text.encode())
    assert verify_checkpoint(data, origin=ORIGIN, log_key=signer(11).public_key) == CHECKPOINT


def _checkpoint(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert note_text(parse_checkpoint(text)) == text


def _range(data: bytes) -> None:
    assert CompactRange.decode(7, data).encode() == data


def _proof(data: bytes) -> None:
    """A path of neighbouring hashes, with the size and the index in front."""
    index, size = (int.from_bytes(data[at : at + 8], "big") for at in (0, 8))
    path = [data[at : at + 32] for at in range(16, len(data), 32)]
    try:
        verify_inclusion(leaf=_LEAF, index=index, size=size, path=path, root=RootHash(_LEAF))
    except BadProof:
        verify_consistency(
            first_size=index,
            first_root=_LEAF,
            second_size=size,
            second_root=_LEAF,
            path=path,
        )


def _roster(data: bytes) -> None:
    roster = decode_roster(data)
    assert decode_roster(encode_roster(roster)) == roster


def _signed_roster(data: bytes) -> None:
    signed = decode_signed_roster(data)
    assert decode_signed_roster(encode_signed_roster(signed)) == signed
    verify_genesis(data, registry_id=None)


def _roster_chain(data: bytes) -> None:
    """The first version as it is, and this one after it; and this one as the first."""
    chain = begin_chain(SIGNED_ROSTER)
    try:
        chain.extended(data)
    except RosterError:
        verify_chain((data,))


def _member_file(data: bytes) -> None:
    assert read_member_file(data) == sample_member(id=MemberId(0))


def _evidence(data: bytes) -> None:
    evidence = decode_inclusion_evidence(data)
    assert decode_inclusion_evidence(encode_inclusion_evidence(evidence)) == evidence
    assert verify_inclusion_evidence(data, VERIFIED_ROSTER) == sample_header(index=0)


def _rotation(data: bytes) -> None:
    keys = _KEYS.learn([data])
    assert keys.last.public_key == signer(12).public_key
    verify_log_checkpoint(NOTE, keys)


def _commitment(data: bytes) -> None:
    salt, rest = data[:32], data[32:]
    media_type, _, content = rest.partition(b"\n")
    check_commitment(
        commit(log_id=_LOG, salt=bytes(32), media_type="text/plain", content=b"content"),
        log_id=_LOG,
        salt=salt,
        media_type=media_type.decode("utf-8", "replace"),
        content=content,
    )
    assert data == _COMMITTED


def _rows(*rows: tuple[str, Callable[[bytes], object], Any, Any, Any, Form]) -> tuple[Decoder, ...]:
    return tuple(
        Decoder(name, read, samples, covers, form, refusals)
        for name, read, samples, covers, refusals, form in rows
    )


_MALFORMED: Final = (MalformedEntry, LimitExceeded)
_PROTO, _TEXT, _RAW = Form.PROTOBUF, Form.TEXT, Form.BYTES

ROWS: Final = _rows(
    (
        "event header",
        _header_with_control,
        HEADERS,
        (decode_header, read_control, read_link),
        _MALFORMED,
        _PROTO,
    ),
    ("entry", _entry, (ENTRY, ROTATION), (split_entry,), _MALFORMED, _RAW),
    ("stored entry", read_header, (ENTRY, ROTATION), (read_header,), (CorruptDatabase,), _RAW),
    (
        "control",
        _control,
        tuple(map(encode_control, _CONTROLS.values())),
        (parse_control,),
        (),
        _PROTO,
    ),
    ("note", _note, (NOTE,), (parse_note,), (EntryError,), _TEXT),
    (
        "checkpoint",
        _checkpoint,
        (note_text(CHECKPOINT).encode(),),
        (parse_checkpoint,),
        (MalformedNote,),
        _TEXT,
    ),
    ("compact range", _range, (RANGE,), (CompactRange.decode,), (CorruptDatabase,), _RAW),
    (
        "merkle proof",
        _proof,
        (bytes(7) + b"\1" + bytes(7) + b"\5" + _LEAF * 3,),
        (),
        (BadProof,),
        _RAW,
    ),
    ("public key", check_public_key, (signer(11).public_key,), (), (MalformedEntry,), _RAW),
    ("roster", _roster, (ROSTER,), (decode_roster, member_from_proto), (RosterError,), _PROTO),
    (
        "signed roster",
        _signed_roster,
        (SIGNED_ROSTER,),
        (decode_signed_roster,),
        (RosterError,),
        _PROTO,
    ),
    ("roster chain", _roster_chain, (_second_roster(), SIGNED_ROSTER), (), (RosterError,), _PROTO),
    ("member file", _member_file, (MEMBER_FILE,), (read_member_file,), (RosterError,), _PROTO),
    (
        "inclusion evidence",
        _evidence,
        (EVIDENCE,),
        (decode_inclusion_evidence,),
        (EntryError, NotFound),
        _PROTO,
    ),
    ("key rotation", _rotation, (ROTATION,), (), (BadKeyRotation,), _RAW),
    ("commitment", _commitment, (_COMMITTED,), (), (CommitmentMismatch,), _RAW),
)
