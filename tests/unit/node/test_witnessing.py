"""Rounds of witnessing in a node: together, seldom, never before it is known what was signed."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported
from structlog.testing import capture_logs  # noqa: E402

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.domain.identifiers import NO_INBOUND, LogId, RootHash  # noqa: E402
from registry.errors import TokenUnavailable, TryLater  # noqa: E402
from registry.log.checkpoint import Checkpoint  # noqa: E402
from registry.log.cosignature import cosignature_notes  # noqa: E402
from registry_node import witnessing  # noqa: E402
from registry_node.callers import Caller, set_caller  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from registry_node.servicers.replication import ReplicationServicer  # noqa: E402
from registry_node.witnessing import Witnessing  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    Nodes,
    carry_entries,
    found_federation,
    open_federation,
    opening,
)
from tests.unit.application.witness_world import made_by  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("witnessing")
    found_federation(folder)
    return folder


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    """One federation for all tests here: each lets the log grow a little more."""
    with open_federation(folder) as nodes:
        yield nodes


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "EVERY_S", 0.2)
    monkeypatch.setattr(witnessing, "EVERY_S_PER_MEMBER", 0.0)
    monkeypatch.setattr(witnessing, "GATHER_S", 0.05)
    monkeypatch.setattr(witnessing, "WAIT_FOR_PEERS_S", 0.0)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Witnessing]:
    found = Witnessing(node.registry, HeadHub())
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 - facts of other threads
            await asyncio.sleep(0.01)


def grow(nodes: Nodes, *to: str) -> LogId:
    alpha = nodes["alpha"]
    alpha.record(opening())
    for name in to:
        carry_entries(alpha, nodes[name], alpha.log_id)
    return alpha.log_id


def own_size(node: Node, log_id: LogId) -> int:
    own = node.registry.witness.book.find(log_id, node.registry.own.origin)
    return 0 if own is None else own.checkpoint.size


def size_of(node: Node, log_id: LogId) -> int:
    return node.registry.store.log_state(log_id).size


async def test_log_that_grew_often_is_cosigned_a_few_times_and_at_its_end(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    beta = nodes["beta"]
    made: list[int] = []
    cosign = beta.registry.witness.cosign

    def counted(logs: Any) -> Any:
        found = cosign(logs)
        made.extend(each.checkpoint.size for each in found)
        return found

    monkeypatch.setattr(beta.registry.witness, "cosign", counted)
    async with running(beta) as rounds:
        for _ in range(30):
            log_id = await asyncio.to_thread(grow, nodes, "beta")
            rounds.grew(log_id)
        book, stored = beta.registry.witness.book, beta.registry.store.cosignatures
        await until(lambda: own_size(beta, log_id) == size_of(beta, log_id))
        await until(lambda: stored.all() == book.all())

    assert made[-1] == size_of(beta, log_id)
    assert made == sorted(set(made))
    assert len(made) < 30


async def test_what_a_peer_shows_is_stored_and_told(nodes: Nodes) -> None:
    beta, gamma = nodes["beta"], nodes["gamma"]
    log_id = grow(nodes, "beta", "gamma")
    (made,) = beta.registry.witness.cosign([log_id])
    async with running(gamma) as rounds:
        feed = rounds.feed(nodes["alpha"].registry.own, {})
        feed.take()
        with capture_logs() as logs:
            rounds.shown(beta.registry.own.slug, [*cosignature_notes([made]), b"no note"])
            rounds.shown(beta.registry.own.slug, [b"no note"])
            await until(lambda: made in gamma.registry.store.cosignatures.all())
            rounds._board.hand_on()
        assert made in feed.take()
        summaries = {log_id: gamma.registry.witness.book.summary(log_id)}
        again = rounds.feed(nodes["alpha"].registry.own, summaries).take()
        assert all(each.checkpoint.origin != made.checkpoint.origin for each in again)
    refused = [each for each in logs if each["event"] == "cosignature_refused"]
    assert [(each["peer"], each["verdict"]) for each in refused] == [("beta", "malformed_note")]


async def test_peer_that_floods_is_heard_no_more_than_a_round_can_bear(nodes: Nodes) -> None:
    rounds = Witnessing(nodes["gamma"].registry, HeadHub())
    beta, alpha = nodes["beta"].registry.own.slug, nodes["alpha"].registry.own.slug
    for _ in range(1000):
        rounds.shown(beta, [b"no note"])
    rounds.shown(alpha, [b"no note"])

    assert len(rounds._inbox) == 257


async def test_nothing_is_cosigned_before_peers_were_asked(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnessing, "WAIT_FOR_PEERS_S", 3600.0)
    beta = nodes["beta"]
    log_id = grow(nodes, "beta")
    before = own_size(beta, log_id)
    async with running(beta) as rounds:
        rounds.grew(log_id)
        rounds.met(nodes["alpha"].registry.own.slug)
        await until(lambda: not rounds._wake.is_set())
        await asyncio.sleep(0)
        assert own_size(beta, log_id) == before
        rounds.met(nodes["gamma"].registry.own.slug)
        await until(lambda: own_size(beta, log_id) == size_of(beta, log_id))


async def test_nothing_is_cosigned_for_a_caller_before_peers_were_asked(
    nodes: Nodes,
) -> None:
    """After a machine was set back, its author's other history would come with the first call."""
    alpha, beta = nodes["alpha"].registry, nodes["beta"]
    log_id = grow(nodes, "beta")
    rounds: Any = Witnessing(beta.registry, HeadHub())
    unused: Any = None
    servicer = ReplicationServicer(beta.registry, HeadHub(), unused, rounds, unused)
    set_caller(Caller(alpha.own.slug, alpha.own))
    request = pb.AddCheckpointRequest(
        old_size=beta.registry.witness._before(log_id).size,
        checkpoint=alpha.proofs.checkpoint(""),
    )
    with pytest.raises(TryLater, match="just started"):
        await servicer.AddCheckpoint(request, unused)

    made = own_size(beta, log_id)
    rounds.shown(alpha.own.slug, [b"no note"])
    for slug in ("alpha", "gamma"):
        rounds.met(nodes[slug].registry.own.slug)
    with pytest.raises(TryLater, match="just started"):
        await servicer.AddCheckpoint(request, unused)  # what they have shown was not judged yet
    assert own_size(beta, log_id) == made
    await rounds._round()
    rounds.check_has_asked()
    assert own_size(beta, log_id) == size_of(beta, log_id)


async def test_lost_guard_is_made_anew_when_all_others_have_shown_what_they_know(
    folder: Path, nodes: Nodes
) -> None:
    log_id = grow(nodes, "beta")
    nodes["beta"].registry.close()
    (folder / "beta" / "guard" / "witness.bin").unlink()
    with open_federation(folder, ("beta",)) as again:
        beta = again["beta"]
        async with running(beta) as rounds:
            rounds.met(nodes["alpha"].registry.own.slug)
            await until(lambda: rounds._has_waited and not rounds._wake.is_set())
            assert beta.registry.witness.is_guard_lost
            rounds.met(nodes["gamma"].registry.own.slug)
            await until(lambda: own_size(beta, log_id) == size_of(beta, log_id))


async def test_member_that_can_never_be_reached_is_not_waited_for(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes without an inbound port: what one made comes to the other through the rest."""
    beta, members = nodes["beta"].registry, nodes["beta"].registry.roster.members
    closed = [replace(m, address=NO_INBOUND) if m.slug != "alpha" else m for m in members]
    monkeypatch.setattr(beta, "roster", replace(beta.roster, members=tuple(closed)))
    assert Witnessing(beta, HeadHub())._awaited == {"alpha", "gamma"}, "beta itself takes calls"
    monkeypatch.setattr(beta, "own", beta.roster.member_by_slug(beta.own.slug))
    assert Witnessing(beta, HeadHub())._awaited == {"alpha"}


async def test_guard_is_not_made_anew_before_what_the_last_peer_showed_was_looked_at(
    folder: Path, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last peer shows its cosignatures while a round judges those of another one."""
    log_id = grow(nodes, "beta")
    nodes["beta"].registry.close()
    shutil.copytree(folder / "beta", tmp_path / "beta")
    (tmp_path / "beta" / "guard" / "witness.bin").unlink()
    with open_federation(tmp_path, ("beta",)) as again:
        beta, gamma = again["beta"], nodes["gamma"].registry.own.slug
        before, witness = own_size(beta, log_id), beta.registry.witness
        # Of another history, which beta cosigned before it was set back: gamma alone knows.
        origin = nodes["alpha"].registry.own.origin
        lost = made_by(folder, "beta", Checkpoint(origin, 500, RootHash(b"x" * 32)))
        rounds, take = Witnessing(beta.registry, HeadHub()), witness.take

        def slow_take(notes: Any) -> Any:
            rounds.shown(gamma, cosignature_notes([lost]))
            rounds.met(gamma)
            return take(notes)

        monkeypatch.setattr(witness, "take", slow_take)
        rounds.shown(nodes["alpha"].registry.own.slug, [b"no note"])
        rounds.met(nodes["alpha"].registry.own.slug)
        await rounds._round()
        assert witness.is_guard_lost

        await rounds._round()
        assert not beta.registry.witness.is_guard_lost
        assert own_size(beta, log_id) == before, "a contradiction was signed"


async def test_token_that_does_not_answer_is_asked_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    beta = nodes["beta"]
    log_id = grow(nodes, "beta")
    cosign, failures = beta.registry.witness.cosign, [TokenUnavailable("away")]

    def failing(logs: Any) -> Any:
        if failures:
            raise failures.pop()
        return cosign(logs)

    monkeypatch.setattr(beta.registry.witness, "cosign", failing)
    async with running(beta):
        await until(lambda: own_size(beta, log_id) == size_of(beta, log_id))
    assert not failures
