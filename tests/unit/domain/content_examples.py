"""Content for tests: strategies that make any valid content of a kind, and its least form.

Strategies follow the types of the models' fields, so that a new field is generated from its first
day; a type without a strategy fails. All content here is invented.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    AgendaItem,
    Attachment,
    EventPointer,
    NamedPerson,
    NativeGrade,
    PartialDate,
    Party,
)
from registry.domain.content.act import StateCode
from registry.domain.content.statement_texts import StatementText
from registry.domain.vocabulary import EventKind

KINDS: Final = tuple(sorted(CONTENT_BY_KIND))
LEAST: Final[dict[str, Any]] = {
    "title": "An invented case",
    "acting_body": "un",
    "basis": "own_act",
}
"""Fields that make valid content of every kind with `REQUIRED_FIELDS`."""
PERSON: Final = {"person_id": "a1" * 16, "name": "Ayo Zemlinski"}
"""Invented, as all others here."""
REQUIRED_FIELDS: Final[dict[EventKind, dict[str, Any]]] = {
    EventKind.RECOMMENDATION_RESPONSE: {"response": {"scheme": "upr", "value": "supported"}},
    EventKind.CONSENT_RECORDED: {"persons": [PERSON], "use": "names_in_public"},
    EventKind.CONSENT_WITHDRAWN: {"person_id": PERSON["person_id"]},
    EventKind.FOLLOWUP_ASSESSED: {"grade": {"scheme": "ccpr", "value": "B2"}},
    EventKind.CASE_STATUS_CHANGED: {"status": "monitored"},
    EventKind.ACCOUNTABILITY_STEP: {"step": "complaint_filed"},
    EventKind.DEFINITION_AGREED: {"term": "reprisal"},
    EventKind.PEER_ANSWERED: {"answer": "no"},
}

_NAMING_NOBODY: Final = {
    EventKind.CONSENT_WITHDRAWN,
    EventKind.PEER_ANSWERED,
    EventKind.MATCHING_RETURNED,
}

_CHARACTERS = st.characters(exclude_categories=["Cs"])
_LINES = st.text(_CHARACTERS, max_size=30)
_WORDS = _LINES.map(lambda text: f"a{text}")
_CODES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
_STATES = st.sampled_from(["POL", "CIV", "XKX", "XXA", "QMA"])
_DATES = st.one_of(
    st.just(PartialDate()),
    st.dates().map(lambda day: PartialDate(value=day.isoformat())),
    st.dates().map(lambda day: PartialDate(value=day.isoformat()[:7])),
    st.dates().map(lambda day: PartialDate(value=day.isoformat()[:4])),
)
_POINTERS = st.builds(
    EventPointer,
    origin=_WORDS,
    index=st.integers(0, 2**53 - 1),
)
_GRADES = st.builds(
    NativeGrade, scheme=_CODES, value=_WORDS, assessor=_LINES, date=st.none() | _DATES
)
_SLUGS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True)
_HASHES = st.from_regex(r"([0-9a-f]{64})?", fullmatch=True)
_PERSON_IDS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
_PERSONS = st.builds(NamedPerson, person_id=_PERSON_IDS, name=_WORDS, role=_LINES)
_ATTACHMENTS = st.builds(
    Attachment,
    ordinal=st.integers(1, 63),
    file_name=_WORDS,
    media_type=_LINES,
    size=st.integers(1, 2**53 - 1),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)
_PARTIES = st.builds(
    Party,
    kind=st.sampled_from(["organisation", "community", "project", "company", "state_body"]),
    name=_WORDS,
    role=st.sampled_from(["", "defender", "respondent"]),
    state=_STATES,
)
_TEXTS = st.builds(StatementText, language=st.sampled_from(["en", "fr", "pt-BR"]), text=_WORDS)
_AGENDA = st.builds(AgendaItem, title=_WORDS, theme=st.just("") | _CODES)
_BY_MODEL: Final[dict[Any, st.SearchStrategy[Any]]] = {
    PartialDate: _DATES,
    EventPointer: _POINTERS,
    NativeGrade: _GRADES,
    bool: st.booleans(),
    int: st.integers(0, 50),
}
_ITEMS_BY_MODEL: Final[dict[Any, st.SearchStrategy[Any]]] = {
    NamedPerson: _PERSONS,
    Attachment: _ATTACHMENTS,
    EventPointer: _POINTERS,
    Party: _PARTIES,
    StatementText: _TEXTS,
    AgendaItem: _AGENDA,
}
_ITEMS_BY_NAME: Final = {"themes": _CODES, "mechanisms": _SLUGS, "invited": _SLUGS}
_CODE_LISTS: Final = {
    "acts",
    "approached_bodies",
    "committed_bodies",
    "held_by",
    "instruments",
    "joint_bodies",
    "participants",
    "regions",
    "topics",
    "violations",
    "worked_for",
    "wrong_fields",
}
_CODE_FIELDS: Final = {
    "acting_body",
    "cooperated_with",
    "established_by",
    "instrument",
    "provided_by",
    "recorded_by",
    "referred_to",
}


def least_fields(kind: EventKind) -> dict[str, Any]:
    """The fewest fields that make valid content of a kind."""
    return {**LEAST, **REQUIRED_FIELDS.get(kind, {})}


@st.composite
def contents(draw: st.DrawFn, kind: EventKind) -> ActContent:
    """Any valid content of a kind."""
    model = CONTENT_BY_KIND[kind]
    fields = {
        name: draw(_strategy(name, field))
        for name, field in model.model_fields.items()
        if field.is_required() or draw(st.booleans())
    }
    if kind is EventKind.CASE_OPENED:
        fields["title"] = draw(_WORDS)
    if kind is EventKind.DEFINITION_AGREED:
        fields["term"] = draw(_WORDS)
    _keep_rules_of_consent(draw, kind, fields)
    fields["reported_by"] = draw(_WORDS) if fields["basis"] == "reported_by" else ""
    if fields["basis"] == "public_record":
        fields["source"] = draw(_WORDS)
    return model.model_validate(fields)


def _keep_rules_of_consent(draw: st.DrawFn, kind: EventKind, fields: dict[str, Any]) -> None:
    if kind is EventKind.CONSENT_RECORDED:
        fields["persons"] = (draw(_PERSONS),)
        is_share = fields["use"] == "share_with_mechanisms"
        fields["mechanisms"] = draw(st.lists(_SLUGS, min_size=1, max_size=3)) if is_share else ()
    if kind in _NAMING_NOBODY:
        fields.pop("persons", None)
    if fields.get("confidence") == "established":
        fields["established_by"] = draw(_CODES)
    else:
        fields.pop("established_by", None)


def _strategy(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    inner = without_wrapping(field.annotation)
    if inner in _BY_MODEL:
        known = _BY_MODEL[inner]
        return known if field.is_required() or inner in {bool, int} else st.none() | known
    if get_origin(inner) is Literal:
        return st.sampled_from(get_args(inner))
    if get_origin(inner) is tuple:
        return st.lists(_item_strategy(name, get_args(inner)[0]), max_size=3).map(tuple)
    assert inner is str, f"no strategy for {name}"
    if name == "text_hash":
        return _HASHES
    if name.endswith("_state"):
        return _STATES
    return _PERSON_IDS if name == "person_id" else _CODES if name in _CODE_FIELDS else _LINES


def _item_strategy(name: str, item: Any) -> st.SearchStrategy[Any]:
    inner = without_wrapping(item)
    if get_origin(inner) is Literal:
        return st.sampled_from(get_args(inner))
    if inner in _ITEMS_BY_MODEL:
        return _ITEMS_BY_MODEL[inner]
    if name in _CODE_LISTS:
        return _CODES
    return _STATES if item == StateCode else _ITEMS_BY_NAME.get(name, _LINES)


def without_wrapping(annotation: Any) -> Any:
    """Takes off Annotated and `| None`."""
    if get_origin(annotation) is Annotated:
        return without_wrapping(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        (inner,) = (each for each in get_args(annotation) if each is not NoneType)
        return without_wrapping(inner)
    return annotation
