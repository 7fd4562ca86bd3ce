"""The stored form of content: UTF-8 JSON of the model, its kind in the media type.

media type   application/vnd.registry.<kind>+json;v=<version of the kind's content>
bytes        JSON object, keys in the model's order, defaults left out, no spaces

What a log holds is never rewritten: content of an earlier version is brought up to the current one
each time it is read, one version a step.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from registry.domain.content import kinds
from registry.domain.content.act import ActContent
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry.errors import InvalidContent

CONTENT_MAX_BYTES: Final = 256 * 1024
_PROBLEMS_TOLD: Final = 10
"""More would not fit into the trailers of a gRPC answer, 8 KiB."""
_PROBLEM_MAX_CHARACTERS: Final = 300
_MEDIA_TYPE: Final = re.compile(r"application/vnd\.registry\.([a-z_]+)\+json;v=([1-9][0-9]{0,3})")

Fields: TypeAlias = dict[str, Any]
UPCASTS: Final[dict[tuple[EventKind, int], Callable[[Fields], Fields]]] = {}
"""By kind and version: how its fields are said in the next version. The steps of a kind begin with
version 1 and leave none out; a field that is added with a default needs no new version."""

CONTENT_BY_KIND: Final[Mapping[EventKind, type[ActContent]]] = MappingProxyType(
    {model.kind: model for model in (getattr(kinds, name) for name in kinds.__all__)}
)
_BY_CODE: Final = {kind_code(kind): kind for kind in EventKind}


def media_type_of(kind: EventKind) -> str:
    """The media type of a kind's content as it is written now."""
    return f"application/vnd.registry.{kind_code(kind)}+json;v={_current_version(kind)}"


def kind_of_media_type(media_type: str) -> EventKind | None:
    """The kind that a media type names, in whatever version this software knows; or None."""
    kind, version = _kind_and_version(media_type)
    return kind if kind is not None and version <= _current_version(kind) else None


@lru_cache(maxsize=512)
def _kind_and_version(media_type: str) -> tuple[EventKind | None, int]:
    found = _MEDIA_TYPE.fullmatch(media_type)
    return (_BY_CODE.get(found.group(1)), int(found.group(2))) if found else (None, 0)


def encode_content(content: ActContent) -> bytes:
    """Serializes content; equal content gives equal bytes."""
    return content.model_dump_json(exclude_defaults=True).encode()


def decode_content(media_type: str, data: bytes) -> ActContent | None:
    """Reads stored content.

    Returns:
        The model, or None if this software does not know the kind or version.

    Raises:
        InvalidContent: the kind is known and the bytes break its rules.
    """
    kind, version = _kind_and_version(media_type)
    model = CONTENT_BY_KIND.get(kind) if kind is not None else None
    if model is None or version > (current := _current_version(model.kind)):
        return None
    try:
        if version == current:
            return model.model_validate_json(data)
        return model.model_validate(_upcast(model.kind, media_type, data))
    except ValidationError as error:
        raise InvalidContent(explain(error)) from error


def read_content(kind: EventKind, fields: Mapping[str, Any]) -> ActContent:
    """Checks fields that came from outside.

    Raises:
        InvalidContent: the kind cannot be recorded yet, or a field breaks its rules; the text
            names the field.
    """
    model = CONTENT_BY_KIND.get(kind)
    if model is None:
        names = ", ".join(sorted(kind_code(each) for each in CURRENT_KINDS))
        msg = f"{kind_code(kind)} cannot be recorded by this version; it records {names}"
        raise InvalidContent(msg)
    try:
        content = model.model_validate(fields)
    except ValidationError as error:
        raise InvalidContent(explain(error)) from error
    if len(encode_content(content)) > CONTENT_MAX_BYTES:
        msg = f"the content of an event has at most {CONTENT_MAX_BYTES} bytes"
        raise InvalidContent(msg)
    return content


def _current_version(kind: EventKind) -> int:
    version = 1
    while UPCASTS and (kind, version) in UPCASTS:
        version += 1
    return version


def _upcast(kind: EventKind, media_type: str, data: bytes) -> Fields:
    """Content of an earlier version in the words of the current one."""
    try:
        fields: Fields = json.loads(data)
        version = int(media_type.rpartition("=")[2])
        while step := UPCASTS.get((kind, version)):
            fields = step(fields)
            version += 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"content of an earlier version of {kind_code(kind)} cannot be read"
        raise InvalidContent(msg) from error
    return fields


def explain(error: ValidationError) -> str:
    """Names the first fields that are wrong and why, without repeating their content."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(str(step) for step in each['loc'])}: {each['msg']}".removeprefix(": ")
        for each in found[:_PROBLEMS_TOLD]
    ]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more")
    return "; ".join(each[:_PROBLEM_MAX_CHARACTERS] for each in told)
