"""An honest peer's entries are taken in whatever batches they come; limits at their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import (
    CommitmentMismatch,
    LimitExceeded,
    LogDiverged,
    MisplacedEntry,
    RootMismatch,
)
from registry.log.entry import PartCommitment, decode_header, split_entry
from registry.log.merkle import EMPTY_RANGE
from registry.log.signing import Ed25519Signer
from registry.replication.ingest import (
    BATCH_MAX_ENTRIES,
    PATH_MAX,
    HeldLog,
    check_head,
    check_part,
    plan_batch,
)
from tests.faults.honest_peer import HonestPeer
from tests.faults.receiver import MemoryKeeper, Receiver
from tests.storage.storage_world import PEER, REGISTRY, case, seed

SIZE = 1_003


@pytest.fixture(scope="module")
def peer() -> HonestPeer:
    return written_peer(SIZE)


def written_peer(count: int) -> HonestPeer:
    peer = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
    for number in range(count):
        peer.write(f"event {number}", case_id=case(number % 7))
    return peer


SHORT = written_peer(40)


def held_at(peer: HonestPeer, size: int) -> HeldLog:
    return HeldLog(peer.log_id, peer.origin, size, peer.range_at(size))


@pytest.mark.parametrize("at_once", [1, 2, 499, 500])
def test_a_log_is_taken_in_batches_of_any_size(peer: HonestPeer, at_once: int) -> None:
    keeper = MemoryKeeper(peer.author)

    Receiver(peer.author, keeper).take_all(peer.messages(0, SIZE, at_once=at_once))

    assert keeper.entries() == peer.entries
    assert keeper.held().range == peer.range_at(SIZE)
    notes = [batch.note for batch in keeper.batches]
    assert notes == [None] * (len(notes) - 1) + [peer.note_at(SIZE)], "held in full at the end only"


def test_a_log_is_taken_whole(peer: HonestPeer) -> None:
    keeper = MemoryKeeper(peer.author)

    Receiver(peer.author, keeper).take_all(peer.messages(0, 500))

    assert len(keeper.batches) == 1
    assert keeper.held().range == peer.range_at(500)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257])
def test_a_log_is_taken_up_to_a_checkpoint_of_any_size(peer: HonestPeer, size: int) -> None:
    keeper = MemoryKeeper(peer.author)

    Receiver(peer.author, keeper).take_all(peer.messages(0, size, at_once=100))

    assert keeper.entries() == peer.entries[:size]
    assert keeper.batches[-1].note == peer.note_at(size)


@given(
    bounds=st.lists(st.integers(1, 39), unique=True).map(sorted),
    checkpoints=st.lists(st.integers(1, 40), min_size=1, unique=True).map(sorted),
)
def test_any_batching_over_any_checkpoints_gives_the_same_log(
    bounds: list[int], checkpoints: list[int]
) -> None:
    keeper = MemoryKeeper(SHORT.author)
    start = 0
    for size in checkpoints:
        inner = [bound for bound in bounds if start < bound < size]
        Receiver(SHORT.author, keeper).take_all(SHORT.messages_of([start, *inner, size], size))
        start = size

    assert keeper.entries() == SHORT.entries[:start]
    assert keeper.held().range == SHORT.range_at(start)


def test_a_batch_says_whether_it_ends_at_its_checkpoint() -> None:
    checkpoint = check_head(SHORT.note_at(40), SHORT.author)

    at, before = (
        plan_batch(
            held=held_at(SHORT, 30),
            start=30,
            entries=SHORT.entries[30:end],
            path=SHORT.path(end, 40),
            checkpoint=checkpoint,
        )
        for end in (40, 39)
    )

    assert at.ends_at_checkpoint
    assert at.root == SHORT.range_at(40).root()
    assert not before.ends_at_checkpoint
    assert before.root == SHORT.range_at(39).root()


def test_a_path_to_an_equal_size_is_refused() -> None:
    with pytest.raises(RootMismatch):
        plan_batch(
            held=held_at(SHORT, 30),
            start=30,
            entries=SHORT.entries[30:40],
            path=[bytes(32)],
            checkpoint=check_head(SHORT.note_at(40), SHORT.author),
        )


@pytest.mark.parametrize("start", [0, 29, 31, 40, 2**64 - 1])
def test_a_batch_that_does_not_start_where_the_held_log_ends_is_refused(start: int) -> None:
    with pytest.raises(MisplacedEntry):
        plan_batch(
            held=held_at(SHORT, 30),
            start=start,
            entries=SHORT.entries[30:40],
            path=(),
            checkpoint=check_head(SHORT.note_at(40), SHORT.author),
        )


def test_limits_hold_at_their_edge(peer: HonestPeer) -> None:
    checkpoint = check_head(peer.note_at(SIZE), peer.author)

    def plan(count: int, path: list[bytes]) -> None:
        plan_batch(
            held=HeldLog(peer.log_id, peer.origin, 0, EMPTY_RANGE),
            start=0,
            entries=peer.entries[:count],
            path=path,
            checkpoint=checkpoint,
        )

    plan(BATCH_MAX_ENTRIES, list(peer.path(BATCH_MAX_ENTRIES, SIZE)))
    with pytest.raises(LimitExceeded, match="found 501 and 0"):
        plan(BATCH_MAX_ENTRIES + 1, [])
    with pytest.raises(RootMismatch):
        plan(1, [bytes(32)] * PATH_MAX)
    with pytest.raises(LimitExceeded, match="found 1 and 129"):
        plan(1, [bytes(32)] * (PATH_MAX + 1))


def test_a_head_of_the_held_size_with_another_root_is_refused() -> None:
    branch = SHORT.fork_at(39)
    branch.write("another history")

    with pytest.raises(LogDiverged):
        check_head(
            branch.note_at(40),
            SHORT.author,
            held_at(SHORT, 40),
        )


@pytest.mark.parametrize("size", [1, 39, 40])
def test_a_head_of_what_is_held_or_of_less_is_taken(size: int) -> None:
    checkpoint = check_head(SHORT.note_at(size), SHORT.author, held_at(SHORT, 40))

    assert checkpoint.size == size


def commitment_of(size_class: int, content: bytes) -> PartCommitment:
    peer = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
    peer.write(content.decode())
    made = decode_header(split_entry(peer.entries[0])[0]).parts[0]
    return made._replace(padded_size=size_class)


def test_a_part_may_fill_its_size_class_and_not_pass_it() -> None:
    content = b"x" * 256
    draft = SHORT.draft(content.decode()).parts[0]

    def check(size_class: int) -> None:
        check_part(
            commitment_of(size_class, content),
            log_id=SHORT.log_id,
            salt=draft.salt,
            media_type=draft.media_type,
            content=content,
        )

    check(256)
    with pytest.raises(CommitmentMismatch, match="exceeds its size class 255"):
        check(255)


def test_a_commitment_copied_into_another_log_fits_nothing_there() -> None:
    draft = SHORT.draft("secret").parts[0]

    with pytest.raises(CommitmentMismatch):
        check_part(
            commitment_of(256, b"secret"),
            log_id=SHORT.fork_at(0).log_id[::-1],  # type: ignore[arg-type] # any other log
            salt=draft.salt,
            media_type=draft.media_type,
            content=draft.content,
        )
