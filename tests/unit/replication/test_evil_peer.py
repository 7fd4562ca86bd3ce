"""Every lie of the EvilPeer: refused by its reason, stores nothing, disturbs no honest peer."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from registry.errors import EntryError
from registry.log.entry import decode_header, split_entry
from registry.log.signing import Ed25519Signer
from registry.store.sqlite import SqliteStore
from registry.store.values import HeldPart
from registry_node import part_fetching
from registry_node.part_requests import WantedPart
from tests.faults.evil_peer import ENTRY_LIES, PART_LIES, EvilPeer
from tests.faults.honest_peer import EntryMessages, HonestPeer, PartMessages
from tests.faults.mutators import MUTATORS
from tests.faults.receiver import Keeper, MemoryKeeper, Receiver, StoreKeeper, dump
from tests.storage.storage_world import PEER, REGISTRY, case, open_store, roster, seed

HELD, SIZE, AT_ONCE = 8, 32, 8
ASKED = (0, 1, 2)

MakeKeeper: TypeAlias = Callable[[HonestPeer], Keeper]


@pytest.fixture(scope="module")
def peer() -> HonestPeer:
    peer = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
    for number in range(SIZE):
        peer.write(f"event {number}", case_id=case(number % 3))
    return peer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture(params=["memory", "store"])
def make_keeper(request: pytest.FixtureRequest, tmp_path: Path) -> MakeKeeper:
    if request.param == "memory":
        return lambda peer: MemoryKeeper(peer.author)
    store = request.getfixturevalue("store")
    return lambda peer: StoreKeeper(peer.author, store, tmp_path / "log.db")


def fetch(peer: HonestPeer, keeper: Keeper, messages: EntryMessages, size: int) -> None:
    Receiver(peer.author, keeper, offered_size=size).take_all(messages)


def refuse(peer: HonestPeer, keeper: Keeper, messages: EntryMessages) -> EntryError:
    """Takes messages until one is refused; nothing of that one may have been kept."""
    receiver = Receiver(peer.author, keeper, offered_size=SIZE)
    before = keeper.picture()
    try:
        for message in messages:
            receiver.take(message)
            before = keeper.picture()
        assert not receiver.is_done, "the lie was believed"
        receiver.take_all([])
    except EntryError as error:
        assert keeper.picture() == before
        return error
    pytest.fail("the lie was believed")


@pytest.mark.parametrize("lie", ENTRY_LIES)
def test_a_lie_about_entries_is_refused_stores_nothing_and_disturbs_no_honest_peer(
    lie: str, peer: HonestPeer, make_keeper: MakeKeeper
) -> None:
    keeper = make_keeper(peer)
    fetch(peer, keeper, peer.messages(0, HELD), HELD)

    messages = EvilPeer(peer).entry_messages(lie, start=HELD, size=SIZE, at_once=AT_ONCE)
    error = refuse(peer, keeper, messages)

    assert error.reason == ENTRY_LIES[lie].reason, error
    held = keeper.held()
    assert held.range == peer.range_at(held.size), "what was kept before the lie is the true log"
    fetch(peer, keeper, peer.messages(held.size, SIZE, at_once=AT_ONCE), SIZE)
    assert keeper.held().range == peer.range_at(SIZE)


@pytest.mark.parametrize("lie", sorted(ENTRY_LIES.keys() - {"truncated", "repeated_message"}))
def test_a_lie_in_the_first_message_leaves_a_database_as_it_was(
    lie: str, peer: HonestPeer, store: SqliteStore, tmp_path: Path
) -> None:
    keeper = StoreKeeper(peer.author, store, tmp_path / "log.db")
    fetch(peer, keeper, peer.messages(0, HELD), HELD)
    before = dump(tmp_path / "log.db")

    messages = EvilPeer(peer).entry_messages(lie, start=HELD, size=SIZE, at_once=SIZE - HELD - 1)
    if lie == "beyond_checkpoint":
        messages = EvilPeer(peer).entry_messages(lie, start=HELD, size=SIZE, at_once=SIZE)
    refuse(peer, keeper, messages)

    assert dump(tmp_path / "log.db") == before


SAME_FAULT = (
    # The bytes are the author's and in order, and lead to another root than the checkpoint's: what
    # it is shows when the peer is asked for the prefix, see tests/faults/mutators.py.
    {"fork", "wrong_root"},
)
DESIGN = (
    *("fork", "wrong_root", "truncated", "gap", "duplicate", "reordered", "wrong_key"),
    *("stale_checkpoint", "index_overflow", "replay_of_another_log", "replay_of_another_registry"),
    *("changed_signature", "oversized_entry", "fork_at_held_size", "note_of_another_log"),
    "size_overflow",
)


def test_every_fault_of_the_design_has_a_reason_of_its_own() -> None:
    for one, other in combinations(DESIGN, 2):
        is_same_fault = any({one, other} <= group for group in SAME_FAULT)
        is_same_reason = ENTRY_LIES[one].reason == ENTRY_LIES[other].reason
        assert is_same_reason == is_same_fault, (one, other)


def test_no_reason_is_that_of_a_whole_family() -> None:
    reasons = {lie.reason for lie in ENTRY_LIES.values()}
    reasons |= {lie.reason for lie in PART_LIES.values()}

    assert EntryError.reason not in reasons
    assert reasons <= {error.reason for error in EntryError.__subclasses__()}


# --- parts ------------------------------------------------------------------------------------


def check_parts(peer: HonestPeer, messages: PartMessages) -> list[HeldPart]:
    """What the node's part fetcher does with an answer: all of it is good, or nothing is."""
    member = roster().member_by_log(peer.log_id)
    wanted = {
        (index, 0): WantedPart(
            index, 0, decode_header(split_entry(peer.entries[index])[0]).parts[0]
        )
        for index in ASKED
    }
    return [
        part_fetching._checked(member, part, wanted)
        for message in messages
        for part in message.parts
    ]


@pytest.mark.parametrize("lie", PART_LIES)
def test_a_lie_about_parts_is_refused_and_an_honest_answer_is_stored(
    lie: str, peer: HonestPeer, store: SqliteStore, tmp_path: Path
) -> None:
    fetch(peer, StoreKeeper(peer.author, store, tmp_path / "log.db"), peer.messages(0, SIZE), SIZE)
    before = dump(tmp_path / "log.db")

    with pytest.raises(EntryError) as caught:
        store.put_parts(
            check_parts(peer, EvilPeer(peer).part_messages(lie, indexes=ASKED))
        ).result()

    assert caught.value.reason == PART_LIES[lie].reason
    assert dump(tmp_path / "log.db") == before
    store.put_parts(check_parts(peer, peer.part_messages(ASKED))).result()
    held = [store.part(peer.log_id, index, 0) for index in ASKED]
    assert [part.content for part in held if part is not None] == [
        b"event 0",
        b"event 1",
        b"event 2",
    ]


# --- the table of the design --------------------------------------------------------------------

TESTS: Final = Path(__file__).resolve().parents[2]


def test_every_mutator_of_the_design_has_a_reason_of_its_own() -> None:
    reasons = [each.reason for each in MUTATORS.values()]

    assert len(MUTATORS) == 15
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("name", MUTATORS)
def test_every_mutator_of_the_design_has_its_test(name: str) -> None:
    reason, test, lie = MUTATORS[name]
    file, function = test.split("::")
    text = (TESTS / file).read_text()

    assert f"def {function}(" in text
    if lie:
        reasons = {name: each.reason for name, each in ENTRY_LIES.items()}
        reasons |= {name: each.reason for name, each in PART_LIES.items()}
        assert reasons[lie] == reason
    else:
        assert f'"{reason}"' in text
