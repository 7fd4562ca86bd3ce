"""The vocabulary of the field: codes are stable, labels are data."""

from registry.domain.vocabulary.bodies import Body, body_name, known_bodies
from registry.domain.vocabulary.kinds import (
    CURRENT_KINDS,
    EventKind,
    default_audience_of,
    is_publishing,
    kind_code,
    kind_title,
)

__all__ = [
    "CURRENT_KINDS",
    "Body",
    "EventKind",
    "body_name",
    "default_audience_of",
    "is_publishing",
    "kind_code",
    "kind_title",
    "known_bodies",
]
