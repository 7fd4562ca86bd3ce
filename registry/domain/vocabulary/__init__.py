"""The vocabulary of the field: codes are stable, labels are data."""

from registry.domain.vocabulary.kinds import (
    CURRENT_KINDS,
    EventKind,
    default_audience_of,
    is_publishing,
    kind_code,
    kind_title,
)
from registry.domain.vocabulary.labels import LANGUAGES, label
from registry.domain.vocabulary.themes import AGENDA, known_themes

__all__ = [
    "AGENDA",
    "CURRENT_KINDS",
    "LANGUAGES",
    "EventKind",
    "default_audience_of",
    "is_publishing",
    "kind_code",
    "kind_title",
    "known_themes",
    "label",
]
