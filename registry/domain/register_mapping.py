"""Mappings: how the rows of somebody's register become events, declared in a small TOML file.

A mapping names the key columns that identify a row, the column that names States, the kind of each
row (by a value table), and where each field of the content comes from. Nothing in it is code, and
what it says is checked when it is read: a kind, field or rule that cannot be is refused by name.

    id, title, sample, key = [columns]
    [case_without_state]   fields of the case for rows that name no State
    [states]               column, separator
    [kind]                 column, values = {written = kind}
    [fields.<field>]       column | value, values, default, separator, date, state, scheme

What rows become by it stands in registry/domain/row_plans.py.
"""

import tomllib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from registry.domain.content import read_content
from registry.domain.content.encoding import CONTENT_BY_KIND, explain
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent, InvalidRequest

ACT_DATE: Final = "act_date"
"""Stands in a mapping for the main date of whatever kind the row has."""

Column = Annotated[str, StringConstraints(min_length=1)]
Separator = Annotated[str, StringConstraints(min_length=1)]


class FieldRule(BaseModel):
    """Where one field of the content comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    column: Column | None = None
    value: Any = None
    values: dict[str, str] | None = None
    default: str | None = None
    separator: Separator | None = None
    date: bool = False
    state: bool = False
    scheme: str | None = None

    @model_validator(mode="after")
    def _check(self) -> "FieldRule":
        ways = [self.separator is not None, self.date, self.state, self.scheme is not None]
        if (self.column is None) == (self.value is None):
            msg = "a field has a column or a value, one of the two"
        elif self.column is None and (any(ways) or self.values is not None):
            msg = "a fixed value is taken as it stands, with no other setting"
        elif sum(ways) > 1:
            msg = "a column is read in one way: by separator, date, state or scheme"
        elif self.separator is not None and self.values is not None:
            msg = "a column with a separator has no table of values"
        elif self.default is not None and self.values is None:
            msg = "a default belongs to a table of values"
        else:
            return self
        raise ValueError(msg)


class StatesRule(BaseModel):
    """Which column names the States whose situation a row belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    column: Column
    separator: Separator = ";"


class KindRule(BaseModel):
    """Which column decides the kind, and how; without a column the empty text does."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    column: Column | None = None
    values: Annotated[dict[str, str], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> "KindRule":
        known = {kind.name.lower() for kind in CONTENT_BY_KIND} - {"case_opened"}
        for written, code in self.values.items():
            if code not in known:
                msg = f"values: {written!r} maps to {code!r}; kinds are {', '.join(sorted(known))}"
                raise ValueError(msg)
        if self.column is None and set(self.values) != {""}:
            msg = 'values: without a column there is one kind: values = { "" = kind }'
            raise ValueError(msg)
        return self


class RegisterMapping(BaseModel):
    """A checked mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    title: str
    sample: str | None = None
    key: Annotated[tuple[Column, ...], Field(min_length=1, strict=False)]
    states: StatesRule
    case_without_state: dict[str, Any]
    kind: KindRule
    fields: dict[str, FieldRule]

    @model_validator(mode="after")
    def _check_case(self) -> "RegisterMapping":
        try:
            read_content(EventKind.CASE_OPENED, self.case_without_state)
        except InvalidContent as error:
            msg = f"case_without_state: {error}"
            raise ValueError(msg) from error
        return self

    @model_validator(mode="after")
    def _check_fields(self) -> "RegisterMapping":
        models = [CONTENT_BY_KIND[EventKind[code.upper()]] for code in self.kind.values.values()]
        known = {ACT_DATE}.union(*(model.model_fields for model in models)) - {"states"}
        for name in self.fields:
            if name not in known:
                msg = f"fields.{name}: no kind of this mapping has such a field to fill"
                raise ValueError(msg)
        return self

    def columns(self) -> frozenset[str]:
        """Every column that the mapping reads."""
        rules = (rule.column for rule in self.fields.values())
        named = {*self.key, self.states.column, self.kind.column, *rules}
        return frozenset(column for column in named if column)


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
    source = shipped if name_or_path in shipped_mappings() else Path(name_or_path)
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped_mappings())
        msg = f"no mapping {name_or_path!r} ({error.strerror}); name a file or one of {known}"
        raise InvalidRequest(msg) from error
    except UnicodeDecodeError as error:
        msg = f"mapping {name_or_path} is not UTF-8: {error}"
        raise InvalidRequest(msg) from error
    return parse_mapping(text, name_or_path)


def parse_mapping(text: str, name: str) -> RegisterMapping:
    """Reads the text of a mapping; `name` says in errors which one it is.

    Raises:
        InvalidRequest: it is not a mapping; the text says where.
    """
    try:
        return RegisterMapping.model_validate(tomllib.loads(text))
    except ValidationError as error:
        msg = f"mapping {name}: {explain(error)}"
        raise InvalidRequest(msg) from error
    except (ValueError, RecursionError) as error:
        # No TOML, a number of thousands of digits, or brackets nested by the hundred.
        msg = f"mapping {name}: {error}"
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
