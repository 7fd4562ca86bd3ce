"""The models of the kinds: complete, strict, documented, and field by field those of the protos."""

from typing import Any, Final, get_args, get_origin

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BaseModel

from registry.api.v1 import cases_pb2, content_pb2
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
from registry.domain.content.statement_texts import StatementText
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from tests.unit.domain.content_examples import KINDS, without_wrapping

MESSAGES: Final = {
    PartialDate: content_pb2.ActDate.DESCRIPTOR,
    EventPointer: content_pb2.EventPointer.DESCRIPTOR,
    NativeGrade: content_pb2.NativeGrade.DESCRIPTOR,
    NamedPerson: content_pb2.NamedPerson.DESCRIPTOR,
    Attachment: content_pb2.Attachment.DESCRIPTOR,
    Party: content_pb2.Party.DESCRIPTOR,
    StatementText: content_pb2.StatementText.DESCRIPTOR,
    AgendaItem: content_pb2.AgendaItem.DESCRIPTOR,
}
MODELS: Final = (*CONTENT_BY_KIND.values(), *MESSAGES)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=kind_code)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def message_of(kind: EventKind) -> Descriptor:
    field = content_pb2.Content.DESCRIPTOR.fields_by_name[kind_code(kind)]
    assert field.message_type is not None
    return field.message_type


def shape_of_field(annotation: Any) -> tuple[bool, str]:
    """Whether a model's field is a list, and the proto type that it must have."""
    inner = without_wrapping(annotation)
    if get_origin(inner) is tuple:
        return True, shape_of_field(get_args(inner)[0])[1]
    if inner in MESSAGES:
        return False, MESSAGES[inner].full_name
    return False, {bool: "bool", int: "uint64"}.get(inner, "string")


def shape_of_proto(field: FieldDescriptor) -> tuple[bool, str]:
    names = {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_BOOL: "bool",
        FieldDescriptor.TYPE_UINT64: "uint64",
    }
    if field.message_type is not None:
        return field.is_repeated, field.message_type.full_name
    return field.is_repeated, names[field.type]


def assert_same_fields(model: type[BaseModel], message: Descriptor) -> None:
    of_model = {n: shape_of_field(f.annotation) for n, f in model.model_fields.items()}
    of_proto = {f.name: shape_of_proto(f) for f in message.fields}

    assert of_model == of_proto
    assert list(of_model) == [f.name for f in sorted(message.fields, key=lambda f: f.number)]


def test_every_kind_but_control_and_sealed_has_a_model() -> None:
    assert frozenset(CONTENT_BY_KIND) == CURRENT_KINDS
    assert len(CURRENT_KINDS) == 64


@each_kind
def test_model_and_message_of_a_kind_have_the_same_fields(kind: EventKind) -> None:
    assert_same_fields(CONTENT_BY_KIND[kind], message_of(kind))


@pytest.mark.parametrize("model", MESSAGES, ids=lambda model: model.__name__)
def test_model_and_message_of_a_nested_value_have_the_same_fields(model: type[BaseModel]) -> None:
    assert_same_fields(model, MESSAGES[model])


def test_content_message_has_one_field_for_each_kind_under_its_number() -> None:
    (kinds,) = content_pb2.Content.DESCRIPTOR.oneofs

    assert {f.name: f.number for f in kinds.fields} == {kind_code(k): int(k) for k in KINDS}
    assert len(kinds.fields) == len(content_pb2.Content.DESCRIPTOR.fields)
    opening = cases_pb2.OpenCaseRequest.DESCRIPTOR.fields_by_name["content"].message_type
    assert opening is message_of(EventKind.CASE_OPENED)


def test_fields_of_all_kinds_have_the_same_number_in_every_message() -> None:
    numbers = {
        (field.name, field.number)
        for kind in KINDS
        for field in message_of(kind).fields
        if field.name in ActContent.model_fields
    }

    assert len(numbers) == len(ActContent.model_fields)


@each_kind
def test_kind_names_who_acted_on_what_basis_and_when(kind: EventKind) -> None:
    model = CONTENT_BY_KIND[kind]
    dates = {n for n, f in model.model_fields.items() if n.endswith("_date")}

    assert model.kind is kind
    assert model.model_fields["acting_body"].is_required()
    assert model.model_fields["basis"].is_required()
    assert model.date_field in dates
    assert {without_wrapping(model.model_fields[name].annotation) for name in dates} == {
        PartialDate
    }


@each_model
def test_model_is_strict_frozen_and_documented(model: type[BaseModel]) -> None:
    assert model.model_config.get("strict") is True
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen") is True
    assert model.__doc__
    assert all(field.description for field in model.model_fields.values())
