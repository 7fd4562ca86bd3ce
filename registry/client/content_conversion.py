"""Content between protobuf and the domain's models: one rule for all kinds, because the messages and
the models have the same field names."""

from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from registry.api.v1 import content_pb2
from registry.domain.content import ActContent, read_content
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import InvalidContent


def content_from_proto(message: content_pb2.Content) -> ActContent:
    """Reads content that came over the wire.

    Raises:
        InvalidContent: none is set, or a field breaks the rules of its kind; the text names it.
    """
    which = message.WhichOneof("kind")
    if which is None:
        msg = "content: none is set, or it is of a kind that this version does not record"
        raise InvalidContent(msg)
    fields = MessageToDict(getattr(message, which), preserving_proto_field_name=True)
    return read_content(EventKind[which.upper()], fields)


def content_to_proto(content: ActContent) -> content_pb2.Content:
    """Writes content for the wire."""
    fields: dict[str, Any] = content.model_dump(mode="json", exclude_defaults=True)
    return ParseDict({kind_code(content.kind): fields}, content_pb2.Content())
