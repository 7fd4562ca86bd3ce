"""Which cases a consent was withdrawn in, at a start: from the views, and from what they lack yet.

The case list says it of every case that is folded; of changes that are not folded yet each part is
looked at once. After the start the store tells of each new withdrawal.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from registry.application.named_persons import read_consent
from registry.domain.consent import ends_a_use
from registry.domain.identifiers import CaseId, LogId
from registry.errors import CorruptDatabase, DamagedLog
from registry.store.entries import EntryStore
from registry.store.read_models import ReadModels, open_read_models
from registry.store.values import read_header
from registry.views.projector import BATCH_CHANGES, ENTRIES, PARTS


def open_views(
    path: Path, key: bytes, store: EntryStore, own_logs: Sequence[LogId]
) -> tuple[ReadModels, list[CaseId]]:
    """Opens the views, and finds the cases in which a consent was withdrawn; some more than once.

    Args:
        path: of the views' database.
        key: 32 bytes, its own.
        store: the logs that they are folded from.
        own_logs: those of this node, former ones too.

    Raises:
        StorageError: what is stored cannot be read. Views alone that cannot be are made anew.
    """
    try:
        return _opened(path, key, store, own_logs)
    except DamagedLog:
        raise
    except CorruptDatabase:
        # If it was the views that could not be read, they are opened empty now.
        return _opened(path, key, store, own_logs)


def _opened(
    path: Path, key: bytes, store: EntryStore, own_logs: Sequence[LogId]
) -> tuple[ReadModels, list[CaseId]]:
    models = open_read_models(path, key)
    try:
        return models, list(find_withdrawals(store, models, own_logs))
    except BaseException:
        models.close()
        raise


def find_withdrawals(
    store: EntryStore, models: ReadModels, own_logs: Sequence[LogId]
) -> Iterator[CaseId]:
    """Yields every case in which content that is held withdraws a consent; some more than once."""
    yield from models.cases_with("case", "mark", "withdrawal")
    # The views show no void events; a withdrawal counts wherever it stands.
    for state in store.log_states():
        yield from _withdrawn_from(store, state.log_id, state.valid_size, state.size)
    # Content of others comes after its entry, and is told of as an arrival.
    for log_id in own_logs:
        first = store.first_entry_after(log_id, models.place(ENTRIES))
        yield from _withdrawn_from(store, log_id, first, store.log_state(log_id).size)
    place = models.place(PARTS)
    while arrived := store.part_changes(place, BATCH_CHANGES):
        place = arrived[-1].id
        cases = {(p.log_id, p.index): p.case_id for p in arrived}
        yield from _withdrawn(store, list(cases), cases)


def _withdrawn_from(store: EntryStore, log_id: LogId, start: int, end: int) -> Iterator[CaseId]:
    """Looks at entries [start, end) of a log."""
    for at in range(start, end, BATCH_CHANGES):
        headers = map(read_header, store.entries(log_id, at, min(at + BATCH_CHANGES, end)))
        cases = {(h.log_id, h.index): h.case_id for h in headers if h.parts}
        yield from _withdrawn(store, list(cases), cases)


def _withdrawn(
    store: EntryStore,
    places: list[tuple[LogId, int]],
    cases: dict[tuple[LogId, int], CaseId],
) -> Iterator[CaseId]:
    for part in store.parts_of([(*place, 0) for place in places]):
        if ends_a_use(read_consent(part.media_type, part.content)):
            yield cases[part.log_id, part.index]
