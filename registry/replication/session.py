"""The mirror's decisions, without any I/O: which log is fetched from whom, and whom to leave alone.

Rules:
1. A head is verified before anything is fetched for it.
2. One fetch per log at a time; different logs from different peers side by side.
3. The log's own author is preferred, then any peer that offers more than is held: trust is in
   signatures, not in the path.
4. A peer whose bytes were wrong is dropped, longer each time; all others go on undisturbed. Only
   time without a fault makes the next drop short again: good bytes in between buy nothing.
5. A peer that could not be reached costs one attempt: the log is tried at the next peer, and here
   again after a wait that doubles each time, after an offer of more, or on a new stream. A fetch
   that broke off after it had brought something goes on at once, but at the other peers first.
6. A frozen log is not fetched, and nothing about a peer outlives its connection but its faults.
7. The own log is never fetched here. A peer that proves, by the own log's key, that there is more
   of it than is held makes this node ask again whether it may append: a copy of it may be running.
   Where a head of it tells of rotations of its key, the fence looks whether they are those held.
8. A head may bring the last entries along. They are taken as a fetch that is over at once: if they
   begin exactly where the held log ends, and nothing of that log is under way. Otherwise they are
   left, never kept for later, and what is missing is fetched. A tail over the limits, or one that
   does not end at its head, is the peer's fault even where it would have been left.
9. A peer that gives another history of a log than is held, under the author's own signatures, is an
   honest relay of a dishonest author, as far as this node can tell: that log is not taken from that
   peer for long, whatever it offers, and everything else is. The same where it shows a rotation of
   the log's key that does not fit those that are known,
   or a note that another key of the log has signed.
10. A log that has grown by more than its budget is left alone until some of it has come back, see
   budget.py. That is nobody's fault: all else that its author offers is taken as ever.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, assert_never

from registry.domain.identifiers import LogId, RegistryId, Slug
from registry.errors import BadKeyRotation, BadNoteSignature, EntryError
from registry.log.fault_verdict import newest_generation
from registry.log.log_keys import LogKeys, was_signed
from registry.log.roster import Member, Roster
from registry.replication.budget import BudgetLimits, Budgets
from registry.replication.effects import (
    AskFenceAgain,
    DropPeer,
    Effect,
    FetchEntries,
    FindParting,
    JudgeOwnNote,
    TakeTail,
)
from registry.replication.ingest import check_head, check_tail
from registry.replication.messages import (
    Blame,
    ContentStored,
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    LogThawed,
    Message,
    PartsRefused,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
    Tail,
    Tick,
)
from registry.replication.peer_standing import (
    PeerStanding,
    PeerView,
)

DROP_FIRST_MS: Final = 1_000
DROP_LONGEST_MS: Final = 300_000
FORGIVE_AFTER_MS: Final = 300_000
"""A peer that gave no wrong bytes for so long after a drop has its faults forgotten."""
LAST_ERROR_MAX: Final = 200


class _Fetch(NamedTuple):
    """A fetch under way: how much was held when it began, and how much it was asked for."""

    began_at: int
    asked: int


class Session:
    """One node's view of its peers; `handle` is called from one thread."""

    def __init__(
        self,
        roster: Roster,
        own: Member,
        held: Mapping[LogId, int],
        keys: Mapping[LogId, LogKeys],
        limits: BudgetLimits | None = None,
    ) -> None:
        """Starts with no peer connected.

        Args:
            roster: whose logs are mirrored.
            own: this node's member; its own log is not fetched here, that is recovery's work.
            held: entries held per log.
            keys: of every log, as far as what is held tells.
            limits: how much each log may grow; None = by any amount.
        """
        self.registry_id: RegistryId = roster.registry_id
        self._own = own
        self._keys = dict(keys)
        # Also those of members that were removed, and former ones: they stay, and are relayed.
        self._logs = {m.log_id: m for m in roster.writers() if m.log_id != own.log_id}
        self._peers = {m.slug: PeerStanding() for m in roster.active_members() if m.id != own.id}
        self._held = dict(held)
        self._fetching: dict[LogId, _Fetch] = {}
        self._frozen: set[LogId] = set()
        authors = {log_id: member.slug for log_id, member in self._logs.items()}
        self._budgets = Budgets(limits, authors, self._offers_of, self._held)

    def handle(self, now_ms: int, message: Message) -> tuple[Effect, ...]:
        """Takes a message; returns what is to be done now."""
        first: tuple[Effect, ...] = ()
        match message:
            case PeerUp() | PeerDown() | PeerCaughtUp():
                self._turn(message)
            case LogGrew() | ContentStored() | LogFrozen() | LogThawed() | Tick():
                self._learn(now_ms, message)
            case HeadOffered():
                first = self._offer(now_ms, message)
            case FetchEnded(peer, log_id):
                self._finish(peer, log_id)
            case FetchFailed():
                first = self._fail(now_ms, message)
            case PartsRefused(peer, reason):
                first = self._drop(now_ms, peer, reason)
            case _:
                assert_never(message)
        return (*first, *self._fetches(now_ms, self._touched(message)))

    def view_of(self, peer: Slug, log_id: LogId) -> PeerView:
        """Tells how a peer stands; `offered_size` is that of the given log."""
        state = self._peers[peer]
        has_all = not any(self._missing(log, size) for log, size in state.offered.items())
        return PeerView(
            is_connected=state.is_connected,
            is_caught_up=state.is_connected and state.has_sent_all and has_all,
            last_error=state.last_error,
            offered_size=state.offered.get(log_id, 0),
        )

    def lag(self) -> int:
        """The most entries of any log that connected peers offer beyond what is held."""
        return max(map(self.lag_of, self._logs), default=0)

    def lag_of(self, log_id: LogId) -> int:
        """The most entries of one log that a connected peer offers beyond what is held.

        What a peer could not deliver does not count: a promise alone makes nobody wait.
        """
        return max(
            (
                self._missing(log_id, peer.offered[log_id])
                for peer in self._peers.values()
                if peer.is_promising(log_id)
            ),
            default=0,
        )

    def missing_from(self, peer: Slug) -> dict[LogId, int]:
        """How many entries of each log a peer offers beyond what is held."""
        offered = self._peers[peer].offered
        return {log_id: self._missing(log_id, size) for log_id, size in offered.items()}

    def connected(self) -> tuple[Slug, ...]:
        """The peers whose streams are open."""
        return tuple(slug for slug, peer in self._peers.items() if peer.is_connected)

    def _turn(self, message: PeerUp | PeerDown | PeerCaughtUp) -> None:
        state = self._peers[message.peer]
        match message:
            case PeerUp(peer):
                self._peers[peer] = state.anew(is_connected=True, last_error=state.last_error)
            case PeerDown(peer, reason):
                last_error = _printable(reason) or state.last_error
                self._peers[peer] = state.anew(is_connected=False, last_error=last_error)
            case PeerCaughtUp(peer):
                state.has_sent_all = True
                self._budgets.heard_all(peer)
            case _:
                assert_never(message)

    def _learn(
        self, now_ms: int, message: LogGrew | ContentStored | LogFrozen | LogThawed | Tick
    ) -> None:
        match message:
            case LogGrew(log_id, size, size_bytes):
                before = self._held.get(log_id, 0)
                self._budgets.grew(now_ms, log_id, before, size, size_bytes)
                self._held[log_id] = max(before, size)
            case ContentStored(log_id, sizes):
                self._budgets.gained_content(now_ms, log_id, sizes)
            case LogFrozen(log_id):
                self._frozen.add(log_id)
            case LogThawed(log_id):
                self._frozen.discard(log_id)
            case Tick():
                pass  # time alone may bring a fetch
            case _:
                assert_never(message)

    def _offers_of(self, log_id: LogId) -> dict[Slug, int]:
        return {slug: peer.offered.get(log_id, 0) for slug, peer in self._peers.items()}

    def is_held_back(self, now_ms: int, log_id: LogId) -> bool:
        """Whether a log is over its budget, and the next entries of it count."""
        return self._budgets.is_held_back(now_ms, log_id, self._held.get(log_id, 0))

    def is_content_held_back(self, now_ms: int, log_id: LogId) -> bool:
        """Whether content of a log waits: its entries and their content have used their bytes."""
        return self._budgets.is_content_held_back(now_ms, log_id, self._held.get(log_id, 0))

    def _offer(self, now_ms: int, offer: HeadOffered) -> tuple[Effect, ...]:
        peer, log_id, tail = offer.peer, offer.log_id, offer.tail
        if log_id not in self._keys:
            return ()  # a log of a newer roster
        try:
            # A rotation is proven by itself: what one peer shows serves for the others' notes too.
            keys = self._keys[log_id] = self._keys[log_id].learn(offer.rotations)
            checkpoint = check_head(offer.note, keys)
            if tail is not None:
                check_tail(tail, checkpoint)
        except EntryError as error:
            return self._blame(now_ms, offer, error)
        if log_id == self._own.log_id:
            if checkpoint.size > self._held.get(log_id, 0):
                return (AskFenceAgain(peer, checkpoint),)
            return (JudgeOwnNote(peer, offer.note, offer.rotations),) if offer.rotations else ()
        self._budgets.hear_of(peer, log_id, checkpoint.size)
        self._peers[peer].note_offer(log_id, checkpoint.size)
        if tail is None or not self._fits(now_ms, peer, log_id, tail):
            return ()
        self._fetching[log_id] = _Fetch(tail.start, checkpoint.size)
        return (TakeTail(peer, log_id, offer.note, checkpoint, tail),)

    def _blame(self, now_ms: int, offer: HeadOffered, error: EntryError) -> tuple[Effect, ...]:
        """Drops a peer for what it sent, unless the author of the log may have signed two of it."""
        reason = f"{error.reason}: {error}"
        is_of_author = isinstance(error, BadKeyRotation) or (
            isinstance(error, BadNoteSignature) and was_signed(offer.note, self._keys[offer.log_id])
        )
        if not is_of_author:
            return self._drop(now_ms, offer.peer, reason)
        state = self._peers[offer.peer]
        state.last_error = _printable(reason)
        is_known = state.is_contradicting(now_ms, offer.log_id)
        state.note_contradiction(now_ms, offer.log_id)
        asked = () if is_known else (FindParting(offer.peer, offer.log_id, offer.note),)
        if offer.log_id != self._own.log_id:
            return asked
        # Each time: a later head may prove what the one before did not.
        return (*asked, JudgeOwnNote(offer.peer, offer.note, offer.rotations))

    def held_of(self, log_id: LogId) -> int:
        """How many entries of a log are held."""
        return self._held.get(log_id, 0)

    def generation_of(self, log_id: LogId) -> int:
        """How often the key of a log was rotated, as far as peers have shown."""
        keys = self._keys.get(log_id)
        return 0 if keys is None else newest_generation(keys)

    def is_retired(self, log_id: LogId, size: int) -> bool:
        """Whether a key that was replaced since signs notes of this size: they prove less."""
        return self._keys[log_id].is_retired(size)

    def _fits(self, now_ms: int, peer: Slug, log_id: LogId, tail: Tail) -> bool:
        """Whether a tail can be taken as it comes."""
        is_free = log_id not in self._fetching and log_id not in self._frozen
        is_free = is_free and not self.is_held_back(now_ms, log_id)
        follows = tail.start == self._held.get(log_id, 0)
        return is_free and follows and self._peers[peer].is_source(now_ms, log_id)

    def _finish(self, peer: Slug, log_id: LogId) -> None:
        self._fetching.pop(log_id, None)
        state = self._peers[peer]
        state.setbacks.pop(log_id, None)
        if state.is_connected and not state.setbacks:
            state.last_error = ""

    def _fail(self, now_ms: int, failure: FetchFailed) -> tuple[Effect, ...]:
        held = self._held.get(failure.log_id, 0)
        fetch = self._fetching.pop(failure.log_id, _Fetch(held, 0))
        peer = self._peers[failure.peer]
        peer.last_error = _printable(failure.reason)
        match failure.blame:
            case Blame.PEER:
                return self._drop(now_ms, failure.peer, failure.reason)
            case Blame.AUTHOR:
                peer.note_contradiction(now_ms, failure.log_id)
            case Blame.NOBODY:
                has_brought = held > fetch.began_at
                peer.note_setback(now_ms, failure.log_id, fetch.asked, has_brought=has_brought)
            case _:
                assert_never(failure.blame)
        return ()

    def _drop(self, now_ms: int, peer: Slug, reason: str) -> tuple[Effect, ...]:
        before = self._peers[peer]
        faults = 1 if now_ms >= before.forgiven_ms else before.faults + 1
        until_ms = now_ms + min(DROP_FIRST_MS << min(faults - 1, 10), DROP_LONGEST_MS)
        self._peers[peer] = PeerStanding(
            last_error=_printable(reason),
            faults=faults,
            forgiven_ms=until_ms + FORGIVE_AFTER_MS,
        )
        return (DropPeer(peer, reason.partition(":")[0], until_ms),)

    def _missing(self, log_id: LogId, size: int) -> int:
        """How many entries of an offered size are still to come; a frozen log has none."""
        return 0 if log_id in self._frozen else max(size - self._held.get(log_id, 0), 0)

    def _touched(self, message: Message) -> Iterable[LogId]:
        """The logs that a message may bring a fetch of; time may bring one of any.

        With a hundred members a look at all logs of all peers would cost more than the message.
        """
        match message:
            case HeadOffered() | LogGrew() | LogFrozen() | FetchEnded() | FetchFailed():
                return (message.log_id,)
            case _:
                return self._logs

    def _fetches(self, now_ms: int, log_ids: Iterable[LogId]) -> tuple[Effect, ...]:
        """Starts a fetch for every log that somebody offers more of and nobody fetches."""
        effects = []
        for log_id in log_ids:
            author = self._logs.get(log_id)
            if author is None or log_id in self._fetching:
                continue
            if self.is_held_back(now_ms, log_id):
                continue
            offers = [
                (
                    log_id in peer.setbacks,
                    slug != author.slug,
                    -peer.offered[log_id],
                    slug,
                )
                for slug, peer in self._peers.items()
                if peer.is_source(now_ms, log_id) and self._missing(log_id, peer.offered[log_id])
            ]
            if offers:
                *_, size, slug = min(offers)
                self._fetching[log_id] = _Fetch(self._held.get(log_id, 0), -size)
                effects.append(FetchEntries(slug, log_id, -size))
        return tuple(effects)


def _printable(text: str) -> str:
    """What people are shown of words that a peer may have chosen."""
    return "".join(char if char.isprintable() else "?" for char in text[:LAST_ERROR_MAX])
