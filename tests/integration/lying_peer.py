"""A member's node that lies: a real gRPC server with a member's TLS key and made-up answers.

It holds another author's log as it truly is, and changes what it sends of it.
"""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import grpc

from registry.api.v1 import replication_pb2 as pb
from registry.domain.identifiers import LogId, Origin, RootHash
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.signing import Ed25519Signer
from registry.store.values import HeldPart
from registry_cli.federation import LocalNode
from tests.integration.federation_world import member_key, node_certificate
from tests.integration.parts_world import open_registry

MESSAGE_ENTRIES: Final = 8
GARBAGE: Final = b"\xff\xff\xff\xff not a message"


@dataclass(frozen=True)
class TrueLog:
    """A log as its author wrote it: its note, entries, honest messages with proofs, and parts."""

    log_id: LogId
    note: bytes
    entries: tuple[bytes, ...]
    messages: tuple[pb.GetEntriesResponse, ...]
    parts: tuple[HeldPart, ...]


def read_log(author: LocalNode) -> TrueLog:
    """Reads the own log of a node that is not running."""
    registry = open_registry(author)
    try:
        store, log_id = registry.store, registry.own.log_id
        state = store.log_state(log_id)
        assert state.note is not None
        entries = store.entries(log_id, 0, state.size)
        messages = []
        for start in range(0, state.size, MESSAGE_ENTRIES):
            end = min(start + MESSAGE_ENTRIES, state.size)
            message = pb.GetEntriesResponse(
                start=start,
                entries=entries[start:end],
                consistency_path=store.consistency_path(log_id, end, state.size),
            )
            messages.append(message)
        messages[0].checkpoint = state.note
        keys = [(log_id, index, 0) for index in range(state.size)]
        parts = tuple(store.parts_of(keys))
        return TrueLog(log_id, state.note, tuple(entries), tuple(messages), parts)
    finally:
        registry.close()


def signed_by_a_stranger(log: TrueLog, origin: str) -> bytes:
    """A note on the true tree under a key that no roster names."""
    root = RootHash(b64decode(log.note.split(b"\n")[2]))
    checkpoint = Checkpoint(Origin(origin), len(log.entries), root)
    return sign_checkpoint(checkpoint, Ed25519Signer(b"x" * 32))


Messages = Sequence["pb.GetEntriesResponse | bytes"]
Lie = Callable[[TrueLog], Messages]


@dataclass(frozen=True)
class Script:
    """What a lying peer says: heads, entries and parts; `delay_s` before each message."""

    heads: tuple[tuple[LogId, bytes], ...]
    entries: Messages
    parts: tuple[HeldPart, ...] = ()
    raw_heads: tuple[bytes, ...] = ()
    delay_s: float = 0.0
    is_endless: bool = False
    roster_version: int = 1
    are_rosters_garbled: bool = False
    are_proposals_kept_waiting: bool = False
    rosters: tuple[tuple[int, bytes], ...] = ()


class SlowLine:
    """A TCP line to a lying peer; once told to, it lets a byte a second through to the victim."""

    def __init__(self) -> None:
        self.port = 0
        self.is_slow = False
        self._carrying: set[asyncio.Task[Any]] = set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries one connection until one side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(reader, ours, is_held_up=False))
                tasks.create_task(self._carry(theirs, writer, is_held_up=True))
        except asyncio.CancelledError:
            pass  # the line is closed, and nobody waits for it
        finally:
            for each in (writer, ours):
                each.transport.abort()
                with suppress(OSError):
                    await each.wait_closed()

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_held_up: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                step = 1 if is_held_up and self.is_slow else len(data)
                for at in range(0, len(data), step):
                    target.write(data[at : at + step])
                    await target.drain()
                    await asyncio.sleep(1.0 if step < len(data) else 0.0)
        target.transport.abort()

    async def close(self) -> None:
        """Ends all connections."""
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying)


@asynccontextmanager
async def slow_line(address: str) -> AsyncIterator[SlowLine]:
    """Listens at a member's address in the place of its node."""
    line = SlowLine()
    host, port = address.rsplit(":", 1)
    server = await asyncio.start_server(line.connect, host, int(port))
    try:
        yield line
    finally:
        server.close()
        await line.close()


class LyingPeer:
    """Answers the three replication calls from a script."""

    def __init__(self, script: Script, line: SlowLine | None = None) -> None:
        self.script = script
        self._line = line
        self.asked_entries = 0
        self.cancelled = 0
        self.asked_rosters: set[str] = set()

    async def watch_heads(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for raw in self.script.raw_heads:
            yield raw
        for log_id, note in self.script.heads:
            head = pb.Head(log_id=log_id, checkpoint=note)
            yield pb.WatchHeadsResponse(head=head).SerializeToString()
        caught_up = pb.CaughtUp(roster_version=self.script.roster_version)
        yield pb.WatchHeadsResponse(caught_up=caught_up).SerializeToString()
        await asyncio.Event().wait()

    async def get_entries(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:
        self.asked_entries += 1
        if self._line is not None:
            self._line.is_slow = True
        try:
            while True:
                for message in self.script.entries:
                    await asyncio.sleep(self.script.delay_s)
                    if isinstance(message, bytes):
                        yield message
                    else:
                        yield message.SerializeToString()
                if not self.script.is_endless:
                    return
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def get_roster(self, _request: bytes, _context: Any) -> bytes:
        self.asked_rosters.add("GetRoster")
        return GARBAGE

    async def exchange_proposals(self, _request: bytes, _context: Any) -> bytes:
        self.asked_rosters.add("ExchangeProposals")
        return GARBAGE

    async def give_roster(self, request: bytes, context: Any) -> bytes:
        data = dict(self.script.rosters).get(pb.GetRosterRequest.FromString(request).version)
        if data is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such version")
        return pb.GetRosterResponse(signed_roster=data or b"").SerializeToString()

    async def never_answers(self, _request: bytes, _context: Any) -> bytes:
        self.asked_rosters.add("ExchangeProposals")
        await asyncio.Event().wait()
        return b""

    async def get_parts(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        asked = {(p.log_id, p.index) for p in pb.GetPartsRequest.FromString(request).part_ids}
        parts = [p for p in self.script.parts if (p.log_id, p.index) in asked]
        if not parts:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nothing")
        for part in parts:
            part_id = pb.PartId(log_id=part.log_id, index=part.index, ordinal=part.ordinal)
            content = pb.PartContent(
                part_id=part_id, salt=part.salt, media_type=part.media_type, content=part.content
            )
            yield pb.GetPartsResponse(parts=[content]).SerializeToString()


@asynccontextmanager
async def lying(
    member: LocalNode, victim: LocalNode, script: Script, line: SlowLine | None = None
) -> AsyncIterator[LyingPeer]:
    """Listens at a member's address, or behind a line, with its key until the block ends."""
    peer = LyingPeer(script, line)
    server = grpc.aio.server()
    behaviours: dict[str, Any] = {
        "WatchHeads": peer.watch_heads,
        "GetEntries": peer.get_entries,
        "GetParts": peer.get_parts,
    }
    handlers: dict[str, Any] = {
        name: grpc.unary_stream_rpc_method_handler(behaviour)
        for name, behaviour in behaviours.items()
    }
    if script.are_rosters_garbled:
        handlers["GetRoster"] = grpc.unary_unary_rpc_method_handler(peer.get_roster)
        proposals: Any = grpc.unary_unary_rpc_method_handler(peer.exchange_proposals)
        handlers["ExchangeProposals"] = proposals
    if script.rosters:
        handlers["GetRoster"] = grpc.unary_unary_rpc_method_handler(peer.give_roster)
    if script.are_proposals_kept_waiting:
        waits: Any = grpc.unary_unary_rpc_method_handler(peer.never_answers)
        handlers["ExchangeProposals"] = waits
    name = "registry.api.v1.ReplicationService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    credentials = grpc.ssl_server_credentials(
        [(member_key(member), node_certificate(member))],
        root_certificates=node_certificate(victim),
        require_client_auth=True,
    )
    port = server.add_secure_port(member.address if line is None else "127.0.0.1:0", credentials)
    if line is not None:
        line.port = port
    await server.start()
    try:
        yield peer
    finally:
        await server.stop(None)


# --- lies -----------------------------------------------------------------------------------------


def one_message(log: TrueLog, entries: Sequence[bytes], *, start: int = 0) -> Messages:
    """All in one message, which is the first: whatever is wrong in it, nothing may be kept."""
    return [pb.GetEntriesResponse(start=start, entries=entries, checkpoint=log.note)]


def with_note(log: TrueLog, note: bytes) -> Messages:
    return [pb.GetEntriesResponse(start=0, entries=log.entries, checkpoint=note)]


def flipped(entry: bytes, place: int) -> bytes:
    changed = bytearray(entry)
    changed[place] ^= 1
    return bytes(changed)


def changed_part(part: HeldPart) -> HeldPart:
    return part._replace(content=part.content + b" ")
