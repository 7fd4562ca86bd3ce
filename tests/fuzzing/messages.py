"""A sound-looking sample of any protobuf message, made from its descriptor alone.

Every field is set once, messages inside too, down to a depth; so that a mutation of any field of
any call is reached without a row for each of them.
"""

from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

CANARY: Final = "canary-of-the-fuzzer"
"""Stands in every text, so that a log that repeats one is found."""
_DEPTH: Final = 4
_BYTES: Final = {"case_id": 16, "log_id": 32, "upload_id": 16, "sha256": 32}
_TEXTS: Final = {
    "situation_of": "XXA",
    "states": "POL",
    "request_id": "fuzzing-1",
    "acting_body": "test.desk",
    "basis": "own_act",
    "value": "2014-06-14",
    "origin": "testing/alpha/1",
    "page_token": "1.",
    "since": "2014-06",
    "until": "2015",
    "media_type": "text/plain",
}
_INTEGERS: Final = frozenset(
    {
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
        *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
    }
)


def sample_of(message_type: Any, *, choice: int = 0) -> Message:
    """A message with every field set; `choice` picks one of the fields of each oneof.

    The type is a descriptor: there are two classes of them, one of them written in C.
    """
    return _filled(message_type, choice, _DEPTH)


def _filled(message_type: Descriptor, choice: int, depth: int) -> Message:
    message = GetMessageClass(message_type)()
    for field in message_type.fields:
        group = field.containing_oneof
        if group is not None and field is not group.fields[choice % len(group.fields)]:
            continue
        _set(message, field, choice, depth)
    return message


def _set(message: Message, field: FieldDescriptor, choice: int, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        if depth:
            value = _filled(cast("Descriptor", field.message_type), choice, depth - 1)
            place = getattr(message, field.name)
            _ = place.append(value) if field.is_repeated else place.CopyFrom(value)
        return
    value = _plain(field)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _plain(field: FieldDescriptor) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return field.enum_type.values[-1].number  # type: ignore[union-attr] # an enum field has one
    if field.cpp_type in _INTEGERS:
        return 1
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"\x05" * _BYTES.get(field.name, 4)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _TEXTS.get(field.name, CANARY)
    return 1.0
