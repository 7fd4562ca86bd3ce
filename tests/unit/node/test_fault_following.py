"""Fault proofs at a node: made where it meets a fault or another history."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402

from registry.application.membership.founding import load_signer  # noqa: E402
from registry.domain.identifiers import LeafHash, Slug  # noqa: E402
from registry.log.entry import EventRef  # noqa: E402
from registry.log.fault_proof import SignedPrefix  # noqa: E402
from tests.faults.honest_peer import HonestPeer  # noqa: E402
from tests.storage.storage_world import case  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    Nodes,
    found_federation,
    open_federation,
)
from tests.unit.node.fault_world import (  # noqa: E402
    HELD,
    PEER,
    THIEF,
    FakePeer,
    Following,
    alpha_member,
    branch_of,
    intake_at,
    state_at,
    take,
)

OTHER: Final = Slug("delta")


class SilentPeer(FakePeer):
    """Answers only when it may."""

    def __init__(self, author: HonestPeer) -> None:
        super().__init__(author)
        self.was_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def GetPrefix(self, request: Any, timeout: float) -> Any:  # noqa: ASYNC109, N802 - as the stub
        self.was_asked.set()
        await self.may_answer.wait()
        return await super().GetPrefix(request, timeout)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    found_federation(folder)
    return folder


@pytest.fixture
def nodes(founded: Path, tmp_path: Path) -> Iterator[Nodes]:
    shutil.copytree(founded, tmp_path, dirs_exist_ok=True)
    with open_federation(tmp_path) as nodes:
        yield nodes


@pytest.fixture
def alpha(nodes: Nodes) -> Node:
    return nodes["alpha"]


@pytest.fixture
def author(nodes: Nodes) -> HonestPeer:
    """beta, whose key is at hand."""
    registry = nodes["beta"].registry
    signer = load_signer(registry.folder, "log")
    peer = HonestPeer(registry.own.origin, registry.registry_id, signer)
    for number in range(HELD):
        peer.write(f"event {number}")
    return peer


# --- an author's fault under a checkpoint ---------------------------------------------------------


@pytest.mark.parametrize("size", [6, 7, 13])
@pytest.mark.parametrize(("first", "end"), [(0, 6), (3, 6), (4, 99)])
async def test_bad_entry_is_proven_from_what_a_fetch_brought(
    alpha: Node, author: HonestPeer, size: int, first: int, end: int
) -> None:
    author = author.fork_at(5)
    author.add(author.make_entry("bad", index=5)[:-64] + bytes(64))
    while len(author.entries) < size:
        author.write(f"event {len(author.entries)}")
    intake = intake_at(alpha, author)
    for stop in sorted({first, min(end, size)} - {0}):
        take(intake, author, stop, size)

    assert intake.bad_entry is not None
    following, member = Following(alpha), alpha_member(alpha, author)
    assert await following.end_log(member, intake.bad_entry)
    state = state_at(alpha, author)
    assert (state.frozen_at, state.size, state.frozen_reason) == (5, 5, "bad_entry_signature")
    (kept,) = alpha.registry.faults.kept()
    assert alpha.registry.faults.judge(kept.proof).frozen_at == 5


async def test_entry_that_goes_back_is_proven_beside_the_one_before_it(
    alpha: Node, author: HonestPeer
) -> None:
    author = author.fork_at(2)
    other = alpha.log_id
    for index in (7, 6):
        ref = EventRef(other, index, LeafHash(bytes(32)))
        author.write(f"ref to {index}", case_id=case(1), refs=[ref])
        author.write("between")
    intake = intake_at(alpha, author)
    take(intake, author, 3, 6)
    take(intake, author, 6, 6)

    assert intake.bad_entry is not None
    following, member = Following(alpha), alpha_member(alpha, author)
    assert await following.end_log(member, intake.bad_entry)
    state = state_at(alpha, author)
    assert (state.frozen_at, state.size, state.frozen_reason) == (4, 4, "backward_entry")


def test_nothing_past_the_end_of_a_log_is_taken_be_it_good_or_bad(
    alpha: Node, author: HonestPeer
) -> None:
    author.add(b"no entry at all")
    intake = intake_at(alpha, author, {author.log_id: 7})
    take(intake, author, HELD + 1, HELD + 1)

    assert (intake.held.size, intake.is_whole, intake.fault) == (7, True, None)
    assert state_at(alpha, author).size == 7


# --- two histories --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [8, HELD, 19])
@pytest.mark.parametrize("at", [0, 4, 7])
async def test_place_where_two_histories_part_is_found_and_proven(
    alpha: Node, author: HonestPeer, at: int, size: int
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    following, peer = Following(alpha), FakePeer(branch_of(author, at, size))

    await following.ask(peer, author, size)

    state = state_at(alpha, author)
    assert (state.frozen_at, state.frozen_reason) == (at, "two_histories")
    assert len(peer.asked) <= 1 + HELD.bit_length()
    assert following.refused == []


async def test_peer_that_vanishes_leaves_what_was_proven_and_the_next_one_the_rest(
    alpha: Node, author: HonestPeer
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    branch, ends = branch_of(author, 2, HELD), []
    for patience in (0, 1, 2, 100):
        await Following(alpha).ask(FakePeer(branch, patience), author, HELD)
        ends.append(state_at(alpha, author).frozen_at)

    assert ends == [None, HELD - 1, 4, 2]


async def test_note_of_the_size_that_is_held_proves_by_itself(
    alpha: Node, author: HonestPeer
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    branch = branch_of(author, 2, HELD)

    await Following(alpha).ask(FakePeer(branch, 0), author, HELD, note=branch.note_at(HELD))

    assert state_at(alpha, author).frozen_at == HELD - 1


async def test_entries_prove_what_no_checkpoint_that_is_held_reaches(
    alpha: Node, author: HonestPeer
) -> None:
    intake = intake_at(alpha, author)
    take(intake, author, 3, 3)
    take(intake, author, 8, HELD)

    await Following(alpha).ask(FakePeer(branch_of(author, 6, HELD)), author, HELD)

    state = state_at(alpha, author)
    assert (state.noted_size, state.frozen_at, state.frozen_reason) == (3, 6, "two_entries")


@pytest.mark.parametrize("lie", ["path", "note", "stranger"])
async def test_peer_whose_prefix_does_not_hold_is_refused_and_freezes_nothing(
    alpha: Node, author: HonestPeer, lie: str
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    branch = branch_of(author, 4, HELD + 3)
    forged = HonestPeer(author.origin, author.registry_id, THIEF, branch.entries)
    twists: dict[str, tuple[str, Any]] = {
        "path": ("bad_proof", lambda prefix: prefix._replace(path=prefix.path[:-1])),
        "note": ("malformed_note", lambda prefix: prefix._replace(checkpoint=b"")),
        "stranger": (
            "bad_note_signature",
            lambda prefix: prefix._replace(checkpoint=forged.note_at(HELD + 3)),
        ),
    }
    reason, twist = twists[lie]
    following = Following(alpha)

    await following.ask(FakePeer(branch, twist=twist), author, HELD + 3)

    assert following.refused == [(PEER, reason)]
    assert state_at(alpha, author).frozen_at is None


@pytest.mark.parametrize("is_peers", [True, False])
async def test_peer_that_holds_the_same_log_after_all_lied_about_its_entries(
    alpha: Node, author: HonestPeer, *, is_peers: bool
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    following = Following(alpha)

    await following.ask(FakePeer(branch_of(author, HELD, 20)), author, 20, is_peers=is_peers)

    assert following.refused == ([(PEER, "root_mismatch")] if is_peers else [])
    assert state_at(alpha, author).frozen_at is None


async def test_mistake_of_ours_that_an_answer_brings_out_costs_its_peer_and_not_the_node(
    alpha: Node, author: HonestPeer
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)

    def break_down(_: SignedPrefix) -> SignedPrefix:
        raise BufferError

    following = Following(alpha)
    peer = FakePeer(branch_of(author, 4, HELD), twist=break_down)

    await following.ask(peer, author, HELD)

    assert following.refused == [(PEER, "internal_error")]


async def test_peer_that_does_not_answer_holds_up_no_question_to_another(
    alpha: Node, author: HonestPeer
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    following, silent = Following(alpha), SilentPeer(branch_of(author, 4, HELD))
    other = FakePeer(silent.author)
    stubs: dict[Slug, Any] = {OTHER: other, PEER: silent}
    async with asyncio.TaskGroup() as tasks:
        following.start(tasks, stubs)
        following.suspect(PEER, author.log_id, HELD)
        await silent.was_asked.wait()
        async with asyncio.TaskGroup() as more_tasks:
            following.start(more_tasks, stubs)
            following.suspect(OTHER, author.log_id, HELD)
        assert state_at(alpha, author).frozen_at == 4
        silent.may_answer.set()


async def test_search_ends_after_a_few_times_the_longest_call_and_proves_what_was_found(
    alpha: Node, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(intake_at(alpha, author), author, HELD, HELD)
    loop, slow = asyncio.get_running_loop(), FakePeer(branch_of(author, 2, HELD))
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + 2 * len(slow.asked))

    await Following(alpha).ask(slow, author, HELD)

    assert len(slow.asked) == 2
    assert state_at(alpha, author).frozen_at == 4
