"""Brings content after its entries: parts whose audience admits this node, from whoever holds them.

Never delays entries. Parts come in the order of their log; what nobody gives now is remembered as
wanted and asked for again later. Every part is checked against the commitment in its own header
before it is stored, so it does not matter who sent it. A peer that sends wrong parts, or none,
costs its own call only: the next one is asked, and the fault is reported.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError, PeerUnavailable, UnrequestedPart
from registry.log.entry import PartCommitment, decode_header, split_entry
from registry.log.roster import Member
from registry.replication.ingest import check_part
from registry.store.values import HeldPart
from registry_node.fetching import ReplicationStub, require_message

_ENTRIES_AT_ONCE: Final = 500
_WANTED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class WantedPart:
    """One part to ask for."""

    index: int
    ordinal: int
    commitment: PartCommitment


@dataclass(frozen=True, slots=True)
class PartSource:
    """A peer that may hold parts."""

    peer: Slug
    stub: ReplicationStub


@dataclass(frozen=True, slots=True)
class _Page:
    """Parts to ask for: of entries up to `end`; `left` counts these entries and all after them."""

    end: int
    left: int
    wanted: list[WantedPart]


ReportFault = Callable[[Slug, EntryError | PeerUnavailable], None]


class PartFetcher:
    """Fetches the parts of one log at a time."""

    def __init__(self, registry: Registry, timeout_s: float, report: ReportFault) -> None:
        """Asks nobody yet.

        Args:
            registry: whose store is filled.
            timeout_s: deadline of one call.
            report: told of a peer that sent wrong parts or did not answer.
        """
        self._registry = registry
        self._timeout_s = timeout_s
        self._report = report
        self._retried: dict[LogId, tuple[int, int]] = {}
        self._left: dict[LogId, int] = {}

    @property
    def entries_left(self) -> int:
        """How many entries of any log `catch_up` has still to ask the content of, while it runs."""
        return max(self._left.values(), default=0)

    async def catch_up(
        self, member: Member, sources: Sequence[PartSource], *, is_stopped: Callable[[], bool]
    ) -> int:
        """Moves the log's watermark up to its size; returns how many parts were stored.

        Args:
            member: whose log.
            sources: the peers to ask, best first.
            is_stopped: asked between pages; entries go first.
        """
        stored = 0
        try:
            while not is_stopped():
                page = await asyncio.to_thread(self._next_page, member)
                if page is None:
                    return stored
                self._left[member.log_id] = page.left
                left, count = await self._ask(member, page.wanted, sources)
                stored += count
                missing = [(part.index, part.ordinal) for part in left]
                store = self._registry.store
                await asyncio.wrap_future(store.set_parts_below(member.log_id, page.end, missing))
        finally:
            self._left.pop(member.log_id, None)
        return stored

    async def retry(self, member: Member, sources: Sequence[PartSource]) -> int:
        """Asks again for some of the parts that nobody gave before; returns how many were stored.

        Each call goes on where the one before ended, so that parts which nobody may give yet do not
        keep later ones from being asked for.
        """
        wanted = await asyncio.to_thread(self._missing, member)
        _, count = await self._ask(member, wanted, sources)
        return count

    def _next_page(self, member: Member) -> _Page | None:
        """The parts of the next entries that this node may hold; None when all were asked for."""
        store = self._registry.store
        state = store.log_state(member.log_id)
        start = state.parts_below
        if start >= state.size:
            return None
        entries = store.entries(member.log_id, start, start + _ENTRIES_AT_ONCE)
        wanted = [
            WantedPart(start + offset, ordinal, part)
            for offset, entry in enumerate(entries)
            for ordinal, part in self._own_parts(entry)
        ]
        return _Page(start + len(entries), state.size - start, wanted)

    def _missing(self, member: Member) -> list[WantedPart]:
        store = self._registry.store
        after = self._retried.get(member.log_id, (-1, -1))
        places = store.wanted_parts(member.log_id, _WANTED_AT_ONCE, after=after)
        is_last = len(places) < _WANTED_AT_ONCE
        self._retried[member.log_id] = (-1, -1) if is_last else places[-1]
        wanted = []
        for index, ordinal in places:
            entry = store.entries(member.log_id, index, index + 1)[0]
            parts = dict(self._own_parts(entry))
            wanted.append(WantedPart(index, ordinal, parts[ordinal]))
        return wanted

    def _own_parts(self, entry: bytes) -> list[tuple[int, PartCommitment]]:
        header = decode_header(split_entry(entry)[0])
        if not header.audience.admits(self._registry.own.id):
            return []
        return list(enumerate(header.parts))

    async def _ask(
        self, member: Member, wanted: list[WantedPart], sources: Sequence[PartSource]
    ) -> tuple[list[WantedPart], int]:
        """Asks one peer after the other; returns what is left and how many were stored."""
        count = 0
        for source in sources:
            if not wanted:
                break
            try:
                parts = await self._get(member, wanted, source.stub)
            except (EntryError, PeerUnavailable) as error:
                self._report(source.peer, error)
                continue
            if parts:
                await asyncio.wrap_future(self._registry.store.put_parts(parts))
                got = {(part.index, part.ordinal) for part in parts}
                wanted = [part for part in wanted if (part.index, part.ordinal) not in got]
                count += len(parts)
        return wanted, count

    async def _get(
        self, member: Member, wanted: list[WantedPart], stub: ReplicationStub
    ) -> list[HeldPart]:
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
        by_place = {(part.index, part.ordinal): part for part in wanted}
        call = stub.GetParts(request, timeout=self._timeout_s)
        parts: list[HeldPart] = []
        try:
            async for message in call:
                sent_parts = require_message(message).parts
                parts += [_checked(member, sent, by_place) for sent in sent_parts]
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return []
            msg = f"GetParts failed: {error.code().name} {error.details()}"
            raise PeerUnavailable(msg) from error
        finally:
            call.cancel()
        return parts


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
    return HeldPart(
        log_id=member.log_id,
        index=part.index,
        ordinal=part.ordinal,
        salt=sent.salt,
        media_type=sent.media_type,
        content=sent.content,
    )
