"""Fault proofs from peers: taken if they hold, refused if not, let go with keys that are old."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402

from registry.application.membership.founding import load_signer  # noqa: E402
from registry.domain.identifiers import NO_CASE, LogId, RequestKey  # noqa: E402
from registry.domain.vocabulary import EventKind  # noqa: E402
from registry.errors import Overloaded  # noqa: E402
from registry.log.author import Author, draft_event  # noqa: E402
from registry.log.entry import ALL_MEMBERS  # noqa: E402
from registry.log.fault_proof import (  # noqa: E402
    FaultProof,
    decode_fault_proof,
    encode_fault_proof,
    two_entries,
)
from registry.log.log_keys import make_rotation  # noqa: E402
from registry.log.signing import Signer  # noqa: E402
from registry.store.values import KeptProof  # noqa: E402
from registry_node import fault_steps, fetching  # noqa: E402
from tests.faults.honest_peer import NOW_MS, HonestPeer  # noqa: E402
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
    Following,
    branch_of,
    intake_at,
    proof_of,
    state_at,
    take,
)


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
    monkeypatch.setattr(fault_steps, "PROOFS_PER_STREAM", 2)
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


async def test_rotation_that_heads_repeat_costs_one_write(
    alpha: Node, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, store, writes = Following(alpha), alpha.registry.store, list[int]()
    drop = store.drop_retired_proofs

    def counted(log_id: LogId, generation: int) -> "Future[bool]":
        writes.append(generation)
        if len(writes) < 9:
            following.rotated(log_id)
        return drop(log_id, generation)

    monkeypatch.setattr(store, "drop_retired_proofs", counted)
    for shown in (1, 1, 2):
        following.shown = shown
        async with asyncio.TaskGroup() as tasks:
            following.start(tasks, {})
            for _ in range(200):
                following.rotated(author.log_id)

    assert writes == [1, 2]


async def test_rotation_heard_of_while_a_proof_waits_to_be_written_still_counts(
    alpha: Node, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, store = Following(alpha), alpha.registry.store
    keep, rotated = store.keep_fault_proof, asyncio.Event()

    def full_until_rotated(proof: KeptProof) -> "Future[bool]":
        if not rotated.is_set():
            rotated.set()
            msg = "full"
            raise Overloaded(msg)
        return keep(proof)

    monkeypatch.setattr(fetching, "_NO_ROOM_S", 0.05)
    monkeypatch.setattr(store, "keep_fault_proof", full_until_rotated)
    async with asyncio.TaskGroup() as tasks:
        following.start(tasks, {})
        proof = proof_of(author, branch_of(author, 4, 9), 9)
        tasks.create_task(following.take(PEER, proof))
        await rotated.wait()
        following.shown = 1
        following.rotated(author.log_id)

    assert state_at(alpha, author).frozen_at is None


@pytest.mark.parametrize("cut", [None, 3, 8])
async def test_proof_of_a_key_that_was_replaced_is_offered_no_more_though_the_log_stays_frozen(
    alpha: Node, author: HonestPeer, cut: int | None
) -> None:
    following, proof = Following(alpha), proof_of(author, branch_of(author, 4, 9), 9)
    await following.take(PEER, proof)
    following.hub.publish_proof(author.log_id, proof)
    if cut is not None:
        alpha.registry.store.freeze(author.log_id, cut, "cut", b"").result()

    following.shown = 1
    async with asyncio.TaskGroup() as tasks:
        following.start(tasks, {})
        following.rotated(author.log_id)

    assert following.hub.proof_of(author.log_id) == b""
    assert state_at(alpha, author).frozen_at == cut


async def test_entry_that_an_older_key_of_its_log_has_signed_freezes_nothing(
    nodes: Nodes, author: HonestPeer
) -> None:
    """Two keys were stolen, and a third one counts, of which alpha has not heard yet."""
    alpha, keys = nodes["alpha"], nodes["beta"].registry.folder
    author, thief, intake = author.fork_at(5), author.fork_at(5), intake_at(alpha, author)
    rotate(author, load_signer(keys, "next_log"))
    take(intake, author, 6, 6)
    author.signer = load_signer(keys, "next_log")
    for number in range(6, 10):
        author.write(f"event {number}")
    take(intake, author, 10, 10)
    author.add(thief.make_entry("signed by the first key", index=10))
    take(intake, author, 11, 11)
    assert intake.bad_entry is not None
    member, following = alpha.registry.roster.member_by_log(author.log_id), Following(alpha)

    assert not await following.end_log(member, intake.bad_entry)

    state = state_at(alpha, author)
    assert (state.size, state.frozen_at) == (10, None)
    assert alpha.registry.faults.kept() == []


def rotate(author: HonestPeer, new: Signer) -> None:
    """Writes the rotation to a key, as its first one announced it; none is announced after it."""
    index = len(author.entries)
    made = draft_event(
        log_id=author.log_id,
        case_id=NO_CASE,
        kind=EventKind.KEY_ROTATED,
        time_ms=NOW_MS,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
        control=make_rotation(author.log_id, index, new, bytes(32)),
    )
    signed = Author(
        signer=author.signer,
        registry_id=author.registry_id,
        origin=author.origin,
        roster_version=1,
    )
    author.add(signed.write_entry(made, index=index, refs=()))


async def test_mistake_of_ours_that_a_proof_brings_out_costs_its_peer_and_not_the_node(
    alpha: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpha.registry.faults, "judge", lambda _: 1 // 0)
    following = Following(alpha)

    await following.take(PEER, b"proof")

    assert following.refused == [(PEER, "internal_error")]


async def test_two_entries_of_one_place_are_taken_as_a_proof(
    alpha: Node, author: HonestPeer
) -> None:
    entries = author.entries[4], branch_of(author, 4, 9).entries[4]

    await Following(alpha).take(PEER, two_entries(author.origin, 4, entries, ()))

    assert state_at(alpha, author).frozen_reason == "two_entries"
