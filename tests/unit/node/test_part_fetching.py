"""Bringing content: bounded in bytes, nothing lost that came, nobody blamed for our own disk."""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import grpc
import pytest

from registry.domain.identifiers import LogId
from registry.errors import CommitmentMismatch, CorruptDatabase, DurabilityError, PeerUnavailable
from registry.store.values import AskedParts, HeldPart
from tests.unit.application.federation_in_process import carry_entries, open_node
from tests.unit.node.part_world import (
    FakePeer,
    Following,
    sources_of,
    two_nodes,
    write,
)

MIB = 2**20


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    with two_nodes(tmp_path / "federation") as nodes:
        yield Following(nodes["alpha"], nodes["beta"])


def write_many(following: Following, count: int) -> None:
    for number in range(count):
        write(following.alpha, b"content %d" % number)


async def test_everything_comes_and_nothing_is_asked_twice(following: Following) -> None:
    write_many(following, 3)
    peer = following.peer()

    assert await following.catch_up(peer) == 3
    assert await following.catch_up(peer) == 0
    assert following.held() == [(0, 0), (1, 0), (2, 0)]
    assert (following.watermark(), following.wanted()) == (3, [])
    assert peer.asked == [[(0, 0), (1, 0), (2, 0)]]


async def test_what_came_before_the_deadline_stays_and_only_the_rest_is_asked_again(
    following: Following,
) -> None:
    write_many(following, 4)
    hasty, patient = following.peer(breaks_after=2), following.peer()

    assert await following.catch_up(hasty) == 2
    assert following.held() == [(0, 0), (1, 0)]
    assert (following.watermark(), following.wanted()) == (4, [(2, 0), (3, 0)])
    again = await following.fetcher.retry(
        following.author, sources_of(patient), is_stopped=lambda: False
    )
    assert again == 2
    assert patient.asked == [[(2, 0), (3, 0)]]
    assert following.wanted() == []


async def test_next_peer_is_asked_for_what_the_one_before_did_not_give(
    following: Following,
) -> None:
    write_many(following, 4)
    hasty, patient = following.peer(breaks_after=3), following.peer()

    assert await following.catch_up(hasty, patient) == 4
    assert patient.asked == [[(3, 0)]]
    ((peer, fault),) = following.faults
    assert peer == "peer-0"
    assert isinstance(fault, PeerUnavailable)


async def test_peer_that_failed_is_asked_no_more_in_this_run(following: Following) -> None:
    write_many(following, 501)
    hasty = following.peer(breaks_after=0, code=grpc.StatusCode.UNAVAILABLE)

    await following.catch_up(hasty)
    # Nobody is left to ask: the second page is no page of missing parts, it waits.
    assert len(hasty.asked) == 1
    assert following.watermark() == 500
    assert await following.catch_up(following.peer()) == 1


async def test_requests_are_bounded_by_the_bytes_that_headers_claim(following: Following) -> None:
    for number in range(18):
        write(following.alpha, bytes([number]) * (256 * 1024))
    write(following.alpha, b"small")
    peer = following.peer()

    assert await following.catch_up(peer) == 19
    # A request asks for about 4 MiB: sixteen parts of 256 KiB.
    asked = [[index for index, _ in request] for request in peer.asked]
    assert asked == [list(range(16)), [16, 17, 18]]
    assert peer.timeouts[0] > peer.timeouts[-1]


async def test_peer_whose_calls_break_off_is_asked_for_less_at_once_and_slowly_for_more_again(
    following: Following,
) -> None:
    for number in range(24):
        write(following.alpha, bytes([number]) * (256 * 1024))
    hasty = following.peer(breaks_after=0, code=grpc.StatusCode.UNAVAILABLE)

    assert await following.catch_up(hasty) == 0
    steady = following.peer()
    for _ in range(2):
        await following.fetcher.retry(
            following.author, sources_of(steady), is_stopped=lambda: False
        )
    assert [len(request) for request in (*hasty.asked, *steady.asked)] == [16, 4, 4, 4, 4, 4, 4]
    for number in range(16):
        write(following.alpha, bytes([number]) * (256 * 1024))
    assert await following.catch_up(steady) == 16
    assert len(steady.asked[-1]) == 16


async def test_part_that_claims_more_than_any_may_have_is_not_asked_for_but_stays_wanted(
    following: Following,
) -> None:
    write(following.alpha, b"before")
    write(following.alpha, b"huge", claimed=64 * MIB + 1)
    write(following.alpha, b"endless", claimed=2**63)
    write(following.alpha, b"behind")
    peer = following.peer()

    assert await following.catch_up(peer) == 2
    assert following.held() == [(0, 0), (3, 0)]
    assert following.wanted() == [(1, 0), (2, 0)]
    assert (
        await following.fetcher.retry(following.author, sources_of(peer), is_stopped=lambda: False)
        == 0
    )
    assert peer.asked == [[(0, 0), (3, 0)]]


async def test_peer_that_sends_more_than_the_header_claims_is_refused(
    following: Following,
) -> None:
    write(following.alpha, b"x" * 5_000, claimed=256)

    assert await following.catch_up(following.peer()) == 0
    ((_, fault),) = following.faults
    assert isinstance(fault, CommitmentMismatch)
    assert following.held() == []


async def test_every_wanted_part_is_asked_for_in_one_round_however_they_lie(
    following: Following,
) -> None:
    write_many(following, 60)
    missing = [0, 1, 5, 30, 31, 59]
    await following.catch_up(following.peer(withheld=set(missing)))
    peer = following.peer()

    await following.fetcher.retry(following.author, sources_of(peer), is_stopped=lambda: False)
    assert peer.asked == [[(index, 0) for index in missing]]
    assert following.wanted() == []


async def test_wanted_parts_are_found_with_few_reads(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(following, 300)
    await following.catch_up(following.peer(withheld=set(range(0, 300, 2))))
    store = following.beta.registry.store
    reads: list[tuple[int, int]] = []
    read = store.entries

    def count(log_id: LogId, start: int, end: int) -> list[bytes]:
        reads.append((start, end))
        return read(log_id, start, end)

    monkeypatch.setattr(store, "entries", count)

    await following.fetcher.retry(
        following.author, sources_of(following.peer()), is_stopped=lambda: False
    )
    assert following.wanted() == []
    assert len(reads) == 1


async def test_round_that_was_stopped_goes_on_where_it_ended(following: Following) -> None:
    write_many(following, 510)
    await following.catch_up(following.peer(withheld=set(range(510))))
    peer = following.peer(withheld=set(range(500)))
    answers = iter([False, True])

    await following.fetcher.retry(
        following.author, sources_of(peer), is_stopped=lambda: next(answers)
    )
    assert [request[0] for request in peer.asked] == [(0, 0)]
    await following.fetcher.retry(following.author, sources_of(peer), is_stopped=lambda: False)
    assert [request[0] for request in peer.asked] == [(0, 0), (500, 0)]
    assert following.wanted() == [(index, 0) for index in range(500)]


async def test_own_content_comes_back_after_a_loss_and_what_is_here_is_not_asked_for(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "federation"
    with two_nodes(folder) as nodes:
        before = Following(nodes["alpha"], nodes["beta"])
        write_many(before, 2)
        await before.catch_up(before.peer())
    for file in (folder / "alpha").glob("log.db*"):
        file.unlink()
    alpha, beta = open_node(folder, "alpha", opens_log=False), open_node(folder, "beta")
    carry_entries(beta, alpha, alpha.log_id)
    alpha.registry.open_log()
    write(alpha, b"recorded after the loss")
    own, store = alpha.registry.own, alpha.registry.store
    peer = FakePeer(beta, own)
    assert store.part(alpha.log_id, 0, 0) is None

    fetcher = Following(beta, alpha).fetcher
    brought = await fetcher.catch_up(own, sources_of(peer), is_stopped=lambda: False)
    assert (brought.stored, brought.missing) == (2, 0)
    assert peer.asked == [[(0, 0), (1, 0)]]
    assert store.log_state(alpha.log_id).parts_below == 3
    assert store.part(alpha.log_id, 0, 0) is not None
    alpha.registry.close()
    beta.registry.close()


def damage_header(database: Path, log_id: LogId, index: int) -> None:
    """Flips the bits of one byte in a stored header."""
    place = (log_id.hex(), index)
    where = "WHERE originator_id = ? AND originator_version = ?"
    with sqlite3.connect(database) as connection:
        (entry,) = connection.execute(f"SELECT state FROM stored_events {where}", place).fetchone()
        damaged = entry[:5] + bytes([entry[5] ^ 0xFF]) + entry[6:]
        connection.execute(f"UPDATE stored_events SET state = ? {where}", (damaged, *place))
    connection.close()


@pytest.mark.parametrize("is_asked_again", [False, True])
async def test_damaged_header_on_our_own_disk_is_no_peers_fault(
    following: Following, tmp_path: Path, *, is_asked_again: bool
) -> None:
    write_many(following, 3)
    if is_asked_again:
        await following.catch_up(following.peer(withheld={1}))
    carry_entries(following.alpha, following.beta, following.alpha.log_id)
    damage_header(tmp_path / "federation" / "beta" / "log.db", following.alpha.log_id, 1)
    sources, author = sources_of(following.peer()), following.author

    fetcher = following.fetcher
    run = fetcher.retry if is_asked_again else fetcher.catch_up

    with pytest.raises(CorruptDatabase, match="fsck"):
        await run(author, sources, is_stopped=lambda: False)
    assert following.faults == []


async def test_failed_write_ends_the_run_and_leaves_the_watermark(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(following, 3)
    failed: Future[None] = Future()
    failed.set_exception(DurabilityError("the disk is full"))
    monkeypatch.setattr(following.beta.registry.store, "put_parts", lambda *_: failed)

    with pytest.raises(DurabilityError):
        await following.catch_up(following.peer())
    assert following.watermark() == 0
    assert following.faults == []


async def test_last_parts_of_a_page_and_its_watermark_are_one_write(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(following, 3)
    store = following.beta.registry.store
    writes: list[tuple[int, AskedParts | None]] = []
    put = store.put_parts

    def count(parts: Sequence[HeldPart], asked: AskedParts | None = None) -> "Future[None]":
        writes.append((len(parts), asked))
        return put(parts, asked)

    monkeypatch.setattr(store, "put_parts", count)
    await following.catch_up(following.peer())
    # One part a message here: each is written when the next one has come.
    whole = AskedParts(following.alpha.log_id, 3, [])
    assert writes == [(1, None), (1, None), (1, whole)]
