"""Row plans: what one row of a register becomes by its mapping, and what of it cannot be taken.

A row becomes one event per named State, all with the same content, or one for the register's own
case. Request ids are `<mapping>:<key columns>:<n>`, n counting the row's States by code from 1: so
a row that names other States than before meets the id of its first event and is seen to be changed.
Nothing is left out in silence: each thing that cannot be taken is a problem with its line.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from registry.domain.content import ActContent, CaseOpened, PartialDate, read_content
from registry.domain.content.encoding import CONTENT_BY_KIND
from registry.domain.register_mapping import ACT_DATE, FieldRule, RegisterMapping
from registry.domain.states import StateStatus, match_state
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent

REQUEST_ID_MAX: Final = 200
"""The node's limit, in characters."""
_ORDINAL_MAX: Final = len(":60")  # content names at most 60 States
_MONTHS: Final = {
    word: f"{number:02}"
    for number, name in enumerate(
        (
            *("january", "february", "march", "april", "may", "june"),
            *("july", "august", "september", "october", "november", "december"),
        ),
        start=1,
    )
    for word in (name, name[:3])
}
_WORDED: Final = re.compile(r"(?:(\d{1,2}) )?([A-Za-z]+) (\d{4})", re.ASCII)


class ProblemReason(StrEnum):
    """Why something of a row was not taken."""

    KEY_MISSING = "key_missing"
    STATE_NO_LONGER_EXISTS = "state_no_longer_exists"
    STATE_UNKNOWN = "state_unknown"
    VALUE_UNKNOWN = "value_unknown"
    DATE_UNREADABLE = "date_unreadable"
    CONTENT_INVALID = "content_invalid"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row, one State or one field of it was not taken; the header is line 1."""

    line: int
    reason: ProblemReason
    detail: str


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """One event that a row becomes; `state` is None for the case of the register itself."""

    request_id: str
    state: str | None
    content: ActContent


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What a row becomes, in this order, and what of it could not be taken."""

    line: int
    key: str
    acts: tuple[PlannedAct, ...]
    problems: tuple[RowProblem, ...]


class _NotTakenError(Exception):
    def __init__(self, reason: ProblemReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def register_case(mapping: RegisterMapping) -> tuple[str, CaseOpened]:
    """The request id and content of the case for rows that name no State."""
    content = read_content(EventKind.CASE_OPENED, mapping.case_without_state)
    assert isinstance(content, CaseOpened)  # noqa: S101 - read_content gives what was asked
    return f"{mapping.id}:case", content


def plan_row(mapping: RegisterMapping, line: int, row: Mapping[str, str]) -> RowPlan:
    """Turns a row into one event per named State, or one for the register's case."""
    key = _row_key(mapping, row)
    problems: list[RowProblem] = []
    try:
        _check_key(mapping, row)
        states = _states(mapping, line, row, problems)
        content = _content(mapping, line, row, states, problems)
    except _NotTakenError as error:
        problems.append(RowProblem(line, error.reason, error.detail))
        return RowPlan(line, key, (), tuple(problems))
    acts = tuple(
        PlannedAct(f"{key}:{number}", state, content)
        for number, state in enumerate(states or (None,), start=1)
    )
    return RowPlan(line, key, acts, tuple(problems))


def _row_key(mapping: RegisterMapping, row: Mapping[str, str]) -> str:
    written = (row[column].replace("%", "%25").replace(":", "%3A") for column in mapping.key)
    text = ":".join((mapping.id, *written))
    if len(text) + _ORDINAL_MAX <= REQUEST_ID_MAX:
        return text
    return f"{mapping.id}:{hashlib.sha256(text.encode()).hexdigest()}"


def _check_key(mapping: RegisterMapping, row: Mapping[str, str]) -> None:
    if not any(row[column] for column in mapping.key):
        detail = f"{', '.join(mapping.key)}: empty, so nothing tells this row from others"
        raise _NotTakenError(ProblemReason.KEY_MISSING, detail)


def _states(
    mapping: RegisterMapping, line: int, row: Mapping[str, str], problems: list[RowProblem]
) -> tuple[str, ...]:
    """Codes of the States that a row names, sorted; empty if it names none."""
    column = mapping.states.column
    codes: set[str] = set()
    refused: list[_NotTakenError] = []
    for name in filter(None, map(str.strip, row[column].split(mapping.states.separator))):
        try:
            codes.add(_state(column, name))
        except _NotTakenError as error:
            refused.append(error)
    last = refused.pop() if refused and not codes else None
    problems += [RowProblem(line, error.reason, error.detail) for error in refused]
    if last is not None:
        raise last
    return tuple(sorted(codes))


def _content(
    mapping: RegisterMapping,
    line: int,
    row: Mapping[str, str],
    states: tuple[str, ...],
    problems: list[RowProblem],
) -> ActContent:
    kind = _kind(mapping, row)
    model = CONTENT_BY_KIND[kind]
    fields: dict[str, Any] = {"states": states}
    for target, rule in mapping.fields.items():
        name = model.date_field if target == ACT_DATE else target
        if name not in model.model_fields:
            continue
        try:
            value = _value(rule, row)
        except _NotTakenError as error:
            problems += _tolerate(mapping, rule, line, error)
            continue
        if value not in (None, "", ()):
            fields[name] = value
    try:
        return read_content(kind, fields)
    except InvalidContent as error:
        raise _NotTakenError(ProblemReason.CONTENT_INVALID, str(error)) from error


def _tolerate(
    mapping: RegisterMapping, rule: FieldRule, line: int, error: _NotTakenError
) -> list[RowProblem]:
    """A State that only describes the act: told, and the act taken without it."""
    if not rule.state:
        raise error
    if rule.column == mapping.states.column:
        return []  # told already: it is a State whose situation the row belongs to
    return [RowProblem(line, error.reason, f"{error.detail}; the row is taken without it")]


def _kind(mapping: RegisterMapping, row: Mapping[str, str]) -> EventKind:
    written = row[mapping.kind.column] if mapping.kind.column else ""
    code = mapping.kind.values.get(written)
    if code is None:
        detail = f"{mapping.kind.column}: {written!r} has no kind in the mapping"
        raise _NotTakenError(ProblemReason.VALUE_UNKNOWN, detail)
    return EventKind[code.upper()]


def _value(rule: FieldRule, row: Mapping[str, str]) -> Any:  # noqa: ANN401 - the model judges
    if rule.column is None:
        return rule.value
    written = row[rule.column]
    if rule.separator is not None:
        return tuple(filter(None, map(str.strip, written.split(rule.separator))))
    if rule.values is not None:
        written = _look_up(rule.column, rule.values, rule.default, written)
    return _read(rule, rule.column, written) if written else None


def _read(rule: FieldRule, column: str, written: str) -> Any:  # noqa: ANN401 - the model judges
    if rule.date:
        return _date(column, written)
    if rule.state:
        return _state(column, written)
    if rule.scheme is not None:
        return {"scheme": rule.scheme, "value": written}
    return written


def _look_up(column: str, values: Mapping[str, str], default: str | None, written: str) -> str:
    found = values.get(written, default)
    if found is None:
        detail = f"{column}: {written!r} is not in the mapping"
        raise _NotTakenError(ProblemReason.VALUE_UNKNOWN, detail)
    return found


def _date(column: str, written: str) -> PartialDate:
    """Reads 2010-06-14, 2010-06, 2010, `14 Jun 2010` and `June 2010`."""
    value = written
    worded = _WORDED.fullmatch(written)
    if worded is not None:
        day, month, year = worded.groups()
        number = _MONTHS.get(month.casefold(), "no month")
        value = f"{year}-{number}" if day is None else f"{year}-{number}-{int(day):02}"
    try:
        return PartialDate(value=value)
    except ValidationError as error:
        detail = f"{column}: {written!r} is no date"
        raise _NotTakenError(ProblemReason.DATE_UNREADABLE, detail) from error


def _state(column: str, name: str) -> str:
    match = match_state(name)
    if match.status is StateStatus.NO_LONGER_EXISTS:
        detail = f"{column}: {name!r} is no more"
        raise _NotTakenError(ProblemReason.STATE_NO_LONGER_EXISTS, detail)
    if match.status is StateStatus.UNKNOWN:
        detail = f"{column}: {name!r} is no State that is known"
        raise _NotTakenError(ProblemReason.STATE_UNKNOWN, detail)
    return match.code
