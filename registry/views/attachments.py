"""The attachments of an event as a reader of this node sees them: cleaned; whether they are here.

What the content claims is shown only as far as the header agrees that there is such a part.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from registry.domain.content import ActContent
from registry.domain.content.attachment import cleaned
from registry.domain.identifiers import LogId
from registry.log.entry import Header
from registry.store.entries import EntryStore


class Further(NamedTuple):
    """Which further parts of some events are held, and which were erased: (log, index, ordinal)."""

    held: Collection[tuple[LogId, int, int]]
    erased: Collection[tuple[LogId, int, int]]


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """One attachment; name and type are claims, for display only; sha256 is hexadecimal."""

    ordinal: int
    file_name: str
    media_type: str
    size: int
    sha256: str
    is_here: bool
    is_erased: bool


def further_parts(
    store: EntryStore,
    headers: Mapping[tuple[LogId, int], Header],
    erased: Collection[tuple[LogId, int, int]],
) -> Further:
    """Looks which parts after the first are held; reads none of them."""
    keys = [
        (*place, ordinal)
        for place, header in headers.items()
        for ordinal in range(1, len(header.parts))
    ]
    return Further(store.held_parts(keys) if keys else (), erased)


def with_clean_attachments(content: ActContent | None) -> ActContent | None:
    """Content as it may be shown, whatever its author let through."""
    if content is None or not content.attachments:
        return content
    return content.model_copy(update={"attachments": tuple(map(cleaned, content.attachments))})


def attachments_of(
    header: Header, content: ActContent | None, further: Further
) -> tuple[AttachmentView, ...]:
    """The attachments that readable, cleaned content describes."""
    if content is None or not content.attachments:
        return ()
    described = {each.ordinal: each for each in reversed(content.attachments)}
    return tuple(
        AttachmentView(
            ordinal=ordinal,
            file_name=described[ordinal].file_name,
            media_type=described[ordinal].media_type,
            size=described[ordinal].size,
            sha256=described[ordinal].sha256,
            is_here=(header.log_id, header.index, ordinal) in further.held,
            is_erased=(header.log_id, header.index, ordinal) in further.erased,
        )
        for ordinal in range(1, len(header.parts))
        if ordinal in described
    )
