"""Following peers in virtual time: what `registry_node.mirror` and `fetching` do over gRPC."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from registry.api.v1 import replication_pb2
from registry.application.intake import EntryRun, LogIntake, ProvenHead
from registry.domain.identifiers import LogId, Slug
from registry.errors import (
    LogDiverged,
    PeerUnavailable,
    RegistryError,
    RootMismatch,
    StorageError,
    TruncatedStream,
)
from registry.log.roster import Member
from registry.replication.effects import (
    AskFenceAgain,
    DropPeer,
    Effect,
    FetchEntries,
    FindParting,
    JudgeOwnNote,
    TakeTail,
)
from registry.replication.messages import (
    Blame,
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    LogThawed,
    Message,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
    Tick,
    blame_of,
)
from registry.replication.session import Session
from registry_node.head_messages import read_head, watch_request
from tests.simulation.cast import keys_of
from tests.simulation.network import Call

if TYPE_CHECKING:
    from tests.simulation.node import SimNode

_TICK_MS: Final = 3_000
_WATCH_MS: Final = 90_000
_RECONNECT_FIRST_MS: Final = 100
_RECONNECT_LONGEST_MS: Final = 8_000
Done = Callable[[RegistryError | None], None]


class Following:
    """One life's session with all peers."""

    def __init__(self, node: "SimNode", held: dict[LogId, int]) -> None:
        self._node = node
        roster = node.roster
        keys = {member.log_id: keys_of(member) for member in roster.writers()}
        self.session = Session(roster, node.own, held, keys)
        self._intakes: dict[LogId, LogIntake] = {}
        self._ends: dict[LogId, int] = {}
        self._blocked_until_ms: dict[Slug, int] = {}
        self._watching: dict[Slug, Call] = {}
        self._wait_ms = {member.slug: _RECONNECT_FIRST_MS for member in node.peers}
        self._fetches: list[Call] = []
        self._failed: dict[LogId, bool] = {}

    def start(self) -> None:
        for member in self._node.peers:
            self._dial_later(member, 0)
        for state in self._node.store.log_states():
            if state.frozen_at is not None:
                self._ends[state.log_id] = state.frozen_at
                self._end_if_whole(state.log_id, state.size)
        self._node.later(_TICK_MS, self._tick)

    def end(self) -> None:
        for call in (*self._watching.values(), *self._fetches):
            call.cancel()

    def tell(self, message: Message) -> None:
        for effect in self.session.handle(self._node.scheduler.now_ms, message):
            self._carry_out(effect)

    def ends(self, log_id: LogId, at: int) -> None:
        """A log ends somewhere, or earlier than before."""
        self.tell(LogThawed(log_id))
        self._ends[log_id] = at
        self._end_if_whole(log_id, self.session.held_of(log_id))

    def _end_if_whole(self, log_id: LogId, size: int) -> None:
        if size >= self._ends.get(log_id, size + 1):
            self.tell(LogFrozen(log_id))

    def _tick(self) -> None:
        self.tell(Tick())
        self._node.later(_TICK_MS, self._tick)

    # --- heads --------------------------------------------------------------------------------

    def _dial_later(self, member: Member, wait_ms: int) -> None:
        wait_ms = max(wait_ms, self._blocked_until_ms.get(member.slug, 0) - self._now_ms())
        jitter = self._node.scheduler.random.randint(0, 50)
        self._node.later(wait_ms + jitter, lambda: self._dial(member))

    def _dial(self, member: Member) -> None:
        node, is_connected = self._node, False
        began_ms = self._now_ms()

        def take(response: replication_pb2.WatchHeadsResponse) -> None:
            nonlocal is_connected
            if not is_connected:
                is_connected = True
                self.tell(PeerUp(member.slug))
                node.accusing.peer_came(member.slug)
                node.fencing.meet(member)
            if call.is_over:
                return
            if response.HasField("head"):
                self._take_head(read_head(member.slug, response.head))
            elif response.evidence:
                node.accusing.take(member.slug, response.evidence)
            else:
                self.tell(PeerCaughtUp(member.slug))

        def end(reason: str) -> None:
            self.tell(PeerDown(member.slug, reason))
            lasted_ms = self._now_ms() - began_ms
            wait_ms = min(self._wait_ms[member.slug] * 2, _RECONNECT_LONGEST_MS)
            if lasted_ms > _RECONNECT_LONGEST_MS:
                wait_ms = _RECONNECT_FIRST_MS
            self._wait_ms[member.slug] = wait_ms
            self._dial_later(member, wait_ms)

        request = watch_request(node.store.log_states(), lambda _: b"")
        call = node.world.call(node, member, "heads", node.guarded(take), node.guarded(end))
        self._watching[member.slug] = call
        call.request(node.world.serving(member, lambda to: to.serve_watch(call, node.own, request)))
        period_ms = _WATCH_MS * node.scheduler.random.randint(80, 120) // 100
        node.later(period_ms, lambda: call.end(""))

    def _take_head(self, offered: HeadOffered) -> None:
        ours = self._node.hub.note_of(offered.log_id)
        self.tell(offered)
        self._node.accusing.heard(offered, ours)

    # --- effects ------------------------------------------------------------------------------

    def _carry_out(self, effect: Effect) -> None:
        node = self._node
        node.scheduler.note(f"{node.host} {_words(effect)}")
        match effect:
            case FetchEntries():
                node.scheduler.count("fetches")
                if effect.log_id in self._failed:
                    node.scheduler.count("fetches after a setback")
                node.later(node.scheduler.random.randint(0, 3), lambda: self._fetch(effect))
            case TakeTail():
                node.scheduler.count("tails")
                node.later(node.scheduler.random.randint(0, 3), lambda: self._take_tail(effect))
            case DropPeer(peer, reason, until_ms):
                node.world.checks.dropped(node, peer, reason)
                self._blocked_until_ms[peer] = until_ms
                if peer in self._watching:
                    self._watching[peer].end("")
            case AskFenceAgain() | JudgeOwnNote():
                node.fencing.hear(effect)
            case FindParting(peer, log_id, note):
                node.scheduler.count("heads of another key")
                node.accusing.suspect_note(peer, log_id, note)

    def _take_tail(self, effect: TakeTail) -> None:
        member = self._node.roster.member_by_log(effect.log_id)
        try:
            intake = self._intake(member)
            before = intake.held.size
            if before == effect.tail.start:
                run = EntryRun(before, effect.tail.entries, ())
                head = ProvenHead(effect.note, effect.checkpoint)
                self._node.write(lambda: intake.take(run, head).result())
            self._keep(member, intake)
        except RegistryError as error:
            self._fail(effect, error)
            return
        self._settle(effect.peer, member, intake)

    def _fetch(self, effect: FetchEntries) -> None:
        member = self._node.roster.member_by_log(effect.log_id)

        def done(error: RegistryError | None) -> None:
            if error is not None:
                self._fail(effect, error)
            else:
                self._keep(member, intake)
                self._settle(effect.peer, member, intake)

        intake = self._intake(member)
        self._stream(effect.peer, intake, effect.size, done)

    def fetch_own(self, peer: Slug, size: int, done: Done) -> None:
        """Pulls own entries back, like any other log's."""
        self._stream(peer, LogIntake(self._node, self._node.own, self._ends), size, done)

    def _stream(self, peer: Slug, intake: LogIntake, size: int, done: Done) -> None:
        node, start, log_id = self._node, intake.held.size, intake.held.log_id
        if start >= size:
            done(None)
            return
        stream = _Stream(node, intake, size, done)
        member = node.roster.member_by_slug(peer)
        take, end = node.guarded(stream.take), node.guarded(stream.end)
        call = stream.call = node.world.call(node, member, "entries", take, end)
        self._fetches = [each for each in self._fetches if not each.is_over]
        self._fetches.append(call)
        call.request(
            node.world.serving(member, lambda to: to.serve_entries(call, log_id, start, size))
        )

    # --- how it ended -----------------------------------------------------------------------------

    def _intake(self, member: Member) -> LogIntake:
        return self._intakes.pop(member.log_id, None) or LogIntake(self._node, member, self._ends)

    def _keep(self, member: Member, intake: LogIntake) -> None:
        if intake.fault is None:
            self._intakes[member.log_id] = intake

    def _fail(self, effect: FetchEntries | TakeTail, error: RegistryError) -> None:
        if isinstance(error, StorageError):
            raise error
        node, blame = self._node, blame_of(error)
        peer, log_id = effect.peer, effect.log_id
        if isinstance(error, LogDiverged) and log_id in self._ends:
            blame = Blame.NOBODY  # it was frozen meanwhile
        node.scheduler.note(f"{node.host} fetch from {peer} failed: {error.reason}")
        node.scheduler.count(f"fetches failed: {blame.value}")
        self._failed[log_id] = True
        if blame is Blame.AUTHOR:
            node.world.checks.contradicted(node, log_id, error)
            is_peers = isinstance(error, RootMismatch)
            node.accusing.suspect(peer, log_id, effect.size, is_peers=is_peers)
        self.tell(FetchFailed(peer, log_id, f"{error.reason}: {error}", blame))

    def _settle(self, peer: Slug, member: Member, intake: LogIntake) -> None:
        log_id, fault, bad = intake.held.log_id, intake.fault, intake.bad_entry
        self.tell(LogGrew(log_id, intake.held.size))
        self._end_if_whole(log_id, intake.held.size)
        if fault is not None:
            if bad is None or not self._node.accusing.prove_bad_entry(member, bad):
                reason = f"{fault.reason}: not shown to be its author's"
                self.tell(FetchFailed(peer, log_id, reason, Blame.NOBODY))
                return
            self.tell(LogFrozen(log_id))
        self._failed.pop(log_id, None)
        self.tell(FetchEnded(peer, log_id))

    def _now_ms(self) -> int:
        return self._node.scheduler.now_ms


class _Stream:
    """A stream of entries under way; `done` is told once how it ended."""

    call: Call

    def __init__(self, node: "SimNode", intake: LogIntake, size: int, done: Done) -> None:
        self._node = node
        self._intake = intake
        self._start = intake.held.size
        self._size = size
        self._done = done
        self._head: ProvenHead | None = None

    def take(self, message: replication_pb2.GetEntriesResponse) -> None:
        intake = self._intake
        try:
            head = self._head = self._head or intake.prove_head(
                bytes(message.checkpoint), offered_size=self._size
            )
            run = EntryRun(message.start, list(message.entries), list(message.consistency_path))
            self._node.write(lambda: intake.take(run, head).result())
        except RegistryError as error:
            self.call.cancel()
            self._done(error)
            return
        is_over = intake.fault is not None or intake.is_whole
        if is_over or intake.held.size == head.checkpoint.size:
            self.call.cancel()
            self._done(None)

    def end(self, reason: str) -> None:
        if self._intake.held.size > self._start:
            self._node.scheduler.count("fetches that broke off in the middle")
        if reason:
            self._done(PeerUnavailable(f"GetEntries failed: {reason}"))
        else:
            self._done(TruncatedStream("the stream ended before the checkpoint was reached"))


def _words(effect: Effect) -> str:
    match effect:
        case FetchEntries(peer, log_id, size):
            return f"fetches {log_id.hex()[:6]} up to {size} from {peer}"
        case TakeTail(peer, log_id, _, checkpoint):
            return f"takes a tail of {log_id.hex()[:6]} up to {checkpoint.size} from {peer}"
        case DropPeer(peer, reason):
            return f"drops {peer}: {reason}"
        case AskFenceAgain(peer, checkpoint):
            return f"asks the fence again: {peer} shows {checkpoint.size}"
        case JudgeOwnNote(peer):
            return f"judges what {peer} shows of the own log"
        case FindParting(peer, log_id):
            return f"asks {peer} where {log_id.hex()[:6]} parts"
