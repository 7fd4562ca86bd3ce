"""How likely two names are one, and in what they differ.

Words are paired in any order, each with the one most like it. The score is that of the pairs, where
the worst counts as much as it does for a reader: the same surname with another given name is
another person. Words that one side leaves out (a second surname, a patronymic) cost little. Nothing
here decides that two persons are one: it ranks, says why, and a person judges.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from registry.domain.names.folding import FoldedName, Token, joined

LIKELY: Final = 0.82
"""From here on two names are told as likely one: recall and precision are measured at it."""
_WORST: Final = 0.45
"""Share of the worst pair in the score; the rest is the mean."""
_LEFT_OUT: Final = 0.02
_ONE_WORD: Final = 0.1
"""What it costs that a whole name is only one word of the other one."""
_INITIAL: Final = 0.86
_BY_CONSONANTS: Final = 0.97
_OTHER_VOWELS: Final = 0.12
_OTHER_CONSONANTS: Final = 0.04
_NEAR_SHARE: Final = 0.7
_ANOTHER_GENDER: Final = 0.7
"""Karim and Karima; not Karimov and Karimova, where registers leave the ending out."""
_SAME: Final = 1.0


class Way(StrEnum):
    """In what two names that match differ; the words that people read."""

    SAME = "same name"
    ORDER = "order"
    TRANSLITERATION = "transliteration"
    SPELLING = "spelling"
    TYPING = "typing"
    PART = "part of the name"
    INITIAL = "initial"


class NameMatch(NamedTuple):
    """How two names compare: 0 (nothing in common) to 1, and how they differ."""

    score: float
    ways: tuple[Way, ...]


class _Pair(NamedTuple):
    likeness: float
    first: int
    second: int


def match_names(one: FoldedName, other: FoldedName) -> NameMatch:
    """Compares two names; the order of the two plays no part."""
    best = _match(one, other)
    if len(one.tokens) == len(other.tokens) or best.score == _SAME:
        return best
    longer, shorter = (one, other) if len(one.tokens) > len(other.tokens) else (other, one)
    # Two words of one are one word of the other: Nour Eddine, Noureddine.
    for at in range(len(longer.tokens) - 1):
        pair = joined(*longer.tokens[at : at + 2])
        if any(_is_close(pair, token) for token in shorter.tokens):
            tokens = (*longer.tokens[:at], pair, *longer.tokens[at + 2 :])
            best = max(best, _match(longer._replace(tokens=tokens), shorter))
    return best


def _is_close(one: Token, other: Token) -> bool:
    return one.consonants == other.consonants


def _match(one: FoldedName, other: FoldedName) -> NameMatch:
    shorter, longer = sorted((one, other), key=lambda name: len(name.tokens))
    if not shorter.tokens:
        return NameMatch(0.0, ())
    pairs = _paired(shorter.tokens, longer.tokens)
    weights = [_weight(shorter.tokens[p.first], longer.tokens[p.second]) for p in pairs]
    mean = sum(p.likeness * w for p, w in zip(pairs, weights, strict=True)) / sum(weights)
    worst = min(pair.likeness for pair in pairs)
    left_out = len(longer.tokens) - len(shorter.tokens)
    score = (1 - _WORST) * mean + _WORST * worst - _LEFT_OUT * left_out
    if len(shorter.tokens) == 1 and left_out:
        score -= _ONE_WORD
    return NameMatch(round(max(score, 0.0), 4), _ways(shorter, longer, pairs))


def _weight(one: Token, other: Token) -> int:
    """Long words tell more than short ones."""
    return max(len(one.consonants), len(other.consonants)) + 1


def _paired(shorter: Sequence[Token], longer: Sequence[Token]) -> list[_Pair]:
    """Each word of the shorter name with one of the longer, the most alike first."""
    every = sorted(
        (
            _Pair(_likeness(a, b), first, second)
            for first, a in enumerate(shorter)
            for second, b in enumerate(longer)
        ),
        key=lambda pair: (-pair.likeness, abs(pair.first - pair.second), pair.first + pair.second),
    )
    found: list[_Pair] = []
    for pair in every:
        if all(pair.first != p.first and pair.second != p.second for p in found):
            found.append(pair)
    return sorted(found, key=lambda pair: pair.first)


def _likeness(one: Token, other: Token) -> float:
    if one.letters == other.letters:
        return _SAME
    if one.is_initial or other.is_initial:
        return _INITIAL if one.sound[:1] == other.sound[:1] else 0.0
    if not (one.has_vowels and other.has_vowels):
        return _likeness_of_consonants(one, other)
    exact = OSA.normalized_similarity(one.sound, other.sound)
    near = OSA.normalized_similarity(_coarse(one.sound), _coarse(other.sound))
    if _differ_in_gender(one.letters, other.letters):
        return _ANOTHER_GENDER
    sounds = (1 - _NEAR_SHARE) * exact + _NEAR_SHARE * near
    letters = OSA.normalized_similarity(one.letters, other.letters)
    other_consonants = one.consonants != other.consonants
    return max(letters, sounds) - _OTHER_CONSONANTS * other_consonants


def _differ_in_gender(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer == f"{shorter}a" and not shorter.endswith(("ov", "ev"))


def _likeness_of_consonants(one: Token, other: Token) -> float:
    """Of words of which one was written without short vowels; long ones must be in the other."""
    alike = OSA.normalized_similarity(one.consonants, other.consonants)
    bare, full = (one, other) if not one.has_vowels else (other, one)
    fits = full.has_vowels is False or _is_within(bare.sound.lstrip("aiu"), full.sound)
    return _BY_CONSONANTS * alike - (0 if fits else _OTHER_VOWELS)


def _is_within(letters: str, text: str) -> bool:
    """Whether letters stand in a text in their order, others between them."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


def _coarse(sound: str) -> str:
    """`a` and `i` as one: Ahmad and Ahmed, Khalid and Khaled."""
    return sound.replace("i", "a")


def _ways(shorter: FoldedName, longer: FoldedName, pairs: Sequence[_Pair]) -> tuple[Way, ...]:
    found: list[Way] = []
    if shorter.is_latin != longer.is_latin:
        found.append(Way.TRANSLITERATION)
    both = [(shorter.tokens[p.first], longer.tokens[p.second]) for p in pairs]
    if any(a.is_initial != b.is_initial for a, b in both):
        found.append(Way.INITIAL)
    if any(a.letters != b.letters and _sounds_alike(a, b) for a, b in both) and not found:
        found.append(Way.SPELLING)
    if any(not _sounds_alike(a, b) and not (a.is_initial or b.is_initial) for a, b in both):
        found.append(Way.TYPING)
    if any(a.second > b.second for a, b in combinations(pairs, 2)):
        found.append(Way.ORDER)
    if len(longer.tokens) > len(shorter.tokens):
        found.append(Way.PART)
    return tuple(found) or (Way.SAME,)


def _sounds_alike(one: Token, other: Token) -> bool:
    return one.consonants == other.consonants
