"""The start-up fence in virtual time: what `registry_node.fence` does over gRPC."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import Slug
from registry.errors import (
    EntryError,
    GuardError,
    LogDiverged,
    RegistryError,
    RootMismatch,
    TryLater,
)
from registry.log.checkpoint import Checkpoint
from registry.log.roster import Member
from registry.replication.effects import AskFenceAgain, JudgeOwnNote
from registry.replication.recovery import (
    ASK_AT_MOST_MS,
    Decision,
    Open,
    OwnNote,
    PullBack,
    Stop,
    Wait,
)
from registry_node.fence_steps import FenceSteps

if TYPE_CHECKING:
    from tests.simulation.node import SimNode

_ASK_AGAIN_MS: Final = 2_000
_ASK_AGAIN_LONGEST_MS: Final = 20_000
Answer = Callable[[replication_pb2.Head | None], None]


class Fencing:
    """One life's fence."""

    def __init__(self, node: "SimNode") -> None:
        self._node = node
        self._steps = FenceSteps(node)
        self._is_running = False
        self._is_asked = False
        self._wait_ms = _ASK_AGAIN_MS

    def start(self) -> None:
        self._ask()

    def ask_again(self, shown: Checkpoint) -> None:
        self._steps.ask_again(shown)
        self._ask()

    def look_again(self) -> None:
        """Something else says where the own log ends."""
        self._ask()

    def meet(self, peer: Member) -> None:
        """Looks at what a peer that has come holds of the own log."""

        def answered(head: replication_pb2.Head | None) -> None:
            self._compare(peer.slug, head or replication_pb2.Head())

        self._ask_peer(peer, answered)

    def hear(self, shown: AskFenceAgain | JudgeOwnNote) -> None:
        """Takes what a peer that stays connected shows of the own log."""
        if isinstance(shown, AskFenceAgain):
            self._node.scheduler.count("own log larger elsewhere")
            self.ask_again(shown.checkpoint)
        elif self._steps.must_judge(shown.peer, shown.rotations):
            self._node.scheduler.count("other rotations of the own key")
            head = replication_pb2.Head(checkpoint=shown.note, rotations=shown.rotations)
            self._compare(shown.peer, head)

    def _compare(self, peer: Slug, head: replication_pb2.Head) -> None:
        note = self._judge(head)
        if self._steps.meet(peer, note):
            self._node.scheduler.count("forks met")
            self._forked(peer, note.size)
            self._ask()

    def _ask(self) -> None:
        self._is_asked = True
        if not self._is_running:
            self._round()

    def _round(self) -> None:
        """Asks all peers at once; decides when all have answered or the time is over."""
        self._is_running, self._is_asked = True, False
        found: dict[Slug, replication_pb2.Head | None] = {}
        is_over = False
        self._node.world.checks.fence_asks(self._node)

        def finish() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._finish(found)

        def answered(peer: Slug) -> Answer:
            def take(head: replication_pb2.Head | None) -> None:
                found[peer] = head
                if len(found) == len(self._node.peers):
                    finish()

            return take

        for member in self._node.peers:
            self._ask_peer(member, answered(member.slug))
        self._node.later(ASK_AT_MOST_MS, finish)

    def _finish(self, found: dict[Slug, replication_pb2.Head | None]) -> None:
        node = self._node
        slugs = [slug for slug in sorted(found) if found[slug] is not None]
        answers = {slug: self._judge(found[slug] or replication_pb2.Head()) for slug in slugs}
        own = node.store.log_state(node.own.log_id)
        if own.frozen_at is not None:
            node.store.refuse_appends(f"frozen at {own.frozen_at}")
            self._end(is_done=True)
            return
        try:
            comparison = self._steps.compare()
            decision = self._steps.decide(comparison, answers, asked=len(node.peers))
            name = type(decision).__name__.lower()
            node.scheduler.note(f"{node.host} fence: {comparison} {answers} {decision}")
            node.scheduler.count(f"fence: {name}")
            for slug, note in answers.items():
                if not note.is_consistent:
                    self._forked(slug, note.size)
            self._carry_out(decision, held=comparison.database_size)
        except TryLater as error:
            node.store.refuse_appends(str(error))
            self._end(is_done=False)

    def _carry_out(self, decision: Decision, *, held: int) -> None:
        node, log_id = self._node, self._node.own.log_id
        if isinstance(decision, Stop):
            node.store.refuse_appends(decision.reason)
            reason, evidence = LogDiverged.reason, decision.evidence
            node.write(lambda: node.store.freeze(log_id, held, reason, evidence).result())
            self._end(is_done=True)
            return
        if (shown := self._steps.shown) is not None:
            node.write(lambda: node.store.remember_own_checkpoint(shown.size, shown.root).result())
        match decision:
            case Open():
                if not self._is_asked:
                    node.open_log()
                self._end(is_done=True)
            case Wait(reason):
                node.store.refuse_appends(reason)
                self._end(is_done=False)
            case PullBack(peer, size):
                node.following.fetch_own(peer, size, self._pulled_back(peer, size))

    def _pulled_back(self, peer: Slug, size: int) -> Callable[[RegistryError | None], None]:
        def done(error: RegistryError | None) -> None:
            if isinstance(error, EntryError | TryLater | GuardError):
                if isinstance(error, RootMismatch | LogDiverged | GuardError):
                    self._forked(peer, size)
                self._node.scheduler.note(f"{self._node.host} pull back failed: {error.reason}")
                self._node.scheduler.count("pull-backs failed")
                self._steps.note_failure(peer, size, error)
            elif error is not None:
                raise error
            else:
                self._node.scheduler.count("pull-backs done")
            self._end(is_done=False)

        return done

    def _forked(self, peer: Slug, size: int) -> None:
        self._node.accusing.suspect(peer, self._node.own.log_id, size)

    def _end(self, *, is_done: bool) -> None:
        """The round is over; the next one comes if it has brought nothing final."""
        self._is_running = False
        if is_done:
            self._steps.failed.clear()
            self._wait_ms = _ASK_AGAIN_MS
            if self._is_asked:
                self._round()
            return
        self._is_running = True
        self._node.later(self._wait_ms, self._round)
        self._wait_ms = min(self._wait_ms * 2, _ASK_AGAIN_LONGEST_MS)

    def _ask_peer(self, member: Member, answered: Answer) -> None:
        """Reads a peer's heads until that of the own log, or its marker."""
        node = self._node

        def take(response: replication_pb2.WatchHeadsResponse) -> None:
            if response.HasField("caught_up"):
                call.cancel()
                answered(replication_pb2.Head())
            elif response.head.log_id == node.own.log_id:
                call.cancel()
                answered(response.head)

        def end(_reason: str) -> None:
            answered(None)

        call = node.world.call(node, member, "ask", node.guarded(take), node.guarded(end))
        nothing = replication_pb2.WatchHeadsRequest()
        call.request(node.world.serving(member, lambda to: to.serve_watch(call, node.own, nothing)))
        node.later(ASK_AT_MOST_MS, lambda: call.end("DEADLINE_EXCEEDED"))

    def _judge(self, head: replication_pb2.Head) -> OwnNote:
        return self._steps.take(self._steps.judge(bytes(head.checkpoint), tuple(head.rotations)))
