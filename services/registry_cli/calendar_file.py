"""What is due as a calendar file (RFC 5545), for calendars that others may look into.

It says what is due when, at which State, asked by which body: no title, no reference, no name.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime

from icalendar import Calendar, Event

from registry.client.casework import Obligation
from registry.domain.vocabulary import label

_CASE_DIGITS = 8


def calendar_of(obligations: Iterable[Obligation]) -> bytes:
    """Makes the file; what is written twice has the same ids and is one entry in a calendar."""
    calendar = Calendar()
    calendar.add("prodid", "-//inter-mechanisms registry//EN")
    calendar.add("version", "2.0")
    for each in obligations:
        calendar.add_component(_entry(each))
    data: bytes = calendar.to_ical()
    return data


def _entry(each: Obligation) -> Event:
    entry = Event()
    place = f"{each.event.origin}#{each.event.index}#{each.matter}"
    day = date.fromisoformat(each.due)
    entry.add("uid", hashlib.sha256(place.encode()).hexdigest()[:32])
    # The stamp is that of the day: the same dates give the same file.
    entry.add("dtstamp", datetime(day.year, day.month, day.day, tzinfo=UTC))
    entry.add("dtstart", day)
    asked = each.instrument or each.body
    by = f" {', '.join(each.states)}" if each.states else ""
    entry.add("summary", f"{label('words', each.matter)}:{by} ({asked})")
    entry.add("description", f"case {each.case_id.hex()[:_CASE_DIGITS]}")
    return entry
