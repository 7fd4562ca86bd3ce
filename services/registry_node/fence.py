"""Carries out the start-up fence, which `registry.replication.recovery` decides.

Asks the peers what they hold of the own log, pulls it back if they hold more, and opens the log
when it may be opened. A peer that breaks off before its caught-up marker has not answered.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application.membership.ceremonies import is_leaving
from registry.application.registry import Registry
from registry.domain.identifiers import Slug
from registry.errors import (
    DamagedLog,
    EntryError,
    GuardError,
    LogDiverged,
    LogReadOnly,
    RootMismatch,
    TryLater,
)
from registry.log.checkpoint import Checkpoint
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
from registry.store.values import LogState
from registry_node.fence_steps import FenceSteps
from registry_node.fetching import EntryFetcher, ReplicationStub, require_message, written

_log = structlog.get_logger()
_ASK_AGAIN_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.5
"""Between two heads of one peer that are judged while it stays connected; honest ones tell of the
own log no faster."""
_LEAVING: Final = (
    "this mechanism has signed that it leaves: its log ends where that proposal says, and records "
    "nothing more"
)


class StartUpFence:
    """Opens the own log, or keeps it closed and says why."""

    def __init__(
        self,
        registry: Registry,
        stubs: Mapping[Slug, ReplicationStub],
        entries: EntryFetcher,
        *,
        forked: Callable[[Slug, int], None] = lambda _peer, _size: None,
    ) -> None:
        """Asks nobody yet.

        Args:
            registry: whose log it is.
            stubs: of all other members.
            entries: brings the own log back.
            forked: told which peer shows another history of the own log, and up to which size.
        """
        self._forked = forked
        self._registry = registry
        self._steps = FenceSteps(registry)
        self._stubs = stubs
        self._entries = entries
        self._asked = asyncio.Event()
        self._asked.set()
        self._shown: dict[Slug, JudgeOwnNote | None] = {}
        self.answered: set[Slug] | None = None
        """The peers that answered the first question; None = it is not asked yet."""

    def hear(self, shown: AskFenceAgain | JudgeOwnNote, tasks: asyncio.TaskGroup | None) -> None:
        """Takes what a peer that stays connected shows of the own log.

        Args:
            shown: more of it than is held, or what may be another rotation of its key.
            tasks: where to judge the latter; None = this node ends.
        """
        if isinstance(shown, AskFenceAgain):
            size = shown.checkpoint.size
            _log.error("own_log_larger_elsewhere", peer=shown.peer, size=size)
            self.ask_again(shown.checkpoint)
        elif tasks is not None and self._steps.must_judge(shown.peer, shown.rotations):
            tasks.create_task(self._look_at(shown))

    def ask_again(self, shown: Checkpoint) -> None:
        """Closes the own log at once and runs the fence again.

        Args:
            shown: a verified note of the own log, larger than what is held.
        """
        self._steps.ask_again(shown)
        self._asked.set()

    def look_again(self) -> None:
        """Something else says where the own log ends: looks at it, and closes the log."""
        self._asked.set()

    async def meet(self, peer: Slug) -> None:
        """Looks at what a peer that has come holds of the own log; asks again if it must not be.

        It may hold another history that is no longer than this one: no stream of heads tells of it.
        """
        shown = await self._ask(self._stubs[peer])
        await self._compare(peer, shown or replication_pb2.Head())

    async def _look_at(self, shown: JudgeOwnNote) -> None:
        """Judges a head like that of a peer that comes: a peer's one at a time, then its newest."""
        peer = shown.peer
        is_looking = peer in self._shown
        self._shown[peer] = shown
        if is_looking:
            return
        try:
            while (newest := self._shown[peer]) is not None:
                self._shown[peer] = None
                head = replication_pb2.Head(checkpoint=newest.note, rotations=newest.rotations)
                is_compared = await self._compare(peer, head)
                if not is_compared and self._shown[peer] is None:
                    self._shown[peer] = newest
                await asyncio.sleep(_LOOK_AGAIN_S)
        finally:
            del self._shown[peer]

    async def _compare(self, peer: Slug, head: replication_pb2.Head) -> bool:
        """Stops the own log if a peer holds another history; returns False if that must wait."""
        try:
            note = await self._judge(head)
        except (LogReadOnly, DamagedLog) as error:
            _log.error("peer_not_compared", peer=peer, reason=error.reason)
            self._registry.store.refuse_appends(str(error))
            self._asked.set()
            return True
        except TryLater as error:
            _log.warning("peer_not_compared", peer=peer, reason=error.reason)
            return False
        if self._steps.meet(peer, note):
            self._forked(peer, note.size)
            self._asked.set()
        return True

    async def run(self) -> None:
        """Runs once at the start and whenever it is asked again; ends only with its task."""
        while True:
            await self._asked.wait()
            if await self._round():
                self._steps.failed.clear()
            else:
                await asyncio.sleep(_ASK_AGAIN_S)
                self._asked.set()

    async def _round(self) -> bool:
        """Asks, decides, carries out; returns whether the log is open, or can never be."""
        store = self._registry.store
        self._asked.clear()
        try:
            found = await self._ask_all()
            if self.answered is None:
                self.answered = set(found)
            own = await asyncio.to_thread(store.log_state, self._registry.own.log_id)
            if own.frozen_at is not None:
                store.refuse_appends(_frozen(own))
                _log.error("log_stopped", size=own.frozen_at, reason=own.frozen_reason)
                return True
            if await asyncio.to_thread(is_leaving, self._registry.folder):
                # Until the others have signed, which starts this node anew.
                store.refuse_appends(_LEAVING)
                _log.warning("log_stopped", size=own.size, reason="leaving")
                return True
            comparison = await asyncio.to_thread(self._steps.compare)
            decision = self._steps.decide(comparison, found, asked=len(self._stubs))
            for peer, note in found.items():
                if not note.is_consistent:
                    self._forked(peer, note.size)
            return await self._carry_out(decision, held=comparison.database_size)
        except (TryLater, DamagedLog) as error:
            store.refuse_appends(str(error))
            _log.warning("log_waits", reason=error.reason)
            return False

    async def _carry_out(self, decision: Decision, *, held: int) -> bool:
        """Returns whether the fence is done."""
        store, log_id = self._registry.store, self._registry.own.log_id
        if isinstance(decision, Stop):
            store.refuse_appends(decision.reason)
            _log.error("log_stopped", size=held, reason=LogDiverged.reason)
            evidence = decision.evidence
            await written(lambda: store.freeze(log_id, held, LogDiverged.reason, evidence))
            return True
        await self._remember()
        match decision:
            case Open():
                # From here to the end nothing else runs on the loop: nobody can ask in between.
                if not self._asked.is_set():
                    self._registry.open_log()
                    _log.info("log_opened", size=held)
                return True
            case Wait(reason):
                store.refuse_appends(reason)
                _log.warning("log_waits", size=held)
            case PullBack(peer, size):
                await self._pull_back(peer, size)
        return False

    async def _remember(self) -> None:
        """Brings the guard up to what was shown: a peer that vanishes does not take it along."""
        shown = self._steps.shown
        if shown is not None:
            store = self._registry.store
            await written(lambda: store.remember_own_checkpoint(shown.size, shown.root))

    async def _pull_back(self, peer: Slug, size: int) -> None:
        """Fetches own entries like any other log's; wrong ones are refused the same way."""
        _log.warning("own_log_pulled_back", peer=peer, size=size)
        try:
            await self._entries.fetch(self._stubs[peer], self._registry.own, size)
        except (EntryError, TryLater, GuardError) as error:
            if isinstance(error, RootMismatch | LogDiverged | GuardError):
                self._forked(peer, size)
            _log.warning("pull_back_failed", peer=peer, reason=error.reason)
            self._steps.note_failure(peer, size, error)

    async def _ask_all(self) -> dict[Slug, OwnNote]:
        """Asks all at once; those that do not answer in time are left out."""
        async with asyncio.TaskGroup() as tasks:
            asking = {
                slug: tasks.create_task(self._ask(stub)) for slug, stub in self._stubs.items()
            }
        notes = {slug: task.result() for slug, task in asking.items()}
        return {slug: await self._judge(note) for slug, note in notes.items() if note is not None}

    async def _ask(self, stub: ReplicationStub) -> replication_pb2.Head | None:
        """Reads the heads a peer offers until that of the own log; empty if it has none of it.

        Returns:
            None if the peer did not answer up to its marker.
        """
        own = self._registry.own
        call = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=ASK_AT_MOST_MS / 1000)
        try:
            async for response in call:
                if require_message(response).HasField("caught_up"):
                    return replication_pb2.Head()
                if response.head.log_id == own.log_id:
                    return response.head
        except (grpc.aio.AioRpcError, EntryError):
            pass
        finally:
            call.cancel()
        return None

    async def _judge(self, head: replication_pb2.Head) -> OwnNote:
        note, rotations = bytes(head.checkpoint), tuple(head.rotations)
        return self._steps.take(await asyncio.to_thread(self._steps.judge, note, rotations))


def _frozen(own: LogState) -> str:
    return (
        f"{own.origin} is frozen at {own.frozen_at} ({own.frozen_reason}): it takes no more "
        "events, a new epoch is needed"
    )
