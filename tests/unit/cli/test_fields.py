"""Fields as people type them: each form follows from the content models alone."""

import io
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    EventPointer,
    FollowupAssessed,
    NativeGrade,
    PartialDate,
    StatementIssued,
)
from registry.domain.content import kinds as content_kinds
from registry.domain.vocabulary import CURRENT_KINDS, EventKind
from registry.errors import InvalidContent, InvalidRequest
from registry_cli import fields
from registry_cli.fields import (
    Form,
    describe_fields,
    parse_kind,
    read_content_file,
    read_fields,
    recordable_kinds,
)

OWN_ACT = ("acting_body=coe.commissioner", "basis=own_act")
STATEMENT = EventKind.STATEMENT_ISSUED


def form_of(kind: EventKind, name: str) -> Form:
    """The form of one field."""
    return next(field.form for field in describe_fields(kind) if field.name == name)


@pytest.mark.parametrize(
    ("kind", "name", "form"),
    [
        (STATEMENT, "title", Form.TEXT),
        (STATEMENT, "instrument", Form.TEXT),
        (STATEMENT, "basis", Form.CHOICE),
        (STATEMENT, "is_invented", Form.FLAG),
        (STATEMENT, "references", Form.LIST),
        (STATEMENT, "states", Form.LIST),
        (STATEMENT, "issued_date", Form.DATE),
        (STATEMENT, "about", Form.EVENT),
        (EventKind.RECOMMENDATION_MADE, "response", Form.GRADE),
        (EventKind.FOLLOWUP_ASSESSED, "grade", Form.GRADE),
        (EventKind.OPINION_ADOPTED, "communication_numbers", Form.LIST),
    ],
)
def test_form_follows_from_the_type(kind: EventKind, name: str, form: Form) -> None:
    assert form_of(kind, name) is form


def test_kind_that_did_not_exist_when_this_was_written_needs_no_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class MeetingHeld(ActContent):
        kind: ClassVar[EventKind] = EventKind.MEETING_HELD
        date_field: ClassVar[str] = "held_date"

        held_date: PartialDate | None = Field(default=None, description="when")
        participants: tuple[str, ...] = Field(default=(), description="who")
        answers: EventPointer | None = Field(default=None, description="what")
        score: NativeGrade = Field(description="how good")
        mode: Literal["", "online", "on_site"] = Field(default="", description="how")
        is_public: bool = Field(default=False, description="whether")

    known = {**CONTENT_BY_KIND, EventKind.MEETING_HELD: MeetingHeld}
    monkeypatch.setattr(fields, "CONTENT_BY_KIND", known)
    monkeypatch.setattr("registry.domain.content.encoding.CONTENT_BY_KIND", known)
    typed = (
        *OWN_ACT,
        "held_date=2025-03",
        "participants=a, b",
        "participants=c",
        "answers=r/un/1#7",
        "score=coe:good: very",
        "mode=online",
        "is_public=yes",
    )

    content = read_fields(parse_kind("meeting_held"), typed, None)

    assert isinstance(content, MeetingHeld)
    assert content.held_date == PartialDate(value="2025-03")
    assert content.participants == ("a", "b", "c")
    assert content.answers == EventPointer(origin="r/un/1", index=7)
    assert content.score == NativeGrade(scheme="coe", value="good: very")
    assert content.mode == "online"
    assert content.is_public is True


@pytest.mark.parametrize("kind", recordable_kinds(), ids=lambda kind: kind.name)
def test_every_field_is_described_once_and_required_ones_come_first(kind: EventKind) -> None:
    described = describe_fields(kind)

    assert {field.name for field in described} == set(CONTENT_BY_KIND[kind].model_fields)
    assert all(field.description for field in described)
    required = [field.is_required for field in described]
    assert required == sorted(required, reverse=True)
    assert all(bool(field.choices) is (field.form is Form.CHOICE) for field in described)


def test_recordable_kinds_are_those_of_the_vocabulary() -> None:
    assert set(recordable_kinds()) == CURRENT_KINDS


def test_choices_leave_out_the_empty_one() -> None:
    (reply_kind,) = (
        field for field in describe_fields(EventKind.REPLY_RECEIVED) if field.name == "reply_kind"
    )

    assert "" not in reply_kind.choices
    assert "substantive" in reply_kind.choices


@pytest.mark.parametrize("text", ["statement_issued", "STATEMENT_ISSUED", " statement_issued "])
def test_kind_is_read_in_any_case(text: str) -> None:
    assert parse_kind(text) is STATEMENT


@pytest.mark.parametrize("text", ["", "nonsense", "case_link_proposed", "sealed"])
def test_kind_that_cannot_be_recorded_is_refused_with_the_way_to_the_list(text: str) -> None:
    with pytest.raises(InvalidRequest, match="registry kinds"):
        parse_kind(text)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("title", "name=value"),
        ("no_such_field=x", "registry kinds statement_issued"),
        ("kind=x", "registry kinds statement_issued"),
        ("about=7", "ORIGIN#INDEX"),
        ("about=r/un/1#", "ORIGIN#INDEX"),
        ("about=r/un/1#-1", "ORIGIN#INDEX"),
        ("about=r/un/1#٣", "ORIGIN#INDEX"),
    ],
)
def test_field_not_in_its_form_is_refused(typed: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_fields(STATEMENT, [*OWN_ACT, typed], None)


def test_grade_without_scheme_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="SCHEME:VALUE"):
        read_fields(EventKind.FOLLOWUP_ASSESSED, [*OWN_ACT, "grade=B2"], None)


@pytest.mark.parametrize("typed", ["is_invented=perhaps", "issued_date=soon", "states=poland"])
def test_value_is_judged_by_the_model(typed: str) -> None:
    with pytest.raises(InvalidContent, match=typed.partition("=")[0]):
        read_fields(STATEMENT, [*OWN_ACT, typed], None)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("yes", True), ("Yes", True), ("true", True), ("no", False), ("FALSE", False)],
)
def test_flag_is_read_as_people_write_it(typed: str, value: bool) -> None:  # noqa: FBT001 - the expected value
    content = read_fields(STATEMENT, [*OWN_ACT, f"is_invented={typed}"], None)

    assert content.is_invented is value


def test_value_may_hold_an_equals_sign() -> None:
    content = read_fields(STATEMENT, [*OWN_ACT, "url=https://example.org/?a=b"], None)

    assert content.url == "https://example.org/?a=b"


def test_what_was_typed_wins_over_the_file() -> None:
    file_text = '{"acting_body": "un.press", "basis": "own_act", "title": "from the file"}'

    content = read_fields(STATEMENT, ["acting_body=coe.commissioner"], file_text)

    assert content == StatementIssued(
        acting_body="coe.commissioner", basis="own_act", title="from the file"
    )


def test_file_may_hold_what_has_no_short_form() -> None:
    file_text = (
        '{"acting_body": "tb.ccpr", "basis": "own_act",'
        ' "grade": {"scheme": "ccpr", "value": "B2", "assessor": "rapporteur"}}'
    )

    content = read_fields(EventKind.FOLLOWUP_ASSESSED, [], file_text)

    assert isinstance(content, FollowupAssessed)
    assert content.grade.assessor == "rapporteur"


@pytest.mark.parametrize("file_text", ["", "[]", "7", "{", '"text"'])
def test_file_without_a_json_object_is_refused(file_text: str) -> None:
    with pytest.raises(InvalidRequest, match="--content"):
        read_fields(STATEMENT, [], file_text)


def test_content_is_read_from_a_file_or_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "content.json"
    path.write_text('{"title": "é"}', encoding="utf-8")

    assert read_content_file(path, io.StringIO("")) == '{"title": "é"}'
    assert read_content_file(Path("-"), io.StringIO("{}")) == "{}"


@pytest.mark.parametrize("made", [b"\xff\xfe", None])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, made: bytes | None) -> None:
    path = tmp_path / "content.json"
    if made is not None:
        path.write_bytes(made)

    with pytest.raises(InvalidRequest, match=r"content\.json cannot be read"):
        read_content_file(path, io.StringIO(""))


def test_every_model_of_the_content_package_is_covered() -> None:
    models = {
        model
        for model in vars(content_kinds).values()
        if isinstance(model, type) and issubclass(model, ActContent) and model is not ActContent
    }

    assert models == set(CONTENT_BY_KIND.values())
