"""What a node holds of events, read for many at once: headers, typed contents, audiences, erasures.

Whether a log is frozen or an embargo runs is not judged here; histories and consents do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from registry.domain.content import ActContent, decode_content
from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent
from registry.log.entry import Audience, Header
from registry.store.audiences import audiences_of
from registry.store.entries import EntryStore
from registry.store.values import HeldPart, LogState, StoredEntry, read_header
from registry.views.attachments import Further, further_parts

_WITH_EFFECT: Final = frozenset({EventKind.AUDIENCE_WIDENED, EventKind.CONTENT_ERASED})


class HeldEvent(NamedTuple):
    """What is held of one event: its header, its typed content, whether it has any effect."""

    header: Header
    part: HeldPart | None
    content: ActContent | None
    stored: StoredEntry
    audience: Audience
    is_erased: bool
    has_effect: bool
    further: Further


@dataclass(frozen=True, slots=True)
class EventsRead:
    """What was read of some events, by log and index.

    Attributes:
        entries: their bytes.
        headers: of all of them.
        parts: their typed contents, of those that are held.
        contents: what each of these says; None = this version cannot read it.
        audiences: the effective ones.
        without_effect: acts of control that had none.
        further: which further parts are held, and which parts were erased.
    """

    entries: Mapping[tuple[LogId, int], StoredEntry]
    headers: Mapping[tuple[LogId, int], Header]
    parts: Mapping[tuple[LogId, int], HeldPart]
    contents: Mapping[tuple[LogId, int], ActContent | None]
    audiences: Mapping[tuple[LogId, int], Audience]
    without_effect: Collection[tuple[LogId, int]]
    further: Further

    def of(self, place: tuple[LogId, int]) -> HeldEvent:
        """What is held of one of them."""
        return HeldEvent(
            self.headers[place],
            self.parts.get(place),
            self.contents.get(place),
            self.entries[place],
            audience=self.audiences[place],
            is_erased=(*place, 0) in self.further.erased,
            has_effect=place not in self.without_effect,
            further=self.further,
        )


def read_events(store: EntryStore, entries: Sequence[StoredEntry]) -> EventsRead:
    """Reads what is held of some events, whatever their cases."""
    headers = {(e.log_id, e.index): read_header(e.entry) for e in entries}
    # Contents first: what is erased meanwhile is then known to be.
    parts = first_parts(store, headers)
    audiences = audiences_of(store, headers)
    erased = store.tombstones(headers)
    control = {place for place, header in headers.items() if header.kind in _WITH_EFFECT}
    return EventsRead(
        entries={(e.log_id, e.index): e for e in entries},
        headers=headers,
        parts=parts,
        contents=_contents_of(parts),
        audiences=audiences,
        without_effect=control - store.effective_control(control),
        further=further_parts(store, headers, erased),
    )


def first_parts(
    store: EntryStore, headers: Mapping[tuple[LogId, int], Header]
) -> dict[tuple[LogId, int], HeldPart]:
    """Reads part 0, the typed content, of every event that has one and is held."""
    keys = [(log_id, index, 0) for (log_id, index), header in headers.items() if header.parts]
    return {(part.log_id, part.index): part for part in store.parts_of(keys)}


def read_content(part: HeldPart) -> ActContent | None:
    """Reads typed content; None if this version cannot, or its author's node let anything pass."""
    try:
        return decode_content(part.media_type, part.content)
    except InvalidContent:
        return None


def _contents_of(
    parts: Mapping[tuple[LogId, int], HeldPart],
) -> dict[tuple[LogId, int], ActContent | None]:
    """Reads kind by kind: what a kind needs stays at hand, which takes half of the time."""
    in_kinds = sorted(parts.items(), key=lambda each: each[1].media_type)
    return {place: read_content(part) for place, part in in_kinds}


def visible_entries(
    store: EntryStore, states: Mapping[LogId, LogState], case_id: CaseId
) -> list[StoredEntry]:
    """Reads the entries of a case that the given log states cover and that are not void."""
    return not_void(store.case_entries(case_id), states)


def not_void(entries: Sequence[StoredEntry], states: Mapping[LogId, LogState]) -> list[StoredEntry]:
    """Those of some entries that the given log states cover and that are not void."""
    sizes = {log_id: state.valid_size for log_id, state in states.items()}
    return [e for e in entries if e.index < sizes.get(e.log_id, 0)]
