"""Reads many cases for a briefing: some at a time, so that each question is asked once for all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from registry.application.consents import ConsentDesk
from registry.domain.identifiers import CaseId, LogId
from registry.store.values import LogState, StoredEntry
from registry.views.case_file import CaseHistory, LogPlace, Reader, history_from
from registry.views.events_read import not_void, read_events

_EVENTS_AT_ONCE: Final = 500
"""Contents of so many are in memory together, or those of one case."""
_CASES_AT_ONCE: Final = 50
"""Fewer than the consents that are kept."""


def read_histories(
    reader: Reader,
    consents: ConsentDesk,
    case_ids: Sequence[CaseId],
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
    for start in range(0, len(case_ids), _CASES_AT_ONCE):
        as_read = consents.before_reading()
        held = reader.store.entries_of_cases(case_ids[start : start + _CASES_AT_ONCE])
        for group in _groups(held):
            read = read_events(reader.store, [e for each in group.values() for e in each])
            for case_id, entries in group.items():
                consents.keep_read(case_id, entries, read, as_read)
                yield history_from(reader, case_id, not_void(entries, states), read, vector)


def _groups(
    held: Mapping[CaseId, list[StoredEntry]],
) -> Iterator[dict[CaseId, list[StoredEntry]]]:
    """The same cases, as many together as have some events."""
    group: dict[CaseId, list[StoredEntry]] = {}
    events = 0
    for case_id, entries in held.items():
        group[case_id] = entries
        events += len(entries)
        if events >= _EVENTS_AT_ONCE:
            yield group
            group, events = {}, 0
    yield group
