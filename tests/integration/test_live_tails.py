"""Heads with the last entries, over real gRPC: live events need no fetch, lying tails are refused.

The liar is the only one to ask; its lies stand in the tail, and what it answers to a fetch is true.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from registry.api.v1 import replication_pb2 as pb
from registry.api.v1 import replication_pb2_grpc
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.application.recording import RecordCommand
from registry.client import case
from registry.replication.ingest import TAIL_MAX_BYTES
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_member,
    client_of,
    found,
    opened,
    sizes_at,
    start_all,
    statement,
    stop_all,
    until,
    until_equal,
    until_refused,
)
from tests.integration.lying_peer import Script, TrueLog, flipped, lying, read_log
from tests.integration.parts_world import open_registry

EVENTS: Final = 10


# --- honest nodes ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    nodes = found(tmp_path_factory.mktemp("three"), "writer", "reader", "other")
    try:
        start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


def fetches(node: LocalNode) -> int:
    """How many streams of entries others have asked a node for."""
    lines = node.log_file.read_text(encoding="utf-8").splitlines()
    methods = [json.loads(line).get("method", "") for line in lines]
    return sum(method.endswith("/GetEntries") for method in methods)


async def test_live_events_reach_every_peer_without_a_fetch(three: list[LocalNode]) -> None:
    writer = three[0]
    async with client_of(writer) as client:
        receipt = await client.open_case("first", opened("Live events (invented)"))
    await until_equal(three, case_count=1)
    before = [fetches(node) for node in three]
    for number in range(EVENTS):
        async with client_of(writer) as client:
            await client.record(f"live {number}", case(receipt.case_id), statement(f"No. {number}"))

        async def has_arrived(size: int = number + 2) -> bool:
            return all([(await sizes_at(node))["writer"] == size for node in three])

        await until(has_arrived, f"event {number} at all nodes")
    await until_equal(three, case_count=1)
    assert [fetches(node) for node in three] == before


async def first_head(
    node: LocalNode, member: LocalNode, *, held: pb.HeldLog
) -> pb.WatchHeadsResponse:
    """The first head of a stream that a member opens, telling what it holds of one log."""
    async with channel_as_member(node, member) as channel:
        stub = replication_pb2_grpc.ReplicationServiceStub(channel)
        async for response in stub.WatchHeads(pb.WatchHeadsRequest(held=[held]), timeout=10):
            if response.head.log_id == held.log_id:
                return response
    pytest.fail("the stream ended before the head came")


async def test_relay_sends_what_the_caller_lacks_but_to_the_author_no_entries_of_its_own_log(
    three: list[LocalNode],
) -> None:
    writer, reader, other = three
    async with client_of(writer) as client:
        for number in range(2):
            await client.open_case(f"relayed {number}", opened(f"Relayed {number} (invented)"))
    size = (await sizes_at(writer))["writer"]

    async def has_arrived() -> bool:
        return (await sizes_at(reader))["writer"] == size

    await until(has_arrived, "the events at the relay")
    log_id = read_log_id(writer)
    held = pb.HeldLog(log_id=log_id, size=size - 2)
    relayed = (await first_head(reader, other, held=held)).head
    assert (relayed.tail.start, len(relayed.tail.entries)) == (size - 2, 2)
    own = (await first_head(reader, writer, held=held)).head
    assert own.checkpoint == relayed.checkpoint
    assert not own.HasField("tail")


def read_log_id(node: LocalNode) -> bytes:
    """The id of a node's own log, from its roster."""
    return load_roster(NodeFolder(node.folder)).member_by_slug(node.mechanism.slug).log_id


# --- lies -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lied_about(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[LocalNode], TrueLog]:
    nodes = found(tmp_path_factory.mktemp("lied"), "author", "liar", "victim")
    registry = open_registry(nodes[0])
    try:
        registry.open_log()
        for number in range(EVENTS):
            content = opened(f"Case {number} (invented)")
            registry.record(RecordCommand(f"case-{number}", "", None, content)).result()
    finally:
        registry.close()
    return nodes, read_log(nodes[0])


@pytest.fixture
async def victim(lied_about: tuple[list[LocalNode], TrueLog]) -> AsyncIterator[LocalNode]:
    node = lied_about[0][2]
    node.start()
    try:
        await node.wait_until_open()
        yield node
    finally:
        node.kill()
        forget(node.folder)


def forget(folder: Path) -> None:
    for file in folder.glob("*.db*"):
        file.unlink()


def head_with(log: TrueLog, entries: list[bytes], *, start: int = 0) -> bytes:
    tail = pb.Tail(start=start, entries=entries)
    head = pb.Head(log_id=log.log_id, checkpoint=log.note, tail=tail)
    return pb.WatchHeadsResponse(head=head).SerializeToString()


def swapped(log: TrueLog) -> list[bytes]:
    entries = list(log.entries)
    entries[3], entries[4] = entries[4], entries[3]
    return entries


TAIL_LIES: Final[dict[str, tuple[str, Callable[[TrueLog], bytes]]]] = {
    "changed_entry": (
        "bad_entry_signature",
        lambda log: head_with(log, [*log.entries[:-1], flipped(log.entries[-1], -70)]),
    ),
    "reordered_entries": ("reordered_entries", lambda log: head_with(log, swapped(log))),
    "replayed_entry": (
        "repeated_entry",
        lambda log: head_with(log, [*log.entries[:-1], log.entries[0]]),
    ),
    "entry_left_out_at_the_end": (
        "misplaced_entry",
        lambda log: head_with(log, list(log.entries[:-1])),
    ),
    "entry_left_out_at_the_start": (
        "misplaced_entry",
        lambda log: head_with(log, list(log.entries[1:])),
    ),
    "one_entry_too_many": (
        "misplaced_entry",
        lambda log: head_with(log, [*log.entries, log.entries[-1]]),
    ),
    "entry_over_all_limits": (
        "limit_exceeded",
        lambda log: head_with(log, [*log.entries[:-1], bytes(TAIL_MAX_BYTES)]),
    ),
    "no_entries": ("empty_message", lambda log: head_with(log, [])),
}


@pytest.mark.parametrize("lie", TAIL_LIES)
async def test_lying_tail_is_refused_for_its_reason_and_nothing_is_stored(
    lied_about: tuple[list[LocalNode], TrueLog], victim: LocalNode, lie: str
) -> None:
    (_, liar, _), log = lied_about
    reason, tell = TAIL_LIES[lie]
    script = Script(heads=(), entries=log.messages, raw_heads=(tell(log),))
    async with lying(liar, victim, script) as peer:
        await until_refused(victim, "liar", reason)
        assert peer.asked_entries == 0
    assert set((await sizes_at(victim)).values()) == {0}


async def test_true_tail_of_the_same_server_is_taken_without_a_fetch(
    lied_about: tuple[list[LocalNode], TrueLog], victim: LocalNode
) -> None:
    """The control: what is refused above is refused for the lie."""
    (_, liar, _), log = lied_about
    script = Script(heads=(), entries=(), raw_heads=(head_with(log, list(log.entries)),))
    async with lying(liar, victim, script) as peer:

        async def is_held() -> bool:
            return (await sizes_at(victim))["author"] == EVENTS

        await until(is_held, "the whole log at the victim")
        assert peer.asked_entries == 0


async def test_tail_that_leaves_a_gap_is_left_and_the_log_fetched(
    lied_about: tuple[list[LocalNode], TrueLog], victim: LocalNode
) -> None:
    (_, liar, _), log = lied_about
    gap = head_with(log, list(log.entries[-2:]), start=EVENTS - 2)
    script = Script(heads=(), entries=log.messages, raw_heads=(gap,))
    async with lying(liar, victim, script) as peer:

        async def is_held() -> bool:
            return (await sizes_at(victim))["author"] == EVENTS

        await until(is_held, "the whole log at the victim")
        assert peer.asked_entries == 1
