"""Attachments: files that belong to an event, and what somebody claims of them.

The bytes are further parts of the event, under one fixed media type; nothing here reads them. File
name and type are what the uploader claimed: they are judged where this node records, and cleaned
where they are shown, since another author's node may have let anything through. They are for
display and never name a file or choose a program.
"""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from registry.errors import InvalidRequest

ATTACHMENT_MAX_BYTES: Final = 64 * 2**20
ATTACHMENTS_MAX: Final = 63
ATTACHMENT_MEDIA_TYPE: Final = "application/vnd.registry.attachment;v=1"
"""The media type of every attachment's part, whatever is claimed."""
FILE_NAME_MAX: Final = 200
UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,99}/[A-Za-z0-9][\w!#$&^.+-]{0,99}", re.ASCII)
_SEPARATORS: Final = frozenset("/\\:\N{FRACTION SLASH}\N{DIVISION SLASH}\N{FULLWIDTH SOLIDUS}")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_HIDDEN: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control characters, halves of pairs, private and unassigned ones, separators of lines."""
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


class Attachment(BaseModel):
    """One attachment as the event's author described it; hostile until cleaned."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Lax about numbers: protobuf's JSON writes 64 bits as text.
    ordinal: int = Field(ge=1, le=ATTACHMENTS_MAX, strict=False, description="the part's place")
    file_name: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        description="claimed file name"
    )
    media_type: Annotated[str, StringConstraints(max_length=1000)] = Field(
        default="", description="claimed media type"
    )
    size: int = Field(ge=1, lt=2**53, strict=False, description="exact size, bytes")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the bytes, hexadecimal"
    )


def check_file_name(name: str) -> str:
    """Returns a claimed file name that may be recorded here.

    Raises:
        InvalidRequest: it is empty or too long, or could deceive: a path, control characters,
            characters that turn the direction of writing, nothing but dots.
    """
    if not 1 <= len(name) <= FILE_NAME_MAX:
        msg = f"a file name has 1 to {FILE_NAME_MAX} characters"
        raise InvalidRequest(msg)
    if any(_is_hostile(character) for character in name):
        msg = (
            "a file name has no path separators, control characters or characters that turn "
            "the direction of writing"
        )
        raise InvalidRequest(msg)
    if not name.strip(". \t\u00a0") or name != name.strip():
        msg = "a file name is more than dots and spaces, and does not begin or end with spaces"
        raise InvalidRequest(msg)
    return name


def check_claimed_type(media_type: str) -> str:
    """Returns a claimed media type that may be recorded here; none = unknown.

    Raises:
        InvalidRequest: it is not of the form type/subtype.
    """
    if not media_type:
        return UNKNOWN_TYPE
    if _TYPE.fullmatch(media_type) is None:
        msg = "a media type is written type/subtype, without parameters"
        raise InvalidRequest(msg)
    return media_type


def cleaned(attachment: Attachment) -> Attachment:
    """What may be shown of an attachment, whoever described it."""
    name = "".join(_REPLACED if _is_hostile(c) else c for c in attachment.file_name)
    claimed = attachment.media_type
    return attachment.model_copy(
        update={
            "file_name": name[:FILE_NAME_MAX],
            "media_type": claimed if _TYPE.fullmatch(claimed) else UNKNOWN_TYPE,
        }
    )


def _is_hostile(character: str) -> bool:
    return (
        character in _SEPARATORS or character in _BIDI or unicodedata.category(character) in _HIDDEN
    )
