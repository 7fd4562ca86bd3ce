"""Control in the store: every order of arrival gives the same rows; fsck notices other ones."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.log.author import draft_event
from registry.log.control import ContentErased, Control, ErasureReceipt, PartTarget, encode_control
from registry.log.entry import ALL_MEMBERS
from registry.log.merkle import leaf_hash
from registry.store.check_control import ExpectedControl
from registry.store.values import read_header
from tests.storage.storage_world import NOW_MS, OTHER, Peer, author_of, case, open_store, part_of

STEPS: Final = ("first half", "second half", "part", "other log")
_ROWS: Final = (
    "SELECT entry_index, ordinal, hex(commitment), by_index FROM tombstones",
    "SELECT entry_index FROM erasures",
    (
        "SELECT r.entry_index, l.origin, r.receipt_index FROM erasure_receipts r "
        "JOIN logs l ON l.log_no = r.receipt_log_no"
    ),
    "SELECT count(*) FROM parts",
    "SELECT count(*) FROM wanted_parts",
)


def say(peer: Peer, kind: EventKind, control: Control, case_id: CaseId | None = None) -> None:
    made = draft_event(
        log_id=peer.log_id,
        case_id=case_id or case(0),
        kind=kind,
        time_ms=NOW_MS,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=b"",  # type: ignore[arg-type] # none
        control=encode_control(control),
    )
    peer.drafts.append(made)
    peer.entries.append(author_of(peer.origin).write_entry(made, index=len(peer.entries), refs=()))


def erased_peer() -> Peer:
    """A log that erases the part of its first event."""
    peer = Peer()
    peer.write("erased later", case_id=case(0))
    peer.write("kept", case_id=case(0))
    commitment = peer.drafts[0].commitments[0].commitment
    erased = ContentErased((PartTarget(peer.log_id, 0, 0, commitment),))
    say(peer, EventKind.CONTENT_ERASED, erased)
    return peer


def rows_of(folder: Path) -> list[list[tuple[object, ...]]]:
    connection = sqlite3.connect(folder / "log.db")
    try:
        return [sorted(connection.execute(sql).fetchall()) for sql in _ROWS]
    finally:
        connection.close()


def arrive(folder: Path, order: Sequence[str]) -> list[list[tuple[object, ...]]]:
    folder.mkdir()
    peer, other = erased_peer(), Peer(OTHER)
    receipt = ErasureReceipt(peer.log_id, 2, leaf_hash(peer.entries[2]))
    say(other, EventKind.ERASURE_RECEIPT, receipt)
    store = open_store(folder)
    steps: dict[str, Callable[[], Future[Any]]] = {
        "first half": lambda: store.ingest(peer.batch(0, 1)),
        "second half": lambda: store.ingest(peer.batch(1)),
        "part": lambda: store.put_parts([part_of(peer, 0)]),
        "other log": lambda: store.ingest(other.batch()),
    }
    for step in order:
        steps[step]().result()
    store.close()
    return rows_of(folder)


def test_every_order_of_arrival_gives_the_same_rows(tmp_path: Path) -> None:
    possible = [
        order
        for order in permutations(STEPS)
        if order.index("first half") < min(order.index("second half"), order.index("part"))
    ]
    found = [arrive(tmp_path / str(n), order) for n, order in enumerate(possible)]
    assert len(found) == 8
    assert all(rows == found[0] for rows in found)
    assert [len(rows) for rows in found[0][:3]] == [1, 1, 1]
    assert found[0][3] == [(0,)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM tombstones", "tombstones_mismatch"),
        ("DELETE FROM erasures", "erasures_mismatch"),
        ("UPDATE tombstones SET entry_index = 1", "tombstones_mismatch"),
        ("INSERT INTO widenings SELECT log_no, 0, 1, 1, x'' FROM erasures", "widenings_mismatch"),
        ("DELETE FROM erasure_receipts", "erasure_receipts_mismatch"),
        (
            (
                "DROP TRIGGER erased_stay_out_of_wanted_parts; INSERT INTO wanted_parts "
                "SELECT log_no, entry_index, ordinal, 0 FROM tombstones"
            ),
            "erased_content",
        ),
    ],
)
def test_check_notices_rows_that_entries_do_not_bear_out(
    tmp_path: Path, change: str, reason: str
) -> None:
    arrive(tmp_path / "store", STEPS)
    connection = sqlite3.connect(tmp_path / "store" / "log.db")
    try:
        assert reasons_of(connection) == set()
        connection.executescript(change)
        assert reason in reasons_of(connection)
    finally:
        connection.close()


def reasons_of(connection: sqlite3.Connection) -> set[str]:
    expected = ExpectedControl(connection, {})
    entries = connection.execute(
        "SELECT l.log_no, s.state FROM stored_events s JOIN logs l "
        "ON s.originator_id = lower(hex(l.log_id)) ORDER BY l.log_no, s.originator_version"
    )
    for log_no, entry in entries.fetchall():
        expected.add(log_no, read_header(entry))
    return {finding.reason for finding in expected.compare()}
