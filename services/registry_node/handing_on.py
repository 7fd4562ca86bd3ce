"""Hands on the withdrawals of others to those whom this mechanism gave the name.

A withdrawal stops uses: it is handed on as soon as it is here, without a person. Whom it does not
tell may change later: a log is frozen, a withdrawal is erased, an own event comes back from a peer;
so cases are looked at again when content of theirs comes or goes, and all of them at each start,
after a freeze and once an hour. What was handed on is not handed on again.

What has just come is looked at in the order in which it came, before everything else: nobody keeps
a withdrawal waiting by sending many.
"""

import asyncio
from collections import deque
from typing import Final, TypeAlias

import structlog

from registry.application.handing_on import HandingOn
from registry.application.named_persons import which_matter
from registry.application.registry import Registry
from registry.domain.identifiers import CaseId, LogId
from registry.errors import DamagedLog, EntryError, RequestError, TryLater
from registry.store.values import FreezeStored, PartsErased, PartsStored, StoreEvent, read_header
from registry_node.mirror import Mirror

_log = structlog.get_logger()
_AGAIN_S: Final = 1.0
_AGAIN_LONGEST_S: Final = 60.0
"""After something could not be read or written; twice as long each time."""
_LOOK_S: Final = 3600.0
_PAUSE_S: Final = 0.05
"""Between two cases that are only looked at again: replication goes on meanwhile."""

_Place: TypeAlias = tuple[LogId, int]


class HandingOnLoop:
    """Hands on whenever a withdrawal came, until cancelled."""

    def __init__(self, registry: Registry, mirror: Mirror) -> None:
        self._registry = registry
        self._store = registry.store
        self._mirror = mirror
        self._handing = HandingOn(registry)
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._places: deque[_Place] = deque()
        self._must_look = True
        self._again: dict[CaseId, None] = {}
        self._store.add_listener(self._notice)

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        await self._mirror.content.wait()
        self._came.set()
        is_done, again_s = True, _AGAIN_S
        while True:
            try:
                async with asyncio.timeout(_LOOK_S if is_done else again_s):
                    await self._came.wait()
            except TimeoutError:
                if is_done:
                    self._look_at_all()
            self._came.clear()
            is_done = await self._finish()
            is_closed = self._store.read_only_reason() is not None
            again_s = _AGAIN_S if is_done or is_closed else min(2 * again_s, _AGAIN_LONGEST_S)

    async def _finish(self) -> bool:
        """Does what can be done now; returns whether nothing is left."""
        count = 0
        unread: list[_Place] = []
        damaged: list[CaseId] = []
        try:
            while self._store.read_only_reason() is None and self._is_due():
                pause_s = 0.0 if self._places else _PAUSE_S
                case_id = await self._next_case(unread)
                if case_id is not None:
                    count += await self._hand_on(case_id, damaged)
                    await asyncio.sleep(pause_s)
        except (TryLater, DamagedLog) as error:
            _log.warning("handing_on_waits", reason=error.reason)
        self._places.extend(unread)
        self._again |= dict.fromkeys(damaged)
        if count:
            _log.info("withdrawals_handed_on", count=count)
        return not self._is_due()

    def _is_due(self) -> bool:
        return bool(self._places or self._must_look or self._again)

    async def _hand_on(self, case_id: CaseId, damaged: list[CaseId]) -> int:
        """Hands on in a case; returns how many events that were, or notes that it is damaged.

        Raises:
            TryLater: whatever it is, the next case would meet it too; this one is the first again.
        """
        self._again.pop(case_id, None)
        try:
            if not self._registry.consents.has_withdrawal(case_id):
                return 0
            return await asyncio.to_thread(self._handing.hand_on, case_id)
        except TryLater:
            self._again = {case_id: None} | self._again
            raise
        except DamagedLog as error:
            _log.warning("handing_on_waits", reason=error.reason)
            damaged.append(case_id)
        except (RequestError, EntryError) as error:
            # No case keeps the others, or this node, from going on; it is looked at again.
            _log.error("handing_on_refused", reason=error.reason)
        return 0

    async def _next_case(self, unread: list[_Place]) -> CaseId | None:
        """The case of what came first, or else one that is to be looked at again; None = go on.

        Raises:
            TryLater, DamagedLog: it cannot be told now, and is due all the same.
        """
        if self._places:
            return await self._case_at(self._places.popleft(), unread)
        if self._must_look:
            self._again |= dict.fromkeys(self._registry.consents.cases_with_withdrawals())
            self._must_look = False
        return next(iter(self._again), None)

    async def _case_at(self, place: _Place, unread: list[_Place]) -> CaseId | None:
        log_id, index = place
        try:
            found = await asyncio.to_thread(self._store.entries, log_id, index, index + 1)
            # Nothing is found while it is open which history of the log counts.
            case_id = read_header(found[0]).case_id if found else None
        except DamagedLog:
            case_id = None
        except TryLater:
            self._places.append(place)
            raise
        if case_id is None:
            unread.append(place)
        return case_id

    def _look_at_all(self) -> None:
        self._must_look = True
        self._came.set()

    def _take(self, places: list[_Place]) -> None:
        self._places.extend(places)
        self._came.set()

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit; reads nothing."""
        match event:
            case PartsStored(log_id, keys, contents):
                found = [(log_id, keys[place][0]) for place in which_matter(contents)]
            case PartsErased(log_id, keys):
                found = [(log_id, index) for index, ordinal in keys if ordinal == 0]
            case FreezeStored():
                self._loop.call_soon_threadsafe(self._look_at_all)
                return
            case _:
                return
        if found:
            self._loop.call_soon_threadsafe(self._take, found)
