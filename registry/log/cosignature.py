r"""Cosignatures (C2SP tlog-cosignature): a witness says when it saw a log in full, at which root.

    message    "cosignature/v1\ntime " seconds "\n" || the checkpoint's note text
    signature  u64be(seconds since 1970 UTC) || Ed25519 over the message[64]
    line       as in any signed note, see checkpoint.py
    key id     first 4 bytes of SHA-256(key name || "\n" || 0x04 || public key)

The key name is the origin of the witness's own log: a new epoch brings another origin and another
cosigner key. A cosignature says nothing of the log's own signature, only that the witness holds so
many entries under that root and will never cosign what contradicts it. It travels as a note whose
text is that of the checkpoint and whose lines are cosignatures only, so that it stands for itself.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from registry.domain.identifiers import Origin
from registry.errors import InvalidRequest, MalformedNote
from registry.log.checkpoint import (
    NOTE_MAX_BYTES,
    SIGNATURES_MAX,
    SIZE_MAX,
    Checkpoint,
    NoteSignature,
    key_id,
    note_text,
    parse_checkpoint,
    parse_note,
    signature_line,
)
from registry.log.signing import SIGNATURE_SIZE_BYTES, Signer, verify

COSIGNATURE_SIZE_BYTES: Final = 8 + SIGNATURE_SIZE_BYTES
"""Of the time and the signature together; a log's own signature is shorter."""
_ALGORITHM: Final = b"\x04"
_TIME_SIZE_BYTES: Final = 8


class Cosignature(NamedTuple):
    """One witness's cosignature of one checkpoint; `line` names the witness and signs."""

    checkpoint: Checkpoint
    line: NoteSignature

    @property
    def witness(self) -> str:
        """The origin of the witness's own log."""
        return self.line.key_name

    @property
    def time_s(self) -> int:
        """When it was made, by the witness's clock: seconds since 1970 UTC."""
        return int.from_bytes(self.line.signature[:_TIME_SIZE_BYTES], "big")


def cosign(checkpoint: Checkpoint, *, witness: Origin, signer: Signer, time_s: int) -> Cosignature:
    """Signs a checkpoint under a cosigner key.

    Args:
        checkpoint: what the witness holds in full.
        witness: the origin of its own log.
        signer: its cosigner key.
        time_s: its clock, seconds since 1970 UTC, above 0.

    Raises:
        InvalidRequest: the time is none that a cosignature can carry.
    """
    if not 0 < time_s <= SIZE_MAX:
        msg = f"a cosignature carries a time after 1970, not {time_s} seconds"
        raise InvalidRequest(msg)
    signature = signer.sign(_message(checkpoint, time_s))
    identifier = key_id(witness, signer.public_key, _ALGORITHM)
    stamped = time_s.to_bytes(_TIME_SIZE_BYTES, "big") + signature
    return Cosignature(checkpoint, NoteSignature(witness, identifier, stamped))


def read_cosignatures(note: bytes) -> tuple[Cosignature, ...]:
    """Reads what in a note may be cosignatures, in order; verifies nothing.

    Lines of another length than a cosignature's are the log's own, or something else: left out.

    Raises:
        LimitExceeded, MalformedNote: the bytes are no note of a checkpoint.
    """
    signed = parse_note(note)
    checkpoint = parse_checkpoint(signed.text)
    return tuple(
        Cosignature(checkpoint, line)
        for line in signed.signatures
        if len(line.signature) == COSIGNATURE_SIZE_BYTES
    )


def is_made_by(cosignature: Cosignature, *, witness: Origin, cosigner_key: bytes) -> bool:
    """Whether a witness has made a cosignature with its key."""
    checkpoint, line = cosignature
    return (
        line.key_name == witness
        and line.key_id == key_id(witness, cosigner_key, _ALGORITHM)
        and 0 < cosignature.time_s <= SIZE_MAX
        and verify(
            cosigner_key,
            _message(checkpoint, cosignature.time_s),
            line.signature[_TIME_SIZE_BYTES:],
        )
    )


def cosignature_notes(cosignatures: Iterable[Cosignature]) -> list[bytes]:
    """Writes cosignatures as notes: one for each checkpoint, or more where one has no room."""
    by_checkpoint: dict[Checkpoint, list[NoteSignature]] = {}
    for checkpoint, line in cosignatures:
        by_checkpoint.setdefault(checkpoint, []).append(line)
    notes = []
    for checkpoint, lines in by_checkpoint.items():
        start = 0
        while start < len(lines):
            note, taken = _with_lines(f"{note_text(checkpoint)}\n".encode(), lines[start:], 0)
            if not taken:
                msg = "a cosignature is too long for a note"
                raise MalformedNote(msg)
            notes.append(note)
            start += taken
    return notes


def with_cosignatures(note: bytes, cosignatures: Iterable[Cosignature]) -> bytes:
    """Adds to a log's note the cosignatures of exactly that checkpoint, as many as have room.

    Raises:
        LimitExceeded, MalformedNote: it is no note of a checkpoint.
    """
    signed = parse_note(note)
    checkpoint = parse_checkpoint(signed.text)
    lines = [each.line for each in cosignatures if each.checkpoint == checkpoint]
    return _with_lines(note, lines, len(signed.signatures))[0]


def _with_lines(note: bytes, lines: Iterable[NoteSignature], count: int) -> tuple[bytes, int]:
    """Appends lines within the limits of a note; returns how many were taken."""
    taken = 0
    for line in lines:
        written = signature_line(line).encode()
        if count + taken >= SIGNATURES_MAX or len(note) + len(written) > NOTE_MAX_BYTES:
            break
        note += written
        taken += 1
    return note, taken


def _message(checkpoint: Checkpoint, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{note_text(checkpoint)}".encode()
