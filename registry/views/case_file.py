"""The history of one case as this node can tell it: headers from the logs, content where held.

Rules it keeps (the design's history rules):
1. Order and digest depend on headers only; content enriches and may be missing.
2. Void events (at or past a cut or a freeze) are neither ordered nor counted.
3. The digest stands for exactly the vector that is returned with it: the vector is read first, and
   entries past it are left out, so that a log that grows meanwhile changes nothing.
4. A part that is not readable is explained by its state, never guessed at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from registry.domain.content import ActContent, kind_of_media_type
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import (
    NO_CASE,
    CaseId,
    LeafHash,
    LogId,
    MemberId,
    Origin,
    RootHash,
    Slug,
)
from registry.domain.vocabulary import EventKind, kind_code
from registry.log.digest import case_digest
from registry.log.entry import ALL_MEMBERS, Audience, EventRef, Header
from registry.log.links import Link, LinkProposal, read_link
from registry.log.merkle import leaf_hash
from registry.log.ordering import CaseEvent, PlacedEvent, order_case
from registry.log.roster import Roster
from registry.store.entries import EntryStore
from registry.store.values import HeldPart, LogState, StoredEntry, read_header
from registry.views.attachments import AttachmentView, attachments_of, with_clean_attachments
from registry.views.events_read import (
    EventsRead,
    HeldEvent,
    read_events,
    visible_entries,
)
from registry.views.events_read import read_content as read_typed


class PartState(Enum):
    """What a node can say of an event's content."""

    NONE = "none"
    PRESENT = "present"
    NOT_HERE = "not_here"
    WITHHELD = "withheld"
    OPAQUE = "opaque"
    EMBARGOED = "embargoed"
    ERASED = "erased"


_STAYS: Final = frozenset({PartState.WITHHELD, PartState.ERASED})
"""Told whether there is an embargo or not."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """How much of one log counted: `size` entries with RFC 6962 root `root`."""

    origin: Origin
    size: int
    root: RootHash


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a history, `position` counting from 0; times in milliseconds UTC."""

    position: int
    mechanism: Slug
    origin: Origin
    log_id: LogId
    index: int
    leaf_hash: LeafHash
    kind: str
    recorded_ms: int
    received_ms: int = field(compare=False)  # this node's own; the rest is the same on every node
    content: ActContent | None
    content_state: PartState
    remarks: tuple[str, ...]
    not_before_ms: int = 0  # of the content; 0 = no embargo
    audience: Audience = ALL_MEMBERS  # widenings included
    attachments: tuple[AttachmentView, ...] = field(default=(), compare=False)
    refs: tuple[EventRef, ...] = ()  # what of other logs the author had seen of the case
    case_id: CaseId = NO_CASE
    link: Link | None = None

    @property
    def is_confidential(self) -> bool:
        """Whether content is shown that is not for every member."""
        return self.content is not None and not self.audience.is_all


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """All events of a case in the order of record, their digest and what it stands for."""

    case_id: CaseId
    events: tuple[HistoryEntry, ...]
    digest: bytes
    vector: tuple[LogPlace, ...]


def _before_every_embargo() -> int:
    """A clock for who reads without one: what is under an embargo stays sealed."""
    return 0


@dataclass(frozen=True, slots=True)
class Reader:
    """What a history is read from, for whom and when: store, roster, the reading member, a clock.

    The clock decides nothing but whether an embargo has ended.
    """

    store: EntryStore
    roster: Roster
    member_id: MemberId
    now_ms: Callable[[], int] = _before_every_embargo


def read_history(
    reader: Reader,
    case_id: CaseId,
    linked: Sequence[CaseId] = (),
    at: Mapping[LogId, int] | None = None,
) -> CaseHistory:
    """Reads and orders a case, or several that links join.

    Args:
        reader: what is read, and for whom.
        case_id: the case.
        linked: cases whose events are merged with it; the history is then that of all of them, and
            its case id the smallest.
        at: so many entries of each log count, those not named have none; None = all that are held.
            Order, digest and vector are those that a node had which held so much; what can be read
            of the content is what can be read now.

    Returns:
        The history; it has no events if the case is unknown here.

    Raises:
        CorruptDatabase: a stored entry cannot be parsed.
    """
    states = {state.log_id: state for state in reader.store.log_states()}
    if at is not None:
        states = {log_id: _cut(state, at.get(log_id, 0)) for log_id, state in states.items()}
    case_ids = sorted({case_id, *linked})
    entries = [e for each in case_ids for e in visible_entries(reader.store, states, each)]
    vector = read_vector(reader.store, reader.roster, states)
    return history_from(reader, case_ids[0], entries, read_events(reader.store, entries), vector)


def history_from(
    reader: Reader,
    case_id: CaseId,
    entries: Sequence[StoredEntry],
    read: EventsRead,
    vector: tuple[LogPlace, ...],
) -> CaseHistory:
    """Orders what was read of a case.

    Args:
        reader: whose clock and roster count.
        case_id: the case.
        entries: those of its entries that the vector covers and that are not void.
        read: what was read of these, and perhaps of others.
        vector: what the history stands for.
    """
    placed = place_events(entries, read.headers)
    events = tuple(
        _history_entry(reader, position, event, read.of((event.event.log_id, event.event.index)))
        for position, event in enumerate(placed)
    )
    digest = case_digest(case_id, [event.leaf_hash for event in events])
    return CaseHistory(case_id=case_id, events=events, digest=digest, vector=vector)


def _cut(state: LogState, size: int) -> LogState:
    """The state of a log in which nothing from `size` on counts, as if it were frozen there."""
    return state._replace(frozen_at=min(size, state.valid_size))


def digest_of_case(
    store: EntryStore, states: Mapping[LogId, LogState], case_id: CaseId
) -> bytes | None:
    """Digest of a case under the given log states, without reading content; None if it is empty."""
    entries = visible_entries(store, states, case_id)
    if not entries:
        return None
    headers = {(e.log_id, e.index): read_header(e.entry) for e in entries}
    placed = place_events(entries, headers)
    return case_digest(case_id, [event.event.leaf_hash for event in placed])


def place_events(
    entries: Sequence[StoredEntry], headers: Mapping[tuple[LogId, int], Header]
) -> tuple[PlacedEvent, ...]:
    """Puts entries into the order of record."""
    return order_case(
        CaseEvent(
            log_id=entry.log_id,
            index=entry.index,
            time_ms=headers[entry.log_id, entry.index].time_ms,
            leaf_hash=leaf_hash(entry.entry),
            refs=headers[entry.log_id, entry.index].refs,
        )
        for entry in entries
    )


def read_vector(
    store: EntryStore, roster: Roster, states: Mapping[LogId, LogState]
) -> tuple[LogPlace, ...]:
    """Returns the place reached in every log of the roster, in the order of their origins."""
    places = []
    for member in roster.writers():
        state = states.get(member.log_id)
        if state is None or state.valid_size == 0:
            continue
        size = state.valid_size
        root = state.root if size == state.size else store.root_at(member.log_id, size)
        places.append(LogPlace(origin=member.origin, size=size, root=root))
    return tuple(sorted(places, key=lambda place: place.origin))


def read_content(
    header: Header, part: HeldPart | None, member_id: MemberId
) -> tuple[ActContent | None, PartState, str]:
    """Reads what a member can read of an event.

    Returns:
        The content if readable, its state, and the kind's code (for a sealed event the kind that
        the content names, if it is held).
    """
    content = None if part is None else read_typed(part)
    return _as_far_as_readable(header, part, content, member_id, header.audience)


def _as_far_as_readable(
    header: Header,
    part: HeldPart | None,
    content: ActContent | None,
    member_id: MemberId,
    audience: Audience,
) -> tuple[ActContent | None, PartState, str]:
    """Like `read_content`, of what was read; `audience` is the effective one."""
    code = kind_code(header.kind)
    if not header.parts:
        return None, PartState.NONE, code
    if part is None:
        is_for_us = audience.admits(member_id)
        return None, PartState.NOT_HERE if is_for_us else PartState.WITHHELD, code
    inner = kind_of_media_type(part.media_type)
    if header.kind == EventKind.SEALED:
        code = kind_code(inner) if inner is not None else code
    elif inner != header.kind:
        # Content of another kind than its header says is not taken for either.
        return None, PartState.OPAQUE, code
    return content, PartState.OPAQUE if content is None else PartState.PRESENT, code


def _read(held: HeldEvent, member_id: MemberId) -> tuple[ActContent | None, PartState, str]:
    """Like `read_content`, with what control has done to the event, or the event to others."""
    if held.is_erased:
        return None, PartState.ERASED, kind_code(held.header.kind)
    if not held.has_effect:
        return None, PartState.OPAQUE, kind_code(held.header.kind)
    return _as_far_as_readable(held.header, held.part, held.content, member_id, held.audience)


def _history_entry(
    reader: Reader, position: int, placed: PlacedEvent, held: HeldEvent
) -> HistoryEntry:
    event = placed.event
    member = reader.roster.member_by_log(event.log_id)
    not_before_ms = held.header.parts[0].not_before_ms if held.header.parts else 0
    content, state, code = _read(held, reader.member_id)
    content = with_clean_attachments(content)
    if (
        member.id != reader.member_id
        and not_before_ms
        and state not in _STAYS
        and is_embargoed(not_before_ms, now_ms=reader.now_ms())
    ):
        # Also if somebody has given it too early; its author reads what it wrote.
        content, state, code = None, PartState.EMBARGOED, kind_code(held.header.kind)
    link = read_link(held.header)
    return HistoryEntry(
        position=position,
        mechanism=member.slug,
        origin=member.origin,
        log_id=event.log_id,
        index=event.index,
        leaf_hash=event.leaf_hash,
        kind=code,
        recorded_ms=event.time_ms,
        received_ms=held.stored.received_ms,
        content=content,
        content_state=state,
        remarks=_remarks(reader.roster, held.header.kind, link, placed),
        not_before_ms=not_before_ms,
        audience=held.audience,
        attachments=attachments_of(held.header, content, held.further),
        refs=held.header.refs,
        case_id=held.header.case_id,
        link=link,
    )


def _remarks(roster: Roster, kind: int, link: Link | None, placed: PlacedEvent) -> tuple[str, ...]:
    if link is None and not placed.unresolved and not placed.is_in_cycle:
        return ()
    return (*_link_remark(roster, kind, link), *_order_remarks(roster, placed))


def _link_remark(roster: Roster, kind: int, link: Link | None) -> tuple[str, ...]:
    """What an event says of a link; not of which other case, which its reader may not know of."""
    if link is None:
        return ()
    if isinstance(link, LinkProposal):
        return ("proposes that another case belongs together with this one",)
    proposal = f"the link that event {link.index} of {_name_of(roster, link.log_id)} proposes"
    said = {
        EventKind.CASE_LINK_ACCEPTED: "accepts",
        EventKind.CASE_LINK_DECLINED: "declines",
        EventKind.CASE_UNLINKED: "ends",
    }
    return (f"{said[EventKind(kind)]} {proposal}",)


def _name_of(roster: Roster, log_id: LogId) -> str:
    names = {member.log_id: member.origin for member in roster.writers()}
    return names.get(log_id, Origin(log_id.hex()))


def _order_remarks(roster: Roster, placed: PlacedEvent) -> tuple[str, ...]:
    remarks = [
        f"refers to event {ref.index} of {_name_of(roster, ref.log_id)}, not received"
        for ref in placed.unresolved
    ]
    if placed.is_in_cycle:
        remarks.append("the authors' references contradict each other: placed by recorded time")
    return tuple(remarks)
