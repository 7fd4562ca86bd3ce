"""The timeline of a case: the same events by the date of the act, for people to read.

Never mixed up with the order of record: it sorts by what the content says happened when, where this
node can read that, and shows beside it when the event was recorded and when this node received it.
Events without a readable date come last, in the order of record.
"""

from dataclasses import dataclass

from registry.domain.content import PartialDate
from registry.views.case_file import CaseHistory, HistoryEntry


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One act: its own date (None = unknown) and the event."""

    act_date: PartialDate | None
    event: HistoryEntry


def read_timeline(history: CaseHistory) -> tuple[TimelineItem, ...]:
    """Sorts a history by the dates of the acts; equal dates keep the order of record."""
    items = [
        TimelineItem(
            act_date=event.content.act_date() if event.content is not None else None,
            event=event,
        )
        for event in history.events
    ]
    return tuple(sorted(items, key=_place))


def _place(item: TimelineItem) -> tuple[bool, str, int]:
    key = None if item.act_date is None else item.act_date.sort_key
    return (not key, key or "", item.event.position)
