"""Random sequences of messages: what the session never does, and what it does after all faults."""

from collections.abc import Callable
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.identifiers import LogId, Slug
from registry.replication.effects import DropPeer, Effect, FetchEntries, TakeTail
from registry.replication.messages import (
    Blame,
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    Message,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
    Tail,
    Tick,
)
from tests.faults.session_world import PEERS, log, new_session, note, offer

STEP_MS: Final = 700
AUTHORS: Final = {log(slug): slug for slug in PEERS}


class Network:
    """Peers that hold logs, and the adapter that carries out what the session wants."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.session = new_session()
        self.sizes = {(peer, author): 0 for peer in PEERS for author in PEERS}
        self.held = dict.fromkeys(AUTHORS, 0)
        self.up: set[Slug] = set()
        self.offered: set[tuple[Slug, LogId, int]] = set()
        self.fetching: dict[LogId, FetchEntries | TakeTail] = {}
        self.blocked_ms = dict.fromkeys(PEERS, 0)
        self.frozen: set[LogId] = set()

    def tell(self, message: Message) -> None:
        self.now_ms += STEP_MS
        for effect in self.session.handle(self.now_ms, message):
            self.carry_out(effect)

    def carry_out(self, effect: Effect) -> None:
        if isinstance(effect, DropPeer):
            assert effect.until_ms > self.now_ms
            self.blocked_ms[effect.peer] = effect.until_ms
            self.close(effect.peer)
            return
        assert isinstance(effect, FetchEntries | TakeTail), "the own log is offered by nobody here"
        assert effect.log_id not in self.fetching, "two fetches of one log at once"
        assert effect.log_id not in self.frozen, "a fetch of a frozen log"
        assert effect.peer in self.up, "a fetch from a peer that is not there"
        size = size_of(effect)
        assert (effect.peer, effect.log_id, size) in self.offered, "a size nobody offered"
        assert size > self.held[effect.log_id], "a fetch of what is held"
        if isinstance(effect, TakeTail):
            assert effect.tail.start == self.held[effect.log_id], "a tail that does not follow"
        self.fetching[effect.log_id] = effect

    # --- what peers do ------------------------------------------------------------------------

    def open(self, peer: Slug) -> None:
        if peer in self.up or self.now_ms < self.blocked_ms[peer]:
            return
        self.up.add(peer)
        self.tell(PeerUp(peer))

    def close(self, peer: Slug) -> None:
        self.up.discard(peer)
        self.offered = {each for each in self.offered if each[0] != peer}
        self.tell(PeerDown(peer, ""))

    def grow(self, peer: Slug, author: Slug, count: int) -> None:
        """The author writes, or a relay takes over what the author has."""
        if peer == author:
            self.sizes[peer, author] += count
        else:
            self.sizes[peer, author] = self.sizes[author, author]

    def offer(self, peer: Slug, author: Slug, extra: int = 0) -> None:
        size = self.sizes[peer, author] + extra
        if peer in self.up and size:
            self.offered.add((peer, log(author), size))
            self.tell(offer(peer, author, size))

    def bring(self, peer: Slug, author: Slug, count: int) -> None:
        """Offers what is there with up to `count` entries, whatever the receiver holds."""
        size = self.sizes[peer, author]
        if peer in self.up and size:
            start = max(size - count, 0)
            self.offered.add((peer, log(author), size))
            tail = Tail(start, (b"entry",) * (size - start))
            self.tell(HeadOffered(peer, log(author), note(author, size), tail))

    def offer_nonsense(self, peer: Slug, author: Slug) -> None:
        if peer in self.up:
            self.tell(HeadOffered(peer, log(author), b"nonsense"))

    # --- how fetches end ----------------------------------------------------------------------

    def take(self, log_id: LogId, size: int) -> None:
        self.held[log_id] = max(self.held[log_id], size)
        self.tell(LogGrew(log_id, size))

    def end(self, log_id: LogId) -> None:
        """A peer delivers what it has; if that is less than it promised, it fails."""
        if log_id not in self.fetching:
            return
        fetch = self.fetching[log_id]
        self.take(log_id, min(size_of(fetch), self.sizes[fetch.peer, AUTHORS[log_id]]))
        del self.fetching[log_id]
        if self.held[log_id] >= size_of(fetch):
            self.tell(FetchEnded(fetch.peer, log_id))
        else:
            self.tell(FetchFailed(fetch.peer, log_id, "peer_unavailable", Blame.NOBODY))

    def fail(self, log_id: LogId, blame: Blame) -> None:
        fetch = self.fetching.pop(log_id, None)
        if fetch is not None:
            self.tell(FetchFailed(fetch.peer, log_id, "invented", blame))

    def freeze(self, log_id: LogId) -> None:
        self.frozen.add(log_id)
        self.tell(LogFrozen(log_id))


def size_of(effect: FetchEntries | TakeTail) -> int:
    """How far an effect is to bring its log."""
    return effect.size if isinstance(effect, FetchEntries) else effect.checkpoint.size


Action = Callable[[Network, Slug, Slug, int], None]
ACTIONS: Final[tuple[Action, ...]] = (
    lambda net, peer, _, __: net.open(peer),
    lambda net, peer, _, __: net.close(peer),
    lambda net, _, author, count: net.grow(author, author, count),
    lambda net, peer, author, count: net.grow(peer, author, count),
    lambda net, peer, author, _: net.offer(peer, author),
    lambda net, peer, author, _: net.offer(peer, author),
    lambda net, peer, author, count: net.offer(peer, author, extra=count),
    lambda net, peer, author, _: net.offer_nonsense(peer, author),
    lambda net, peer, author, count: net.bring(peer, author, count),
    lambda net, peer, author, count: net.bring(peer, author, count),
    lambda net, _, author, __: net.end(log(author)),
    lambda net, _, author, __: net.end(log(author)),
    lambda net, _, author, __: net.fail(log(author), Blame.NOBODY),
    lambda net, _, author, __: net.fail(log(author), Blame.PEER),
    lambda net, _, author, __: net.fail(log(author), Blame.AUTHOR),
    lambda net, _, __, ___: net.tell(Tick()),
    lambda net, _, author, count: net.freeze(log(author)) if count == 1 else None,
)
steps = st.lists(
    st.tuples(
        st.sampled_from(ACTIONS),
        st.sampled_from(PEERS),
        st.sampled_from(PEERS),
        st.integers(1, 20),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps)
def test_no_log_is_fetched_twice_at_once_and_every_log_gets_fetched_after_the_faults(
    actions: list[tuple[Action, Slug, Slug, int]],
) -> None:
    net = Network()
    for action, peer, author, count in actions:
        action(net, peer, author, count)

    heal(net)

    for log_id, author in AUTHORS.items():
        if log_id not in net.frozen:
            assert net.held[log_id] >= max(net.sizes[peer, author] for peer in PEERS)
    assert not net.fetching
    assert net.session.lag() == 0
    assert net.session.connected() == PEERS
    for peer in PEERS:
        assert net.session.view_of(peer, log(peer)).is_caught_up


def heal(net: Network) -> None:
    """All faults end: waits pass, streams are opened anew and offer what is there."""
    for log_id in AUTHORS:
        net.fail(log_id, Blame.NOBODY)
    net.now_ms = max(net.now_ms, *net.blocked_ms.values())
    for peer in PEERS:
        net.close(peer)
        net.open(peer)
        for author in PEERS:
            net.offer(peer, author)
        net.tell(PeerCaughtUp(peer))
    while net.fetching:
        net.end(next(iter(net.fetching)))
