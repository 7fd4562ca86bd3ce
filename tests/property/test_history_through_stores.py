"""One history on nodes with real databases: lying clocks, random reading, batches in any order."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.identifiers import LogId, MemberId, Origin, RequestKey, log_id_of
from registry.log.author import draft_event
from registry.log.digest import node_digest
from registry.log.entry import ALL_MEMBERS
from registry.log.roster import Roster
from registry.store.guard import Guard
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.values import AppendRequest
from registry.views.case_file import CaseHistory, Reader, digest_of_case, read_history
from tests.property.federation import CASES, CLOCKS
from tests.storage.storage_world import NODE_KEYS, NOW_MS, ORIGINS, Peer, author_of, roster, seed

ROSTER: Roster = roster()
FEW = max(settings.default.max_examples // 10 if settings.default else 0, 10)
"""Every example opens up to three databases with all their fsyncs."""


class StoreNode:
    """A node's store with the log that it writes."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        folder.mkdir()
        Guard.create(folder / "guard", origin)
        self.origin = origin
        self.store: SqliteStore = open_sqlite_store(
            folder / "log.db",
            author=author_of(origin),
            guard=Guard.open(folder / "guard", origin),
            node_keys=NODE_KEYS,
            now_ms=lambda: NOW_MS,
        )
        self.store.register_logs(ORIGINS).result()
        self.store.allow_appends()

    def append(self, case_number: int, time_ms: int) -> None:
        """Appends as a node does: the store finds the refs in what it has read so far."""
        draft = draft_event(
            log_id=log_id_of(self.origin),
            case_id=CASES[case_number],
            kind=5,
            time_ms=time_ms,
            parts=(),
            audience=ALL_MEMBERS,
            request_id=RequestKey(b""),
        )
        self.store.append(AppendRequest(draft=draft, request_digest=seed("none"))).result()

    def size_of(self, origin: Origin) -> int:
        return self.store.log_state(log_id_of(origin)).size

    def read(self, writer: "StoreNode", end: int) -> None:
        """Takes over one batch of another node's log, up to `end`."""
        start = self.size_of(writer.origin)
        if start < end:
            entries = writer.store.entries(log_id_of(writer.origin), 0, end)
            self.store.ingest(Peer(writer.origin, entries).batch(start, end)).result()

    def histories(self) -> list[CaseHistory]:
        reader = Reader(self.store, ROSTER, MemberId(1))
        return [read_history(reader, case_id) for case_id in CASES]

    def digest(self) -> bytes:
        states = {state.log_id: state for state in self.store.log_states()}
        digests = [(case_id, digest_of_case(self.store, states, case_id)) for case_id in CASES]
        return node_digest((case_id, found) for case_id, found in digests if found is not None)


@contextmanager
def opened_nodes(count: int) -> Iterator[list[StoreNode]]:
    with TemporaryDirectory() as folder:
        nodes = [
            StoreNode(Path(folder) / str(number), origin)
            for number, origin in enumerate(ORIGINS[:count])
        ]
        try:
            yield nodes
        finally:
            for node in nodes:
                node.store.close()


def write_at_random(data: st.DataObject, nodes: list[StoreNode]) -> None:
    """Nodes read some of each other's logs and append under clocks that say anything."""
    for _ in range(data.draw(st.integers(1, 12))):
        node = data.draw(st.sampled_from(nodes))
        other = data.draw(st.sampled_from(nodes))
        if other is not node:
            node.read(other, data.draw(st.integers(0, other.size_of(other.origin))))
        node.append(data.draw(st.sampled_from((0, 0, 1, 2))), data.draw(CLOCKS))


def catch_up(data: st.DataObject, nodes: list[StoreNode], ends: dict[LogId, int]) -> None:
    """Every node gets what it lacks, each in an order and in batches of its own."""
    for node in nodes:
        lacking = [other for other in nodes if other is not node]
        while lacking:
            writer = data.draw(st.sampled_from(lacking))
            end = ends[log_id_of(writer.origin)]
            held = node.size_of(writer.origin)
            if held >= end:
                lacking.remove(writer)
            else:
                node.read(writer, data.draw(st.integers(held + 1, end)))


def sizes(nodes: list[StoreNode]) -> dict[LogId, int]:
    return {log_id_of(node.origin): node.size_of(node.origin) for node in nodes}


def assert_equal_histories(nodes: list[StoreNode]) -> None:
    first = nodes[0].histories()
    for node in nodes[1:]:
        assert node.histories() == first
        assert node.digest() == nodes[0].digest()


@settings(max_examples=FEW)
@given(st.integers(2, 3), st.data())
def test_histories_vectors_and_digests_are_equal_once_all_have_caught_up(
    count: int, data: st.DataObject
) -> None:
    with opened_nodes(count) as nodes:
        write_at_random(data, nodes)
        catch_up(data, nodes, sizes(nodes))

        assert_equal_histories(nodes)
        told = [event for history in nodes[0].histories() for event in history.events]
        assert len(told) == sum(sizes(nodes).values())
        assert not any(event.remarks for event in told)


@settings(max_examples=FEW)
@given(st.data())
def test_frozen_log_is_told_alike_by_those_who_hold_more_and_less_of_it(
    data: st.DataObject,
) -> None:
    with opened_nodes(3) as nodes:
        write_at_random(data, nodes)
        frozen = nodes[2]
        log_id, size = log_id_of(frozen.origin), frozen.size_of(frozen.origin)
        held = max(node.size_of(frozen.origin) for node in nodes[:2])
        at = data.draw(st.integers(0, size))
        # One node has read all of the log, the other no more than it must.
        catch_up(data, [nodes[0], frozen], sizes(nodes))
        catch_up(data, [nodes[0], nodes[1]], sizes(nodes))
        nodes[1].read(frozen, max(at, held))
        for node in nodes[:2]:
            node.store.freeze(log_id, at, "bad_entry_signature", b"evidence").result()

        assert_equal_histories(nodes[:2])
