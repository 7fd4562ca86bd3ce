"""Mappings: how the rows of somebody's register become events, declared in a small TOML file.

A mapping names the key columns that identify a row, the columns that name States, the kind of each row
(by a value table), and where each field of the content comes from. Nothing in it is code.

    id, title, sample, key = [columns]
    [case_without_state]   fields of the case for rows that name no State
    [states]               column, separator
    [kind]                 column, values = {written = kind}
    [fields.<field>]       column | value, values, default, separator, date, state, scheme
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from registry.domain.content import ActContent, CaseOpened, read_content
from registry.domain.content.encoding import CONTENT_BY_KIND, explain
from registry.domain.states import StateStatus, match_state
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent, InvalidRequest

REQUEST_ID_MAX: Final = 200
ACT_DATE: Final = "act_date"
"""Stands in a mapping for the main date of whatever kind the row has."""
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WORDED: Final = re.compile(r"(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4})")


class FieldRule(BaseModel):
    """Where one field of the content comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    value: Any = None
    values: dict[str, str] | None = None
    default: str | None = None
    separator: str | None = None
    date: bool = False
    state: bool = False
    scheme: str | None = None


class StatesRule(BaseModel):
    """Which column names the States whose situation a row belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    separator: str = ";"


class KindRule(BaseModel):
    """Which column decides the kind, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    values: dict[str, str]


class RegisterMapping(BaseModel):
    """A checked mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    sample: str | None = None
    key: tuple[str, ...]
    states: StatesRule
    case_without_state: dict[str, Any]
    kind: KindRule
    fields: dict[str, FieldRule]

    def columns(self) -> frozenset[str]:
        """Every column that the mapping reads."""
        rules = (rule.column for rule in self.fields.values())
        named = {*self.key, self.states.column, self.kind.column, *rules}
        return frozenset(column for column in named if column)


ProblemReason = Literal[
    "state_no_longer_exists", "state_unknown", "value_unknown", "date_unreadable", "content_invalid"
]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row, or one State of it, was not taken; `line` counts from 1 with the header."""

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
    """What a row becomes, and what of it could not be taken."""

    line: int
    acts: tuple[PlannedAct, ...]
    problems: tuple[RowProblem, ...]


class _NotTakenError(Exception):
    def __init__(self, reason: ProblemReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with the software."""
    folder = files("registry.domain") / "mappings"
    return tuple(sorted(e.name.removesuffix(".toml") for e in folder.iterdir()))


def load_mapping(name_or_path: str) -> RegisterMapping:
    """Reads a mapping that ships with the software, or a file.

    Raises:
        InvalidRequest: there is none, or it is not a mapping; the text says where.
    """
    shipped = files("registry.domain") / "mappings" / f"{name_or_path}.toml"
    source = shipped if shipped.is_file() else Path(name_or_path)
    try:
        return RegisterMapping.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(shipped_mappings())
        msg = f"no mapping {name_or_path!r}; name a file or one of {known}"
        raise InvalidRequest(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"mapping {name_or_path}: {error}"
        raise InvalidRequest(msg) from error
    except ValidationError as error:
        msg = f"mapping {name_or_path}: {explain(error)}"
        raise InvalidRequest(msg) from error


def sample_register(mapping: RegisterMapping) -> Path:
    """Path of the sample register that ships with a mapping.

    Raises:
        InvalidRequest: none ships with it.
    """
    if mapping.sample is None:
        msg = f"no sample ships with the mapping {mapping.id}"
        raise InvalidRequest(msg)
    with as_file(files("registry.domain") / "samples" / mapping.sample) as path:
        return path


def register_case(mapping: RegisterMapping) -> tuple[str, CaseOpened]:
    """The request id and content of the case for rows that name no State.

    Raises:
        InvalidContent: the mapping's fields for it break the rules.
    """
    content = read_content(EventKind.CASE_OPENED, mapping.case_without_state)
    assert isinstance(content, CaseOpened)  # noqa: S101 - read_content gives what was asked
    return f"{mapping.id}:case", content


def plan_row(mapping: RegisterMapping, line: int, row: Mapping[str, str]) -> RowPlan:
    """Turns a row into one event per named State, or one for the register's case."""
    try:
        kind = _kind(mapping, row)
        fields = _fields(mapping, kind, row)
    except _NotTakenError as error:
        return RowPlan(line, (), (RowProblem(line, error.reason, error.detail),))
    written = [s.strip() for s in row[mapping.states.column].split(mapping.states.separator)]
    names = [name for name in written if name]
    acts: list[PlannedAct] = []
    problems: list[RowProblem] = []
    for name in names or [""]:
        try:
            acts.append(_plan_act(mapping, kind, row, fields, name))
        except _NotTakenError as error:
            problems.append(RowProblem(line, error.reason, error.detail))
    unique = {act.request_id: act for act in acts}
    return RowPlan(line, tuple(unique.values()), tuple(problems))


def _plan_act(
    mapping: RegisterMapping,
    kind: EventKind,
    row: Mapping[str, str],
    fields: Mapping[str, Any],
    state_name: str,
) -> PlannedAct:
    state = _state(state_name) if state_name else None
    complete = dict(fields)
    if state is not None:
        complete["states"] = (state,)
    try:
        content = read_content(kind, complete)
    except InvalidContent as error:
        raise _NotTakenError("content_invalid", str(error)) from error
    return PlannedAct(_request_id(mapping, row, state), state, content)


def _request_id(mapping: RegisterMapping, row: Mapping[str, str], state: str | None) -> str:
    text = ":".join((mapping.id, *(row[column] for column in mapping.key), state or "-"))
    if len(text) <= REQUEST_ID_MAX:
        return text
    return f"{mapping.id}:{hashlib.sha256(text.encode()).hexdigest()}"


def _kind(mapping: RegisterMapping, row: Mapping[str, str]) -> EventKind:
    written = row[mapping.kind.column] if mapping.kind.column else ""
    code = mapping.kind.values.get(written)
    if code is None or code.upper() not in EventKind.__members__:
        raise _NotTakenError("value_unknown", f"{mapping.kind.column}: {written!r} has no kind")
    return EventKind[code.upper()]


def _fields(mapping: RegisterMapping, kind: EventKind, row: Mapping[str, str]) -> dict[str, Any]:
    model = CONTENT_BY_KIND[kind]
    fields: dict[str, Any] = {}
    for target, rule in mapping.fields.items():
        name = model.date_field if target == ACT_DATE else target
        if name not in model.model_fields:
            continue
        value = _value(rule, row)
        if value not in (None, "", ()):
            fields[name] = value
    return fields


def _value(rule: FieldRule, row: Mapping[str, str]) -> Any:  # noqa: ANN401 - the model judges
    if rule.column is None:
        return rule.value
    written = row[rule.column]
    if rule.separator is not None:
        return tuple(each.strip() for each in written.split(rule.separator) if each.strip())
    if rule.values is not None:
        written = _look_up(rule, written)
    if rule.date:
        return _date(rule.column, written)
    if rule.state:
        return _optional_state(written)
    if rule.scheme is not None:
        return {"scheme": rule.scheme, "value": written} if written else None
    return written


def _look_up(rule: FieldRule, written: str) -> str:
    found = (rule.values or {}).get(written, rule.default)
    if found is None:
        raise _NotTakenError("value_unknown", f"{rule.column}: {written!r} is not in the mapping")
    return found


def _date(column: str, written: str) -> dict[str, str] | None:
    """Reads 2010-06-14, 2010-06, 2010 and `14 Jun 2010`; empty = unknown."""
    if not written:
        return None
    worded = _WORDED.fullmatch(written)
    if worded is not None:
        day, month, year = worded.groups()
        if month.casefold() in _MONTHS:
            number = _MONTHS.index(month.casefold()) + 1
            return {"value": f"{year}-{number:02}-{int(day):02}"}
    elif re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", written):
        return {"value": written}
    raise _NotTakenError("date_unreadable", f"{column}: {written!r} is no date")


def _state(name: str) -> str:
    match = match_state(name)
    if match.status is StateStatus.NO_LONGER_EXISTS:
        raise _NotTakenError("state_no_longer_exists", f"{name!r} is no more")
    if match.status is StateStatus.UNKNOWN:
        raise _NotTakenError("state_unknown", f"{name!r} is no State that is known")
    return match.code


def _optional_state(name: str) -> str:
    """A State that only describes the act: left out if it is unknown or no more."""
    return match_state(name).code if name else ""
