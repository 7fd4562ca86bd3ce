"""Content over the wire: nothing is lost on the way, and nothing that is not known is dropped."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.api.v1 import content_pb2
from registry.client.content_conversion import content_from_proto, content_to_proto
from registry.domain.content import EventPointer, PartialDate, read_content
from registry.domain.content.examples import example_fields, example_of
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import InvalidContent
from tests.unit.client.later_messages import (
    UNKNOWN_FIELD_7_OF_A_DATE,
    UNKNOWN_FIELD_90_BESIDE_THE_KIND,
    UNKNOWN_FIELD_99,
    UNKNOWN_KIND,
)
from tests.unit.domain.content_examples import KINDS, contents, least_fields

each_kind = pytest.mark.parametrize("kind", KINDS, ids=kind_code)


@settings(max_examples=10)
@given(st.data())
@each_kind
def test_content_comes_back_from_the_wire_as_it_was(kind: EventKind, data: st.DataObject) -> None:
    content = data.draw(contents(kind))

    sent = content_to_proto(content).SerializeToString()

    assert content_from_proto(content_pb2.Content.FromString(sent)) == content


@each_kind
def test_content_travels_as_the_message_of_its_kind(kind: EventKind) -> None:
    content = example_of(kind)

    message = content_to_proto(content)

    assert message.WhichOneof("kind") == kind_code(kind)
    sent = getattr(message, kind_code(kind))
    assert sent.is_invented
    assert {field.name for field, _ in sent.ListFields()} == set(example_fields()[kind_code(kind)])


def test_first_event_of_a_log_can_be_pointed_to() -> None:
    fields = {**least_fields(EventKind.REPLY_RECEIVED), "about": {"origin": "o", "index": 0}}

    content = content_from_proto(content_to_proto(read_content(EventKind.REPLY_RECEIVED, fields)))

    assert content.about == EventPointer(origin="o", index=0)


def test_date_that_is_known_to_be_unknown_is_not_the_same_as_none() -> None:
    fields = {**least_fields(EventKind.REPLY_RECEIVED), "received_date": ""}
    content = read_content(EventKind.REPLY_RECEIVED, fields)

    again = content_from_proto(content_to_proto(content))

    assert again.model_dump()["received_date"] == PartialDate().model_dump()


def test_content_without_a_kind_is_refused() -> None:
    with pytest.raises(InvalidContent, match="none is set"):
        content_from_proto(content_pb2.Content())


def test_content_of_a_kind_of_a_later_version_is_refused() -> None:
    with pytest.raises(InvalidContent, match="of a kind that this version does not record"):
        content_from_proto(content_pb2.Content.FromString(UNKNOWN_KIND))


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (UNKNOWN_FIELD_99, 99),
        (UNKNOWN_FIELD_7_OF_A_DATE, 7),
        (UNKNOWN_FIELD_90_BESIDE_THE_KIND, 90),
    ],
)
def test_field_of_a_later_version_is_refused_and_not_dropped(sent: bytes, number: int) -> None:
    with pytest.raises(InvalidContent, match=f"statement_issued: field number {number} is not"):
        content_from_proto(content_pb2.Content.FromString(sent))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"basis": "own_act"}, "acting_body: "),
        ({"acting_body": "un"}, "basis: "),
        ({"acting_body": "un", "basis": "own_act", "states": ["JJJ"]}, "states.0: "),
        (
            {"acting_body": "un", "basis": "own_act", "issued_date": {"value": "2014-02-30"}},
            "issued_date: ",
        ),
        (
            {
                "acting_body": "un",
                "basis": "own_act",
                "issued_date": {"value": "2014", "precision": "day"},
            },
            "issued_date: ",
        ),
        (
            {"acting_body": "un", "basis": "own_act", "about": {"origin": "o", "index": 2**63}},
            "about.index: ",
        ),
    ],
)
def test_message_that_breaks_a_rule_is_refused_by_field(
    fields: dict[str, object], told: str
) -> None:
    message = content_pb2.Content()
    about = fields.pop("about", None)
    date = fields.pop("issued_date", None)
    statement = content_pb2.StatementIssued(**fields)  # type: ignore[arg-type] # fields by name
    if isinstance(about, dict):
        statement.about.CopyFrom(content_pb2.EventPointer(**about))
    if isinstance(date, dict):
        statement.issued_date.CopyFrom(content_pb2.ActDate(**date))
    message.statement_issued.CopyFrom(statement)

    with pytest.raises(InvalidContent) as caught:
        content_from_proto(message)

    assert str(caught.value).startswith(told)
