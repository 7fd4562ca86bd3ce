"""Whether content names persons or speaks of consents: told from its bytes, quickly.

Thousands of parts a second pass here on their way to other members, and nearly all of them name
nobody.
"""

import json
from collections.abc import Sequence
from typing import Final

from registry.domain.content import (
    ActContent,
    ConsentRecorded,
    ConsentWithdrawn,
    decode_content,
    media_type_of,
)
from registry.errors import InvalidContent

WITHDRAWAL_TYPE: Final = media_type_of(ConsentWithdrawn.kind)
_CONSENT_TYPES: Final = frozenset(
    media_type_of(model.kind) for model in (ConsentRecorded, ConsentWithdrawn)
)
OWN_TYPE: Final = "application/vnd.registry."
_PERSONS: Final = b'"persons"'
_ESCAPE: Final = b"\\u00"
"""A name of a field may be written with escapes: then the bytes do not tell."""


def persons_in(media_type: str, content: bytes) -> frozenset[str] | None:
    """Reads the ids of the persons that typed content names, whatever its kind and version.

    Returns:
        The ids; None if it speaks of persons and cannot be read.
    """
    if not may_name(content):
        return frozenset()
    if not media_type.startswith(OWN_TYPE):
        return frozenset()
    try:
        fields = json.loads(content)
        return frozenset(str(person["person_id"]) for person in fields.get("persons", ()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def matters(media_type: str, content: bytes) -> bool:
    """Whether content may change what is known of consents and names in its case."""
    return may_name(content) or media_type in _CONSENT_TYPES


def which_matter(contents: Sequence[tuple[str, bytes]]) -> list[int]:
    """The places of those (media type, content) that `matters` holds of."""
    return [
        place
        for place, (media_type, content) in enumerate(contents)
        # As in may_name, without a call for each of thousands.
        if _PERSONS in content or b"\\" in content or media_type in _CONSENT_TYPES
        if matters(media_type, content)
    ]


def read_consent(media_type: str, content: bytes) -> ActContent | None:
    """Reads content that records or withdraws a consent; None if it does neither."""
    if media_type not in _CONSENT_TYPES:
        return None
    try:
        return decode_content(media_type, content)
    except InvalidContent:
        return None


def may_name(content: bytes) -> bool:
    """Whether content may have a field that names persons."""
    # One byte is looked for quicker than four.
    return _PERSONS in content or (b"\\" in content and _ESCAPE in content)
