"""From a name as somebody wrote it to the words that are compared.

Each word is told in three ways, each coarser than the one before: its Latin letters, its sounds
(digraphs as one, doubled letters once, vowels in three classes), and its consonants. The rules are
those by which registers differ when they write one name: `kh` and `h`, `ou` and `u`, `q` and `k`,
`-off` and `-ov`, `Abd al-Rahman` and `Abderrahmane`.

Words that only join others (`al`, `de la`, `ben`, `von`) are left out, unless nothing else is left.
Arabic script has a table of its own, since a general one writes the article and silent letters;
all other scripts are written in Latin letters by anyascii.
"""

import re
import unicodedata
from typing import Final, NamedTuple, TypeAlias

from anyascii import anyascii

WORDS_MAX: Final = 8
"""Further words of a name are not looked at."""
_NAME_MAX: Final = 500
_SPACES: Final = re.compile(" ")
_ARABIC: Final = {
    "\u0627": "a",  # alef, also under a hamza or a madda
    "\u0628": "b",
    "\u0629": "a",  # teh marbuta
    "\u062a": "t",
    "\u062b": "th",
    "\u062c": "j",
    "\u062d": "h",
    "\u062e": "kh",
    "\u062f": "d",
    "\u0630": "dh",
    "\u0631": "r",
    "\u0632": "z",
    "\u0633": "s",
    "\u0634": "sh",
    "\u0635": "s",
    "\u0636": "d",
    "\u0637": "t",
    "\u0638": "z",
    "\u063a": "gh",
    "\u0641": "f",
    "\u0642": "q",
    "\u0643": "k",
    "\u0644": "l",
    "\u0645": "m",
    "\u0646": "n",
    "\u0647": "h",
    "\u0648": "w",
    "\u0649": "a",  # alef maksura
    "\u064a": "y",
    "\u067e": "p",
    "\u0686": "ch",
    "\u0698": "zh",
    "\u06a4": "v",
    "\u06a9": "k",
    "\u06af": "g",
    "\u06cc": "y",
    "\u06be": "h",
    "\u06c1": "h",
}
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_ARABIC_WORD: Final = re.compile("[\u0600-\u06ff]")
_ABJAD: Final = re.compile("[\u0590-\u06ff]")
"""Hebrew and Arabic letters: short vowels are not written."""
_LATIN: Final = re.compile("[\u0000-\u024f\u1e00-\u1eff\u2010-\u2019]*")
_SERVANT: Final = "\u0639\u0628\u062f"
"""The word that begins such names as Abd al-Rahman."""
_ARTICLE: Final = re.compile("^\u0627\u0644(?=..)")
_LATIN_ARTICLE: Final = re.compile(r"\b(?:al|el|ul|ar|as|ash|an|ad|at|az|ed|er|es)[-\u2010\u2019']")
_ABD: Final = re.compile(r"^abd(?:[aeiou]{1,2}l?)?(?=[a-z]{2})")
_ABDS: Final = frozenset({"abd", "abdul", "abdel", "abdal", "abdol", "abdoul", "abdu"})
_JOINING: Final = frozenset(
    _SPACES.split(
        "al el ul de da do di du dos das del della des la las los le les van von der den "
        "und et y e i bin ibn ben bint binti bn abn ould wld oglu ogly ogli and the of "
        "for"
    )
)
_BEFORE_LATIN: Final = str.maketrans(
    # What anyascii writes without the sound: both are told as the sibilant that they are.
    {"\xe7": "s", "\u015f": "s", "\u0161": "s", "\u0219": "s", "\u010d": "s", "\u0107": "s"}
    | {"\u0131": "i", "\u011f": "g", "\u0142": "l", "\xf1": "n", "\u0111": "d"}
)
_SOUNDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("shch|tsch|tch|sch|sh|ch|cz|sz", "s"),
        ("dsch|dzh|dj|zh", "j"),
        ("ts|tz", "s"),
        ("kh", "h"),
        ("ck|q", "k"),
        ("ph|ff", "f"),
        ("(?<=[tdgrbln])h", ""),
        ("gn", "n"),
        ("ny(?=[aeou])", "n"),
        ("x", "ks"),
        ("c(?=[eiy])", "s"),
        ("c", "k"),
        ("z", "s"),
        ("v", "f"),
        ("ou|oo|ow|uw|w|o|ue|oe", "u"),
        ("a[iye]|e[iy]|ie|ee|iy|yi|y|e", "i"),
        (r"((?<=[aiu])|\.)h$", ""),
    )
)
_DOUBLED: Final = re.compile(r"(.)\1+")
_VOWELS: Final = re.compile("[aiu]")


class Token(NamedTuple):
    """One word of a name.

    Attributes:
        letters: in Latin letters without accents, small.
        sound: how it sounds, roughly; vowels are `a`, `i` and `u`.
        consonants: of the sound; of a word that has none, the sound.
        has_vowels: whether short vowels were written; in Hebrew and Arabic script they are not.
    """

    letters: str
    sound: str
    consonants: str
    has_vowels: bool

    @property
    def is_initial(self) -> bool:
        """Whether it is one letter that stands for a word."""
        return len(self.letters) == 1


class FoldedName(NamedTuple):
    """A name as it is compared.

    Attributes:
        tokens: its words in the order written, those that only join others left out.
        is_latin: whether it was written in Latin letters.
    """

    tokens: tuple[Token, ...]
    is_latin: bool


class _Word(NamedTuple):
    """A word in small Latin letters, as written and as it is spelt for its sound.

    Dots stand between the letters of Arabic words: `s.h` are two sounds and `sh` is one.
    """

    letters: str
    spelt: str
    has_vowels: bool


KnownWords: TypeAlias = dict[_Word, Token]
"""Words that were folded before."""


def fold_name(text: str, known: KnownWords | None = None) -> FoldedName:
    """Folds any text; one without letters has no tokens.

    Args:
        text: as written; beyond 500 characters and 8 words it is not looked at.
        known: words that were folded before; it grows. Whoever folds many names that have words in
            common hands in the same one each time, and drops it with them.
    """
    plain = unicodedata.normalize("NFKC", text[:_NAME_MAX]).casefold()
    words = [word for part in _parts(plain) if (word := _latin(part)) is not None]
    kept = [word for word in words if word.letters not in _JOINING] or words
    seen: KnownWords = {} if known is None else known
    tokens = tuple(_token_once(word, seen) for word in _with_servants_joined(kept)[:WORDS_MAX])
    return FoldedName(tokens, bool(_LATIN.fullmatch(plain)))


def joined(first: Token, second: Token) -> Token:
    """Two words written as one."""
    # Within each word no letter stands twice in a row: only where they meet one may.
    is_doubled = first.sound[-1:] == second.sound[:1]
    sound = first.sound + second.sound[is_doubled:]
    return Token(
        first.letters + second.letters,
        sound,
        _VOWELS.sub("", sound) or sound,
        first.has_vowels and second.has_vowels,
    )


def _parts(plain: str) -> list[str]:
    """The words; an article with its hyphen is taken off, and marks within words vanish."""
    without = _LATIN_ARTICLE.sub(" ", plain)
    bare = "".join(c for c in without if unicodedata.category(c) not in {"Mn", "Cf", "Lm"})
    return _LETTERS.findall(bare.replace("'", "").replace("\u2019", ""))


def _latin(word: str) -> _Word | None:
    """A word in Latin letters; None = there are none."""
    if word.isascii():
        return _Word(word, word, has_vowels=True)
    if word == _SERVANT:
        return _Word("abd", "abd", has_vowels=False)
    if _ARABIC_WORD.search(word):
        bare = _bare(_ARTICLE.sub("", word))
        spelt = ".".join(_ARABIC[each] for each in bare if each in _ARABIC)
        letters = spelt.replace(".", "")
    else:
        letters = _ascii(word)
        spelt = _ascii(word.translate(_BEFORE_LATIN))
    return _Word(letters, spelt, not _ABJAD.search(word)) if letters else None


def _ascii(word: str) -> str:
    return "".join(each for each in anyascii(word).casefold() if "a" <= each <= "z")


def _bare(word: str) -> str:
    """Letters without hamza, madda and vowel signs."""
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def _with_servants_joined(words: list[_Word]) -> list[_Word]:
    """`abd` and what follows as one word, however it was written."""
    found: list[_Word] = []
    is_open = False
    for word in words:
        if is_open:
            found[-1] = _Word("abd" + word.letters, "abd" + word.spelt, word.has_vowels)
            is_open = False
        elif word.letters in _ABDS:
            found.append(_Word("abd", "abd", word.has_vowels))
            is_open = True
        else:
            letters, spelt = _ABD.sub("abd", word.letters), _ABD.sub("abd", word.spelt)
            found.append(_Word(letters, spelt, word.has_vowels))
    return found


def _token_once(word: _Word, known: KnownWords) -> Token:
    token = known.get(word)
    if token is None:
        token = known[word] = _token(word)
    return token


def _token(word: _Word) -> Token:
    sound = word.spelt
    for pattern, replacement in _SOUNDS:
        sound = pattern.sub(replacement, sound)
    sound = _DOUBLED.sub(r"\1", sound.replace(".", ""))
    return Token(word.letters, sound, _VOWELS.sub("", sound) or sound, word.has_vowels)
