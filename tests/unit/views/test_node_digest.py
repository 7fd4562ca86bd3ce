"""The node digest: one hash over all cases, under the vector it stands for."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from registry.domain.content import StatementIssued
from registry.domain.identifiers import CaseId
from registry.store.sqlite import SqliteStore
from registry.views.case_file import read_history
from registry.views.node_digest import read_node_digest
from tests.storage.storage_world import OTHER, PEER, PEER_ID, case, open_store
from tests.unit.views.view_world import Mechanism, reader_of, take

STATEMENT = StatementIssued(acting_body="a", basis="own_act")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def peer(store: SqliteStore) -> Mechanism:
    """Seven events on five cases, held by the store."""
    peer = Mechanism(PEER)
    for number in (3, 1, 4, 1, 5, 9, 3):
        peer.act(STATEMENT, case_id=case(number))
    take(store, peer)
    return peer


def hash_over(pairs: dict[CaseId, bytes]) -> bytes:
    """Computed from the design's words and not by our code."""
    joined = b"".join(case_id + pairs[case_id] for case_id in sorted(pairs))
    return sha256(b"registry/node/v1\n" + joined).digest()


def test_node_digest_covers_every_case_once(
    store: SqliteStore, peer: Mechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = [read_history(reader_of(store), case(n)) for n in (1, 3, 4, 5, 9)]
    expected = hash_over({each.case_id: each.digest for each in histories})

    found = read_node_digest(reader_of(store))
    monkeypatch.setattr("registry.views.node_digest._PAGE", 2)

    assert (found.digest, found.case_count) == (expected, 5)
    assert found.vector == histories[0].vector
    assert read_node_digest(reader_of(store)) == found


def test_empty_node_has_the_digest_of_no_cases(store: SqliteStore) -> None:
    found = read_node_digest(reader_of(store))

    assert (found.digest, found.case_count, found.vector) == (hash_over({}), 0, ())


def test_case_whose_events_are_all_void_is_left_out(store: SqliteStore, peer: Mechanism) -> None:
    store.freeze(PEER_ID, 2, "bad_entry_signature", b"").result()
    histories = [read_history(reader_of(store), case(n)) for n in (1, 3)]

    found = read_node_digest(reader_of(store))

    assert (found.digest, found.case_count) == (
        hash_over({each.case_id: each.digest for each in histories}),
        2,
    )
    assert [place.size for place in found.vector] == [2]


def test_frozen_log_gives_the_digest_of_a_node_that_never_held_the_rest(
    store: SqliteStore, peer: Mechanism, tmp_path: Path
) -> None:
    store.freeze(PEER_ID, 4, "bad_entry_signature", b"").result()
    (tmp_path / "second").mkdir()
    second = open_store(tmp_path / "second")
    take(second, peer, end=4)

    assert read_node_digest(reader_of(store)) == read_node_digest(reader_of(second))
    second.close()


def test_logs_that_grow_while_the_digest_is_made_change_nothing(
    store: SqliteStore, peer: Mechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_node_digest(reader_of(store))
    other = Mechanism(OTHER)
    other.act(STATEMENT, case_id=case(1))
    other.act(STATEMENT, case_id=case(77))
    read_ids = store.case_ids

    def grow_and_list(after: CaseId | None, limit: int) -> list[CaseId]:
        if after is None:
            take(store, other)
        return read_ids(after, limit)

    monkeypatch.setattr(store, "case_ids", grow_and_list)

    assert read_node_digest(reader_of(store)) == expected
    monkeypatch.undo()
    assert read_node_digest(reader_of(store)).case_count == 6
