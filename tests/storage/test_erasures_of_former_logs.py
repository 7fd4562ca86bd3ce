"""Erasures of what a former log holds: by whom, of what, and the same in every order of arrival."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from registry.domain.identifiers import Commitment, LogId, Origin
from registry.domain.vocabulary import EventKind
from registry.log.control import ContentErased
from registry.store.sqlite import SqliteStore
from registry.store.tombstone_journal import read_journal
from registry.store.values import HeldPart, KeptProof, PartsErased, StoreEvent
from tests.storage.former_logs_world import (
    FIRST,
    FIRST_ID,
    JOURNAL,
    SECOND,
    SECOND_ID,
    THIRD,
    eraser,
    findings,
    store_of,
    target,
    written,
)
from tests.storage.storage_world import OTHER, PEER, Peer, case, part_of
from tests.storage.test_control_in_store import say

ROWS: Final = (
    (
        "SELECT l.origin, t.entry_index, t.ordinal, hex(t.commitment), b.origin, t.by_index, "
        "t.erased_ms FROM tombstones t JOIN logs l USING (log_no) "
        "LEFT JOIN logs b ON b.log_no = t.by_log_no"
    ),
    "SELECT l.origin, e.entry_index FROM erasures e JOIN logs l USING (log_no)",
    "SELECT l.origin, w.entry_index FROM waiting_erasures w JOIN logs l USING (log_no)",
    "SELECT l.origin, p.entry_index FROM parts p JOIN logs l USING (log_no)",
    "SELECT l.origin, p.entry_index FROM wanted_parts p JOIN logs l USING (log_no)",
)
Step = Callable[[SqliteStore], Any]


def rows_of(folder: Path) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        return [sorted(connection.execute(sql).fetchall()) for sql in ROWS]


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        connection.executescript(statement)


def ingest(peer: Peer, start: int, end: int, store: SqliteStore) -> None:
    store.ingest(peer.batch(start, end, has_note=end == len(peer.entries))).result()


def give(part: HeldPart, store: SqliteStore) -> None:
    store.put_parts([part]).result()


def everything(peer: Peer) -> Step:
    return partial(ingest, peer, 0, len(peer.entries))


def parts_of(peer: Peer) -> Iterator[Step]:
    """Gives the parts of the first three events."""
    yield from (partial(give, part_of(peer, index)) for index in range(3))


def run(folder: Path, *steps: Step, restarts: bool = False) -> list[list[tuple[Any, ...]]]:
    """Takes steps, with a new start before each of them or with none; fsck finds nothing after."""
    if restarts:
        for step in steps:
            with store_of(folder) as store:
                step(store)
    else:
        with store_of(folder) as store:
            for step in steps:
                step(store)
    assert findings(folder) == []
    return rows_of(folder)


def has_effect(rows: list[list[tuple[Any, ...]]]) -> bool:
    return bool(rows[1])


@pytest.mark.parametrize("restarts", [False, True])
def test_every_order_of_arrival_erases_the_same(tmp_path: Path, *, restarts: bool) -> None:
    first = written()
    second = eraser([target(first, 0), target(first, 2)])
    steps: list[Step] = [
        partial(ingest, first, 0, 1),
        partial(ingest, first, 1, 3),
        partial(give, part_of(first, 0)),
        partial(give, part_of(first, 2)),
        everything(second),
    ]
    orders = [
        order
        for order in permutations(range(5))
        if order.index(0) < min(order.index(1), order.index(2)) and order.index(1) < order.index(3)
    ]
    found = [
        run(tmp_path / str(number), *(steps[step] for step in order), restarts=restarts)
        for number, order in enumerate(orders)
    ]
    assert len(found) == 15
    assert all(rows == found[0] for rows in found)
    tombstones, erasures, waiting, parts, wanted = found[0]
    assert [row[:3] + row[4:6] for row in tombstones] == [
        (FIRST, 0, 0, SECOND, 1),
        (FIRST, 2, 0, SECOND, 1),
    ]
    assert (erasures, waiting, parts, wanted) == ([(SECOND, 1)], [], [], [])
    kept = [(each.log_id, each.index) for each in read_journal(tmp_path / "0" / JOURNAL)]
    assert kept == [(FIRST_ID, 0), (FIRST_ID, 2)]


def test_holders_are_told_of_what_was_erased(tmp_path: Path) -> None:
    first = written()
    heard: list[StoreEvent] = []
    with store_of(tmp_path) as store:
        store.add_listener(heard.append)
        everything(first)(store)
        give(part_of(first, 1), store)
        everything(eraser([target(first, 1)]))(store)
        assert store.part(FIRST_ID, 1, 0) is None
        give(part_of(first, 1), store)
        assert store.part(FIRST_ID, 1, 0) is None
    assert PartsErased(FIRST_ID, ((1, 0),)) in heard


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        pytest.param(OTHER, FIRST, id="log of another member"),
        pytest.param(FIRST, SECOND, id="former log for a later one"),
        pytest.param(SECOND, THIRD, id="earlier log for the present one"),
        pytest.param(THIRD, OTHER, id="present log for another member"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_log_that_does_not_speak_for_another_erases_nothing_there(
    tmp_path: Path, origin: Origin, named: Origin, *, is_first: bool
) -> None:
    held = written(named)
    lie = eraser([target(held, 0)], origin)
    order = [everything(lie), everything(held)] if is_first else [everything(held), everything(lie)]
    with store_of(tmp_path) as store:
        for step in (*order, *parts_of(held)):
            step(store)
    rows = run(tmp_path)
    assert not has_effect(rows)
    assert rows[0] == []
    assert len(rows[3]) == 3


def test_log_two_epochs_later_speaks_too(tmp_path: Path) -> None:
    first = written()
    rows = run(tmp_path, everything(eraser([target(first, 0)], THIRD)), everything(first))
    assert [(row[0], row[4]) for row in rows[0]] == [(FIRST, THIRD)]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("lie", ["commitment", "ordinal", "case"])
def test_erasure_one_of_whose_targets_lies_has_no_effect_at_all(
    tmp_path: Path, lie: str, *, is_first: bool
) -> None:
    first = written()
    wrong = target(first, 1)
    if lie == "commitment":
        wrong = wrong._replace(commitment=Commitment(b"x" * 32))
    if lie == "ordinal":
        wrong = wrong._replace(ordinal=1)
    case_id = case(1) if lie == "case" else case(0)
    second = everything(eraser([target(first, 0), wrong], case_id=case_id))
    order = [second, everything(first)] if is_first else [everything(first), second]
    with store_of(tmp_path) as store:
        for step in (*order, *parts_of(first)):
            step(store)
    rows = run(tmp_path)
    assert not has_effect(rows)
    assert len(rows[3]) == 3


def test_erasure_waits_until_all_that_it_names_is_held(tmp_path: Path) -> None:
    first = written()
    second = everything(eraser([target(first, 2), target(first, 0)]))
    rows = run(tmp_path, second, partial(ingest, first, 0, 2), *list(parts_of(first))[:2])
    assert not has_effect(rows)
    assert len(rows[3]) == 2
    rows = run(tmp_path, partial(ingest, first, 2, 3))
    assert has_effect(rows)
    assert rows[3] == [(FIRST, 1)]


def test_batch_that_fails_loses_no_erasure_that_waited_for_it(tmp_path: Path) -> None:
    first = written()
    with store_of(tmp_path) as store:
        everything(eraser([target(first, 0)]))(store)
        broken = replace(first.batch(), root=None)  # type: ignore[arg-type] # fails late
        with pytest.raises(Exception, match="NOT NULL"):
            store.ingest(broken).result()
        everything(first)(store)
    rows = run(tmp_path)
    assert has_effect(rows)


def test_void_erasure_has_no_effect_when_what_it_names_arrives(tmp_path: Path) -> None:
    first, second = written(), eraser([target(written(), 0)])
    with store_of(tmp_path) as store:
        everything(second)(store)
        store.freeze(SECOND_ID, 1, "cut", b"").result()
    for restarts in (False, True):
        steps = [everything(first), *parts_of(first)] if not restarts else []
        rows = run(tmp_path, *steps, restarts=restarts)
        assert not has_effect(rows)
        assert rows[2] == [(SECOND, 1)]
        assert len(rows[3]) == 3


def test_erasure_counts_again_with_its_log(tmp_path: Path) -> None:
    first, second = written(), eraser([target(written(), 0)])
    heard: list[StoreEvent] = []
    with store_of(tmp_path) as store:
        store.add_listener(heard.append)
        everything(second)(store)
        store.keep_fault_proof(KeptProof(SECOND_ID, 0, 1, "two logs", b"proof")).result()
        for step in (everything(first), *parts_of(first)):
            step(store)
        assert store.part(FIRST_ID, 0, 0) is not None
        store.drop_retired_proofs(SECOND_ID, 1).result()
        assert store.part(FIRST_ID, 0, 0) is None
        assert store.part_changes(3, 9) != [], "its case is folded again"
    assert PartsErased(FIRST_ID, ((0, 0),)) in heard
    assert has_effect(run(tmp_path))


def test_erasure_stays_when_its_log_ends_before_it(tmp_path: Path) -> None:
    first = written()
    with store_of(tmp_path) as store:
        everything(first)(store)
        everything(eraser([target(first, 0)]))(store)
        store.freeze(SECOND_ID, 1, "cut", b"").result()
    assert has_effect(run(tmp_path))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_tombstone_names_the_same_one_of_several_erasures(
    tmp_path: Path, order: Sequence[int]
) -> None:
    first = written()
    erased = [target(first, 0)]
    say(first, EventKind.CONTENT_ERASED, ContentErased(tuple(erased)))
    second = eraser(erased)
    say(second, EventKind.CONTENT_ERASED, ContentErased(tuple(erased)))
    logs = [first, second, eraser(erased, THIRD)]
    rows = run(tmp_path, *(everything(logs[place]) for place in order))
    assert [(row[4], row[5]) for row in rows[0]] == [(None, 3)]
    assert len(rows[1]) == 4


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_erasures_in_later_logs_the_earlier_log_is_named(
    tmp_path: Path, *, is_first: bool
) -> None:
    first = written()
    logs = [eraser([target(first, 0)]), eraser([target(first, 0)], THIRD)]
    order = logs if is_first else logs[::-1]
    rows = run(tmp_path, everything(first), *map(everything, order))
    assert [(row[4], row[5]) for row in rows[0]] == [(SECOND, 1)]


def test_erasure_waits_where_it_is_not_known_who_speaks_for_whom(tmp_path: Path) -> None:
    first = written()
    with store_of(tmp_path, knows_logs=False) as store:
        for step in (everything(first), *parts_of(first), everything(eraser([target(first, 0)]))):
            step(store)
        assert store.part(FIRST_ID, 0, 0) is not None
    rows = run(tmp_path)
    assert has_effect(rows)
    assert len(rows[3]) == 2


def test_what_earlier_software_took_for_no_erasure_is_carried_out(tmp_path: Path) -> None:
    first = written()
    with store_of(tmp_path, knows_logs=False) as store:
        for step in (everything(first), *parts_of(first), everything(eraser([target(first, 0)]))):
            step(store)
    change(
        tmp_path,
        "DROP TABLE waiting_erasures; ALTER TABLE tombstones DROP COLUMN by_log_no; "
        "UPDATE meta SET schema_version = 5",
    )
    rows = run(tmp_path)
    assert has_effect(rows)
    assert len(rows[3]) == 2


def test_restored_database_loses_again_what_a_later_log_erased(tmp_path: Path) -> None:
    first = written()
    with store_of(tmp_path) as store:
        for step in (everything(first), *parts_of(first)):
            step(store)
    before = (tmp_path / "log.db").read_bytes()
    run(tmp_path, everything(eraser([target(first, 0)])))
    (tmp_path / "log.db").write_bytes(before)

    with store_of(tmp_path) as store:
        assert store.part(FIRST_ID, 0, 0) is None
        assert store.part(FIRST_ID, 1, 0) is not None
        everything(eraser([target(first, 0)]))(store)
    assert has_effect(run(tmp_path))


def test_receipt_is_asked_for_once_an_erasure_is_carried_out(tmp_path: Path) -> None:
    first = written()

    def unconfirmed(store: SqliteStore) -> list[tuple[LogId, int]]:
        found = store.erasures_without_receipt(
            first.log_id, 9, after=(-1, -1), last_change_id=2**63 - 1
        )
        return [(each.log_id, each.index) for each in found]

    with store_of(tmp_path) as store:
        everything(eraser([target(first, 0)]))(store)
        assert unconfirmed(store) == []
        everything(first)(store)
        assert unconfirmed(store) == [(SECOND_ID, 1)]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM erasures", "erasures_mismatch"),
        ("UPDATE tombstones SET by_log_no = NULL", "tombstones_mismatch"),
        ("DELETE FROM waiting_erasures", "waiting_erasures_mismatch"),
        ("UPDATE waiting_erasures SET target_log = x'00'", "waiting_erasures_mismatch"),
        (
            "INSERT INTO waiting_erasures SELECT log_no, 0, x'00' FROM erasures",
            "waiting_erasures_mismatch",
        ),
    ],
)
def test_check_notices_rows_that_entries_do_not_bear_out(
    tmp_path: Path, statement: str, reason: str
) -> None:
    first = written()
    later = eraser([target(first, 0)])
    missing = target(first, 0)._replace(index=9)
    say(later, EventKind.CONTENT_ERASED, ContentErased((missing,)))
    assert PEER == FIRST
    run(tmp_path, everything(first), everything(later))
    change(tmp_path, statement)
    assert reason in {found for found, _ in findings(tmp_path)}
