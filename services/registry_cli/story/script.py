"""What a story is made of: chapters of deeds, which are recorded, and looks, which ask a node."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from registry.client import Receipt
from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.content import ActContent, SourceIdentity
from registry_cli.story.stage import Stage

Record: TypeAlias = Callable[[Stage, "Deed", ActContent, str], Awaitable[Receipt]]
"""Records the content of a deed under a request id, by a call of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One event of the case.

    Attributes:
        name: what later scenes call it.
        by: slug of the node that records it.
        words: what is done, as a sentence that begins with the mechanism.
        model: the kind.
        fields: of the content, beside those that all share; `about` and others come from `points`.
        about: name of the deed that it answers or follows up; empty = none.
        points: further fields that point to deeds, by their names; several make a list.
        audience: who may hold the content.
        source: who it came from; stays at the node.
        days: further fields that are dates, so many days from the day on which it is done.
        opens_after_s: embargo: so long nobody is shown the content; 0 = it is shown at once.
        record: the call that records it; None = as any other event.
    """

    name: str
    by: str
    words: str
    model: type[ActContent]
    fields: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    points: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    audience: AudienceChoice = EVERYONE
    source: SourceIdentity | None = None
    days: Mapping[str, int] = field(default_factory=dict)
    opens_after_s: float = 0.0
    record: Record | None = None


See: TypeAlias = Callable[[Stage, str], Awaitable[Sequence[str]]]
"""Asks the node of a slug, and returns what is told, line by line; it may wait until it is so."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a node sees, answers or writes at this point of the story."""

    by: str
    see: See


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story; without scenes it is not told."""

    title: str
    scenes: tuple[Deed | Look, ...] = ()
