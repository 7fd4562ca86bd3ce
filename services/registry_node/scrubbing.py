"""The scheduled scrub: reads all logs and content back, repairs from peers what is damaged.

A slice of 256 entries at a time, in a thread of its own and at a bounded rate; it waits while the
node is catching up. What is damaged is fetched again from a peer, any peer, and verified like
everything else that peers send; a tree or a root is computed again from sound entries. What cannot
be repaired is told: in status, and by a log line. Damage to entries of the own log, or to what they
lead to, stops appends until it is repaired: nothing is signed on top of it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application.registry import Registry
from registry.application.scrub import LogScrub, Slice
from registry.domain.identifiers import LogId
from registry.errors import (
    CorruptDatabase,
    EntryError,
    PeerUnavailable,
    RegistryError,
    TruncatedStream,
)
from registry.log.roster import Member
from registry.store.chunks import LARGE_PART_BYTES
from registry.store.values import HeldPart, read_header
from registry_node.fetching import require_message, written
from registry_node.part_fetching import PartFetcher, PartSource
from registry_node.part_requests import WantedPart
from registry_node.settings import NodeSettings

T = TypeVar("T")
_log = structlog.get_logger()
_FIRST_WAIT_S: Final = 900.0
_LOOK_AGAIN_S: Final = 1.0
OWN_LOG_DAMAGED: Final = "the own log is damaged on this disk: run `registry fsck`, see its status"


@dataclass(frozen=True, slots=True)
class ScrubReport:
    """The last finished scrub; times in milliseconds UTC, 0 = none has finished yet."""

    finished_ms: int = 0
    found: int = 0
    repaired: int = 0
    left: int = 0


class RepairedParts:
    """Takes parts that a peer gave and that were checked; see `PartSink`."""

    def __init__(self, registry: Registry) -> None:
        self._scrubbing = registry.store.scrubbing
        self.places: set[tuple[int, int]] = set()

    async def put(self, parts: list[HeldPart]) -> None:
        """Writes the parts of one message in the place of the damaged ones."""
        if parts:
            await written(lambda: self._scrubbing.repair_parts(parts))
            self.places |= {(part.index, part.ordinal) for part in parts}


class Scrub:
    """Scrubs one node for as long as it runs."""

    def __init__(
        self,
        registry: Registry,
        settings: NodeSettings,
        *,
        sources: Callable[[], list[PartSource]],
        is_busy: Callable[[], bool],
    ) -> None:
        """Starts nothing yet.

        Args:
            registry: whose store is read.
            settings: the rate and the period.
            sources: the peers that are connected.
            is_busy: whether the node has more urgent work.
        """
        self._registry = registry
        self._settings = settings
        self._sources = sources
        self._is_busy = is_busy
        self._scrubbing = registry.store.scrubbing
        self._parts = PartFetcher(registry, settings.call_timeout_s, _tell_fault)
        self.report = ScrubReport()
        self._counts: Counter[str] = Counter()
        self._is_own_damaged = False

    async def run(self) -> None:
        """Runs until cancelled."""
        if not self._settings.scrub_entries_per_s:
            return
        await asyncio.sleep(min(_FIRST_WAIT_S, self._settings.scrub_period_s))
        with ThreadPoolExecutor(1, thread_name_prefix="scrub") as pool:
            while True:
                await self.scrub_all(pool)
                await asyncio.sleep(self._settings.scrub_period_s)

    async def scrub_all(self, pool: ThreadPoolExecutor) -> None:
        """Reads every log once, and every page of the views; says what came of it.

        Raises:
            CorruptDatabase: the views are damaged; a start makes them anew.
        """
        await self._wait_for_turn()
        await _in(pool, self._registry.models.check)
        self._counts = Counter()
        own_is_damaged = False
        for member in self._registry.roster.writers():
            is_sound = await self._scrub_log(member, pool)
            if member.log_id == self._registry.own.log_id:
                own_is_damaged = not is_sound
        self._settle_own_log(is_damaged=own_is_damaged)
        found, repaired = self._counts["found"], self._counts["repaired"]
        now_ms = self._registry.clock_ms()
        self.report = ScrubReport(now_ms, found, repaired, found - repaired)
        _log.info("scrub_finished", found=found, repaired=repaired, left=found - repaired)

    def _settle_own_log(self, *, is_damaged: bool) -> None:
        store, was_damaged = self._registry.store, self._is_own_damaged
        self._is_own_damaged = is_damaged
        if is_damaged and store.read_only_reason() is None:
            store.refuse_appends(OWN_LOG_DAMAGED)
        elif not is_damaged and was_damaged and store.read_only_reason() == OWN_LOG_DAMAGED:
            self._registry.open_log()

    async def _scrub_log(self, member: Member, pool: ThreadPoolExecutor) -> bool:
        """Returns whether entries, tree and root of the log are sound now."""
        try:
            scrub = await _in(pool, lambda: LogScrub(self._registry, member))
            while not scrub.is_done:
                await self._wait_for_turn()
                part = await _in(pool, scrub.read)
                if not await self._mend(member, scrub, part, pool):
                    return False
            return await self._mend_end(member, scrub, pool)
        except CorruptDatabase as error:
            self._tell(member, -1, error.reason, is_repaired=False)
            return False

    async def _wait_for_turn(self) -> None:
        await asyncio.sleep(256 / self._settings.scrub_entries_per_s)
        while self._is_busy():  # noqa: ASYNC110 - nobody tells when catching up ends
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _mend(
        self, member: Member, scrub: LogScrub, part: Slice, pool: ThreadPoolExecutor
    ) -> bool:
        """Repairs a slice; False = entries of it stay damaged, and nothing after can be proven."""
        if part.damaged:
            brought = await self._bring_entries(member, scrub, part, pool)
            for index in part.damaged:
                is_repaired = index in brought
                self._tell(member, index, CorruptDatabase.reason, is_repaired=is_repaired)
            if not brought:
                return False
            # An entry that is signed and is not the one under the checkpoint goes, too.
            changed = {i: e for i, e in brought.items() if part.entries.get(i) != e}
            await written(lambda: self._scrubbing.repair_entries(member.log_id, changed))
            part.entries |= brought
        await self._mend_parts(member, part)
        await _in(pool, lambda: scrub.advance(part.entries, part.end))
        return True

    async def _bring_entries(
        self, member: Member, scrub: LogScrub, part: Slice, pool: ThreadPoolExecutor
    ) -> dict[int, bytes]:
        """Fetches a slice from one peer after the other; empty if none gives it right."""
        for source in self._sources():
            try:
                message = await self._first_message(source, member.log_id, part)
                found = await _in(
                    pool,
                    lambda m=message: scrub.accept(  # type: ignore[misc] # bound now
                        m.start,
                        list(m.entries),
                        list(m.consistency_path),
                        m.checkpoint,
                        list(m.rotations),
                    ),
                )
            except (EntryError, PeerUnavailable) as error:
                _tell_fault(source.peer, error)
                continue
            if found.keys() >= set(range(part.start, part.end)):
                return {index: found[index] for index in range(part.start, part.end)}
        return {}

    async def _first_message(
        self, source: PartSource, log_id: LogId, part: Slice
    ) -> replication_pb2.GetEntriesResponse:
        """The first message of a stream, which proves itself; the rest of it is not needed."""
        request = replication_pb2.GetEntriesRequest(log_id=log_id, start=part.start, size=part.end)
        call = source.stub.GetEntries(request, timeout=self._settings.call_timeout_s)
        try:
            async for message in call:
                return require_message(message)
        except grpc.aio.AioRpcError as error:
            msg = f"GetEntries failed: {error.code().name} {error.details()}"
            raise PeerUnavailable(msg) from error
        finally:
            call.cancel()
        msg = "a peer sent no entries"
        raise TruncatedStream(msg)

    async def _mend_parts(self, member: Member, part: Slice) -> None:
        """Fetches damaged parts again; large ones are listed as wanted and come as others do."""
        if not part.parts:
            return
        wanted = []
        for index, ordinal, _ in part.parts:
            commitment = read_header(part.entries[index]).parts[ordinal]
            wanted.append(WantedPart(index, ordinal, commitment))
        sources, repaired = self._sources(), RepairedParts(self._registry)
        large = [w.place for w in wanted if w.commitment.padded_size > LARGE_PART_BYTES]
        if sources and large:
            await written(lambda: self._scrubbing.ask_again(member.log_id, large))
        small = [each for each in wanted if each.place not in large]
        await self._parts.ask(member, small, sources, repaired)
        done = repaired.places | (set(large) if sources else set())
        for index, ordinal, reason in part.parts:
            self._tell(member, index, reason, is_repaired=(index, ordinal) in done)

    async def _mend_end(self, member: Member, scrub: LogScrub, pool: ThreadPoolExecutor) -> bool:
        wrong, is_tree_damaged, is_head_damaged = await _in(pool, scrub.finish)
        for reason in wrong:
            self._tell(member, -1, reason, is_repaired=False)
        if wrong:
            return False
        if is_tree_damaged:
            await written(lambda: self._scrubbing.repair_tree(member.log_id))
            self._tell(member, -1, CorruptDatabase.reason, is_repaired=True)
        if is_head_damaged:
            root = scrub.reached.root()
            await written(lambda: self._scrubbing.repair_head(member.log_id, scrub.reached, root))
            self._tell(member, -1, CorruptDatabase.reason, is_repaired=True)
        return True

    def _tell(self, member: Member, index: int, reason: str, *, is_repaired: bool) -> None:
        self._counts["found"] += 1
        self._counts["repaired"] += is_repaired
        tell, event = (
            (_log.warning, "damage_repaired") if is_repaired else (_log.error, "damage_left")
        )
        tell(event, log=member.slug, at=index, reason=reason)


async def _in(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def _tell_fault(peer: str, error: RegistryError) -> None:
    _log.warning("repair_refused", peer=peer, reason=error.reason)
