"""Which cases a consent was withdrawn in, at a start: from the views, and from what they lack yet.

The case list says it of every case that is folded; of changes that are not folded yet each part is
looked at once. After the start the store tells of each new withdrawal.
"""

from collections.abc import Iterator
from pathlib import Path

from registry.application.named_persons import read_consent
from registry.domain.consent import ends_a_use
from registry.domain.identifiers import CaseId, LogId
from registry.errors import CorruptDatabase
from registry.store.entries import EntryStore
from registry.store.read_models import ReadModels, open_read_models
from registry.store.values import read_header
from registry.views.projector import BATCH_CHANGES, ENTRIES, PARTS


def open_views(path: Path, key: bytes, store: EntryStore) -> tuple[ReadModels, list[CaseId]]:
    """Opens the views, and finds the cases in which a consent was withdrawn; some more than once.

    Args:
        path: of the views' database.
        key: 32 bytes, its own.
        store: the logs that they are folded from.

    Raises:
        StorageError: what is stored cannot be read. Views alone that cannot be are made anew.
    """
    try:
        return _opened(path, key, store)
    except CorruptDatabase:
        # If it was the views that could not be read, they are opened empty now.
        return _opened(path, key, store)


def _opened(path: Path, key: bytes, store: EntryStore) -> tuple[ReadModels, list[CaseId]]:
    models = open_read_models(path, key)
    try:
        return models, list(find_withdrawals(store, models))
    except BaseException:
        models.close()
        raise


def find_withdrawals(store: EntryStore, models: ReadModels) -> Iterator[CaseId]:
    """Yields every case in which content that is held withdraws a consent; some more than once."""
    yield from models.cases_with("case", "mark", "withdrawal")
    # The views show no void events; a withdrawal counts wherever it stands.
    for state in store.log_states():
        for start in range(state.valid_size, state.size, BATCH_CHANGES):
            entries_there = store.entries(state.log_id, start, start + BATCH_CHANGES)
            headers = [read_header(entry) for entry in entries_there]
            void = {(h.log_id, h.index): h.case_id for h in headers if h.parts}
            yield from _withdrawn(store, list(void), void)
    place = models.place(ENTRIES)
    while entries := store.changes(place, BATCH_CHANGES):
        place = entries[-1].id
        with_parts = [(e.log_id, e.index) for e in entries if read_header(e.entry).parts]
        cases = {(e.log_id, e.index): e.case_id for e in entries}
        yield from _withdrawn(store, with_parts, cases)
    place = models.place(PARTS)
    while arrived := store.part_changes(place, BATCH_CHANGES):
        place = arrived[-1].id
        cases = {(p.log_id, p.index): p.case_id for p in arrived}
        yield from _withdrawn(store, list(cases), cases)


def _withdrawn(
    store: EntryStore,
    places: list[tuple[LogId, int]],
    cases: dict[tuple[LogId, int], CaseId],
) -> Iterator[CaseId]:
    for part in store.parts_of([(*place, 0) for place in places]):
        if ends_a_use(read_consent(part.media_type, part.content)):
            yield cases[part.log_id, part.index]
