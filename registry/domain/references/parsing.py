"""From a spelling to a reference: the first scheme whose pattern fits the whole text decides.

Spellings meet where they differ in the case of letters, in spaces, in the kind of dash, in zeros
before a number and in the digits of a year. Nothing else is guessed: where two bodies write numbers
alike, as `66/19`, a text without the words of one of them stays unknown.
"""

import re
import unicodedata
from typing import Final

from registry.domain.references.schemes import SCHEMES
from registry.domain.references.value import REFERENCE_MAX, UNKNOWN, Reference

_DASHES: Final = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_SPACES: Final = re.compile(r"\s+")


def parse_reference(text: str) -> Reference:
    """Parses any text; never fails. The normal form parses to the same reference.

    Args:
        text: as somebody wrote it; beyond `REFERENCE_MAX` characters it is not looked at.

    Returns:
        The reference, of the scheme `unknown` if no format fits.
    """
    # A footnote mark or a circled number is no digit of the reference.
    has_marks = any(unicodedata.category(character) == "No" for character in text)
    if len(text) <= REFERENCE_MAX and not has_marks:
        plain = _plain(text)
        for scheme in SCHEMES:
            found = scheme.pattern.fullmatch(plain)
            if found is not None:
                parsed = scheme.read(found)
                if parsed is not None:
                    return parsed
    return Reference(UNKNOWN, text.strip())


def _plain(text: str) -> str:
    """Compatible characters as one, dashes as `-`, runs of spaces as one, none outside."""
    return _SPACES.sub(" ", _DASHES.sub("-", unicodedata.normalize("NFKC", text))).strip()
