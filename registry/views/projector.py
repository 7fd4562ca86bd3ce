"""Keeps the case list in step with the logs.

Every change (an entry or a part that was stored) marks its case; marked cases are folded again from
all their events and their rows written together with the place reached, in one transaction. A crash
therefore repeats work and never loses it, and a rebuild gives the same rows byte for byte: a row
depends on the log alone, not on the way there.
"""

from dataclasses import dataclass
from typing import Final

from registry.domain.identifiers import CaseId
from registry.store.read_models import CaseRow, ReadModels
from registry.views.case_file import Reader, read_history
from registry.views.case_list import SituationNames, summarise

ENTRIES: Final = "entries"
PARTS: Final = "parts"
BATCH_CHANGES: Final = 2000
"""Changes taken at once; their distinct cases are folded once each."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a projection has come: changes folded, and whether more are waiting."""

    changes: int
    is_behind: bool


class CaseListProjector:
    """Folds the changes of a store into the case list."""

    def __init__(self, reader: Reader, models: ReadModels) -> None:
        self._reader = reader
        self._models = models
        self._situations = SituationNames(reader.roster.registry_id)

    def advance(self) -> Progress:
        """Folds up to `BATCH_CHANGES` changes of each stream; call it again while it is behind."""
        store = self._reader.store
        entries = store.changes(self._models.place(ENTRIES), BATCH_CHANGES)
        parts = store.part_changes(self._models.place(PARTS), BATCH_CHANGES)
        if not entries and not parts:
            return Progress(changes=0, is_behind=False)
        found = [*(p.case_id for p in parts), *(e.case_id for e in entries)]
        rows = [self._fold(case_id) for case_id in dict.fromkeys(found) if case_id]
        places = {PARTS: parts[-1].id if parts else 0, ENTRIES: entries[-1].id if entries else 0}
        self._models.save(
            [row for row in rows if row.event_count],
            {stream: place for stream, place in places.items() if place},
        )
        return Progress(
            changes=len(entries) + len(parts),
            is_behind=BATCH_CHANGES in (len(entries), len(parts)),
        )

    def lag(self) -> int:
        """How many stored entries are not folded yet."""
        return self._reader.store.newest_change_id() - self._models.place(ENTRIES)

    def _fold(self, case_id: CaseId) -> CaseRow:
        return summarise(read_history(self._reader, case_id), self._situations)
