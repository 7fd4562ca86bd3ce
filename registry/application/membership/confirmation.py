r"""Confirmation words: what two people read to each other to know that they hold the same file.

Eight words of five letters stand for the SHA-256 of a file's exact bytes:

    digest  = SHA-256 of the bytes: of a member file all of them; of a roster those that members
              sign, so that its words stay the same while signatures are added
    stretch = scrypt(digest, salt "registry/confirmation-words/v1\n", N=2^15, r=8, p=1), 16 bytes
    word    = 16 bits of it, big-endian, as a proquint: consonant (4 bits), vowel (2 bits),
              consonant, vowel, consonant

Proquints are from D. S. Wilkerson, "A Proposal for Proquints: Identifiers that are Readable,
Spellable, and Pronounceable" (arXiv:0901.4016): they belong to no language, and need no list.

How many bits: whoever carries the files to both people can grind two that differ under the same
words, which takes the square root of the tries that matching a given file takes. Eight words have
128 bits: 2^64 tries. On the telephone some consonants sound alike (b p, d t, g k, f v, m n, s z),
which leaves about 13 bits a word and 2^52 tries; scrypt with 32 MiB makes each of them cost what
about a million plain hashes cost. A graphics card that moves 1 TB/s makes about 2^14 a second, so a
thousand cards need some eight years, and the words are compared within days. Six words would fall
to them within a day. A registry id, 64 digits, needs no such estimate.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from registry.errors import InvalidRequest
from registry.log.roster import decode_signed_roster

_WORDS: Final = 8
_SALT: Final = b"registry/confirmation-words/v1\n"
_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_WORD: Final = re.compile(f"(?:[{_CONSONANTS}][{_VOWELS}]){{2}}[{_CONSONANTS}]")


def words_of_file(data: bytes) -> str:
    """The confirmation words of a member file."""
    return _words_of_digest(sha256(data).digest())


def words_of_roster(signed_roster: bytes) -> str:
    """The confirmation words of a genesis or of a proposal, whoever has signed it so far.

    Args:
        signed_roster: a SignedRoster.

    Raises:
        RosterError: it is malformed.
    """
    return _words_of_digest(sha256(decode_signed_roster(signed_roster).roster).digest())


def read_words(text: str) -> str:
    """Reads words that somebody typed: in any case, with any spaces, commas or dashes between.

    Raises:
        InvalidRequest: they are not eight confirmation words; says which one is none.
    """
    words = re.split(r"[\s,-]+", text.strip().lower())
    wrong = [word for word in words if not _WORD.fullmatch(word)]
    if wrong or len(words) != _WORDS:
        what = f"{wrong[0][:80]!r} is none" if wrong else f"these are {len(words)}"
        msg = f"confirmation words are {_WORDS} words of five letters, such as lusab: {what}"
        raise InvalidRequest(msg)
    return " ".join(words)


def proquints(data: bytes) -> Iterator[str]:
    """Writes each two bytes as a word of five letters."""
    for at in range(0, len(data), 2):
        bits = int.from_bytes(data[at : at + 2])
        yield (
            _CONSONANTS[bits >> 12]
            + _VOWELS[bits >> 10 & 3]
            + _CONSONANTS[bits >> 6 & 15]
            + _VOWELS[bits >> 4 & 3]
            + _CONSONANTS[bits & 15]
        )


def _words_of_digest(digest: bytes) -> str:
    stretched = Scrypt(salt=_SALT, length=2 * _WORDS, n=2**15, r=8, p=1).derive(digest)
    return " ".join(proquints(stretched))
