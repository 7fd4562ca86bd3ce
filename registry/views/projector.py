"""Keeps the read models in step with the logs.

Every change (an entry or a part that was stored, a log that was frozen below its size, an embargo
that ended) marks its cases; marked cases are folded again from all their events and their documents
written together with the place reached, in one transaction. A crash therefore repeats work and
never loses it, and a rebuild gives the same documents byte for byte: they depend on the log alone,
not on the way there.

A fold holds the interpreter lock. It is therefore cut into small steps, between which whoever
drives it may let more urgent work pass. Rows may be saved before the places that they stand for,
never after them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.domain.identifiers import CaseId
from registry.domain.mechanisms import Profiles, shipped_profiles
from registry.domain.vocabulary import EventKind
from registry.errors import DamagedLog
from registry.store.read_models import CaseFold, ReadModels
from registry.store.values import Change, LogState, PartChange, read_header
from registry.views.case_file import Reader, read_history
from registry.views.case_list import SituationNames, fold_case

ENTRIES: Final = "entries"
PARTS: Final = "parts"
BATCH_CHANGES: Final = 500
"""Changes taken at once; their distinct cases are folded once each."""
STEP_EVENTS: Final = 32
"""Events folded in one step, a few milliseconds of work; a case is folded whole all the same."""
STEP_CASES: Final = 8
SAVED_CASES: Final = 64
"""Rows saved in one transaction: as many wait for it, so few wait long."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a projection has come.

    Attributes:
        changes: how many were folded.
        is_behind: whether more are waiting.
        events: how many events were folded since the item before, as far as it is told.
        has_forgotten: whether no file of the case list holds what was erased; if not, a reader
            stood in the way: call again.
    """

    changes: int
    is_behind: bool
    has_forgotten: bool = True
    events: int = 0


class Projector:
    """Folds the changes of a store into the read models."""

    def __init__(
        self, reader: Reader, models: ReadModels, profiles: Profiles | None = None
    ) -> None:
        """Folds nothing yet.

        Args:
            reader: what is read, and for whom.
            models: where it is kept.
            profiles: the mechanisms' clocks; None = those that are shipped.
        """
        self._reader = reader
        self._models = models
        self._profiles = profiles or shipped_profiles()
        # A fold may have been cut short; and the journal may have erased more than entries tell.
        self._must_forget = True
        self.forgotten_id = 0
        """Id of a change: what was erased with it or before is in no file of the case list."""
        self._situations = SituationNames(*reader.roster.registry_ids())
        self._void = {
            stream: count
            for stream in map(_freeze_stream, reader.store.log_states())
            if (count := max(models.place(stream), models.place(_mark(stream))))
        }
        """How many void entries the rows may lack, by stream of a log that is frozen."""
        self._start_anew_if_restored()

    def advance(self) -> Progress:
        """Folds up to `BATCH_CHANGES` changes of each stream; call it again while it is behind."""
        *_, last = self.steps()
        return last

    def steps(self) -> Iterator[Progress]:
        """Does what `advance` does in small steps, one for each item.

        Whoever stops in the middle has lost nothing: what was not finished is folded again.

        Returns:
            An iterator with at least one item; the last one tells what all steps did.

        Raises:
            DamagedLog: a case could not be read. All others are folded, and all of them will be
                again: until it is repaired the place stays where it was.
        """
        store = self._reader.store
        self._start_anew_if_lifted()
        if self._is_far_behind():
            yield from self._fold_all()
            return
        frozen = {_freeze_stream(state): state for state in self._new_freezes()}
        void_counts = {stream: _void_count(state) for stream, state in frozen.items()}
        entries = store.changes(self._models.place(ENTRIES), BATCH_CHANGES)
        parts = store.part_changes(self._models.place(PARTS), BATCH_CHANGES)
        ended = self._models.due_embargoes(self._reader.now_ms())
        if not entries and not parts and not frozen and not ended:
            yield self._progress(0, is_behind=False)
            return
        self._note_void(void_counts)
        # Noted before any row is replaced, and until the replaced ones are out of the files.
        has_erased = any(each.kind == EventKind.CONTENT_ERASED for each in entries)
        self._must_forget = self._must_forget or has_erased
        void = [case_id for state in frozen.values() for case_id in self._void_cases(state)]
        found = [*(p.case_id for p in parts), *(e.case_id for e in entries), *void, *ended]
        unsaved: list[CaseFold] = []
        cases = (case_id for case_id in dict.fromkeys(found) if case_id)
        yield from self._save_in_steps(cases, unsaved)
        places = {PARTS: parts[-1].id if parts else 0, ENTRIES: entries[-1].id if entries else 0}
        places |= void_counts
        self._models.save(unsaved, {stream: place for stream, place in places.items() if place})
        yield self._progress(
            len(entries) + len(parts) + len(void) + len(ended),
            is_behind=BATCH_CHANGES in (len(entries), len(parts)),
        )

    def _is_far_behind(self) -> bool:
        """Whether nothing is folded yet, and more waits than is folded in a few batches."""
        is_empty = not self._models.place(ENTRIES) and not self._models.place(PARTS)
        return is_empty and self._reader.store.newest_change_id() > BATCH_CHANGES

    def _fold_all(self) -> Iterator[Progress]:
        """Folds every case once, however often it changed; what comes meanwhile comes after it.

        The places are those of the beginning, and saved at the end: whoever stops in the middle
        begins again, and writes nothing twice that has not changed.
        """
        store = self._reader.store
        self._must_forget = True
        void_counts = {_freeze_stream(state): _void_count(state) for state in self._new_freezes()}
        self._note_void(void_counts)
        places = {**void_counts}
        places |= {ENTRIES: _last_id(store.changes), PARTS: _last_id(store.part_changes)}
        unsaved: list[CaseFold] = []
        yield from self._save_in_steps(self._all_cases(), unsaved)
        self._models.save(unsaved, {stream: place for stream, place in places.items() if place})
        yield self._progress(places[ENTRIES] + places[PARTS], is_behind=True)

    def _all_cases(self) -> Iterator[CaseId]:
        after: CaseId | None = None
        while found := self._reader.store.case_ids(after, BATCH_CHANGES):
            yield from found
            after = found[-1]

    def lag(self) -> int:
        """How many stored entries are not folded yet."""
        return self._reader.store.newest_change_id() - self._models.place(ENTRIES)

    def _start_anew_if_restored(self) -> None:
        """Folds everything again if the list stands for more than a restored store holds."""
        store, arrived = self._reader.store, self._models.place(PARTS)
        is_beyond = self._models.place(ENTRIES) > store.newest_change_id()
        if not is_beyond and arrived:
            is_beyond = not store.part_changes(arrived - 1, 1)
        if is_beyond:
            self._models.clear()

    def _note_void(self, counts: Mapping[str, int]) -> None:
        """Notes what rows will lack, before the first does: a freeze may be lifted in mid-fold."""
        grown = {stream: n for stream, n in counts.items() if n > self._void.get(stream, 0)}
        if grown:
            self._models.save((), {_mark(stream): count for stream, count in grown.items()})
            self._void |= grown

    def has_to_start_anew(self) -> bool:
        """Whether a freeze was lifted: no change tells what counts again."""
        if not self._void:
            return False
        states = self._reader.store.log_states()
        return any(_void_count(s) < self._void.get(_freeze_stream(s), 0) for s in states)

    def _start_anew_if_lifted(self) -> None:
        if self.has_to_start_anew():
            self._models.clear()
            self._void.clear()

    def _save_in_steps(
        self, cases: Iterable[CaseId], unsaved: list[CaseFold]
    ) -> Iterator[Progress]:
        """Folds cases; leaves the last of them in `unsaved`, unless one could not be read."""
        try:
            for folds in self._fold_in_steps(cases):
                unsaved += folds
                if len(unsaved) >= SAVED_CASES:
                    self._models.save(unsaved, {})
                    unsaved.clear()
                yield Progress(changes=0, is_behind=True, events=sum(fold.events for fold in folds))
        except DamagedLog:
            self._models.save(unsaved, {})
            raise

    def _fold_in_steps(self, case_ids: Iterable[CaseId]) -> Iterator[list[CaseFold]]:
        """Gives the folds of a few cases at a time, as many as make a step.

        Raises:
            DamagedLog: at the end, of a case that could not be read.
        """
        folds: list[CaseFold] = []
        events = 0
        damaged: DamagedLog | None = None
        for case_id in case_ids:
            try:
                history = read_history(self._reader, case_id)
            except DamagedLog as error:
                damaged = error
                continue
            folds.append(fold_case(history, self._situations, self._profiles))
            events += len(history.events)
            if len(folds) >= STEP_CASES or events >= STEP_EVENTS:
                yield folds
                folds, events = [], 0
        if folds:
            yield folds
        if damaged is not None:
            raise damaged

    def _progress(self, changes: int, *, is_behind: bool) -> Progress:
        """Takes rows that were replaced for an erasure out of the write-ahead log; ends a fold."""
        if self._must_forget and not is_behind:
            self._must_forget = not self._models.truncate_wal()
        if not self._must_forget:
            self.forgotten_id = self._models.place(ENTRIES)
        return Progress(changes, is_behind, has_forgotten=not self._must_forget)

    def _new_freezes(self) -> list[LogState]:
        """Logs with more void entries than were folded; a later freeze can only lower the size."""
        states = self._reader.store.log_states()
        cut = [state for state in states if _void_count(state)]
        return [s for s in cut if _void_count(s) > self._models.place(_freeze_stream(s))]

    def _void_cases(self, state: LogState) -> Iterator[CaseId]:
        for start in range(state.valid_size, state.size, BATCH_CHANGES):
            end = min(start + BATCH_CHANGES, state.size)
            for entry in self._reader.store.entries(state.log_id, start, end):
                yield read_header(entry).case_id


def _last_id(changes: Callable[[int, int], Sequence[Change | PartChange]]) -> int:
    """The id of the last change that can be read; those that cannot yet stand after it.

    Looked for in leaps: there may be millions.
    """
    last, leap = 0, 1
    while found := changes(last + leap - 1, 1):
        last, leap = found[0].id, 2 * leap
    beyond = last + leap
    while beyond - last > 1:
        middle = (last + beyond) // 2
        if found := changes(middle - 1, 1):
            last = found[0].id
        else:
            beyond = middle
    return last


def _void_count(state: LogState) -> int:
    return state.size - state.valid_size


def _freeze_stream(state: LogState) -> str:
    return f"void {state.origin}"


def _mark(freeze_stream: str) -> str:
    """The stream that tells how far a fold of a freeze began, not only how far it came."""
    return f"{freeze_stream} begun"
