"""ReplicationService: logs and content for other members' nodes. For members only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

import grpc

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application.fault_proofs import FaultProofs
from registry.application.registry import Registry
from registry.application.sharing import PartKey, sharable_large_part
from registry.domain.identifiers import HASH_SIZE_BYTES, Commitment, LogId
from registry.errors import InvalidRequest, NotFound
from registry.log.cosignature import cosignature_notes
from registry.log.fault_proof import encode_signed_prefix
from registry.log.roster import MEMBERS_MAX, Member
from registry.store.chunks import chunk_count
from registry.store.entries import EntryStore
from registry.store.values import HeldPart
from registry_node.callers import current_member
from registry_node.heads import HeadHub, OfferedHead
from registry_node.offers import OfferedConnections
from registry_node.rosters import RosterFollowing
from registry_node.threads import FairThreads
from registry_node.witnessing import Witnessing, cosignature_messages

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
P = ParamSpec("P")
T = TypeVar("T")
ENTRIES_PER_MESSAGE: Final = 500
_FIRST_ENTRIES: Final = 32
_READING_THREADS: Final = 4
_MESSAGE_BYTES: Final = 2**20
_PART_IDS_MAX: Final = 1000
_CHUNKS_AT_ONCE: Final = 4
_PATH_MAX: Final = 63


class ReplicationServicer(replication_pb2_grpc.ReplicationServiceServicer):
    """Serves any log to any member, and parts to the members of their audience."""

    def __init__(
        self,
        registry: Registry,
        heads: HeadHub,
        rosters: RosterFollowing,
        witnessing: Witnessing,
        offers: OfferedConnections,
    ) -> None:
        self._registry = registry
        self._rosters = rosters
        self._witnessing = witnessing
        self._offers = offers
        self._heads = heads
        self._reading = FairThreads(_READING_THREADS, name="read-logs")

    async def WatchHeads(  # noqa: N802 - the name of the RPC
        self, request: replication_pb2.WatchHeadsRequest, context: Context
    ) -> AsyncIterator[replication_pb2.WatchHeadsResponse]:
        """Streams heads as they grow."""
        member = current_member()
        held = await self._in_thread(held_alike, self._registry.store, request)
        known = {LogId(log.log_id): log.cosignatures for log in request.held}
        feed = self._witnessing.feed(member, known)
        with self._heads.subscribe(held) as subscription:
            is_first = is_open = True
            told: dict[LogId, int] = {}
            while is_open:
                for item in subscription.take_for(member.log_id):
                    if isinstance(item, bytes):
                        yield replication_pb2.WatchHeadsResponse(evidence=item)
                        continue
                    rotations = self._registry.store.rotations(item.log_id)
                    yield head_message(member, item, rotations[told.get(item.log_id, 0) :])
                    told[item.log_id] = len(rotations)
                for notes in cosignature_messages(feed.take()):
                    yield replication_pb2.WatchHeadsResponse(
                        head=replication_pb2.Head(cosignatures=notes)
                    )
                if is_first:
                    yield self._caught_up()
                    is_first = False
                is_open = await subscription.wait()

    async def GetEntries(  # noqa: N802
        self, request: replication_pb2.GetEntriesRequest, context: Context
    ) -> AsyncIterator[replication_pb2.GetEntriesResponse]:
        """Streams entries with their proofs."""
        current_member()
        log_id = _log_id(request.log_id)
        store = self._registry.store
        note, size = await self._in_thread(
            note_to_prove, store, log_id, request.start, request.size
        )
        start, limit = request.start, _FIRST_ENTRIES
        while start < size:
            message = await self._in_thread(entries_message, store, log_id, start, size, limit)
            # A line that breaks soon brings the first ones at least: the next fetch goes on there.
            limit = min(2 * limit, ENTRIES_PER_MESSAGE)
            if start == request.start:
                message.checkpoint = note
                message.rotations.extend(store.rotations(log_id))
            start += len(message.entries)
            yield message

    async def GetPrefix(  # noqa: N802
        self, request: replication_pb2.GetPrefixRequest, context: Context
    ) -> replication_pb2.GetPrefixResponse:
        """Returns the root at a size, with the proof."""
        current_member()
        log_id = _log_id(request.log_id)
        return await self._in_thread(prefix_message, self._registry.faults, log_id, request.size)

    async def GetParts(  # noqa: N802
        self, request: replication_pb2.GetPartsRequest, context: Context
    ) -> AsyncIterator[replication_pb2.GetPartsResponse]:
        """Streams the parts that this member may hold."""
        member = current_member()
        if len(request.part_ids) > _PART_IDS_MAX:
            msg = f"at most {_PART_IDS_MAX} parts are asked for at once"
            raise InvalidRequest(msg)
        wanted = {
            (_log_id(part.log_id), part.index, part.ordinal): Commitment(part.commitment)
            for part in request.part_ids
        }
        is_found = False
        # A slice is read when the one before has been taken: a large request fills no memory.
        while wanted and (parts := await self._in_thread(self._registry.parts_for, member, wanted)):
            is_found = True
            yield _message(parts)
            wanted = _behind(parts[-1], wanted)
        if not is_found:
            msg = "none of these parts is here for this member"
            raise NotFound(msg)

    async def GetPartChunks(  # noqa: N802
        self, request: replication_pb2.GetPartChunksRequest, context: Context
    ) -> AsyncIterator[replication_pb2.GetPartChunksResponse]:
        """Streams the chunks of one large part that this member may hold."""
        member = current_member()
        asked = request.part_id
        key = (_log_id(asked.log_id), asked.index, asked.ordinal)
        chunk_no, count = request.first_chunk, request.first_chunk + 1
        while chunk_no < count:
            # Decided anew for every slice: an erasure or a withdrawal ends a running transfer.
            messages, count = await self._in_thread(
                self._chunks, member, (key, Commitment(asked.commitment)), chunk_no
            )
            for message in messages:
                if chunk_no > request.first_chunk:
                    message.ClearField("salt")
                    message.ClearField("media_type")
                    message.ClearField("size")
                yield message
                chunk_no += 1

    async def GetRoster(  # noqa: N802
        self, request: replication_pb2.GetRosterRequest, context: Context
    ) -> replication_pb2.GetRosterResponse:
        """Returns a roster version."""
        current_member()
        signed = await self._in_thread(self._registry.signed_roster, request.version)
        return replication_pb2.GetRosterResponse(signed_roster=signed)

    async def ExchangeProposals(  # noqa: N802
        self, request: replication_pb2.ExchangeProposalsRequest, context: Context
    ) -> replication_pb2.ExchangeProposalsResponse:
        """Takes proposals of the next roster and gives those that are kept here."""
        current_member()
        if len(request.signed_rosters) > MEMBERS_MAX:
            msg = f"at most {MEMBERS_MAX} proposals are exchanged"
            raise InvalidRequest(msg)
        await self._rosters.take(request.signed_rosters)
        kept = await self._in_thread(self._rosters.offered)
        return replication_pb2.ExchangeProposalsResponse(signed_rosters=kept)

    async def AddCheckpoint(  # noqa: N802
        self, request: replication_pb2.AddCheckpointRequest, context: Context
    ) -> replication_pb2.AddCheckpointResponse:
        """Cosigns a checkpoint that a member brings."""
        current_member()
        if len(request.consistency_path) > _PATH_MAX:
            msg = f"a consistency proof has at most {_PATH_MAX} hashes"
            raise InvalidRequest(msg)
        self._witnessing.check_has_asked()
        cosignature = await self._in_thread(
            self._registry.witness.add_checkpoint,
            request.old_size,
            request.checkpoint,
            tuple(request.consistency_path),
        )
        self._witnessing.made(cosignature)
        (note,) = cosignature_notes([cosignature])
        return replication_pb2.AddCheckpointResponse(cosignature=note)

    async def Offer(  # noqa: N802
        self, request_iterator: AsyncIterator[replication_pb2.OfferRequest], context: Context
    ) -> AsyncIterator[replication_pb2.OfferResponse]:
        """Carries a connection to a member's node that takes no calls."""
        # Read from the context: grpc's iterator, left before its end, is never collected cleanly.
        carried = self._offers.carry(current_member(), partial(_next_frame, context))
        async with aclosing(carried) as frames:
            async for data in frames:
                yield replication_pb2.OfferResponse(data=data)

    async def _in_thread(self, read: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Reads on threads of its own: what peers ask for keeps nothing else waiting."""
        call = partial(read, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._reading, call)

    def _caught_up(self) -> replication_pb2.WatchHeadsResponse:
        version, roster_hash = self._registry.roster.version, self._rosters.hash
        return replication_pb2.WatchHeadsResponse(
            caught_up=replication_pb2.CaughtUp(roster_version=version, roster_hash=roster_hash)
        )

    def _chunks(
        self, member: Member, wanted: tuple[PartKey, Commitment], first: int
    ) -> tuple[list[replication_pb2.GetPartChunksResponse], int]:
        """Reads some chunks, after asking whether the member may have them; and how many are all.

        Raises:
            NotFound: it may not, or they are not here.
        """
        registry = self._registry
        head = sharable_large_part(
            registry.store,
            member,
            wanted,
            consents=registry.consents,
            now_ms=registry.clock_ms(),
        )
        count = 0 if head is None else chunk_count(head.size)
        messages: list[replication_pb2.GetPartChunksResponse] = []
        for chunk_no in range(first, min(first + _CHUNKS_AT_ONCE, count)):
            data = registry.store.large_parts.chunk(wanted[0], chunk_no)
            if data is None:
                break
            messages.append(replication_pb2.GetPartChunksResponse(chunk=chunk_no, data=data))
        if head is None or not messages:
            msg = "none of these parts is here for this member"
            raise NotFound(msg)
        messages[0].salt, messages[0].media_type = head.salt, head.media_type
        messages[0].size = head.size
        return messages, count


def note_to_prove(store: EntryStore, log_id: LogId, start: int, size: int) -> tuple[bytes, int]:
    """Returns the note to prove to, and its size.

    Only the largest is kept, so an older size is answered with the largest: its author signed
    both.

    Raises:
        NotFound: so many entries are not here.
    """
    state = store.log_state(log_id)
    noted = state.noted_size
    if state.note is None or not start < size <= noted:
        msg = f"entries {start} to {size} are not here, the checkpoint has {noted}"
        raise NotFound(msg)
    return state.note, noted


def entries_message(
    store: EntryStore, log_id: LogId, start: int, size: int, limit: int = ENTRIES_PER_MESSAGE
) -> replication_pb2.GetEntriesResponse:
    """Reads up to `limit` entries from `start` on, with their proof to the note of `size`."""
    end = min(start + limit, size)
    entries = store.entries(log_id, start, end, max_bytes=_MESSAGE_BYTES)
    end = start + len(entries)
    path = store.consistency_path(log_id, end, size) if end < size else ()
    return replication_pb2.GetEntriesResponse(start=start, entries=entries, consistency_path=path)


def prefix_message(
    faults: FaultProofs, log_id: LogId, size: int
) -> replication_pb2.GetPrefixResponse:
    """The root at a size, with its proof, and the last entry there.

    Raises:
        NotFound: no such log, or fewer entries under a checkpoint.
    """
    prefix, entry = faults.prefix(log_id, size)
    return replication_pb2.GetPrefixResponse(
        signed_prefix=encode_signed_prefix(prefix), last_entry=entry
    )


def held_alike(store: EntryStore, request: replication_pb2.WatchHeadsRequest) -> dict[LogId, int]:
    """What a caller holds as this node does: of another history of one size it is told."""
    held: dict[LogId, int] = {}
    states = {state.log_id: state for state in store.log_states()}
    for log in request.held:
        state = states.get(LogId(log.log_id))
        is_other = (
            state is not None
            and len(log.root) == HASH_SIZE_BYTES
            and log.size == state.noted_size > 0
            and store.root_at(state.log_id, log.size) != log.root
        )
        if not is_other:
            held[LogId(log.log_id)] = log.size
    return held


async def _next_frame(context: Context) -> bytes | None:
    """The next bytes of an offered connection; empty stands for what is no message."""
    request = await context.read()
    if request is grpc.aio.EOF:
        return None
    return b"" if request is None else bytes(request.data)


def _log_id(value: bytes) -> LogId:
    if len(value) != HASH_SIZE_BYTES:
        msg = f"a log id has {HASH_SIZE_BYTES} bytes, found {len(value)}"
        raise InvalidRequest(msg)
    return LogId(value)


def head_message(
    member: Member, head: OfferedHead, rotations: Sequence[bytes]
) -> replication_pb2.WatchHeadsResponse:
    """A head as a member gets it; nobody needs the entries of its own log."""
    message = replication_pb2.Head(log_id=head.log_id, checkpoint=head.note, rotations=rotations)
    if head.tail is not None and head.log_id != member.log_id:
        message.tail.start = head.tail.start
        message.tail.entries.extend(head.tail.entries)
    return replication_pb2.WatchHeadsResponse(head=message)


def _behind(last: HeldPart, wanted: dict[PartKey, Commitment]) -> dict[PartKey, Commitment]:
    """What was asked for behind a part that was given."""
    rest = iter(wanted.items())
    given = (last.log_id, last.index, last.ordinal)
    # Takes from the iterator up to the part that was given; what it leaves is the rest.
    next(key for key, _ in rest if key == given)
    return dict(rest)


def _message(parts: list[HeldPart]) -> replication_pb2.GetPartsResponse:
    message = replication_pb2.GetPartsResponse()
    for part in parts:
        message.parts.add(
            part_id=replication_pb2.PartId(
                log_id=part.log_id, index=part.index, ordinal=part.ordinal
            ),
            salt=part.salt,
            media_type=part.media_type,
            content=part.content,
        )
    return message
