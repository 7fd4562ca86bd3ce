"""What a briefing is asked for, and which acts fit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from registry.domain.acts import states_of, themes_of
from registry.domain.content import ActContent
from registry.domain.states import is_state_code
from registry.errors import InvalidRequest
from registry.views.briefings.wording import LANGUAGES

CASES_DEFAULT: Final = 20
CASES_MAX: Final = 500
_VALUES_MAX: Final = 50
_CODE_MAX: Final = 64
_LAST: Final = "\U0010ffff"
"""Sorts after every date."""
_LENGTHS: Final = (4, 7, 10)
_DAY_LENGTH: Final = 10
_FIRST: Final = "-01-01"


@dataclass(frozen=True, slots=True)
class BriefingOrder:
    """What is asked for.

    Attributes:
        recipients: slugs of the mechanisms that will read it: nothing is told that one of them may
            not see.
        themes, states: codes; an act of one of each fits; empty = any.
        since, until: the period, both included: days, months or years; empty = open.
        as_of: the day as of which it tells what is open; empty = that of the newest act in it.
        language: of the labels, one of `LANGUAGES`.
        case_limit: cases that get a timeline; the others get a line.
    """

    recipients: tuple[str, ...]
    themes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    as_of: str = ""
    language: str = "en"
    case_limit: int = CASES_DEFAULT

    def has_in_period(self, day: str) -> bool:
        """Whether a date lies in the period, as lists of acts have it; an unknown one in none."""
        if not self.since and not self.until:
            return True
        return bool(day) and self.since <= day <= (self.until or "") + _LAST

    def fits(self, content: ActContent, *, is_situation: bool) -> bool:
        """Whether an act is about what was asked for.

        What names no State or no theme counts with its case; the situation of a State has all
        themes, so that an act in it must name the theme.
        """
        if not self.states and not self.themes:
            return True
        states, themes = states_of(content), themes_of(content)
        fits_state = not self.states or not states or not set(self.states).isdisjoint(states)
        may_be_silent = not is_situation
        fits_theme = (
            not self.themes
            or (not themes and may_be_silent)
            or not set(self.themes).isdisjoint(themes)
        )
        return fits_state and fits_theme

    def fits_case(self, states: Collection[str], themes: Collection[str]) -> bool:
        """Whether a case of these States and themes is one that was asked for."""
        fits_state = not self.states or not set(self.states).isdisjoint(states)
        return fits_state and (not self.themes or not set(self.themes).isdisjoint(themes))


def whole_day(text: str) -> str:
    """The first day that a day, a month or a year can mean; empty = unknown."""
    return text + _FIRST[len(text) - _DAY_LENGTH :] if 0 < len(text) < _DAY_LENGTH else text


def check_order(order: BriefingOrder) -> None:
    """Refuses what cannot be made.

    Raises:
        InvalidRequest: the text names the field.
    """
    if not order.recipients:
        msg = "recipients: name the mechanisms that will read it"
        raise InvalidRequest(msg)
    if order.language not in LANGUAGES:
        msg = f"language: {', '.join(LANGUAGES)}, not {order.language[:20]!r}"
        raise InvalidRequest(msg)
    if not 1 <= order.case_limit <= CASES_MAX:
        msg = f"case_limit: 1 to {CASES_MAX}"
        raise InvalidRequest(msg)
    for name, values in (
        ("themes", order.themes),
        ("states", order.states),
        ("recipients", order.recipients),
    ):
        if len(values) > _VALUES_MAX or any(len(each) > _CODE_MAX for each in values):
            msg = f"{name}: at most {_VALUES_MAX}, each a code"
            raise InvalidRequest(msg)
    unknown = [each for each in order.states if not is_state_code(each)]
    if unknown:
        msg = f"states: {unknown[0]!r} is no ISO 3166 alpha-3 code"
        raise InvalidRequest(msg)
    _check_days(order)


def _check_days(order: BriefingOrder) -> None:
    for name, text in (("since", order.since), ("until", order.until), ("as_of", order.as_of)):
        if text:
            _check_day(name, text, is_whole=name == "as_of")
    if order.until and order.since > order.until + _LAST:
        msg = f"until: {order.until} lies before since, {order.since}"
        raise InvalidRequest(msg)


def _check_day(name: str, text: str, *, is_whole: bool) -> None:
    try:
        is_written = date.fromisoformat(whole_day(text)).isoformat()[: len(text)] == text
    except ValueError:
        is_written = False
    if not is_written or len(text) not in (_LENGTHS[-1:] if is_whole else _LENGTHS):
        forms = "2014-06-14" if is_whole else "2014-06-14, 2014-06 or 2014"
        msg = f"{name} is written {forms}, not {text[:20]!r}"
        raise InvalidRequest(msg)
