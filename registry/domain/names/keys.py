"""Keys of a name: two names that may be one share at least one of them.

A key is the consonants of a word, or of two neighbours written as one. Of four consonants and more
each but one is a key too, so that a slip of the pen in every word still leaves a key in common. The
consonants of all words, in any order, are one more: a name is found where thousands have its words.
"""

from itertools import pairwise
from typing import Final

from registry.domain.names.folding import FoldedName, Token, joined

_WHOLE_ONLY: Final = 3
"""Up to so many consonants a word has one key: what is left of it would fit too many."""
_LENGTH_MAX: Final = 12


def keys_of(name: FoldedName) -> frozenset[str]:
    """The keys of a name; none for a name without letters."""
    pairs = (joined(first, second) for first, second in pairwise(name.tokens))
    whole = {each.consonants[:_LENGTH_MAX] for each in pairs}
    if name.tokens:
        whole.add(f"={' '.join(sorted(token.consonants[:_LENGTH_MAX] for token in name.tokens))}")
    return frozenset(whole).union(*(_keys(token) for token in name.tokens if not token.is_initial))


def _keys(token: Token) -> frozenset[str]:
    whole = token.consonants[:_LENGTH_MAX]
    if len(whole) <= _WHOLE_ONLY:
        return frozenset({whole})
    shorter = (whole[:at] + whole[at + 1 :] for at in range(len(whole)))
    return frozenset({whole, *shorter})
