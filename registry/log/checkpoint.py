r"""Checkpoints: C2SP signed notes (signed-note, tlog-checkpoint) over a log's size and root.

    text       origin "\n" size "\n" base64(root) "\n"
    note       text "\n" signature lines
    line       "— " key name " " base64(key id[4] || signature[64]) "\n"
    key id     first 4 bytes of SHA-256(key name || "\n" || 0x01 || public key)

The key name is the origin. Base64 and decimal must be canonical. Further lines by other keys are
allowed and ignored, as the specification demands; a second line of the same key is not.
"""

import base64
import binascii
import re
from hashlib import sha256
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, Origin, RootHash
from registry.errors import BadNoteSignature, ForeignNote, LimitExceeded, MalformedNote
from registry.log.signing import Signer, verify

NOTE_MAX_BYTES: Final = 16_384
SIZE_MAX: Final = 2**63 - 1
SIGNATURES_MAX: Final = 100
_ALGORITHM: Final = b"\x01"
_KEY_ID_SIZE_BYTES: Final = 4
_DASH: Final = "— "
_TEXT_LINES: Final = 3
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""Control characters but newlines."""


class Checkpoint(NamedTuple):
    """A log's size and RFC 6962 root."""

    origin: Origin
    size: int
    root: RootHash


class NoteSignature(NamedTuple):
    """One signature line."""

    key_name: str
    key_id: bytes
    signature: bytes


class SignedNote(NamedTuple):
    """A note's text (with its last newline) and its signature lines."""

    text: str
    signatures: tuple[NoteSignature, ...]


def note_text(checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def key_id(name: str, public_key: bytes, algorithm: bytes = _ALGORITHM) -> bytes:
    """The 4 bytes by which a signature line names its key; `algorithm` is the note's key type."""
    digest = sha256(name.encode() + b"\n" + algorithm + public_key).digest()
    return digest[:_KEY_ID_SIZE_BYTES]


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Makes the whole note, signed by the log key."""
    text = note_text(checkpoint)
    identifier = key_id(checkpoint.origin, signer.public_key)
    signature = NoteSignature(checkpoint.origin, identifier, signer.sign(text.encode()))
    return f"{text}\n{signature_line(signature)}".encode()


def signature_line(signature: NoteSignature) -> str:
    """Writes a signature line, with its newline."""
    encoded = base64.b64encode(signature.key_id + signature.signature).decode()
    return f"{_DASH}{signature.key_name} {encoded}\n"


def parse_note(note: bytes) -> SignedNote:
    """Splits a signed note; verifies nothing.

    Raises:
        LimitExceeded: it is larger than 16 KiB or has over 100 signatures.
        MalformedNote: it is not a signed note.
    """
    if len(note) > NOTE_MAX_BYTES:
        msg = f"a signed note has at most {NOTE_MAX_BYTES} bytes, found {len(note)}"
        raise LimitExceeded(msg)
    try:
        content = note.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = "a signed note is UTF-8 text"
        raise MalformedNote(msg) from error
    if _CONTROL.search(content):
        msg = "a signed note has no control characters but newlines"
        raise MalformedNote(msg)
    text, blank, block = content.rpartition("\n\n")
    if not blank or not text or not block.endswith("\n"):
        msg = "a signed note is a text, an empty line, and signature lines that end with a newline"
        raise MalformedNote(msg)
    lines = block[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        msg = f"a signed note has at most {SIGNATURES_MAX} signatures, found {len(lines)}"
        raise LimitExceeded(msg)
    return SignedNote(text=text + "\n", signatures=tuple(_parse_line(line) for line in lines))


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads a note's text as a checkpoint.

    Raises:
        MalformedNote: it is not one in canonical form.
    """
    lines = text.split("\n")
    if len(lines) != _TEXT_LINES + 1 or not lines[0] or lines[-1]:
        msg = "a checkpoint has three lines, each with its newline: origin, size, root"
        raise MalformedNote(msg)
    origin, digits, root = lines[:_TEXT_LINES]
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(SIZE_MAX))
    if not is_number or str(int(digits)) != digits or int(digits) > SIZE_MAX:
        msg = f"a checkpoint's size is a decimal without leading zeros, not {digits[:30]!r}"
        raise MalformedNote(msg)
    return Checkpoint(Origin(origin), int(digits), RootHash(_decode(root, HASH_SIZE_BYTES)))


def verify_checkpoint(note: bytes, *, origin: Origin, log_key: bytes) -> Checkpoint:
    """Reads a checkpoint that the log's key has signed.

    Raises:
        MalformedNote, LimitExceeded: it is not a checkpoint.
        ForeignNote: it belongs to another log.
        BadNoteSignature: the log's key has not signed it.
    """
    signed = parse_note(note)
    checkpoint = parse_checkpoint(signed.text)
    if checkpoint.origin != origin:
        msg = f"a checkpoint of {origin} was expected, found one of {checkpoint.origin[:200]}"
        raise ForeignNote(msg)
    wanted = key_id(origin, log_key)
    ours = [s for s in signed.signatures if s.key_name == origin and s.key_id == wanted]
    if len(ours) != 1 or not verify(log_key, signed.text.encode(), ours[0].signature):
        msg = f"the checkpoint of {origin} at {checkpoint.size} is not signed by its log key"
        raise BadNoteSignature(msg)
    return checkpoint


def _parse_line(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    is_name = bool(name) and "+" not in name and not any(map(str.isspace, name))
    if not line.startswith(_DASH) or not space or not is_name:
        msg = "a signature line is a dash, a key name without spaces or plus, and base64"
        raise MalformedNote(msg)
    raw = _decode(encoded, None)
    if len(raw) <= _KEY_ID_SIZE_BYTES:
        msg = "a signature line holds a key id and a signature"
        raise MalformedNote(msg)
    return NoteSignature(name, raw[:_KEY_ID_SIZE_BYTES], raw[_KEY_ID_SIZE_BYTES:])


def _decode(text: str, size_bytes: int | None) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        msg = "base64 in a note is malformed"
        raise MalformedNote(msg) from error
    if base64.b64encode(raw).decode() != text or (size_bytes and len(raw) != size_bytes):
        msg = "base64 in a note is not canonical or of another length"
        raise MalformedNote(msg)
    return raw
