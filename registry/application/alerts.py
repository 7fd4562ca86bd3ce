"""Alerts of one mechanism: reprisals that concern it, and which of them an officer has seen.

What was seen, by whom and when, stands in the office database and never leaves the node. An alert
is seen once for the whole secretariat.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from registry.application.lists import Ask, Listed, Lists
from registry.application.registry import Registry
from registry.application.watching import Changed
from registry.domain.concerned import ALERTING
from registry.domain.identifiers import CaseId, log_id_of
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, NotFound
from registry.store.office import Office, Seen
from registry.store.values import read_header
from registry.views.acts import acts_of, confidential_places, place_key
from registry.views.alert_list import FOR, VIEW, alerts_of
from registry.views.reprisal_rows import AlertRow
from registry.views.rows import decode_row

AT_ONCE_MAX: Final = 100
"""So many alerts are marked as seen at once."""
_MAY_ALERT: Final = frozenset(map(int, (*ALERTING, EventKind.SEALED)))
_UNSEEN, _SEEN = "unseen", "seen"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: why it concerns this mechanism, and who has seen it (None = nobody)."""

    row: AlertRow
    reason: str
    seen: Seen | None


class Alerts:
    """The alerts of a node's own mechanism; for any thread."""

    def __init__(self, registry: Registry, office: Office) -> None:
        self._registry = registry
        self._office = office

    def listed(self, lists: Lists, ask: Ask, *, unseen_only: bool = False) -> Listed[Alert]:
        """A page of alerts: unseen ones first, the newest of them first, then the others.

        It may have fewer rows than asked, also none, and yet a next page.

        Raises:
            InvalidRequest: the token is not one of ours.
        """
        phase, _, token = (ask.token or f"{_UNSEEN}.").partition(".")
        if phase not in {_UNSEEN, _SEEN}:
            msg = "this page token is not one that this list gave; start from the first page"
            raise InvalidRequest(msg)
        seen = self._office.seen_alerts()
        own = (FOR, (self._registry.own.slug,))
        page = lists.unnoted().alerts(replace(ask, token=token, facets=(*ask.facets, own)))
        rows = [row for row in page.rows if (_place(row) in seen) == (phase == _SEEN)]
        lists.note(rows)
        next_token = f"{phase}.{page.next_token}" if page.next_token else ""
        if phase == _UNSEEN and not next_token and not unseen_only:
            next_token = f"{_SEEN}."
        return Listed(tuple(self._alert(row, seen.get(_place(row))) for row in rows), next_token)

    def mark_seen(
        self,
        client: str,
        places: Sequence[tuple[str, int]],
        may_see: Callable[[CaseId], bool],
    ) -> None:
        """Keeps that a client has seen some alerts; those that were seen before stay as they are.

        Raises:
            InvalidRequest: too many at once.
            NotFound: one is no alert of this mechanism here, or the client may not know of it;
                then none is marked.
        """
        if len(places) > AT_ONCE_MAX:
            msg = f"at most {AT_ONCE_MAX} alerts are marked at once"
            raise InvalidRequest(msg)
        for place in places:
            found = self._registry.models.row(VIEW, place_key(*place))
            row = None if found is None else decode_row(AlertRow, found)
            if row is None or not self._reason(row) or not may_see(row.case_id):
                msg = (
                    f"event {place[1]} of {place[0]} is no alert here; `registry alerts` lists them"
                )
                raise NotFound(msg)
        self._office.keep_seen(places, client, self._registry.clock_ms())

    def among(
        self, changed: Iterable[Changed], may_see: Callable[[CaseId], bool]
    ) -> tuple[Alert, ...]:
        """The alerts among events that changed, folded now from the log."""
        places: dict[CaseId, set[tuple[bytes, int]]] = {}
        for each in changed:
            if may_see(each.case_id) and self._may_alert(each):
                places.setdefault(each.case_id, set()).add((each.log_id, each.index))
        return tuple(alert for case_id, at in places.items() for alert in self._of(case_id, at))

    def _of(self, case_id: CaseId, at: Collection[tuple[bytes, int]]) -> list[Alert]:
        try:
            history = self._registry.history(case_id)
        except NotFound:
            return []  # all its events became void
        acts, seen = acts_of(history), self._office.seen_alerts()
        rows = alerts_of(
            history, acts, self._registry.profiles, confidential=confidential_places(history)
        )
        return [
            self._alert(row, seen.get(_place(row)))
            for row in rows
            if (log_id_of(row.origin), row.index) in at and self._reason(row)
        ]

    def _may_alert(self, changed: Changed) -> bool:
        """By its header alone: thousands of events change while nobody is alerted."""
        (entry,) = self._registry.store.entries(changed.log_id, changed.index, changed.index + 1)
        return read_header(entry).kind in _MAY_ALERT

    def _alert(self, row: AlertRow, seen: Seen | None) -> Alert:
        return Alert(row, self._reason(row), seen)

    def _reason(self, row: AlertRow) -> str:
        return dict(row.concerned).get(self._registry.own.slug, "")


def _place(row: AlertRow) -> tuple[str, int]:
    return (row.origin, row.index)
