"""Carries out the start-up fence: asks the peers what they hold of the own log, pulls it back if
they hold more, and opens the log when `registry.replication.recovery` says so."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.domain.identifiers import Slug
from registry.errors import EntryError, GuardError, PeerUnavailable, RegistryError
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
from registry_node.fetching import EntryFetcher, ReplicationStub

_log = structlog.get_logger()
_ASK_AGAIN_S: Final = 2.0


class StartUpFence:
    """Opens the own log, or keeps it closed and says why."""

    def __init__(
        self,
        registry: Registry,
        stubs: Mapping[Slug, ReplicationStub],
        entries: EntryFetcher,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._stubs = stubs
        self._entries = entries
        self._now_ms = now_ms

    async def run(self) -> None:
        """Returns when the log is open, or can never be."""
        while True:
            started = self._now_ms()
            answers = await self._ask_all()
            waited_ms = max(self._now_ms() - started, ASK_AT_MOST_MS)
            decision = decide(
                self._registry.store.own_state_against_guard(),
                answers,
                asked=len(self._stubs),
                waited_ms=waited_ms,
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
                _log.info("log_opened", size=store.log_state(self._registry.own.log_id).size)
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
        except (EntryError, PeerUnavailable, GuardError) as error:
            _log.warning("pull_back_failed", peer=peer, reason=error.reason)

    async def _ask_all(self) -> dict[Slug, OwnNote]:
        asked = {slug: asyncio.ensure_future(self._ask(stub)) for slug, stub in self._stubs.items()}
        if not asked:
            return {}
        await asyncio.wait(asked.values(), timeout=ASK_AT_MOST_MS / 1000)
        answers: dict[Slug, OwnNote] = {}
        for slug, task in asked.items():
            if not task.done():
                task.cancel()
            elif not task.cancelled() and task.exception() is None:
                answers[slug] = task.result()
        return answers

    async def _ask(self, stub: ReplicationStub) -> OwnNote:
        """Reads the heads a peer offers until the one of the own log or the marker comes."""
        own = self._registry.own
        call = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=ASK_AT_MOST_MS / 1000)
        try:
            async for response in call:
                if not response.HasField("head"):
                    break
                if response.head.log_id == own.log_id:
                    return await asyncio.to_thread(self._judge, response.head.checkpoint)
        finally:
            call.cancel()
        return OwnNote(size=0, is_consistent=True)

    def _judge(self, note: bytes) -> OwnNote:
        own = self._registry.own
        try:
            checkpoint = verify_checkpoint(note, origin=own.origin, log_key=own.log_key)
        except RegistryError:
            # Nobody but this node could have signed it: such a note proves nothing.
            return OwnNote(size=0, is_consistent=True)
        store = self._registry.store
        if checkpoint.size > store.log_state(own.log_id).size:
            return OwnNote(size=checkpoint.size, is_consistent=True)
        root = store.root_at(own.log_id, checkpoint.size)
        return OwnNote(size=checkpoint.size, is_consistent=root == checkpoint.root)
