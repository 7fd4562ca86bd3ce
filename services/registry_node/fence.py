"""Carries out the start-up fence, which `registry.replication.recovery` decides.

Asks the peers what they hold of the own log, pulls it back if they hold more, and opens the log
when it may be opened. A peer that breaks off before its caught-up marker has not answered.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.domain.identifiers import Slug
from registry.errors import EntryError, GuardError, TryLater
from registry.log.checkpoint import verify_checkpoint
from registry.replication.recovery import (
    ASK_AT_MOST_MS,
    Decision,
    Open,
    OwnNote,
    PullBack,
    Stop,
    Wait,
    decide,
)
from registry_node.fetching import EntryFetcher, ReplicationStub, require_message

_log = structlog.get_logger()
_ASK_AGAIN_S: Final = 2.0
_SHOWN_MORE: Final = (
    "a member holds more of this log than this node: another copy of this node may be running"
)


class StartUpFence:
    """Opens the own log, or keeps it closed and says why."""

    def __init__(
        self,
        registry: Registry,
        stubs: Mapping[Slug, ReplicationStub],
        entries: EntryFetcher,
    ) -> None:
        self._registry = registry
        self._stubs = stubs
        self._entries = entries
        self._failed: set[Slug] = set()
        self._asked = asyncio.Event()
        self._asked.set()

    def ask_again(self) -> None:
        """Closes the own log at once and runs the fence again."""
        self._registry.store.refuse_appends(_SHOWN_MORE)
        self._asked.set()

    async def run(self) -> None:
        """Runs once at the start and whenever it is asked again; ends only with its task."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._failed.clear()
            await self._decide()

    async def _decide(self) -> None:
        """Returns when the log is open, or can never be."""
        while True:
            answers = await self._ask_all()
            decision = decide(
                await asyncio.to_thread(self._registry.store.own_state_against_guard),
                answers,
                asked=len(self._stubs),
                failed=self._failed,
            )
            if await self._carry_out(decision):
                return
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _carry_out(self, decision: Decision) -> bool:
        """Returns whether the fence is done."""
        store = self._registry.store
        match decision:
            case Open():
                await asyncio.to_thread(self._registry.open_log)
                _log.info("log_opened", size=await self._own_size())
                return True
            case Stop(reason):
                store.refuse_appends(reason)
                _log.error("log_stopped", detail=reason)
                return True
            case Wait(reason):
                store.refuse_appends(reason)
                _log.warning("log_waits", detail=reason)
            case PullBack(peer, size):
                await self._pull_back(peer, size)
        return False

    async def _pull_back(self, peer: Slug, size: int) -> None:
        """Fetches own entries like any other log's; wrong ones are refused the same way."""
        _log.warning("own_log_pulled_back", peer=peer, size=size)
        try:
            await self._entries.fetch(self._stubs[peer], self._registry.own, size)
        except (EntryError, TryLater, GuardError) as error:
            self._failed.add(peer)
            _log.warning("pull_back_failed", peer=peer, reason=error.reason)
            self._registry.store.refuse_appends(
                f"{peer} shows {size} events signed by this log and could not give them back in "
                f"the order held here ({error.reason}): it lies, or this log has forked"
            )

    async def _own_size(self) -> int:
        store = self._registry.store
        return (await asyncio.to_thread(store.log_state, self._registry.own.log_id)).size

    async def _ask_all(self) -> dict[Slug, OwnNote]:
        """Asks all at once; those that do not answer in time are left out."""
        answers: dict[Slug, OwnNote] = {}
        async with asyncio.TaskGroup() as tasks:
            for slug, stub in self._stubs.items():
                tasks.create_task(self._ask(slug, stub, answers))
        return answers

    async def _ask(self, slug: Slug, stub: ReplicationStub, answers: dict[Slug, OwnNote]) -> None:
        """Reads the heads a peer offers until the one of the own log or the marker comes."""
        own = self._registry.own
        note: bytes | None = None
        call = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=ASK_AT_MOST_MS / 1000)
        try:
            async for response in call:
                if not require_message(response).HasField("head"):
                    note = b""
                    break
                if response.head.log_id == own.log_id:
                    note = response.head.checkpoint
                    break
        except (grpc.aio.AioRpcError, EntryError):
            return  # it has not answered
        finally:
            call.cancel()
        if note is not None:
            answers[slug] = await asyncio.to_thread(self._judge, note)

    def _judge(self, note: bytes) -> OwnNote:
        own = self._registry.own
        if not note:
            return OwnNote(size=0, is_consistent=True)
        try:
            checkpoint = verify_checkpoint(note, origin=own.origin, log_key=own.log_key)
        except EntryError:
            # Nobody but this node could have signed it: such a note proves nothing.
            return OwnNote(size=0, is_consistent=True)
        store = self._registry.store
        if checkpoint.size > store.log_state(own.log_id).size:
            return OwnNote(size=checkpoint.size, is_consistent=True)
        root = store.root_at(own.log_id, checkpoint.size)
        return OwnNote(size=checkpoint.size, is_consistent=root == checkpoint.root)
