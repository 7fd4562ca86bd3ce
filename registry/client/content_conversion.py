"""Content between protobuf and the domain's models, both ways.

One rule for all kinds, because the messages and the models have the same field names. What a newer
version says and this one does not know is refused, never dropped in silence.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from registry.api.v1 import cases_pb2, content_pb2
from registry.domain.audience import AudienceChoice
from registry.domain.content import ActContent, read_content
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import InvalidContent


def content_from_proto(message: content_pb2.Content) -> ActContent:
    """Reads content that came over the wire.

    Raises:
        InvalidContent: none is set, a field is not known here or breaks the rules of its kind; the
            text names it.
    """
    which = message.WhichOneof("kind")
    if which is None:
        msg = "content: none is set, or it is of a kind that this version does not record"
        raise InvalidContent(msg)
    unknown = _unknown_field(message)
    if unknown is not None:
        msg = f"{which}: field number {unknown} is not known to this version"
        raise InvalidContent(msg)
    fields = MessageToDict(getattr(message, which), preserving_proto_field_name=True)
    return read_content(EventKind[which.upper()], fields)


def content_to_proto(content: ActContent) -> content_pb2.Content:
    """Writes content for the wire."""
    fields: dict[str, Any] = content.model_dump(mode="json", exclude_defaults=True)
    # Not by way of protobuf's JSON: that takes ten times as long, and a history has many of these.
    named: dict[str, Any] = {kind_code(content.kind): fields}
    return content_pb2.Content(**named)


def audience_to_proto(choice: AudienceChoice) -> cases_pb2.AudienceSelector:
    """Writes a choice of audience for the wire."""
    return cases_pb2.AudienceSelector(
        mechanisms=choice.mechanisms,
        everyone=choice.kind == "all",
        own_only=choice.kind == "own",
    )


def _unknown_field(message: Message) -> int | None:
    """Number of a field that the sender knows and this version does not, at any depth."""
    unknown = UnknownFieldSet(message)
    if len(unknown):
        return int(unknown[0].field_number)
    inner = (each for _, value in message.ListFields() for each in _messages_in(value))
    return next((found for found in map(_unknown_field, inner) if found is not None), None)


def _messages_in(value: Any) -> Iterable[Message]:  # noqa: ANN401 - a field of any type
    """The messages in a field's value, be it one or a list of them."""
    if isinstance(value, Message):
        return (value,)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(each for each in value if isinstance(each, Message))
    return ()
