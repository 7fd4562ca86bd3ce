"""The formats, one row each: a pattern over the plain text, and how its groups are read.

They are the formats in which the bodies number what they publish: symbols of United Nations
documents, communications of its special procedures, precautionary measures, petitions and cases of
the Inter-American Commission, resolutions of the African Commission, documents of the Council of
Europe, opinions of OSCE/ODIHR and urgent appeals of the Observatory. An addendum, a revision, a
corrigendum and an update of an appeal point to the first document, whatever came between.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from registry.domain.references.value import Reference
from registry.domain.states import state_codes

Read = Callable[[re.Match[str]], Reference | None]
_STATES: Final = frozenset(state_codes())
_IACHR_FIRST_YEAR: Final = 1959
_ACHPR_FIRST_YEAR: Final = 1987
_ROMAN: Final = re.compile("(?=.)(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_CHANGES: Final = re.compile(r"(add|rev|corr)\. ?([0-9]+)", re.IGNORECASE)
_COMMITTEES: Final = "CCPR|CAT|CEDAW|CERD|CESCR|CED|CMW|CRC|CRPD"
_MONTHS: Final = 12


class Scheme(NamedTuple):
    """A format: what fits it, and what it means.

    Attributes:
        pattern: fits a whole text in which spaces and dashes are plain.
        read: makes the reference of what fitted; None = it does not fit after all.
    """

    pattern: re.Pattern[str]
    read: Read


def _number(text: str) -> str:
    """A number without zeros before it."""
    return text.lstrip("0") or "0"


def _year(text: str, first: int) -> str:
    """A year of four digits; one of two lies within the hundred years from `first`."""
    if len(text) == len("2014"):
        return text
    year = first - first % 100 + int(text)
    return str(year if year >= first else year + 100)


def _communication(found: re.Match[str]) -> Reference | None:
    kind, state, number, year = found.groups()
    if state.upper() not in _STATES:
        return None
    normal = f"{state.upper()} {_number(number)}/{year}"
    return Reference("un.communication", normal, attribute=(kind or "").upper())


def _opinion(found: re.Match[str]) -> Reference:
    number, year = found.groups()
    return Reference("wgad.opinion", f"A/HRC/WGAD/{year}/{_number(number)}")


def _opinion_symbol(found: re.Match[str]) -> Reference:
    year, number = found.groups()
    return Reference("wgad.opinion", f"A/HRC/WGAD/{year}/{_number(number)}")


def _symbol(scheme: str) -> Read:
    def read(found: re.Match[str]) -> Reference:
        body, changes = found.groups()
        base = "/".join(_segment(part) for part in body.split("/"))
        if not changes:
            return Reference(scheme, base)
        read = (f"/{word.capitalize()}.{_number(n)}" for word, n in _CHANGES.findall(changes))
        return Reference(scheme, base + "".join(read), base)

    return read


def _segment(text: str) -> str:
    """A piece of a symbol: letters large, numbers without zeros before, no spaces."""
    return re.sub("(?<![0-9.])0+(?=[0-9])", "", text.replace(" ", "").upper())


def _upr(found: re.Match[str]) -> Reference:
    body, number, part = found.groups()
    symbol = "/".join(_segment(piece) for piece in body.split("/"))
    return Reference("upr.recommendation", f"{symbol} para. {_number(number)}.{_number(part)}")


def _upr_paragraph(found: re.Match[str]) -> Reference:
    return Reference("upr.paragraph", f"{_number(found[1])}.{_number(found[2])}")


def _of_iachr(scheme: str, form: str) -> Read:
    def read(found: re.Match[str]) -> Reference:
        number, year = _number(found[1]), _year(found[2], _IACHR_FIRST_YEAR)
        return Reference(scheme, form.format(number=number, year=year[2:]))

    return read


def _iachr_case(found: re.Match[str]) -> Reference:
    return Reference("iachr.case", f"Case {found[1]}.{found[2]}")


def _achpr_resolution(found: re.Match[str]) -> Reference | None:
    number, session, year = found.groups()
    if not _ROMAN.fullmatch(session.upper()):
        return None
    normal = f"ACHPR/Res.{_number(number)} ({session.upper()}) {_year(year, _ACHPR_FIRST_YEAR)}"
    return Reference("achpr.resolution", normal)


def _achpr_communication(found: re.Match[str]) -> Reference:
    return Reference("achpr.communication", f"Communication {_number(found[1])}/{found[2]}")


def _hudoc(found: re.Match[str]) -> Reference:
    return Reference("coe.document", found[0].lower())


def _of_coe(scheme: str, form: str) -> Read:
    def read(found: re.Match[str]) -> Reference:
        return Reference(scheme, f"{form}({found[1]}){_number(found[2])}")

    return read


def _application(found: re.Match[str]) -> Reference:
    return Reference("coe.application", f"application {_number(found[1])}/{found[2]}")


def _odihr(found: re.Match[str]) -> Reference:
    topic, state, number, year = found.groups()
    return Reference("osce.opinion", f"{topic.upper()}-{state.upper()}/{_number(number)}/{year}")


def _observatory(found: re.Match[str]) -> Reference | None:
    state, of_year, month, year, number, update = found.groups()
    if state.upper() not in _STATES or not 1 <= int(month) <= _MONTHS:
        return None
    base = f"{state.upper()} {int(of_year):03} / {month}{year} / OBS {int(number):03}"
    if update is None:
        return Reference("obs.appeal", base)
    return Reference("obs.appeal", f"{base}.{_number(update)}", base)


def _scheme(pattern: str, read: Read) -> Scheme:
    return Scheme(re.compile(pattern, re.IGNORECASE), read)


_NO: Final = r"(?:no\.? ?|n° ?|n[or]o\.? ?|nº ?)?"
_CHANGE: Final = r"((?: ?/ ?(?:add|rev|corr)\. ?[0-9]{1,3}){0,3})"
_YEAR: Final = "((?:19|20)[0-9]{2})"
_SHORT_YEAR: Final = "((?:19|20)[0-9]{2}|[0-9]{2})"
_PIECE: Final = r" ?/ ?[A-Z0-9][A-Z0-9.\-]*(?: ?[,&] ?[0-9]+)*"

SCHEMES: Final = (
    _scheme(rf"(?:opinion|avis) {_NO}([0-9]{{1,4}}) ?/ ?{_YEAR}", _opinion),
    _scheme(rf"A ?/ ?HRC ?/ ?WGAD ?/ ?{_YEAR} ?/ ?([0-9]{{1,4}})", _opinion_symbol),
    _scheme(
        rf"(?:(UA|AL|OL|JUA|JAL|JOL) ?)?\b([A-Z]{{3}}) ?([0-9]{{1,4}}) ?/ ?{_YEAR}",
        _communication,
    ),
    _scheme(
        r"(A ?/ ?HRC(?: ?/ ?[A-Z0-9.]+)+?) ?,? ?(?:para(?:graph|\.)? ?|§ ?)"
        r"([0-9]{1,3})\.([0-9]{1,3})",
        _upr,
    ),
    _scheme(
        rf"((?:{_COMMITTEES}) ?/ ?C(?:{_PIECE}){{1,5}}?){_CHANGE}",
        _symbol("tb.document"),
    ),
    _scheme(rf"([AES] ?/(?:{_PIECE[3:]})(?:{_PIECE}){{1,4}}?){_CHANGE}", _symbol("un.document")),
    _scheme(r"(1[0-9]{2})\.([0-9]{1,3})", _upr_paragraph),
    _scheme(
        rf"(?:MC|PM)[ \-]?([0-9]{{1,4}})[\-/]{_SHORT_YEAR}",
        _of_iachr("iachr.precautionary_measure", "PM {number}-{year}"),
    ),
    _scheme(
        rf"(?:P|petition|petición|pétition)[ \-]?{_NO}([0-9]{{1,4}})[\-/]{_SHORT_YEAR}",
        _of_iachr("iachr.petition", "P-{number}-{year}"),
    ),
    _scheme(r"(?:case |caso |affaire )?(1[0-5])\.([0-9]{3})", _iachr_case),
    _scheme(
        rf"(?:resolution|resolución|résolution) {_NO}([0-9]{{1,3}})/{_SHORT_YEAR}",
        _of_iachr("iachr.resolution", "Resolution {number}/{year}"),
    ),
    _scheme(
        r"(?:press release|comunicado de prensa|communiqué de presse) "
        rf"{_NO}([0-9]{{1,3}})/{_SHORT_YEAR}",
        _of_iachr("iachr.press_release", "No. {number}/{year}"),
    ),
    # With a whole year it may be an opinion of the Working Group on Arbitrary Detention.
    _scheme(
        r"no\. ?([0-9]{1,3})/([0-9]{2})",
        _of_iachr("iachr.press_release", "No. {number}/{year}"),
    ),
    _scheme(
        rf"ACHPR ?/ ?Res\.? ?([0-9]{{1,4}}) ?\( ?([IVXLC]{{1,9}}) ?\) ?/? ?{_SHORT_YEAR}",
        _achpr_resolution,
    ),
    _scheme(rf"communication {_NO}([0-9]{{1,4}})/([0-9]{{2}})", _achpr_communication),
    _scheme("0900001680[0-9a-f]{6}", _hudoc),
    _scheme(rf"CommDH ?\( ?{_YEAR} ?\) ?([0-9]{{1,3}})", _of_coe("coe.commdh", "CommDH")),
    _scheme(
        rf"CM ?/ ?ResDH ?\( ?{_YEAR} ?\) ?([0-9]{{1,4}})", _of_coe("coe.resolution", "CM/ResDH")
    ),
    _scheme(rf"(?:application|requête) {_NO}([0-9]{{1,6}})/([0-9]{{2}})", _application),
    # With fewer digits it may be the number of many another body.
    _scheme("([0-9]{4,6})/([0-9]{2})", _application),
    _scheme(rf"([A-Z]{{2,10}}) ?- ?([A-Z]{{3}}) ?/ ?([0-9]{{1,4}}) ?/ ?{_YEAR}", _odihr),
    _scheme(
        r"([A-Z]{3}) ?([0-9]{1,3}) ?/ ?([0-9]{2})([0-9]{2}) ?/ ?OBS ?([0-9]{1,3})"
        r"(?:\.([0-9]{1,2}))?",
        _observatory,
    ),
)
"""In the order they are tried."""
