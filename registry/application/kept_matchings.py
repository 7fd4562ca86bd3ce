"""The sides of private matchings that this node keeps, and when it forgets them.

A side holds names, and at who asked the whole question. It goes when its time has passed, and when
content was erased that the names may be from: of the case of the question, or, at who was asked, of
any event of its own log, since all its names took part.
"""

from typing import Final

from registry.application.registry import Registry
from registry.domain.identifiers import CaseId
from registry.store.matching_book import MatchingBook, MatchingRow

KEPT_MS: Final = 30 * 24 * 60 * 60 * 1000
"""So long a side can tell the result; then its secret is forgotten."""
_AT_ONCE: Final = 5000


class KeptMatchings:
    """The sides of one node; for any thread."""

    def __init__(self, registry: Registry, book: MatchingBook) -> None:
        """Forgets at once what is to be forgotten: parts may have been erased meanwhile."""
        self._registry = registry
        self._store = registry.store
        self.book = book
        self.forget()

    def keep(self, row: MatchingRow) -> None:
        """Keeps a side, unless content was erased since `erased_before` was counted."""
        self.book.keep(row)
        self.forget()

    def forget(self) -> None:
        """Forgets what is old, and what may be from content that was erased since."""
        ages = self.book.ages()
        before_ms = self._registry.clock_ms() - KEPT_MS
        counts = {
            place: self.erased_count(place[0], is_asker=place[1])
            for place in {(each.case_id, each.is_asker) for each in ages}
        }
        self.book.forget(
            each.key
            for each in ages
            if each.made_ms < before_ms or counts[each.case_id, each.is_asker] > each.erased_before
        )

    def erased_count(self, case_id: CaseId, *, is_asker: bool) -> int:
        """Counts the erased parts of what the names of a side may be from."""
        places = {(entry.log_id, entry.index) for entry in self._store.case_entries(case_id)}
        count = len(self._store.tombstones(places)) if places else 0
        if is_asker:
            return count
        own = self._registry.own.log_id
        size = self._store.log_state(own).size
        return count + sum(
            len(self._store.tombstones({(own, each) for each in range(start, start + _AT_ONCE)}))
            for start in range(0, size, _AT_ONCE)
        )
