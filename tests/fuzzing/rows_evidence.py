"""Rows for what members say of each other's logs: fault proofs, signed prefixes, cosignatures.

Whatever is changed in a proof proves what it proved before, or nothing.
"""

from typing import Final

from registry.domain.identifiers import Origin
from registry.errors import EntryError, LimitExceeded, MalformedNote, NotFound, TryLater
from registry.log.checkpoint import Checkpoint, parse_note, sign_checkpoint
from registry.log.cosignature import (
    Cosignature,
    cosign,
    cosignature_notes,
    is_made_by,
    read_cosignatures,
    with_cosignatures,
)
from registry.log.fault_proof import (
    decode_fault_proof,
    decode_signed_prefix,
    encode_fault_proof,
    encode_signed_prefix,
)
from registry.log.fault_verdict import Verdict, verify_fault_proof
from registry.log.log_keys import keys_of_member
from registry.replication.parting import PartingSearch
from tests.faults.two_faced import (
    LOG,
    ROSTER,
    TwoFaced,
    entries_proof,
    forked,
    histories_proof,
    invalid_proof,
    versions_of,
    written,
)
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.mutation import Form
from tests.property.signed_samples import CHECKPOINT
from tests.unit.log.log_world import REGISTRY, signer

_PARTED, _SIZE = 4, 7
_WITNESS: Final = Origin("registry.example/beta/1")
_COSIGNER: Final = signer(13)
_HISTORY: Final = written(_SIZE)
_ROTATED: Final = written(_SIZE, rotations=(1,))


def _with_bad_signature() -> TwoFaced:
    author = written(_PARTED)
    author.write("bad", by=signer(99))
    author.write("after")
    return author


def _proofs_of(one: TwoFaced) -> tuple[bytes, ...]:
    other = forked(one, _PARTED, _SIZE + 2)
    return histories_proof(one, other, _PARTED + 1), entries_proof(one, other, _PARTED)


_PROOFS: Final = (
    *_proofs_of(_HISTORY),
    *_proofs_of(_ROTATED),
    invalid_proof(_with_bad_signature(), _PARTED, _PARTED + 2),
)


def _judged(data: bytes) -> Verdict:
    return verify_fault_proof(data, ROSTER, versions_of)


_VERDICTS: Final = frozenset(map(_judged, _PROOFS))


def _fault_proof(data: bytes) -> None:
    assert encode_fault_proof(decode_fault_proof(data)) == data
    assert _judged(data) in _VERDICTS


def _prefix(data: bytes) -> None:
    """The answer of a peer that is asked where two histories part."""
    prefix = decode_signed_prefix(data)
    assert decode_signed_prefix(encode_signed_prefix(prefix)) == prefix
    keys = keys_of_member(REGISTRY, ROSTER.member_by_log(LOG))
    search = PartingSearch(keys, _HISTORY.root, held=_PARTED, shown=_SIZE)
    search.take(_PARTED, prefix)
    assert search.is_agreed == (prefix.root == _HISTORY.root(_PARTED))


_COSIGNED: Final = tuple(
    cosign(CHECKPOINT, witness=_WITNESS, signer=_COSIGNER, time_s=time_s)
    for time_s in (1, 1_700_000_000)
)


def _cosignatures(data: bytes) -> None:
    found = read_cosignatures(data)
    for each in found:
        assert is_made_by(
            each, witness=_WITNESS, cosigner_key=_COSIGNER.public_key
        ) == _is_of_the_witness(each)
    again = [each for note in cosignature_notes(found) for each in read_cosignatures(note)]
    assert again == list(found)
    added = parse_note(with_cosignatures(data, _COSIGNED))
    assert added.text == parse_note(data).text


def _is_of_the_witness(cosignature: Cosignature) -> bool:
    return cosignature in _COSIGNED


_EMPTY: Final = sign_checkpoint(Checkpoint(CHECKPOINT.origin, 0, CHECKPOINT.root), signer(11))
ROWS: Final = (
    Decoder(
        "fault proof",
        _fault_proof,
        _PROOFS,
        (decode_fault_proof,),
        Form.PROTOBUF,
        (EntryError, NotFound, TryLater),
    ),
    Decoder(
        "signed prefix",
        _prefix,
        tuple(
            encode_signed_prefix(each.prefix(_PARTED, _SIZE))
            for each in (_HISTORY, _ROTATED, forked(_HISTORY, 2, _SIZE))
        ),
        (decode_signed_prefix,),
        Form.PROTOBUF,
        (EntryError,),
    ),
    Decoder(
        "cosignatures",
        _cosignatures,
        (
            *cosignature_notes(_COSIGNED),
            with_cosignatures(sign_checkpoint(CHECKPOINT, signer(11)), _COSIGNED),
            _EMPTY,
        ),
        (read_cosignatures,),
        Form.TEXT,
        (LimitExceeded, MalformedNote),
    ),
)
