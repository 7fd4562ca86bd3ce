"""What the rules of the kinds are told of a case: read from the store when a rule asks."""

from collections.abc import Callable
from typing import Final

from registry.domain.content import ActContent
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import CaseId, log_id_of
from registry.domain.rules import CaseFacts, KnownEvent
from registry.domain.vocabulary import EventKind
from registry.log.entry import Header
from registry.log.roster import Member
from registry.store.values import StoredEntry, read_header
from registry.views.acts import acts_of
from registry.views.case_file import (
    Reader,
    read_content,
    read_history,
)
from registry.views.case_list import SituationNames
from registry.views.events_read import first_parts, visible_entries

_KINDS: Final = {int(kind): kind for kind in EventKind}


def facts_of(
    reader: Reader, own: Member, situations: SituationNames, case_id: CaseId | None
) -> CaseFacts:
    """Tells the facts of a case; None = it is being opened. `own` is the reading member."""
    is_situation = case_id is not None and situations.state_of(case_id) is not None
    return CaseFacts(
        exists=case_id is None or is_situation or reader.store.has_case(case_id),
        is_new=case_id is None,
        is_situation=is_situation,
        own_origin=own.origin,
        event_at=_nothing_at if case_id is None else _events_of(reader, own, case_id),
        own_acts=lambda: [] if case_id is None else _own_acts(reader, own, case_id),
        acts=lambda: [] if case_id is None else acts_of(read_history(reader, case_id)),
    )


def _nothing_at(origin: str, index: int) -> KnownEvent | None:
    del origin, index
    return None


def _events_of(
    reader: Reader, own: Member, case_id: CaseId
) -> Callable[[str, int], KnownEvent | None]:
    def event_at(origin: str, index: int) -> KnownEvent | None:
        log_id = log_id_of(origin)
        for entry in _entries(reader, case_id):
            if (entry.log_id, entry.index) == (log_id, index):
                return _known_event(reader, own, read_header(entry.entry))
        return None

    return event_at


def _own_acts(reader: Reader, own: Member, case_id: CaseId) -> list[ActContent]:
    entries = [each for each in _entries(reader, case_id) if each.log_id == own.log_id]
    headers = [read_header(each.entry) for each in sorted(entries, key=lambda each: each.index)]
    return [act for act in (_readable(reader, own, each) for each in headers) if act is not None]


def _entries(reader: Reader, case_id: CaseId) -> list[StoredEntry]:
    states = {state.log_id: state for state in reader.store.log_states()}
    return visible_entries(reader.store, states, case_id)


def _known_event(reader: Reader, own: Member, header: Header) -> KnownEvent:
    content = _readable(reader, own, header)
    if header.kind == EventKind.SEALED:
        return KnownEvent(None if content is None else content.kind, content)
    return KnownEvent(_KINDS.get(header.kind), content)


def _readable(reader: Reader, own: Member, header: Header) -> ActContent | None:
    """The content as the own member may use it: nothing of another's before its time."""
    place = (header.log_id, header.index)
    until_ms = header.parts[0].not_before_ms if header.parts else 0
    if header.log_id != own.log_id and is_embargoed(until_ms, now_ms=reader.now_ms()):
        return None
    part = first_parts(reader.store, {place: header}).get(place)
    return read_content(header, part, reader.member_id)[0]
