"""Brings content after its entries: parts whose audience admits this node, from whoever holds them.

Never delays entries. Parts come in the order of their log; what nobody gives now is remembered as
wanted and asked for again later; what is under an embargo is listed with its time and not asked for
before. Every part is checked against the commitment in its own header before it is stored, so it
does not matter who sent it. A peer that sends wrong parts, or none, costs its own call only: the
next one is asked, and the fault is reported.

Memory is bounded in bytes: a request asks for about 4 MiB, as the headers claim, or less where
calls break off; what a message brings is written while the next one comes, and stays stored
whatever comes after it. Large parts are only noted and brought afterwards, see large_parts.py.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import grpc

from registry.api.v1 import replication_pb2
from registry.application.registry import Registry
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError, PeerUnavailable, UnrequestedPart
from registry.log.roster import Member
from registry.replication.ingest import check_part
from registry.store.audiences import audiences_of
from registry.store.chunks import LARGE_PART_BYTES
from registry.store.values import AskedParts, HeldPart, read_header
from registry_node.fetching import ReplicationStub, require_message
from registry_node.large_parts import LARGEST_CLASS, LargePart, LargePartFetcher
from registry_node.part_requests import (
    ENTRIES_AT_ONCE,
    WantedPart,
    opening_times,
    requests,
    runs,
)
from registry_node.part_writing import PartSink, PartWriter

_WANTED_AT_ONCE: Final = 500
_REQUEST_BYTES: Final = 4 * 2**20
_REQUEST_LEAST_BYTES: Final = 16 * 2**10  # where calls break off again and again
_SLOWEST_BYTES_PER_S: Final = 64 * 2**10
"""A call may take a second more for so much content: a deadline that a weak line can keep."""
_START: Final = (-1, -1)


@dataclass(frozen=True, slots=True)
class PartSource:
    """A peer that may hold parts."""

    peer: Slug
    stub: ReplicationStub


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done: parts stored, and parts that are newly known to be missing."""

    stored: int
    missing: int


@dataclass(frozen=True, slots=True)
class _Page:
    """Parts to ask for: of entries up to `end`; `left` counts these entries and all after them."""

    end: int
    left: int
    wanted: list[WantedPart]
    is_last: bool
    """As of its reading: whoever told of growth since asks again."""


ReportFault = Callable[[Slug, EntryError | PeerUnavailable], None]


class PartFetcher:
    """Fetches the parts of one log at a time."""

    def __init__(
        self,
        registry: Registry,
        timeout_s: float,
        report: ReportFault,
        stored: Callable[[LogId, int, int], None] = lambda _log, _index, _bytes: None,
    ) -> None:
        """Asks nobody yet.

        Args:
            registry: whose store is filled.
            timeout_s: deadline of a small call; large ones get more.
            report: told of a peer that sent wrong parts or did not answer.
            stored: told of each large part that was stored: log, index, bytes.
        """
        self._stored = stored
        self._registry = registry
        self._timeout_s = timeout_s
        self._report = report
        self._retried: dict[LogId, tuple[int, int]] = {}
        self._left: dict[LogId, int] = {}
        self._request_bytes: dict[Slug, int] = {}
        self._large = LargePartFetcher(registry.store.large_parts, timeout_s)
        self._large_wanted: dict[LogId, dict[tuple[int, int], LargePart]] = {}

    @property
    def entries_left(self) -> int:
        """How many entries of any log `catch_up` has still to ask the content of, while it runs."""
        return max(self._left.values(), default=0)

    async def catch_up(
        self, member: Member, sources: list[PartSource], *, is_stopped: Callable[[], bool]
    ) -> Brought:
        """Moves the log's watermark up to its size.

        Args:
            member: whose log.
            sources: the peers to ask, best first; one that fails is taken out of the list.
            is_stopped: asked between pages; entries go first.
        """
        writer, missing = PartWriter(self._registry.store), 0
        reading = self._read_page(member, None)
        try:
            while sources and not is_stopped():
                page = await reading
                if page is None:
                    break
                self._left[member.log_id] = page.left
                if not page.is_last:
                    # While this one is asked for: the other side's work, and ours on what it sends.
                    reading = self._read_page(member, page.end)
                still_wanted = await self.ask(member, page.wanted, sources, writer)
                missing += len(still_wanted)
                await writer.end_page(
                    AskedParts(member.log_id, page.end, still_wanted, opening_times(page.wanted))
                )
                if page.is_last:
                    break
        finally:
            reading.cancel()
            self._left.pop(member.log_id, None)
        await writer.finish()
        return Brought(writer.stored, missing)

    async def retry(
        self, member: Member, sources: list[PartSource], *, is_stopped: Callable[[], bool]
    ) -> int:
        """Asks again, once, for all that nobody gave before; returns how many were stored.

        A round that is stopped, or runs out of sources, is gone on with by the next call, so that
        parts which nobody may give yet do not keep later ones from being asked for.
        """
        writer = PartWriter(self._registry.store)
        while sources and not is_stopped():
            wanted = await asyncio.to_thread(self._missing, member)
            await self.ask(member, wanted, sources, writer)
            if self._retried[member.log_id] == _START:
                break
        await writer.finish()
        return writer.stored

    async def bring_large(
        self, member: Member, sources: list[PartSource], *, is_stopped: Callable[[], bool]
    ) -> int:
        """Brings the large parts that were noted, one after the other; returns how many came.

        One that is cut short goes on with the next call; one that nobody gives is left to the next
        round of `retry`.
        """
        noted = self._large_wanted.get(member.log_id, {})
        count = 0
        while noted and sources and not is_stopped():
            part = noted[next(iter(noted))]
            is_brought = await self._bring_large(part, sources, is_stopped)
            if is_stopped() and not is_brought:
                break
            del noted[part.index, part.ordinal]
            count += is_brought
            if is_brought:
                self._stored(part.log_id, part.index, part.commitment.padded_size)
        return count

    async def _bring_large(
        self, part: LargePart, sources: list[PartSource], is_stopped: Callable[[], bool]
    ) -> bool:
        for source in tuple(sources):
            try:
                if await self._large.bring(part, source.stub, is_stopped=is_stopped):
                    return True
            except (EntryError, PeerUnavailable) as error:
                sources.remove(source)
                self._report(source.peer, error)
            if is_stopped():
                break
        return False

    def _note_large(self, member: Member, part: WantedPart) -> None:
        noted = self._large_wanted.setdefault(member.log_id, {})
        if len(noted) < _WANTED_AT_ONCE and part.commitment.padded_size <= LARGEST_CLASS:
            noted[part.place] = LargePart(member.log_id, part.index, part.ordinal, part.commitment)

    def _read_page(self, member: Member, start: int | None) -> "asyncio.Future[_Page | None]":
        """Begins to read the next page in a thread."""
        return asyncio.get_running_loop().run_in_executor(None, self._next_page, member, start)

    def _next_page(self, member: Member, start: int | None) -> _Page | None:
        """The parts of the next entries that this node may hold; None when all were asked for.

        The first page starts at the watermark, which lags behind while a page is being written.
        """
        store = self._registry.store
        state = store.log_state(member.log_id)
        start = state.parts_below if start is None else start
        if start >= state.size:
            return None
        entries = store.entries(member.log_id, start, start + ENTRIES_AT_ONCE)
        wanted = self._own_parts(dict(enumerate(entries, start)))
        if member.log_id == self._registry.own.log_id:
            # What was appended after a restore is here already.
            wanted = [p for p in wanted if store.part(member.log_id, *p.place) is None]
        end = start + len(entries)
        return _Page(end, state.size - start, wanted, is_last=end >= state.size)

    def _missing(self, member: Member) -> list[WantedPart]:
        store = self._registry.store
        after = self._retried.get(member.log_id, _START)
        places = store.wanted_parts(member.log_id, _WANTED_AT_ONCE, after=after)
        is_last = len(places) < _WANTED_AT_ONCE
        self._retried[member.log_id] = _START if is_last else places[-1]
        wanted: list[WantedPart] = []
        for run in runs(places):
            start, indexes = run[0][0], {index for index, _ in run}
            entries = store.entries(member.log_id, start, run[-1][0] + 1)
            asked = {i: entry for i, entry in enumerate(entries, start) if i in indexes}
            parts = {part.place: part for part in self._own_parts(asked)}
            # Not among them: what was widened to this node by an event that is void since.
            wanted += [parts[place] for place in run if place in parts]
        return wanted

    def _own_parts(self, entries: Mapping[int, bytes]) -> list[WantedPart]:
        """The parts that this node may hold, of entries of one log by their indexes."""
        headers = {(h.log_id, h.index): h for h in map(read_header, entries.values())}
        audiences = audiences_of(self._registry.store, headers)
        own_id = self._registry.own.id
        return [
            WantedPart(place[1], ordinal, part)
            for place, header in headers.items()
            if audiences[place].admits(own_id)
            for ordinal, part in enumerate(header.parts)
        ]

    async def ask(
        self,
        member: Member,
        wanted: list[WantedPart],
        sources: list[PartSource],
        writer: PartSink,
    ) -> list[tuple[int, int]]:
        """Asks one peer after the other; returns what is left, and takes failing peers out."""
        now_ms = self._registry.clock_ms()
        left: list[tuple[int, int]] = []
        askable: dict[tuple[int, int], WantedPart] = {}
        for part in wanted:
            is_sealed = is_embargoed(part.commitment.not_before_ms, now_ms=now_ms)
            if not is_sealed and part.commitment.padded_size <= LARGE_PART_BYTES:
                askable[part.place] = part
                continue
            left.append(part.place)
            if not is_sealed:
                self._note_large(member, part)
        for source in tuple(sources):
            if not askable:
                break
            try:
                await self._ask_one(member, askable, source, writer)
            except (EntryError, PeerUnavailable) as error:
                sources.remove(source)
                self._resize(source.peer, 0.25)
                self._report(source.peer, error)
        return [*left, *askable]

    async def _ask_one(
        self,
        member: Member,
        askable: dict[tuple[int, int], WantedPart],
        source: PartSource,
        writer: PartSink,
    ) -> None:
        """Asks one peer; takes out of `askable` what it gave, message by message."""
        room_bytes = self._request_bytes.get(source.peer, _REQUEST_BYTES)
        for request in requests(list(askable.values()), room_bytes):
            async with aclosing(self._get(member, request, source.stub)) as messages:
                async for parts in messages:
                    await writer.put(parts)
                    for part in parts:
                        del askable[part.index, part.ordinal]
            self._resize(source.peer, 2)

    def _resize(self, peer: Slug, factor: float) -> None:
        """Asks for less at once after a call that broke off, and slowly for more again."""
        wished = int(self._request_bytes.get(peer, _REQUEST_BYTES) * factor)
        self._request_bytes[peer] = min(max(wished, _REQUEST_LEAST_BYTES), _REQUEST_BYTES)

    async def _get(
        self, member: Member, wanted: list[WantedPart], stub: ReplicationStub
    ) -> AsyncGenerator[list[HeldPart], None]:
        """Yields what is right of each message as it comes.

        Raises:
            EntryError: the peer sent wrong parts, or what nobody asked for.
            PeerUnavailable: the call failed.
        """
        request = replication_pb2.GetPartsRequest(
            part_ids=[
                replication_pb2.PartId(
                    log_id=member.log_id,
                    index=part.index,
                    ordinal=part.ordinal,
                    commitment=part.commitment.commitment,
                )
                for part in wanted
            ]
        )
        by_place = {part.place: part for part in wanted}
        claimed = sum(part.commitment.padded_size for part in wanted)
        call = stub.GetParts(request, timeout=self._timeout_s + claimed / _SLOWEST_BYTES_PER_S)
        try:
            async for message in call:
                sent_parts = require_message(message).parts
                yield [_checked(member, sent, by_place) for sent in sent_parts]
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return
            msg = f"GetParts failed: {error.code().name} {error.details()}"
            raise PeerUnavailable(msg) from error
        finally:
            call.cancel()


def _checked(
    member: Member,
    sent: replication_pb2.PartContent,
    wanted: dict[tuple[int, int], WantedPart],
) -> HeldPart:
    # Taken out, so that nobody fills the memory with one part a thousand times.
    part = wanted.pop((sent.part_id.index, sent.part_id.ordinal), None)
    if part is None or sent.part_id.log_id != member.log_id:
        msg = f"a peer sent part {sent.part_id.ordinal} of event {sent.part_id.index} unasked"
        raise UnrequestedPart(msg)
    check_part(
        part.commitment,
        log_id=member.log_id,
        salt=sent.salt,
        media_type=sent.media_type,
        content=sent.content,
    )
    place = member.log_id, part.index, part.ordinal
    return HeldPart(*place, sent.salt, sent.media_type, sent.content)
