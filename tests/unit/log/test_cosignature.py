"""Cosignatures are C2SP tlog-cosignatures, byte for byte, and nothing else passes for one."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry.domain.identifiers import Origin, RootHash
from registry.errors import InvalidRequest, LimitExceeded, MalformedNote
from registry.log.checkpoint import (
    SIGNATURES_MAX,
    Checkpoint,
    NoteSignature,
    parse_note,
    sign_checkpoint,
    verify_checkpoint,
)
from registry.log.cosignature import (
    Cosignature,
    cosign,
    cosignature_notes,
    is_made_by,
    read_cosignatures,
    with_cosignatures,
)
from registry.log.signing import Ed25519Signer

LOG = Origin("testing/alpha/1")
WITNESS = Origin("testing/beta/1")
TIME_S = 1_679_315_147
CHECKPOINT = Checkpoint(LOG, 20_852_163, RootHash(bytes(range(32))))
LOG_SIGNER = Ed25519Signer(b"l" * 32)
SIGNER = Ed25519Signer(b"w" * 32)
FROZEN = (
    "testing/alpha/1\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n"
    "— testing/beta/1 cinm3AAAAABkGFDLhVqghedmgyypgNVST8zS0bkCzGgnE4vdVCVz"
    "OodyUn1b6/lls/2wEYiBv4/BjKON5P+cHWYPGLvtJTFDrfaDBw==\n"
)


def made(
    checkpoint: Checkpoint = CHECKPOINT, witness: Origin = WITNESS, time_s: int = TIME_S
) -> Cosignature:
    return cosign(checkpoint, witness=witness, signer=SIGNER, time_s=time_s)


def is_good(cosignature: Cosignature) -> bool:
    return is_made_by(cosignature, witness=WITNESS, cosigner_key=SIGNER.public_key)


def as_the_specification_says() -> str:
    """The note, by another library and from the words of tlog-cosignature alone."""
    key = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    body = f"{LOG}\n20852163\n{base64.b64encode(bytes(range(32))).decode()}\n"
    signature = key.sign(f"cosignature/v1\ntime {TIME_S}\n{body}".encode())
    key_id = sha256(WITNESS.encode() + b"\n\x04" + public).digest()[:4]
    line = base64.b64encode(key_id + TIME_S.to_bytes(8, "big") + signature).decode()
    return f"{body}\n— {WITNESS} {line}\n"


def test_cosignature_is_what_the_specification_says() -> None:
    (note,) = cosignature_notes([made()])

    assert note.decode() == as_the_specification_says()


def test_frozen_sample() -> None:
    (note,) = cosignature_notes([made()])

    assert note.decode() == FROZEN


def test_what_was_written_is_read_and_verifies() -> None:
    (read,) = read_cosignatures(as_the_specification_says().encode())

    assert read == made()
    assert (read.witness, read.time_s) == (WITNESS, TIME_S)
    assert is_good(read)


@pytest.mark.parametrize(
    "changed",
    [
        CHECKPOINT._replace(size=CHECKPOINT.size + 1),
        CHECKPOINT._replace(root=RootHash(b"r" * 32)),
        CHECKPOINT._replace(origin=Origin("testing/gamma/1")),
    ],
)
def test_cosignature_of_another_checkpoint_does_not_verify(changed: Checkpoint) -> None:
    assert not is_good(Cosignature(changed, made().line))


def test_time_is_signed() -> None:
    line = made().line
    later = (TIME_S + 1).to_bytes(8, "big") + line.signature[8:]

    assert not is_good(Cosignature(CHECKPOINT, line._replace(signature=later)))


@pytest.mark.parametrize("time_s", [0, -1, 2**63])
def test_time_that_is_none_is_not_signed(time_s: int) -> None:
    with pytest.raises(InvalidRequest, match="a time after 1970"):
        made(time_s=time_s)


def test_time_that_is_none_does_not_verify() -> None:
    body = "cosignature/v1\ntime 0\n" + parse_note(as_the_specification_says().encode()).text
    signature = bytes(8) + SIGNER.sign(body.encode())

    assert not is_good(Cosignature(CHECKPOINT, made().line._replace(signature=signature)))


def test_key_of_another_witness_does_not_verify() -> None:
    other = Ed25519Signer(b"o" * 32)

    assert not is_made_by(made(), witness=WITNESS, cosigner_key=other.public_key)
    assert not is_good(made(witness=Origin("testing/gamma/1")))
    assert not is_good(Cosignature(CHECKPOINT, made().line._replace(key_id=b"none")))


def test_signature_of_a_log_is_no_cosignature() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG_SIGNER)

    assert read_cosignatures(note) == ()


def test_note_with_cosignatures_is_still_the_logs_note() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG_SIGNER)
    elsewhere = made(CHECKPOINT._replace(size=1))

    cosigned = with_cosignatures(note, [made(), elsewhere])

    assert cosigned == note + as_the_specification_says().encode().rpartition(b"\n\n")[2]
    assert read_cosignatures(cosigned) == (made(),)
    key = LOG_SIGNER.public_key
    assert verify_checkpoint(cosigned, origin=LOG, log_key=key) == CHECKPOINT


def by_many(count: int, name: str = "testing/m{}/1") -> list[Cosignature]:
    return [made(witness=Origin(name.format(number))) for number in range(count)]


def test_note_takes_no_more_lines_than_a_note_may_have() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG_SIGNER)

    cosigned = with_cosignatures(note, by_many(SIGNATURES_MAX + 5))

    assert len(parse_note(cosigned).signatures) == SIGNATURES_MAX


def test_many_cosignatures_fill_several_notes_within_the_limits() -> None:
    long_names = by_many(256, "testing/" + "n" * 120 + "{}/1")
    other = made(CHECKPOINT._replace(size=7))

    notes = cosignature_notes([*long_names, other])

    read = [each for note in notes for each in read_cosignatures(note)]
    assert len(notes) > 3
    assert read == [*long_names, other]


def test_cosignature_that_fits_no_note_is_refused() -> None:
    line = NoteSignature("n" * 20_000, b"none", bytes(72))
    with pytest.raises(MalformedNote, match="too long"):
        cosignature_notes([Cosignature(CHECKPOINT, line)])


@pytest.mark.parametrize(
    ("note", "error"),
    [
        (b"", MalformedNote),
        (b"text\n\n\xe2\x80\x94 name AAAA\n", MalformedNote),
        (b"testing/alpha/1\n1\n\n\n", MalformedNote),
        (b"n" * 20_000, LimitExceeded),
    ],
)
def test_bytes_that_are_no_note_are_refused(note: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_cosignatures(note)
