"""Dates of acts, only as precise as they are known: a day, a month, a year, or not at all."""

import re
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

_FORMS: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


class Precision(StrEnum):
    """How much of a date is known."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


_BY_LENGTH: Final = {0: Precision.UNKNOWN, 4: Precision.YEAR, 7: Precision.MONTH, 10: Precision.DAY}


class PartialDate(BaseModel):
    """A date with its precision: `2014-06-14` day, `2014-06` month, `2014` year, `` unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    value: str = Field(default="", max_length=10, description="2014-06-14, 2014-06, 2014 or empty")
    precision: Precision = Field(
        default=Precision.UNKNOWN,
        strict=False,  # it comes as text
        description="day, month, year or unknown, as the value has it",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_precision(cls, data: Any) -> Any:  # noqa: ANN401 - outside input
        if isinstance(data, str):
            data = {"value": data}
        if isinstance(data, dict) and not data.get("precision"):
            length = len(str(data.get("value", "")))
            return {**data, "precision": _BY_LENGTH.get(length, Precision.UNKNOWN)}
        return data

    @model_validator(mode="after")
    def _check(self) -> "PartialDate":
        _check_form(self.value, self.precision)
        return self

    @property
    def sort_key(self) -> str:
        """Sorts a year before its months and a month before its days; empty = unknown."""
        return self.value

    def is_after(self, other: "PartialDate") -> bool:
        """Whether this is later for certain, as far as both are known."""
        common = min(len(self.value), len(other.value))
        return common > 0 and self.value[:common] > other.value[:common]


@lru_cache(maxsize=8192)
def _check_form(value: str, precision: Precision) -> None:
    """Checks what stands in thousands of acts once."""
    if _BY_LENGTH.get(len(value)) is not precision:
        msg = f"a date known to the {precision.value} is not written {value!r}"
        raise ValueError(msg)
    if value:
        found = _FORMS.fullmatch(value)
        if not found:
            msg = f"a date is written 2014-06-14, 2014-06 or 2014, not {value!r}"
            raise ValueError(msg)
        year, month, day = found.groups()
        date(int(year), int(month or 1), int(day or 1))
