"""Content: its stored form is frozen and loses nothing, and what is not of its kind is refused."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    decode_content,
    encode_content,
    encoding,
    kind_of_media_type,
    media_type_of,
    read_content,
)
from registry.domain.content.encoding import CONTENT_MAX_BYTES
from registry.domain.content.examples import example_fields, example_of
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import InvalidContent
from tests.unit.domain.content_examples import KINDS, contents, least_fields
from tests.unit.domain.frozen_content import FROZEN, HEAD, SHARED, TAIL

FROZEN_EXAMPLES: Final[dict[str, str]] = {
    line["kind"]: line["stored"]
    for line in map(
        json.loads,
        (Path(__file__).parent / "frozen_examples.jsonl").read_text(encoding="utf-8").splitlines(),
    )
}
"""Whoever changes one of these changes what stands on disks."""
STATEMENT: Final = EventKind.STATEMENT_ISSUED
MEDIA_TYPE: Final = "application/vnd.registry.statement_issued+json;v=1"
each_kind = pytest.mark.parametrize("kind", KINDS, ids=kind_code)


def refusal(kind: EventKind, **fields: Any) -> str:
    with pytest.raises(InvalidContent) as caught:
        read_content(kind, {**least_fields(kind), **fields})
    return str(caught.value)


@pytest.mark.parametrize("code", FROZEN)
def test_stored_form_of_the_first_kinds_is_frozen(code: str) -> None:
    kind = EventKind[code.upper()]
    fields, expected = FROZEN[code]

    content = read_content(kind, {**SHARED, **fields})

    assert encode_content(content).decode() == HEAD + expected + TAIL
    assert decode_content(media_type_of(kind), (HEAD + expected + TAIL).encode()) == content


@each_kind
def test_stored_form_of_the_example_of_a_kind_is_frozen(kind: EventKind) -> None:
    stored = FROZEN_EXAMPLES[kind_code(kind)]

    assert encode_content(example_of(kind)).decode() == stored
    assert decode_content(media_type_of(kind), stored.encode()) == example_of(kind)


@each_kind
def test_example_sets_every_field_of_its_own_and_is_marked_as_invented(kind: EventKind) -> None:
    own = set(CONTENT_BY_KIND[kind].model_fields) - set(ActContent.model_fields)

    assert own <= set(example_fields()[kind_code(kind)])
    assert own <= set(json.loads(FROZEN_EXAMPLES[kind_code(kind)]))
    assert example_of(kind).is_invented


def test_every_kind_has_one_example() -> None:
    assert list(example_fields()) == [kind_code(kind) for kind in KINDS]


@settings(max_examples=10)
@given(st.data())
@each_kind
def test_stored_content_is_read_as_it_was(kind: EventKind, data: st.DataObject) -> None:
    content = data.draw(contents(kind))
    stored = encode_content(content)

    again = decode_content(media_type_of(kind), stored)

    assert again == content
    assert again is not None
    assert encode_content(again) == stored
    assert json.loads(stored) == content.model_dump(mode="json", exclude_defaults=True)


@settings(max_examples=10)
@given(st.data())
@each_kind
def test_order_in_which_fields_were_given_does_not_change_the_stored_form(
    kind: EventKind, data: st.DataObject
) -> None:
    content = data.draw(contents(kind))
    fields = json.loads(encode_content(content))
    shuffled = dict(data.draw(st.permutations(list(fields.items()))))

    assert encode_content(read_content(kind, shuffled)) == encode_content(content)


@each_kind
def test_media_type_names_the_kind_and_the_version(kind: EventKind) -> None:
    media_type = media_type_of(kind)

    assert media_type == f"application/vnd.registry.{kind_code(kind)}+json;v=1"
    assert kind_of_media_type(media_type) is kind


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.registry.statement_issued+json;v=2",
        "application/vnd.registry.statement_issued+json",
        "application/vnd.registry.statement_issued+json;v=1 ",
        "application/vnd.registry.statement_issued+json;v=1\n",
        "application/vnd.registry.STATEMENT_ISSUED+json;v=1",
        "application/vnd.registry.unknown_99+json;v=1",
        "application/vnd.registry.no_such_kind+json;v=1",
        "application/vnd.registry.sealed+json;v=1",
        "application/json",
        "",
    ],
)
def test_content_of_an_unknown_kind_or_version_is_kept_opaque(media_type: str) -> None:
    assert decode_content(media_type, b"\xff not even JSON") is None


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"acting_body":"un"}',
        b'{"acting_body":"un","basis":"own_act","mood":"calm"}',
        b'{"acting_body":"un","basis":"own_act","title":7}',
        b'{"acting_body":"un","basis":"own_act","issued_date":{"value":"2014-02-30"}}',
        b'{"acting_body":"un","basis":"own_act"} ,',
        b'{"acting_body":"un","basis":"own_act","title":"\\ud800"}',
    ],
)
def test_stored_content_that_breaks_the_rules_of_its_kind_is_refused(stored: bytes) -> None:
    with pytest.raises(InvalidContent):
        decode_content(MEDIA_TYPE, stored)


@each_kind
def test_unknown_field_is_refused_by_name(kind: EventKind) -> None:
    assert refusal(kind, victim="x").startswith("victim: ")


@each_kind
@pytest.mark.parametrize("field", ["acting_body", "basis"])
def test_content_without_who_acted_on_what_basis_is_refused(kind: EventKind, field: str) -> None:
    fields = least_fields(kind)
    del fields[field]

    with pytest.raises(InvalidContent, match=f"^{field}: Field required"):
        read_content(kind, fields)


@pytest.mark.parametrize("kind", sorted(set(EventKind) - set(CONTENT_BY_KIND)))
def test_kind_that_this_version_does_not_record_is_refused_with_those_that_it_does(
    kind: EventKind,
) -> None:
    with pytest.raises(InvalidContent) as caught:
        read_content(kind, least_fields(kind))

    assert f"{kind_code(kind)} cannot be recorded by this version" in str(caught.value)
    assert "statement_issued" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 7),
        ("title", b"bytes"),
        ("title", None),
        ("title", "x" * 501),
        ("summary", "x" * 20_001),
        ("acting_body", ""),
        ("acting_body", "UN"),
        ("acting_body", "un\n"),
        ("acting_body", "x" * 65),
        ("basis", "hearsay"),
        ("basis", ""),
        ("references", "one"),
        ("references", ["x"] * 201),
        ("references", ["x", 7]),
        ("states", ["pol"]),
        ("states", ["POLAND"]),
        ("states", ["AAAA"]),
        ("states", ["JJJ"]),
        ("states", ["YUG"]),
        ("states", ["POL"] * 61),
        ("themes", ["Impunity"]),
        ("themes", ["impunity"] * 51),
        ("is_invented", "perhaps"),
        ("about", {"origin": "", "index": 1}),
        ("about", {"origin": "o/un/1", "index": -1}),
        ("about", {"origin": "o/un/1", "index": 2**53}),
        ("about", {"origin": "o/un/1", "index": 1.5}),
        ("about", "o/un/1#1"),
        ("issued_date", "2014-02-30"),
        ("issued_date", 2014),
        ("instrument", "UN press"),
    ],
)
def test_field_that_breaks_its_rule_is_refused_by_name(field: str, value: object) -> None:
    assert refusal(STATEMENT, **{field: value}).startswith(field)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (EventKind.COMMUNICATION_SENT, "addressee_state"),
        (EventKind.REPLY_RECEIVED, "replying_state"),
        (EventKind.RECOMMENDATION_MADE, "recommending_state"),
        (EventKind.RECOMMENDATION_MADE, "addressee_state"),
        (EventKind.RECOMMENDATION_RESPONSE, "responding_state"),
    ],
)
def test_state_that_iso_does_not_know_is_refused_in_every_field(
    kind: EventKind, field: str
) -> None:
    assert refusal(kind, **{field: "JJJ"}) == (
        f"{field}: Value error, this is no ISO 3166 alpha-3 code"
    )
    assert getattr(read_content(kind, {**least_fields(kind), field: "XKX"}), field) == "XKX"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"basis": "public_record"}, "source"),
        ({"basis": "public_record", "source": "  "}, "source"),
        ({"basis": "reported_by"}, "reported_by"),
        ({"basis": "own_act", "reported_by": "an organisation"}, "reported_by"),
        ({"basis": "public_record", "source": "s", "reported_by": "o"}, "reported_by"),
    ],
)
def test_basis_and_what_goes_with_it_belong_together(fields: dict[str, str], field: str) -> None:
    assert f"{field}: " in refusal(STATEMENT, **fields)


def test_transcription_of_a_public_record_is_told_apart_from_an_own_act() -> None:
    record = {"basis": "public_record", "source": "HUDOC"}
    reported = {"basis": "reported_by", "reported_by": "an organisation"}

    for fields in ({}, record, reported):
        content = read_content(STATEMENT, {**least_fields(STATEMENT), **fields})
        assert content.basis == fields.get("basis", "own_act")


@pytest.mark.parametrize("title", ["", "  "])
def test_case_without_a_title_is_refused(title: str) -> None:
    assert "title: " in refusal(EventKind.CASE_OPENED, title=title)


@pytest.mark.parametrize("value", ["", "  "])
def test_grade_without_a_value_is_refused(value: str) -> None:
    for kind, field in (
        (EventKind.FOLLOWUP_ASSESSED, "grade"),
        (EventKind.RECOMMENDATION_RESPONSE, "response"),
        (EventKind.RECOMMENDATION_MADE, "response"),
    ):
        assert f"{field}.value: " in refusal(kind, **{field: {"scheme": "upr", "value": value}})


def test_content_that_is_too_large_as_a_whole_is_refused() -> None:
    long = ["é" * 500] * 150

    assert str(CONTENT_MAX_BYTES) in refusal(
        STATEMENT, references=long, subjects=long, summary="x" * 20_000
    )


def test_refusal_of_many_fields_fits_into_the_trailers_of_an_answer() -> None:
    text = refusal(STATEMENT, references=["x" * 501] * 200, **{"y" * 5_000: 1})

    assert len(text) < 4_000
    assert text.startswith("references.0: ")
    assert text.endswith("; and 191 more")


def test_refusal_does_not_repeat_what_was_written() -> None:
    assert "secret" not in refusal(STATEMENT, acting_body="secret name", title="secret" * 100)


@pytest.mark.parametrize(
    ("adopted", "expected"), [("2014-06", "2014-06"), ("", None), (None, None)]
)
def test_date_of_the_act_is_the_main_date_of_its_kind(
    adopted: str | None, expected: str | None
) -> None:
    fields = {**least_fields(EventKind.OPINION_ADOPTED), "submitted_date": "2010"}
    content = read_content(EventKind.OPINION_ADOPTED, {**fields, "adopted_date": adopted})

    date = content.act_date()

    assert (date.value if date is not None else None) == expected


def test_lines_lose_the_white_space_around_them_and_texts_keep_it() -> None:
    content = read_content(
        STATEMENT,
        {**least_fields(STATEMENT), "title": " t ", "summary": " s\n", "references": [" r"]},
    )

    assert (content.title, content.summary, content.references) == ("t", " s\n", ("r",))


def test_content_of_an_earlier_version_is_read_in_the_words_of_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rename(fields: dict[str, Any]) -> dict[str, Any]:
        return {("issued_date" if name == "date" else name): v for name, v in fields.items()}

    def unwrap(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "issued_date": fields["issued_date"]["on"]}

    monkeypatch.setitem(encoding.UPCASTS, (STATEMENT, 1), rename)
    monkeypatch.setitem(encoding.UPCASTS, (STATEMENT, 2), unwrap)
    current = example_of(STATEMENT, issued_date="2024")
    first = {**json.loads(encode_content(current)), "date": {"on": "2024"}}
    del first["issued_date"]

    assert media_type_of(STATEMENT) == MEDIA_TYPE.replace("v=1", "v=3")
    assert decode_content(MEDIA_TYPE, json.dumps(first).encode()) == current
    assert decode_content(media_type_of(STATEMENT), encode_content(current)) == current
    assert decode_content(MEDIA_TYPE.replace("v=1", "v=4"), b"{}") is None


@pytest.mark.parametrize("broken", [b"", b"[]", b'{"date": 1}', b"\xff"])
def test_broken_content_of_an_earlier_version_is_invalid(
    monkeypatch: pytest.MonkeyPatch, broken: bytes
) -> None:
    monkeypatch.setitem(encoding.UPCASTS, (STATEMENT, 1), lambda fields: fields["issued"]["x"])

    with pytest.raises(InvalidContent, match="earlier version of statement_issued"):
        decode_content(MEDIA_TYPE, broken)
