"""Checkpoints: the frozen note, and notes that are refused."""

import base64

import pytest

from registry.domain.identifiers import Origin, RootHash
from registry.errors import BadNoteSignature, ForeignNote, LimitExceeded, MalformedNote
from registry.log.checkpoint import (
    NOTE_MAX_BYTES,
    SIZE_MAX,
    Checkpoint,
    key_id,
    note_text,
    parse_checkpoint,
    parse_note,
    sign_checkpoint,
    verify_checkpoint,
)
from registry.log.signing import verify
from tests.unit.log.log_world import ORIGIN, ORIGINS, signer

ROOT = RootHash(bytes.fromhex("b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f"))
TEXT = "registry.example/alpha/1\n5\nuFW0LWww9bCH4FJmeD+9bjlPe5JgE8yqZ3AKiwxaWW8=\n"
SIGNATURE = (
    "hiI1bOM/9E1j4/akYn9Y++b/XCtBv9Ss/XY5dyinj8PQwy3n2Vj05t7OLs31JzaDarABMWrVRZ1ZYEVE3HPQ/8bSjgg="
)
LINE = f"— registry.example/alpha/1 {SIGNATURE}\n"
NOTE = f"{TEXT}\n{LINE}".encode()
KEY = signer(11).public_key
FOREIGN_LINE = "— witness.example " + base64.b64encode(b"1234" + bytes(72)).decode() + "\n"
NEUMANN_KEY = base64.b64decode("GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=")


def verified(note: bytes) -> Checkpoint:
    return verify_checkpoint(note, origin=ORIGIN, log_key=KEY)


def with_line(line: str) -> bytes:
    return f"{TEXT}\n{LINE}{line}".encode()


# --- frozen bytes -----------------------------------------------------------------------------


def test_frozen_note() -> None:
    checkpoint = Checkpoint(ORIGIN, 5, ROOT)

    assert note_text(checkpoint) == TEXT
    assert sign_checkpoint(checkpoint, signer(11)) == NOTE
    assert verified(NOTE) == checkpoint


def test_frozen_key_id() -> None:
    assert key_id(ORIGIN, KEY).hex() == "8622356c"


def test_key_id_is_that_of_the_specification() -> None:
    # The example key of the Go module golang.org/x/mod/sumdb/note.
    assert key_id("PeterNeumann", NEUMANN_KEY).hex() == "c74f20a3"


def test_a_note_of_another_implementation_is_verified() -> None:
    # The example note of the same module: it is no checkpoint, but a note.
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
        "tpRZb6KE6RyyBwJnAM=\n"
    )
    signed = parse_note(f"{text}\n{line}".encode())

    assert signed.text == text
    assert [(s.key_name, s.key_id.hex()) for s in signed.signatures] == [
        ("PeterNeumann", "c74f20a3")
    ]
    assert verify(NEUMANN_KEY, text.encode(), signed.signatures[0].signature)


# --- what is accepted -------------------------------------------------------------------------


def test_lines_of_other_keys_are_read_over() -> None:
    assert verified(with_line(FOREIGN_LINE)).size == 5
    assert verified(f"{TEXT}\n{FOREIGN_LINE}{LINE}".encode()).size == 5


def test_line_of_another_key_with_our_name_is_read_over() -> None:
    other = base64.b64encode(key_id(ORIGIN, signer(12).public_key) + bytes(64)).decode()

    assert verified(with_line(f"— {ORIGIN} {other}\n")).size == 5


@pytest.mark.parametrize("size", [0, 1, SIZE_MAX])
def test_every_size_is_signed_and_read(size: int) -> None:
    checkpoint = Checkpoint(ORIGIN, size, ROOT)

    assert verified(sign_checkpoint(checkpoint, signer(11))) == checkpoint


def test_note_with_100_signatures_is_read() -> None:
    assert verified(with_line(FOREIGN_LINE * 99)).size == 5


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n5\n", "\n6\n"),
        TEXT.replace("uFW0", "vFW0"),
    ],
    ids=["size", "root"],
)
def test_changed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNoteSignature):
        verified(f"{text}\n{LINE}".encode())


def test_checkpoint_of_another_log_is_refused() -> None:
    note = sign_checkpoint(Checkpoint(ORIGINS[1], 5, ROOT), signer(11))

    with pytest.raises(ForeignNote):
        verified(note)


def test_checkpoint_signed_by_another_key_is_refused() -> None:
    with pytest.raises(BadNoteSignature):
        verified(sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), signer(12)))


def test_checkpoint_signed_under_another_key_name_is_refused() -> None:
    line = LINE.replace("alpha", "beta")

    with pytest.raises(BadNoteSignature):
        verified(f"{TEXT}\n{line}".encode())


def test_checkpoint_with_witness_lines_only_is_refused() -> None:
    with pytest.raises(BadNoteSignature):
        verified(f"{TEXT}\n{FOREIGN_LINE}".encode())


def test_duplicate_line_of_our_key_is_refused() -> None:
    with pytest.raises(BadNoteSignature):
        verified(with_line(LINE))


@pytest.mark.parametrize("size", [1, 63, 65])
def test_signature_of_another_length_is_refused(size: int) -> None:
    raw = base64.b64decode(SIGNATURE)
    line = base64.b64encode((raw + raw)[: 4 + size]).decode()

    with pytest.raises(BadNoteSignature):
        verified(f"{TEXT}\n— {ORIGIN} {line}\n".encode())


BAD_NOTES = {
    "empty": b"",
    "no signatures": TEXT.encode(),
    "no signature lines": f"{TEXT}\n".encode(),
    "two empty lines": f"{TEXT}\n\n{LINE}".encode(),
    "no empty line": f"{TEXT}{LINE}".encode(),
    "no text": f"\n\n{LINE}".encode(),
    "no last newline": NOTE[:-1],
    "trailing newline": NOTE + b"\n",
    "trailing text": NOTE + b"garbage\n",
    "empty line between signatures": f"{TEXT}\n{LINE}\n{FOREIGN_LINE}".encode(),
    "carriage returns": NOTE.replace(b"\n", b"\r\n"),
    "null": NOTE.replace(b"alpha", b"alph\x00"),
    "tab": NOTE.replace(b"alpha", b"alph\t"),
    "not UTF-8": NOTE.replace(b"alpha", b"alph\xff"),
    "surrogate": NOTE.replace(b"alpha", b"\xed\xa0\x80"),
    "hyphen for the dash": NOTE.replace("— ".encode(), b"- "),
    "dash without a space": NOTE.replace("— ".encode(), "—".encode()),
    "two spaces": with_line("— a  AAAAAAA=\n"),
    "no key name": with_line("—  AAAAAAA=\n"),
    "plus in a key name": with_line("— a+b AAAAAAA=\n"),
    "no-break space in a key name": with_line("— a\u00a0b AAAAAAA=\n"),
    "line separator in a key name": with_line("— a\u2028b AAAAAAA=\n"),
    "no base64": with_line("— a\n"),
    "empty base64": with_line("— a \n"),
    "key id only": with_line("— a AAAAAA==\n"),
    "base64 not padded": with_line("— a AAAAAAA\n"),
    "base64 padded twice": with_line("— a AAAAAAA==\n"),
    "base64 with other trailing bits": with_line("— a AAAAAAB=\n"),
    "base64 of the URL alphabet": with_line("— a AAAA_AA=\n"),
    "base64 with a space": with_line("— a AAAA AAA=\n"),
    "base64 with another alphabet": with_line("— a \u0410AA=\n"),
}


@pytest.mark.parametrize("note", BAD_NOTES.values(), ids=BAD_NOTES)
def test_malformed_note_is_refused(note: bytes) -> None:
    with pytest.raises(MalformedNote):
        verified(note)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n5\n",
        f"\n5\n{base64.b64encode(ROOT).decode()}\n",
        f"{TEXT}extension\n",
        TEXT[:-1],
        "",
    ],
    ids=["two lines", "no origin", "extension line", "no last newline", "empty"],
)
def test_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "size",
    [
        "",
        "05",
        "00",
        "-1",
        "+5",
        " 5",
        "5 ",
        "5.0",
        "0x5",
        "1_0",
        "\u0665",
        "\u00b2",
        str(SIZE_MAX + 1),
        "9" * 5000,
    ],
)
def test_size_that_is_no_canonical_decimal_is_refused(size: str) -> None:
    with pytest.raises(MalformedNote):
        parse_checkpoint(TEXT.replace("\n5\n", f"\n{size}\n"))


@pytest.mark.parametrize(
    "root",
    [
        "",
        base64.b64encode(ROOT[:31]).decode(),
        base64.b64encode(ROOT + b"\x00").decode(),
        base64.b64encode(ROOT).decode().rstrip("="),
        base64.b64encode(ROOT).decode() + "=",
        "uFW0LWww9bCH4FJmeD+9bjlPe5JgE8yqZ3AKiwxaWW9=",
        "uFW0LWww9bCH4FJmeD-9bjlPe5JgE8yqZ3AKiwxaWW8=",
        " uFW0LWww9bCH4FJmeD+9bjlPe5JgE8yqZ3AKiwxaWW8=",
    ],
    ids=["empty", "short", "long", "unpadded", "overpadded", "trailing bits", "URL", "space"],
)
def test_root_that_is_no_canonical_base64_of_a_hash_is_refused(root: str) -> None:
    with pytest.raises(MalformedNote):
        parse_checkpoint(f"{Origin(ORIGIN)}\n5\n{root}\n")


def test_oversized_note_is_refused_before_it_is_read() -> None:
    with pytest.raises(LimitExceeded):
        parse_note(b"\xff" * (NOTE_MAX_BYTES + 1))


def test_note_with_101_signatures_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        verified(with_line(FOREIGN_LINE * 100))
