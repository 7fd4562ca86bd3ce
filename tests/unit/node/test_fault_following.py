"""Fault proofs at a node: made where it meets a fault, taken if they hold, let go with old keys."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.application.intake import EntryRun, LogIntake  # noqa: E402
from registry.application.membership.founding import load_signer  # noqa: E402
from registry.domain.identifiers import LeafHash, LogId, Slug  # noqa: E402
from registry.log.entry import EventRef  # noqa: E402
from registry.log.fault_proof import (  # noqa: E402
    FaultProof,
    SignedPrefix,
    decode_fault_proof,
    encode_fault_proof,
    encode_signed_prefix,
    two_entries,
    two_histories,
)
from registry.log.signing import Ed25519Signer  # noqa: E402
from registry.store.values import LogState  # noqa: E402
from registry_node import fault_following  # noqa: E402
from registry_node.fault_following import FaultFollowing  # noqa: E402
from tests.faults.honest_peer import HonestPeer  # noqa: E402
from tests.storage.storage_world import case  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    Nodes,
    found_federation,
    open_federation,
)

HELD: Final = 11
PEER: Final = Slug("gamma")
THIEF: Final = Ed25519Signer(b"t" * 32)


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


def intake_at(node: Node, author: HonestPeer, ends: dict[LogId, int] | None = None) -> LogIntake:
    member = node.registry.roster.member_by_log(author.log_id)
    return LogIntake(node.registry, member, ends)


def take(intake: LogIntake, author: HonestPeer, end: int, size: int) -> None:
    """Takes the author's entries up to `end` under its checkpoint of `size`."""
    start = intake.held.size
    head = intake.prove_head(author.note_at(size), offered_size=size)
    run = EntryRun(start, author.entries[start:end], author.path(end, size))
    intake.take(run, head).result()


def state_at(node: Node, author: HonestPeer) -> LogState:
    return node.registry.store.log_state(author.log_id)


def branch_of(author: HonestPeer, at: int, size: int) -> HonestPeer:
    branch = author.fork_at(at)
    while len(branch.entries) < size:
        branch.write(f"event {len(branch.entries)} of another history")
    return branch


def prefix_of(author: HonestPeer, at: int, size: int | None = None) -> SignedPrefix:
    size = size or len(author.entries)
    root = author.range_at(at).root()
    return SignedPrefix(author.note_at(size), (), root, author.path(at, size))


def proof_of(author: HonestPeer, branch: HonestPeer, at: int) -> bytes:
    return two_histories(author.origin, at, prefix_of(author, at), prefix_of(branch, at))


@dataclass
class FakePeer:
    """Answers GetPrefix from a log; breaks off after so many answers."""

    author: HonestPeer
    patience: int = 100
    asked: list[int] = field(default_factory=list)
    twist: Callable[[SignedPrefix], SignedPrefix] = lambda prefix: prefix

    async def GetPrefix(self, request: pb.GetPrefixRequest, timeout: float) -> Any:  # noqa: ASYNC109, N802 - as the stub
        assert timeout > 0
        if len(self.asked) == self.patience or request.size > len(self.author.entries):
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata, "gone")
        self.asked.append(request.size)
        prefix = self.twist(prefix_of(self.author, request.size))
        entry = self.author.entries[request.size - 1]
        return pb.GetPrefixResponse(signed_prefix=encode_signed_prefix(prefix), last_entry=entry)


class Following(FaultFollowing):
    """With the peers that it refused, and a generation that peers have shown."""

    def __init__(self, node: Node) -> None:
        self.refused: list[tuple[Slug, str]] = []
        self.shown = 0
        super().__init__(
            node.registry,
            timeout_s=1.0,
            shown_generation=lambda _: self.shown,
            refuse=lambda peer, reason: self.refused.append((peer, reason.partition(":")[0])),
        )

    async def ask(self, peer: Any, author: HonestPeer, shown: int, **more: Any) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.start(tasks, {PEER: peer})
            self.suspect(PEER, author.log_id, shown, **more)
            self.suspect(PEER, author.log_id, shown)  # while the first one is asked


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
    assert await Following(alpha).prove_bad_entry(alpha_member(alpha, author), intake.bad_entry)
    state = state_at(alpha, author)
    assert (state.frozen_at, state.size, state.frozen_reason) == (5, 5, "bad_entry_signature")
    (kept,) = alpha.registry.faults.kept()
    assert alpha.registry.faults.judge(kept.proof).frozen_at == 5


def alpha_member(node: Node, author: HonestPeer) -> Any:
    return node.registry.roster.member_by_log(author.log_id)


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
    assert await Following(alpha).prove_bad_entry(alpha_member(alpha, author), intake.bad_entry)
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


# --- proofs of others -----------------------------------------------------------------------------


async def test_proof_that_holds_freezes_the_log_and_the_smallest_counts(
    alpha: Node, author: HonestPeer
) -> None:
    branch, following = branch_of(author, 4, 9), Following(alpha)
    ends = []
    for at in (9, 5, 7, 5):
        await following.take(PEER, proof_of(author, branch, at))
        ends.append(state_at(alpha, author).frozen_at)

    assert ends == [8, 4, 4, 4]
    assert following.refused == []


async def test_proof_about_the_own_log_freezes_it_too(nodes: Nodes, author: HonestPeer) -> None:
    beta = nodes["beta"]
    await Following(beta).take(PEER, proof_of(author, branch_of(author, 4, 9), 5))

    assert state_at(beta, author).frozen_at == 4


def named_elsewhere(author: HonestPeer, branch: HonestPeer) -> bytes:
    proof = decode_fault_proof(proof_of(author, branch, 9))
    return encode_fault_proof(FaultProof(proof.origin, 0, proof.fault))


def signed_by_a_stranger(author: HonestPeer, branch: HonestPeer) -> bytes:
    forged = HonestPeer(author.origin, author.registry_id, THIEF, branch.entries)
    return proof_of(author, forged, 9)


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        ("unproven_fault", named_elsewhere),
        ("unproven_fault", lambda author, _: proof_of(author, author.fork_at(8), 7)),
        ("bad_note_signature", signed_by_a_stranger),
        ("malformed_entry", lambda *_: b"\xff"),
        ("limit_exceeded", lambda *_: bytes(2**20 + 1)),
    ],
)
async def test_peer_that_sends_a_false_proof_is_dropped_for_its_reason(
    alpha: Node, author: HonestPeer, reason: str, make: Callable[..., bytes]
) -> None:
    following = Following(alpha)

    await following.take(PEER, make(author, branch_of(author, 4, 9)))

    assert following.refused == [(PEER, reason)]
    assert state_at(alpha, author).frozen_at is None
    assert alpha.registry.faults.kept() == []


async def test_proof_of_a_log_that_is_not_known_yet_is_nobodys_fault(
    alpha: Node, author: HonestPeer
) -> None:
    proof = decode_fault_proof(proof_of(author, branch_of(author, 4, 9), 9))
    unknown = encode_fault_proof(proof._replace(origin="invented.example/delta/1"))  # type: ignore[arg-type]
    following = Following(alpha)

    await following.take(PEER, unknown)

    assert following.refused == []


async def test_proof_is_judged_once_and_a_stream_brings_no_more_than_its_limit(
    alpha: Node, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_following, "PROOFS_PER_STREAM", 2)
    branch, following = branch_of(author, 4, 9), Following(alpha)
    proofs = [proof_of(author, branch, at) for at in (9, 8, 7)]
    for data in (proofs[0], proofs[0], proofs[1]):
        await following.take(PEER, data)
    assert following.refused == []

    await following.take(PEER, proofs[2])

    assert following.refused == [(PEER, "limit_exceeded")]
    assert state_at(alpha, author).frozen_at == 7
    following.peer_came(PEER)
    await following.take(PEER, proofs[2])
    assert state_at(alpha, author).frozen_at == 6


# --- keys that were replaced ----------------------------------------------------------------------


async def test_proof_of_a_key_that_was_replaced_is_left_and_its_relay_not_blamed(
    alpha: Node, author: HonestPeer
) -> None:
    following = Following(alpha)
    following.shown = 1

    await following.take(PEER, proof_of(author, branch_of(author, 4, 9), 9))

    assert following.refused == []
    assert state_at(alpha, author).frozen_at is None


async def test_freeze_by_a_key_that_turns_out_to_be_replaced_is_lifted(
    alpha: Node, author: HonestPeer
) -> None:
    following = Following(alpha)
    await following.take(PEER, proof_of(author, branch_of(author, 4, 9), 9))
    assert state_at(alpha, author).frozen_at == 8

    for shown in (0, 1):
        following.shown = shown
        async with asyncio.TaskGroup() as tasks:
            following.start(tasks, {})
            following.rotated(author.log_id)
        assert state_at(alpha, author).frozen_at == (None if shown else 8)


async def test_two_entries_of_one_place_are_taken_as_a_proof(
    alpha: Node, author: HonestPeer
) -> None:
    entries = author.entries[4], branch_of(author, 4, 9).entries[4]

    await Following(alpha).take(PEER, two_entries(author.origin, 4, entries, ()))

    assert state_at(alpha, author).frozen_reason == "two_entries"
