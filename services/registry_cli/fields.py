"""Fields of the kinds, as people type them; all of it is derived from the content models.

A field is written by its form: a list as `a,b` (repeat it for more), an event as `ORIGIN#INDEX`, a
grade as `SCHEME:VALUE`, a text as `LANGUAGE:WORDS`, a party as `KIND:NAME` or `KIND:NAME:ROLE`, an
item of an agenda as `TITLE` or `THEME:TITLE`, all others as they are. What a value may be is judged
by the model, never here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from registry.client.casework import EventPlace
from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    AgendaItem,
    EventPointer,
    NativeGrade,
    PartialDate,
    Party,
    SourceIdentity,
    read_content,
)
from registry.domain.content.statement_texts import StatementText
from registry.domain.vocabulary import EventKind, kind_code, known_themes
from registry.errors import InvalidRequest


class Form(Enum):
    """How the value of a field is written."""

    TEXT = "text"
    CHOICE = "one of"
    FLAG = "yes or no"
    LIST = "list a,b"
    DATE = "date 2014-06-14, 2014-06 or 2014"
    EVENT = "event ORIGIN#INDEX"
    EVENTS = "event ORIGIN#INDEX, repeat it"
    GRADE = "grade SCHEME:VALUE"
    PARTIES = "party KIND:NAME or KIND:NAME:ROLE, repeat it"
    TEXTS = "text LANGUAGE:WORDS, repeat it"
    AGENDA = "item TITLE or THEME:TITLE, repeat it"


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field of a kind; `choices` is empty unless the form is CHOICE."""

    name: str
    form: Form
    choices: tuple[str, ...]
    is_required: bool
    description: str


_FORMS: Final[Mapping[Any, Form]] = {
    bool: Form.FLAG,
    tuple: Form.LIST,
    Literal: Form.CHOICE,
    PartialDate: Form.DATE,
    EventPointer: Form.EVENT,
    NativeGrade: Form.GRADE,
}
_LIST_FORMS: Final[Mapping[Any, Form]] = {
    EventPointer: Form.EVENTS,
    Party: Form.PARTIES,
    AgendaItem: Form.AGENDA,
    StatementText: Form.TEXTS,
}
_REPEATED: Final = frozenset({Form.LIST, Form.EVENTS, Form.PARTIES, Form.TEXTS, Form.AGENDA})
_INDEX_DIGITS_MAX: Final = 19
_FLAGS: Final[Mapping[str, bool]] = {"yes": True, "true": True, "no": False, "false": False}


def recordable_kinds() -> tuple[EventKind, ...]:
    """The kinds that this version records, in the vocabulary's order."""
    return tuple(sorted(CONTENT_BY_KIND))


def parse_kind(text: str) -> EventKind:
    """Reads the code of a kind that this version records.

    Raises:
        InvalidRequest: there is no such kind, or it cannot be recorded yet.
    """
    kind = EventKind.__members__.get(text.strip().upper())
    if kind is None or kind not in CONTENT_BY_KIND:
        fault = f"there is no kind {text!r}" if kind is None else f"{text} cannot be recorded yet"
        msg = f"{fault}; `registry kinds` lists those that can be recorded"
        raise InvalidRequest(msg)
    return kind


def describe_fields(kind: EventKind) -> tuple[FieldDescription, ...]:
    """Tells the fields of a kind: what must be given first, then those that all kinds share."""
    model = CONTENT_BY_KIND[kind]
    shared = ActContent.model_fields
    names = sorted(
        model.model_fields,
        key=lambda name: (not model.model_fields[name].is_required(), name in shared),
    )
    return tuple(_describe(name, model) for name in names)


def read_fields(kind: EventKind, written: Iterable[str], file_text: str | None) -> ActContent:
    """Makes content of what was typed.

    Args:
        kind: the kind of event.
        written: `name=value`, each in its form.
        file_text: a JSON object with fields, or None; what was typed wins.

    Raises:
        InvalidRequest: something is not written in its form.
        InvalidContent: a field breaks the rules of the kind.
    """
    values = {} if file_text is None else _read_object(file_text)
    forms = {field.name: field.form for field in describe_fields(kind)}
    typed: dict[str, Any] = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals:
            msg = f"--field takes name=value, not {each!r}"
            raise InvalidRequest(msg)
        if name not in forms:
            code = kind_code(kind)
            msg = f"{code} has no field {name!r}; `registry kinds {code}` lists its fields"
            raise InvalidRequest(msg)
        read = _read_value(name, forms[name], value.strip())
        typed[name] = typed.get(name, ()) + read if forms[name] in _REPEATED else read
    return read_content(kind, values | typed)


def read_content_file(path: Path, standard_input: Any) -> str:  # noqa: ANN401 - a text stream
    """Reads the file with the fields; `-` is standard input.

    Raises:
        InvalidRequest: it cannot be read as UTF-8.
    """
    try:
        return str(standard_input.read()) if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise InvalidRequest(msg) from error


def read_source(path: Path, standard_input: Any) -> SourceIdentity:  # noqa: ANN401 - a text stream
    """Reads who information came from: a JSON object with name, contact and note.

    From a file and never from the command line, which others on the machine may see.

    Raises:
        InvalidRequest: the file cannot be read, or says something else.
    """
    values = _read_object(read_content_file(path, standard_input), "--source")
    unknown = values.keys() - {"name", "contact", "note"}
    if unknown or not values or not all(isinstance(each, str) for each in values.values()):
        msg = "--source takes a JSON object with the texts name, contact and note, and no others"
        raise InvalidRequest(msg)
    return SourceIdentity(
        name=values.get("name", ""),
        contact=values.get("contact", ""),
        note=values.get("note", ""),
    )


def _read_object(text: str, option: str = "--content") -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{option} holds no JSON that can be read: {error}"
        raise InvalidRequest(msg) from error
    if not isinstance(values, dict):
        msg = f'{option} takes a JSON object: {{"field": value, ...}}'
        raise InvalidRequest(msg)
    return values


def _read_value(name: str, form: Form, value: str) -> Any:  # noqa: ANN401 - the model judges
    if form is Form.LIST:
        return tuple(each.strip() for each in value.split(",") if each.strip())
    if form is Form.FLAG:
        return _FLAGS.get(value.casefold(), value)
    if form in {Form.EVENT, Form.EVENTS}:
        place = read_place(name, value)
        event = {"origin": place.origin, "index": place.index}
        return event if form is Form.EVENT else (event,)
    written = _WRITTEN.get(form)
    if written is None:
        return value
    read = written(name, value)
    return (read,) if form in _REPEATED else read


def _read_party(name: str, value: str) -> dict[str, str]:
    kind, colon, rest = value.partition(":")
    party, _, role = rest.rpartition(":") if ":" in rest else (rest, "", "")
    if not colon:
        msg = f"{name}: a party is written KIND:NAME, such as company:Invented Mining"
        raise InvalidRequest(msg)
    return {"kind": kind.strip(), "name": party.strip(), "role": role.strip()}


def _read_item(_: str, value: str) -> dict[str, str]:
    theme, colon, title = value.partition(":")
    is_theme = bool(colon) and theme.strip() in known_themes()
    return {"theme": theme.strip(), "title": title.strip()} if is_theme else {"title": value}


def _read_grade(name: str, value: str) -> dict[str, str]:
    scheme, colon, grade = value.partition(":")
    if not colon:
        msg = f"{name}: a grade is written SCHEME:VALUE, such as ccpr:B2"
        raise InvalidRequest(msg)
    return {"scheme": scheme.strip(), "value": grade.strip()}


def _read_text(name: str, value: str) -> dict[str, str]:
    language, colon, words = value.partition(":")
    if not colon:
        msg = f"{name}: a text is written LANGUAGE:WORDS, such as en:We are concerned"
        raise InvalidRequest(msg)
    return {"language": language.strip(), "text": words.strip()}


_WRITTEN: Final[Mapping[Form, Callable[[str, str], dict[str, str]]]] = {
    Form.AGENDA: _read_item,
    Form.PARTIES: _read_party,
    Form.TEXTS: _read_text,
    Form.GRADE: _read_grade,
}


def read_place(name: str, value: str) -> EventPlace:
    """Reads an event as people write it.

    Args:
        name: of what is read, for the error.
        value: ORIGIN#INDEX.

    Raises:
        InvalidRequest: it is not written so.
    """
    origin, _, index = value.rpartition("#")
    is_index = index.isascii() and index.isdigit() and len(index) <= _INDEX_DIGITS_MAX
    if not origin or not is_index:
        msg = f"{name}: an event is written ORIGIN#INDEX, such as defenders.example/un/1#7"
        raise InvalidRequest(msg)
    return EventPlace(origin, int(index))


def _describe(name: str, model: type[ActContent]) -> FieldDescription:
    field = model.model_fields[name]
    inner = _without_wrapping(field.annotation)
    form = _FORMS.get(get_origin(inner) or inner, Form.TEXT)
    if form is Form.LIST:
        form = _LIST_FORMS.get(get_args(inner)[0], form)
    choices = tuple(c for c in get_args(inner) if c) if form is Form.CHOICE else ()
    return FieldDescription(name, form, choices, field.is_required(), field.description or "")


def _without_wrapping(annotation: Any) -> Any:  # noqa: ANN401 - types are values here
    """Takes off Annotated and `| None`."""
    if get_origin(annotation) is Annotated:
        return _without_wrapping(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        (inner,) = (each for each in get_args(annotation) if each is not NoneType)
        return _without_wrapping(inner)
    return annotation
