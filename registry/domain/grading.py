"""Native grades on one derived scale, for overviews; never converted silently.

The native grade always stands beside the derived one. Where the table calls a value ambiguous, or
does not know it, nothing is derived: whoever assessed says so in the act, or it stays open.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from registry.domain.content import ActContent, FollowupAssessed, NativeGrade

_TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    scheme: {value.casefold(): scale for value, scale in values.items()}
    for scheme, values in tomllib.loads(
        (files(__package__) / "grades.toml").read_text(encoding="utf-8")
    ).items()
}
AMBIGUOUS: Final = "ambiguous"
"""Nothing is derived: a person chooses."""
NOT_ASSESSED: Final = "not_assessed"
"""On the derived scale: who graded did not judge whether anything was done."""


def derive(grade: NativeGrade) -> str:
    """The derived scale of a native grade, or `ambiguous`."""
    return _TABLE.get(grade.scheme, {}).get(grade.value.strip().casefold(), AMBIGUOUS)


def derived_of(assessed: FollowupAssessed) -> str:
    """The derived scale of an assessment: what a person chose, else what the table has."""
    return assessed.derived or derive(assessed.grade)


def date_of_grade(grade: NativeGrade, act: ActContent) -> str:
    """When a grade was given: its own date, else that of its act; empty = none is known."""
    dates = (grade.date, act.act_date())
    return next((each.value for each in dates if each is not None and each.value), "")
