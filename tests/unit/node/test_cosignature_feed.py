"""What streams are told about cosignatures: each thing once, the newest only, no storm."""

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from registry.domain.identifiers import MemberId, Origin, RootHash, Slug
from registry.log.checkpoint import Checkpoint, NoteSignature
from registry.log.cosignature import Cosignature, read_cosignatures
from registry.log.roster import Member
from registry_node.cosignature_feed import CosignatureBoard, CosignatureFeed, Key, key_of
from registry_node.witnessing import cosignature_messages
from tests.storage.storage_world import roster


def member(number: int) -> Member:
    slug = f"m{number}"
    return replace(
        roster().members[0], id=MemberId(number), slug=Slug(slug), origin=Origin(f"test/{slug}/1")
    )


MEMBERS = [member(number) for number in range(40)]
OWN, PEER, THIRD = MEMBERS[:3]
ALL = {each.origin for each in MEMBERS}


def made(log: Member, witness: Member, size: int = 1) -> Cosignature:
    checkpoint = Checkpoint(log.origin, size, RootHash(b"r" * 32))
    return Cosignature(checkpoint, NoteSignature(witness.origin, b"keys", bytes(72)))


@pytest.fixture
def board() -> CosignatureBoard:
    return CosignatureBoard(OWN.origin, [])


def feed_of(board: CosignatureBoard, peer: Member = PEER) -> CosignatureFeed:
    """A stream that has begun."""
    feed = CosignatureFeed(board, peer, ALL)
    feed.take()
    return feed


def test_new_stream_is_told_all_of_the_logs_that_differ(board: CosignatureBoard) -> None:
    board.add([made(PEER, OWN), made(THIRD, OWN), made(THIRD, PEER)])

    feed = CosignatureFeed(board, PEER, {THIRD.origin})

    assert feed.take() == [made(THIRD, OWN), made(THIRD, PEER)]
    assert feed.take() == []


def test_peer_that_may_have_forgotten_is_told_what_it_has_cosigned_itself(
    board: CosignatureBoard,
) -> None:
    board.note_shown(PEER.slug, [made(THIRD, PEER)])
    board.add([made(THIRD, PEER)])

    assert CosignatureFeed(board, PEER, ALL).take() == [made(THIRD, PEER)]


def test_stream_is_told_the_newest_once(board: CosignatureBoard) -> None:
    feed = feed_of(board)
    assert board.add([made(THIRD, OWN, size) for size in range(1, 50)])

    assert feed.take() == [made(THIRD, OWN, 49)]
    assert feed.take() == []


def test_peer_is_not_told_what_it_made_or_showed(board: CosignatureBoard) -> None:
    feed = feed_of(board)
    board.note_shown(PEER.slug, [made(OWN, THIRD, 5)])
    board.add([made(OWN, PEER), made(OWN, THIRD, 4), made(PEER, OWN)])

    assert feed.take() == [made(PEER, OWN)]
    board.add([made(OWN, THIRD, 6)])
    assert feed.take() == [made(OWN, THIRD, 6)]


def test_what_others_made_is_handed_on_later(board: CosignatureBoard) -> None:
    feed, other = feed_of(board), MEMBERS[3]
    assert not board.add([made(THIRD, other)])
    assert board.has_waiting
    assert feed.take() == []

    board.hand_on()

    assert feed.take() == [made(THIRD, other)]


def test_what_is_told_at_first_is_not_handed_on_again(board: CosignatureBoard) -> None:
    board.add([made(THIRD, MEMBERS[3])])
    feed = CosignatureFeed(board, PEER, ALL)
    unlike = CosignatureFeed(board, PEER, set())
    assert feed.take() == [made(THIRD, MEMBERS[3])]
    assert unlike.take() == []

    board.hand_on()

    assert feed.take() == unlike.take() == []


def test_messages_carry_many_logs_and_lose_none() -> None:
    many = [made(log, witness) for log in MEMBERS for witness in MEMBERS if log is not witness]

    messages = cosignature_messages(many)

    read = [each for notes in messages for note in notes for each in read_cosignatures(note)]
    assert Counter(read) == Counter(many)
    assert len(messages) == 1
    assert sum(len(note) for note in messages[0]) < 2**18


# --- a federation, counted ------------------------------------------------------------------------


@dataclass
class CountingNode:
    """A node's board and its streams to all that it is connected to; what it knows."""

    own: Member
    known: dict[Key, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.board = CosignatureBoard(self.own.origin, [])
        self.streams: dict[Slug, CosignatureFeed] = {}

    def connect(self, other: "CountingNode") -> None:
        self.streams[other.own.slug] = feed_of(self.board, other.own)

    def learn(self, cosignatures: list[Cosignature]) -> None:
        """As a round does: what is news counts and goes to the board."""
        news = [e for e in cosignatures if e.checkpoint.size > self.known.get(key_of(e), 0)]
        self.known |= {key_of(each): each.checkpoint.size for each in news}
        self.board.add(news)


@dataclass
class Counted:
    """What went over all connections together."""

    messages: int = 0
    cosignatures: int = 0
    most_on_a_stream: int = 0


def deliver(nodes: dict[Slug, CountingNode]) -> Counted:
    """A round everywhere at once: every stream gives what it has in as few messages as it needs."""
    counted = Counted()
    coming: list[tuple[CountingNode, CountingNode, list[Cosignature]]] = []
    for node in nodes.values():
        for peer, stream in node.streams.items():
            fresh = stream.take()
            messages = len(cosignature_messages(fresh))
            counted.messages += messages
            counted.cosignatures += len(fresh)
            counted.most_on_a_stream = max(counted.most_on_a_stream, messages)
            coming.append((node, nodes[peer], fresh))
    for sender, receiver, fresh in coming:
        receiver.board.note_shown(sender.own.slug, fresh)
        receiver.learn(fresh)
    return counted


def federation(count: int, pairs: list[tuple[int, int]]) -> dict[Slug, CountingNode]:
    nodes = [CountingNode(each) for each in MEMBERS[:count]]
    for one, two in pairs:
        nodes[one].connect(nodes[two])
        nodes[two].connect(nodes[one])
    return {node.own.slug: node for node in nodes}


def everyone_cosigns(nodes: dict[Slug, CountingNode], size: int) -> None:
    for node in nodes.values():
        node.learn([made(o.own, node.own, size) for o in nodes.values() if o is not node])


def settle(nodes: dict[Slug, CountingNode]) -> list[Counted]:
    """Rounds, and what is handed on, until nothing is said any more."""
    rounds = [deliver(nodes), deliver(nodes)]
    while rounds[-1].messages or any(node.board.has_waiting for node in nodes.values()):
        for node in nodes.values():
            node.board.hand_on()
        rounds.append(deliver(nodes))
        assert len(rounds) < 50, "it never ends"
    return rounds


def all_pairs(count: int) -> list[tuple[int, int]]:
    return [(one, two) for one in range(count) for two in range(one)]


@pytest.mark.parametrize("count", [3, 8, 20])
def test_each_connection_carries_few_messages_however_many_members_cosign(count: int) -> None:
    """Every member cosigns every log at once: a storm if anything ever makes one."""
    nodes = federation(count, all_pairs(count))
    everyone_cosigns(nodes, size=1)

    rounds = settle(nodes)

    streams = count * (count - 1)
    assert all(len(node.known) == count * (count - 1) for node in nodes.values())
    assert all(each.most_on_a_stream <= 1 for each in rounds)
    # What it made; what it was given for its own log; what others may lack.
    assert sum(each.messages for each in rounds) <= 3 * streams


def test_quiet_federation_says_nothing_and_what_is_new_alone_is_said() -> None:
    nodes = federation(10, all_pairs(10))
    everyone_cosigns(nodes, size=1)
    settle(nodes)
    assert deliver(nodes) == Counted()

    # One log grows; all others have said all they had to say.
    author = next(iter(nodes.values()))
    for node in nodes.values():
        if node is not author:
            node.learn([made(author.own, node.own, size=2)])
    rounds = settle(nodes)

    # Nine cosignatures, to nine others each: from the witness, from the author, from others once.
    assert sum(each.cosignatures for each in rounds) <= 9 * 9 * 9
    assert sum(each.messages for each in rounds) <= 3 * 90


def test_those_who_hear_each_other_through_relays_alone_learn_all() -> None:
    relays, count = 3, 20
    pairs = [(relay, other) for relay in range(relays) for other in range(relays, count)]
    nodes = federation(count, pairs)
    everyone_cosigns(nodes, size=1)

    rounds = settle(nodes)

    assert all(len(node.known) == count * (count - 1) for node in nodes.values())
    assert all(each.most_on_a_stream <= 1 for each in rounds)
    assert sum(each.messages for each in rounds) <= 8 * 2 * len(pairs)
