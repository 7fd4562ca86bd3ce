"""A whole register of reprisals for a caller: which cases, their entries, what was left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from registry.application.desk import Desk, confidential_count
from registry.application.lists import Ask, Lists
from registry.application.registry import Registry
from registry.application.reprisal_register import (
    RegisterEntry,
    RegisterName,
    destination_of,
    entries_of_case,
)
from registry.application.roles import Client
from registry.errors import InvalidRequest, NotFound
from registry.views.reprisal_rows import ReprisalRow

ENTRIES_MAX: Final = 2000
METHOD: Final = "ExportRegister"
_PAGE: Final = 500
_UNDATED: Final = "~"


@dataclass(frozen=True, slots=True)
class RegisterOrder:
    """Which register is made, on which day, with so many months given to accountability."""

    name: RegisterName
    day: date
    months: int
    is_public: bool


@dataclass(frozen=True, slots=True)
class Register:
    """Entries by date, undated ones last; for whom; and how many reprisals have none.

    No `recipients` = it may be published.
    """

    entries: tuple[RegisterEntry, ...]
    recipients: tuple[str, ...]
    left_out: int


def make_register(
    registry: Registry, desk: Desk, client: Client, ask: Ask, order: RegisterOrder
) -> Register:
    """Makes a register of the reprisals that a client may know of; what it reads is noted.

    Args:
        registry: the node.
        desk: its desk.
        client: who asks.
        ask: by which facets and dates reprisals are chosen.
        order: what for.

    Raises:
        InvalidRequest: too many reprisals fit.
        TryLater: content is closed.
    """
    destination = destination_of(registry, order.name, is_public=order.is_public)
    lists, asked = desk.lists_for(client, ask, METHOD)
    rows = list(_all(lists.unnoted(), asked))
    wanted = {(row.origin, row.index) for row in rows}
    entries: list[RegisterEntry] = []
    for case_id in dict.fromkeys(row.case_id for row in rows):
        try:
            made, export = entries_of_case(
                registry, case_id, destination, day=order.day, months=order.months
            )
        except NotFound:
            continue  # its events became void meanwhile
        chosen = [
            each
            for each in made
            if (each.origin, each.index) in wanted and _is_about(each, dict(ask.facets))
        ]
        if chosen:
            desk.note_read(client, METHOD, case_id, confidential_count(export.events))
        entries += chosen
    entries.sort(key=lambda each: (each.date or _UNDATED, each.origin, each.index))
    return Register(tuple(entries), destination.recipients, len(wanted) - len(entries))


def _is_about(entry: RegisterEntry, facets: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the entry itself names a State that was asked for.

    What stands in a register on a State tells which State: only what may be used says that.
    """
    states = facets.get("state", ())
    return not states or not set(states).isdisjoint(entry.states)


def _all(lists: Lists, ask: Ask) -> Iterator[ReprisalRow]:
    count = 0
    page = lists.reprisals(replace(ask, limit=_PAGE))
    while True:
        count += len(page.rows)
        if count > ENTRIES_MAX:
            msg = f"more than {ENTRIES_MAX} reprisals fit: narrow them down by State or date"
            raise InvalidRequest(msg)
        yield from page.rows
        if not page.next_token:
            return
        page = lists.reprisals(replace(ask, limit=_PAGE, token=page.next_token))
