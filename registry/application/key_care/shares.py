"""A secret among officers: any k of n shares give it back, fewer tell nothing.

SLIP-39 by its reference implementation, `shamir-mnemonic`: a share is 20 words of a list of 1024
that no two of can be confused by their first four letters, with a checksum that finds up to three
wrong words for certain. Every share names its set, so that shares of two backups are not mixed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.wordlist import WORD_INDEX_MAP

from registry.errors import InvalidRequest

SECRET_SIZE_BYTES: Final = 16
"""128 bits: 20 words to write down. 256 bits would be 33, and more of them written wrong."""
WORDS_OF_A_SHARE: Final = 20
THRESHOLD_MIN: Final = 2
SHARES_MAX: Final = 16

_NO_WORD: Final = re.compile(r"(?m)^#.*$|[0-9.,:]+")
"""What a share file has beside words: lines of remarks, and the numbers before the words."""


@dataclass(frozen=True, slots=True)
class OfficerShare:
    """One share.

    Attributes:
        words: 20 words, one space between them; with k - 1 others they are the secret.
        set_id: 15 bits that all shares of one secret have in common.
        number: of the share, from 1.
        threshold: how many open the secret.
    """

    words: str
    set_id: int
    number: int
    threshold: int

    def __repr__(self) -> str:
        return f"OfficerShare(set_id={self.set_id}, number={self.number})"


def split_secret(secret: bytes, *, threshold: int, count: int) -> tuple[OfficerShare, ...]:
    """Splits 16 random bytes.

    Raises:
        InvalidRequest: not 2 <= threshold <= count <= 16.
    """
    if not THRESHOLD_MIN <= threshold <= count <= SHARES_MAX:
        msg = (
            f"a backup has up to {SHARES_MAX} shares, and needs at least {THRESHOLD_MIN} and at "
            f"most all of them, not {threshold} of {count}"
        )
        raise InvalidRequest(msg)
    # The secret is random: stretching it (the exponent) would add nothing but waiting.
    (group,) = generate_mnemonics(1, [(threshold, count)], secret, iteration_exponent=0)
    return tuple(read_share(words) for words in group)


def read_share(text: str) -> OfficerShare:
    """Reads a share as somebody typed it, or from a share file.

    Capitals, line breaks, numbers before the words and lines that begin with # do not matter.

    Raises:
        InvalidRequest: it is no share, or a word of it is wrong; no word is shown.
    """
    words = _NO_WORD.sub(" ", text).lower().split()
    if len(words) != WORDS_OF_A_SHARE:
        msg = f"a share has {WORDS_OF_A_SHARE} words, found {len(words)}"
        raise InvalidRequest(msg)
    strange = [at for at, word in enumerate(words, 1) if word not in WORD_INDEX_MAP]
    if strange:
        msg = f"word {', '.join(map(str, strange))} of a share is none of the list: look again"
        raise InvalidRequest(msg)
    try:
        share = Share.from_mnemonic(" ".join(words))
    except MnemonicError as error:
        msg = "a share is not right: one of its words is another one, or two changed places"
        raise InvalidRequest(msg) from error
    return OfficerShare(" ".join(words), share.identifier, share.index + 1, share.member_threshold)


def join_shares(shares: Sequence[OfficerShare]) -> bytes:
    """Gives the secret back, 16 bytes.

    Args:
        shares: of one set; more than the threshold are allowed.

    Raises:
        InvalidRequest: of several sets, too few, one of them twice, or they do not fit together.
    """
    if len({share.set_id for share in shares}) != 1:
        msg = "these shares belong to different backups"
        raise InvalidRequest(msg)
    by_number = {share.number: share for share in shares}
    if len(by_number) != len(shares):
        msg = "a share was given twice; each officer's counts once"
        raise InvalidRequest(msg)
    threshold = shares[0].threshold
    if len(shares) < threshold:
        msg = f"{threshold} shares are needed, {len(shares)} given"
        raise InvalidRequest(msg)
    try:
        secret: bytes = combine_mnemonics([share.words for share in shares[:threshold]])
    except MnemonicError as error:
        msg = "these shares do not fit together"
        raise InvalidRequest(msg) from error
    return secret
