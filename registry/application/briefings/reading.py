"""Reads many cases for a briefing: some at a time, so that each question is asked once for all."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from registry.application.consents import ConsentDesk, ConsentsAsRead
from registry.domain.identifiers import CaseId, LogId
from registry.store.values import LogState, StoredEntry
from registry.views.case_file import CaseHistory, LogPlace, Reader, history_from
from registry.views.events_read import not_void, read_events

_EVENTS_AT_ONCE: Final = 500
_CASES_AT_ONCE: Final = 100
"""Fewer than the consents that are kept."""


class _Group(NamedTuple):
    """Cases that are read together: all entries of each."""

    as_read: ConsentsAsRead
    entries: dict[CaseId, list[StoredEntry]]


def read_histories(
    reader: Reader,
    consents: ConsentDesk,
    case_ids: Iterable[CaseId],
    states: Mapping[LogId, LogState],
    vector: tuple[LogPlace, ...],
) -> Iterator[CaseHistory]:
    """Reads and orders cases, and folds their consents from the same reading.

    Args:
        reader: what is read, and for whom.
        consents: keeps what was folded of a case until the next ones are read.
        case_ids: the cases.
        states: how much of each log counts.
        vector: the same, with roots.

    Yields:
        The history of each, in the order of `case_ids`; without events if the case is unknown.

    Raises:
        CorruptDatabase: a stored entry cannot be parsed.
    """
    for group in _groups(reader, consents, case_ids):
        read = read_events(reader.store, [e for each in group.entries.values() for e in each])
        for case_id, entries in group.entries.items():
            consents.keep_read(case_id, entries, read, group.as_read)
            yield history_from(reader, case_id, not_void(entries, states), read, vector)


def _groups(reader: Reader, consents: ConsentDesk, case_ids: Iterable[CaseId]) -> Iterator[_Group]:
    group, events = _Group(consents.before_reading(), {}), 0
    for case_id in case_ids:
        entries = group.entries[case_id] = reader.store.case_entries(case_id)
        events += len(entries)
        if events >= _EVENTS_AT_ONCE or len(group.entries) >= _CASES_AT_ONCE:
            yield group
            group, events = _Group(consents.before_reading(), {}), 0
    yield group
