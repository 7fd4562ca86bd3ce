"""The case list follows the logs: whatever the order of arrival, a rebuild gives the same bytes."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from registry.domain.content import CaseOpened, StatementIssued
from registry.domain.identifiers import CaseId, situation_case_id
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import EventKind
from registry.log.entry import ALL_MEMBERS
from registry.store.read_models import CaseFold, Document, ReadModels, open_read_models
from registry.store.sqlite import SqliteStore
from registry.views.case_file import CaseHistory, Reader, read_history
from registry.views.case_list import SituationNames, fold_case
from registry.views.projector import Projector
from registry.views.rows import CaseRow, decode_row
from tests.storage.storage_world import (
    NOW_MS,
    OTHER,
    PEER,
    REGISTRY,
    VIEWS_KEY,
    case,
    open_store,
    request,
)
from tests.unit.views.view_world import (
    OTHER_MEMBER,
    OWN_MEMBER,
    PEER_MEMBER,
    Mechanism,
    only,
    reader_of,
    take,
)

STATEMENT = StatementIssued(acting_body="a", basis="own_act", states=("EGY",))
OPENING = CaseOpened(acting_body="a", basis="own_act", title="An invented matter")
POLAND = situation_case_id(REGISTRY, "POL")
BATCH = 3
SEEDS = range(16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.views.projector.BATCH_CHANGES", BATCH)


@pytest.fixture
def small_steps(small_batches: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("STEP_CASES", 2), ("STEP_EVENTS", 3), ("SAVED_CASES", 2)):
        monkeypatch.setattr(f"registry.views.projector.{name}", size)
    monkeypatch.setattr("registry.views.projector.BATCH_CHANGES", 4 * BATCH)


def projector(store: SqliteStore, models: ReadModels) -> Projector:
    return Projector(reader_of(store), models)


def follow(store: SqliteStore, models: ReadModels) -> None:
    folding = projector(store, models)
    while folding.advance().is_behind:
        pass


def rebuilt(store: SqliteStore, folder: Path, name: str = "rebuilt.db") -> bytes:
    models = open_read_models(folder / name, VIEWS_KEY)
    follow(store, models)
    dump = models.dump()
    models.close()
    return dump


def folded_alone(store: SqliteStore) -> bytes:
    """What the list must hold, without any projector: every case folded once, now."""
    situations = SituationNames(REGISTRY)
    histories = [read_history(reader_of(store), each) for each in store.case_ids(None, 1000)]
    folds = [fold_case(each, situations, shipped_profiles()) for each in histories]
    documents = sorted(d[:2] + d[2:] for fold in folds for d in fold.documents)
    return b"".join(line_of(Document(*each)) for each in documents)


def line_of(document: Document) -> bytes:
    facets = json.dumps(sorted(set(document.facets)), ensure_ascii=False, separators=(",", ":"))
    key, seal = document.key.hex().upper(), document.seal().hex().upper()
    return f"{document.view} {key} {document.sort} {document.row} {facets} {seal}\n".encode()


def cases_in(dump: bytes) -> int:
    return sum(line.startswith(b"case ") for line in dump.splitlines())


def row_of(models: ReadModels, case_id: CaseId) -> CaseRow | None:
    text = models.row("case", case_id)
    return None if text is None else decode_row(CaseRow, text)


def write(mechanism: Mechanism, rng: random.Random) -> None:
    """One event of any sort, by a clock that lies as it likes."""
    case_id = rng.choice([case(0), case(1), case(2), POLAND])
    if rng.random() < 0.1:
        mechanism.empty(case_id=rng.choice([case_id, case(0)]))
        return
    audience, kind = ALL_MEMBERS, None
    if case_id != POLAND and rng.random() < 0.3:
        kind = EventKind.SEALED
        audience = rng.choice([only(OWN_MEMBER, PEER_MEMBER), only(PEER_MEMBER, OTHER_MEMBER)])
    mechanism.act(
        rng.choice([STATEMENT, OPENING]),
        case_id=case_id,
        time_ms=NOW_MS + rng.randrange(-50, 50),
        audience=audience,
        kind=kind,
    )


def arrive(store: SqliteStore, mechanisms: Sequence[Mechanism], rng: random.Random) -> None:
    """One thing happens: a peer's entries, a peer's parts, or an own event."""
    each = rng.choice(mechanisms)
    held = store.log_state(each.log_id).size
    match rng.randrange(3):
        case 0 if held < len(each.entries):
            end = rng.randrange(held, len(each.entries)) + 1
            take(store, each, end=end, with_parts=False)
        case 1 if held:
            some = rng.sample(range(held), rng.randrange(held) + 1)
            store.put_parts(each.parts(some)).result()
        case _:
            name = f"own {rng.random()}"
            store.append(request(name, case_id=rng.choice([case(0), POLAND]))).result()


@pytest.mark.parametrize("number", SEEDS)
def test_incremental_rows_are_byte_for_byte_those_of_a_rebuild(
    store: SqliteStore, tmp_path: Path, small_batches: None, number: int
) -> None:
    rng = random.Random(number)
    mechanisms = [Mechanism(PEER), Mechanism(OTHER)]
    for _ in range(14):
        write(rng.choice(mechanisms), rng)
    models = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    for _ in range(20):
        arrive(store, mechanisms, rng)
        match rng.randrange(4):
            case 0:
                projector(store, models).advance()
            case 1:
                models.close()  # the process ends between two batches
                models = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    follow(store, models)
    dump = models.dump()
    models.close()

    assert dump
    assert dump == rebuilt(store, tmp_path) == folded_alone(store)


@pytest.mark.parametrize("number", SEEDS)
def test_fold_that_is_cut_off_between_its_steps_leaves_the_rows_of_a_rebuild(
    store: SqliteStore, tmp_path: Path, small_steps: None, number: int
) -> None:
    rng = random.Random(number)
    mechanisms = [Mechanism(PEER), Mechanism(OTHER)]
    for _ in range(14):
        write(rng.choice(mechanisms), rng)
    models = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    steps = projector(store, models).steps()
    for _ in range(30):
        arrive(store, mechanisms, rng)
        for _ in range(rng.randrange(3)):
            next(steps, None)
        match rng.randrange(5):
            case 0:
                steps = projector(store, models).steps()  # what is not finished is left
            case 1:
                models.close()  # the process ends between two steps
                models = open_read_models(tmp_path / "views.db", VIEWS_KEY)
                steps = projector(store, models).steps()
            case 2:
                follow(store, models)
                steps = projector(store, models).steps()
    follow(store, models)
    dump = models.dump()
    models.close()

    assert dump
    assert dump == rebuilt(store, tmp_path) == folded_alone(store)


def test_step_folds_few_cases_and_few_events(
    store: SqliteStore, models: ReadModels, small_steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Mechanism(PEER)
    for number in (0, 0, 0, 1, 2, 3, 4, 4, 5):
        peer.act(STATEMENT, case_id=case(number))
    take(store, peer, with_parts=False)
    read: list[CaseId] = []

    def noting(reader: Reader, case_id: CaseId) -> CaseHistory:
        read.append(case_id)
        return read_history(reader, case_id)

    monkeypatch.setattr("registry.views.projector.read_history", noting)
    seen = [(len(read), step.is_behind) for step in projector(store, models).steps()]

    # Two cases, or one that has three events: 0, 1 2, 3 4, 5.
    assert seen == [(1, True), (3, True), (5, True), (6, True), (6, False)]


def test_place_in_the_streams_moves_only_when_all_before_it_is_folded(
    store: SqliteStore, models: ReadModels, small_steps: None
) -> None:
    peer = Mechanism(PEER)
    for number in range(6):
        peer.act(STATEMENT, case_id=case(number))
    take(store, peer, with_parts=False)
    folding = projector(store, models)
    seen = [(cases_in(models.dump()), folding.lag()) for _ in folding.steps()]

    assert seen == [(2, 6), (4, 6), (6, 6), (6, 0)]
    assert folding.advance().changes == 0


def test_part_that_arrives_later_makes_its_case_readable(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    peer.act(OPENING, case_id=case(1))
    take(store, peer, with_parts=False)
    follow(store, models)
    before = row_of(models, case(1))
    store.put_parts(peer.parts()).result()
    follow(store, models)
    after = row_of(models, case(1))

    assert before is not None
    assert (before.title, before.unreadable_count) == ("", 1)
    assert after is not None
    assert (after.title, after.unreadable_count) == ("An invented matter", 0)


def test_crash_while_rows_are_saved_repeats_work_and_loses_none(
    store: SqliteStore, tmp_path: Path, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Mechanism(PEER)
    for number in range(8):
        peer.act(STATEMENT, case_id=case(number))
    take(store, peer)
    models = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    held = models.dump()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(models, "_insert_tracking", crash)
        with pytest.raises(KeyboardInterrupt):
            projector(store, models).advance()
    models.close()
    models = open_read_models(tmp_path / "views.db", VIEWS_KEY)

    assert models.dump() == held
    follow(store, models)
    assert models.dump() == rebuilt(store, tmp_path)
    assert cases_in(models.dump()) == 8
    models.close()


def test_progress_tells_how_much_is_waiting(
    store: SqliteStore, models: ReadModels, small_batches: None
) -> None:
    peer = Mechanism(PEER)
    peer.act(STATEMENT, case_id=case(1))
    take(store, peer, with_parts=False)
    folding = projector(store, models)
    folding.advance()
    for _ in range(4):
        peer.act(STATEMENT, case_id=case(1))
    take(store, peer, with_parts=False)

    assert folding.lag() == 4
    assert folding.advance().is_behind
    assert folding.lag() == 1
    last = folding.advance()
    assert (last.changes, last.is_behind, folding.lag()) == (1, False, 0)
    assert folding.advance().changes == 0


def test_first_fold_of_many_changes_takes_each_case_once_and_leaves_what_came_meanwhile(
    store: SqliteStore, models: ReadModels, tmp_path: Path, small_steps: None
) -> None:
    peer = Mechanism(PEER)
    for number in range(30):
        peer.act(STATEMENT, case_id=case(number % 5))
    take(store, peer)
    folding = projector(store, models)
    steps = folding.steps()
    first = next(steps)
    peer.act(OPENING, case_id=case(0))
    take(store, peer)
    told = [first, *steps]

    assert sum(step.events for step in told) in {30, 31}
    assert folding.lag() == 1
    while folding.advance().is_behind:
        pass
    assert models.dump() == rebuilt(store, tmp_path) == folded_alone(store)


def test_case_is_folded_once_for_many_changes(
    store: SqliteStore, models: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Mechanism(PEER)
    for number in range(12):
        peer.act(STATEMENT, case_id=case(number % 2))
    take(store, peer)
    saved: list[CaseFold] = []
    monkeypatch.setattr(models, "save", lambda rows, _places: saved.extend(rows))

    projector(store, models).advance()

    assert sorted(row.case_id for row in saved) == sorted([case(0), case(1)])


def test_events_outside_any_case_have_no_line(store: SqliteStore, models: ReadModels) -> None:
    store.append(request("about the log itself")).result()
    follow(store, models)

    assert models.dump() == b""
    assert projector(store, models).lag() == 0
