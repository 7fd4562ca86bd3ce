"""Bringing large parts: resumed at the first missing chunk, and every lie of a peer is refused."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from registry.api.v1 import replication_pb2 as pb
from registry.application.erasing import EraseCommand, ErasureTarget
from registry.application.sharing import sharable_large_part
from registry.domain.identifiers import LogId
from registry.errors import (
    CommitmentMismatch,
    EntryError,
    MisplacedChunk,
    PeerUnavailable,
    TruncatedStream,
)
from registry.log.entry import decode_header, split_entry
from registry.log.roster import Member
from registry.store.chunks import CHUNK_BYTES, chunk_count
from registry_node.large_parts import LargePart, LargePartFetcher
from tests.unit.application.federation_in_process import carry_entries
from tests.unit.node.part_world import FakeCall, Following, broken, sources_of, two_nodes, write

CONTENT = bytes(range(251)) * 5_300
"""Six chunks, the last one short."""
COUNT = chunk_count(len(CONTENT))
Messages = list[pb.GetPartChunksResponse]
Lie = Callable[[Messages], Messages]


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    with two_nodes(tmp_path / "federation") as nodes:
        yield Following(nodes["alpha"], nodes["beta"])


def honest_messages(content: bytes = CONTENT, salt_of: bytes = CONTENT) -> Messages:
    """What an honest holder of a part that `part_world.write` made sends."""
    messages = [
        pb.GetPartChunksResponse(
            chunk=number, data=content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        )
        for number in range(chunk_count(len(content)))
    ]
    messages[0].salt = sha256(salt_of).digest()
    messages[0].media_type, messages[0].size = "text/plain", len(content)
    return messages


@dataclass
class ChunkPeer:
    """A peer that answers GetPartChunks from a script, and holds nothing else."""

    messages: Messages
    breaks_after: int | None = None
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    is_endless: bool = False
    asked: list[int] = field(default_factory=list)
    sent: int = 0

    def GetParts(self, request: Any, *, timeout: float) -> FakeCall:  # noqa: N802 - as grpc's stubs
        del request, timeout
        return FakeCall(self._nothing())

    async def _nothing(self) -> AsyncIterator[Any]:
        for each in self.messages[:0]:
            yield each
        raise broken(grpc.StatusCode.NOT_FOUND)

    def GetPartChunks(self, request: pb.GetPartChunksRequest, *, timeout: float) -> Any:  # noqa: N802
        del timeout
        self.asked.append(request.first_chunk)
        calls: Any = FakeCall(self._answer(request.first_chunk))
        return calls

    async def _answer(self, first: int) -> AsyncIterator[Any]:
        rest = [pb.GetPartChunksResponse.FromString(m.SerializeToString()) for m in self.messages]
        rest = rest[first:]
        if rest and first:
            head = self.messages[0]
            rest[0].salt, rest[0].media_type = head.salt, head.media_type
            rest[0].size = head.size
        for number, message in enumerate(rest):
            if number == self.breaks_after:
                raise broken(self.code)
            self.sent += 1
            yield message
        while self.is_endless:
            self.sent += 1
            yield self.messages[-1]


async def bring(following: Following, *peers: ChunkPeer) -> int:
    """Brings entries and notes the large part, then asks these peers for it, in their order."""
    carry_entries(following.alpha, following.beta, following.alpha.log_id)
    stubs: list[Any] = list(peers)
    sources = sources_of(*stubs)
    await following.fetcher.catch_up(following.author, sources, is_stopped=lambda: False)
    await following.fetcher.retry(following.author, sources, is_stopped=lambda: False)
    return await following.fetcher.bring_large(following.author, sources, is_stopped=lambda: False)


def held(following: Following) -> bytes:
    """The content of the large part at beta; empty while it is not complete."""
    key = (following.alpha.log_id, 0, 0)
    store = following.beta.registry.store
    part = store.part(*key)
    if part is None:
        return b""
    chunks = [store.large_parts.chunk(key, n) for n in range(chunk_count(part.size))]
    return b"".join(each for each in chunks if each is not None)


def arrived(following: Following) -> int:
    incoming = following.beta.registry.store.large_parts.incoming((following.alpha.log_id, 0, 0))
    return 0 if incoming is None else incoming.chunks


async def test_large_part_comes_chunk_by_chunk_and_is_wanted_until_then(
    following: Following,
) -> None:
    write(following.alpha, CONTENT)
    cut = ChunkPeer(honest_messages(), breaks_after=4)

    assert await bring(following, cut) == 0
    assert (held(following), arrived(following)) == (b"", 4)
    assert following.wanted() == [(0, 0)]
    assert following.held() == []

    patient = ChunkPeer(honest_messages())
    assert await bring(following, patient) == 1
    assert patient.asked == [4]
    assert held(following) == CONTENT
    assert following.wanted() == []
    assert following.held() == [(0, 0)]


def another_salt_midway(messages: Messages) -> Messages:
    messages[2].salt = b"z" * 32
    return messages


def out_of_order(messages: Messages) -> Messages:
    return [messages[0], messages[2], messages[1], *messages[3:]]


def one_chunk_twice(messages: Messages) -> Messages:
    return [*messages[:2], messages[1], *messages[2:]]


def more_than_the_class(messages: Messages) -> Messages:
    messages[0].size = 2**21 + 1
    return messages


def endless_size(messages: Messages) -> Messages:
    messages[0].size = 2**63
    return messages


def no_size(messages: Messages) -> Messages:
    messages[0].size = 0
    return messages


def short_chunk(messages: Messages) -> Messages:
    messages[1].data = messages[1].data[:-1]
    return messages


def long_chunk(messages: Messages) -> Messages:
    messages[1].data += b"x"
    return messages


def empty_chunks(messages: Messages) -> Messages:
    return [messages[0], *(pb.GetPartChunksResponse(chunk=1) for _ in range(5))]


def stops_early(messages: Messages) -> Messages:
    return messages[:-1]


def one_bit(messages: Messages) -> Messages:
    data = bytearray(messages[3].data)
    data[7] ^= 1
    messages[3].data = bytes(data)
    return messages


def short_salt(messages: Messages) -> Messages:
    messages[0].salt = b"z" * 31
    return messages


def another_type(messages: Messages) -> Messages:
    messages[0].media_type = "text/html"
    return messages


LIES: dict[Lie, type[EntryError]] = {
    another_salt_midway: CommitmentMismatch,
    out_of_order: MisplacedChunk,
    one_chunk_twice: MisplacedChunk,
    more_than_the_class: CommitmentMismatch,
    endless_size: CommitmentMismatch,
    no_size: CommitmentMismatch,
    short_chunk: MisplacedChunk,
    long_chunk: MisplacedChunk,
    empty_chunks: MisplacedChunk,
    stops_early: TruncatedStream,
    one_bit: CommitmentMismatch,
    short_salt: CommitmentMismatch,
    another_type: CommitmentMismatch,
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_lie_of_a_peer_is_refused_and_the_next_one_is_asked(
    following: Following, lie: Lie
) -> None:
    write(following.alpha, CONTENT)
    liar, honest = ChunkPeer(lie(honest_messages())), ChunkPeer(honest_messages())

    assert await bring(following, liar, honest) == 1
    ((peer, fault),) = following.faults
    assert peer == "peer-0"
    assert type(fault) is LIES[lie]
    assert held(following) == CONTENT


async def test_nothing_is_kept_of_a_part_that_does_not_match(following: Following) -> None:
    write(following.alpha, CONTENT)

    assert await bring(following, ChunkPeer(one_bit(honest_messages()))) == 0
    assert (held(following), arrived(following)) == (b"", 0)
    assert following.wanted() == [(0, 0)]


async def test_stream_without_an_end_is_left_when_all_is_there(following: Following) -> None:
    write(following.alpha, CONTENT)
    endless = ChunkPeer(honest_messages(), is_endless=True)

    assert await bring(following, endless) == 1
    assert endless.sent == COUNT


async def test_honest_peer_is_not_blamed_for_what_a_liar_had_sent_before(
    following: Following,
) -> None:
    write(following.alpha, CONTENT)
    liar = ChunkPeer(one_bit(honest_messages()), breaks_after=5)
    honest = ChunkPeer(honest_messages())

    assert await bring(following, liar, honest) == 1
    assert [(peer, type(fault)) for peer, fault in following.faults] == [
        ("peer-0", PeerUnavailable)
    ]
    # It went on at the fifth chunk, saw that the whole is wrong, and asked for all of it.
    assert honest.asked == [4, 0]
    assert held(following) == CONTENT


async def test_other_salt_of_an_earlier_peer_is_forgotten_when_the_next_one_contradicts(
    following: Following,
) -> None:
    write(following.alpha, CONTENT)
    liar = ChunkPeer(honest_messages(salt_of=b"another"), breaks_after=5)
    honest = ChunkPeer(honest_messages())

    assert await bring(following, liar, honest) == 1
    assert honest.asked == [4, 0]
    assert held(following) == CONTENT


async def test_transfer_that_the_holder_ends_blames_nobody_and_keeps_what_came(
    following: Following,
) -> None:
    write(following.alpha, CONTENT)
    holder = ChunkPeer(honest_messages(), breaks_after=4, code=grpc.StatusCode.NOT_FOUND)

    assert await bring(following, holder) == 0
    assert following.faults == []
    assert arrived(following) == 4


async def test_stopped_transfer_goes_on_where_it_was(following: Following) -> None:
    write(following.alpha, CONTENT)
    carry_entries(following.alpha, following.beta, following.alpha.log_id)
    store = following.beta.registry.store
    (entry,) = store.entries(following.alpha.log_id, 0, 1)
    part = LargePart(following.alpha.log_id, 0, 0, decode_header(split_entry(entry)[0]).parts[0])
    fetcher = LargePartFetcher(store.large_parts, 5.0)
    peer: Any = ChunkPeer(honest_messages())

    assert not await fetcher.bring(part, peer, is_stopped=lambda: True)
    assert arrived(following) == 4
    assert await fetcher.bring(part, peer, is_stopped=lambda: False)
    assert peer.asked == [0, 4]
    assert held(following) == CONTENT


async def test_part_that_claims_more_than_64_mib_is_never_asked_for(following: Following) -> None:
    write(following.alpha, CONTENT, claimed=2**27)
    peer = ChunkPeer(honest_messages())

    assert await bring(following, peer) == 0
    assert peer.asked == []
    assert following.wanted() == [(0, 0)]


async def test_part_that_was_erased_meanwhile_is_not_stored_again(following: Following) -> None:
    write(following.alpha, CONTENT)
    cut = ChunkPeer(honest_messages(), breaks_after=4)
    await bring(following, cut)
    erase(following)
    carry_entries(following.alpha, following.beta, following.alpha.log_id)

    assert arrived(following) == 0
    assert await bring(following, ChunkPeer(honest_messages())) == 0
    assert (held(following), arrived(following)) == (b"", 0)
    assert following.wanted() == []


async def test_transfer_under_way_ends_when_the_erasure_arrives(following: Following) -> None:
    write(following.alpha, CONTENT)

    @dataclass
    class Erased(ChunkPeer):
        """Sends on after the author's erasure has arrived here."""

        async def _answer(self, first: int) -> AsyncIterator[Any]:
            async for message in super()._answer(first):
                if message.chunk == 4:
                    erase(following)
                    carry_entries(following.alpha, following.beta, following.alpha.log_id)
                yield message

    await bring(following, Erased(honest_messages()))
    assert (held(following), arrived(following)) == (b"", 0)
    assert following.faults == []


def erase(following: Following) -> None:
    """alpha erases its event's content, past the application's rules."""
    command = EraseCommand("erase it", "", (ErasureTarget(0, 0, None),))
    following.alpha.registry.erase(command).result()


def test_holder_decides_anew_for_every_slice(following: Following) -> None:
    write(following.alpha, CONTENT)
    carry_entries(following.alpha, following.beta, following.alpha.log_id)
    wanted = large_part_of(following.alpha.registry, following.alpha.log_id)
    assert sharable(following, wanted) is not None
    erase(following)
    assert sharable(following, wanted) is None


def large_part_of(registry: Any, log_id: LogId) -> Any:
    (entry,) = registry.store.entries(log_id, 0, 1)
    return ((log_id, 0, 0), decode_header(split_entry(entry)[0]).parts[0].commitment)


def sharable(following: Following, wanted: Any) -> Any:
    alpha = following.alpha.registry
    member: Member = following.beta.registry.own
    return sharable_large_part(
        alpha.store, member, wanted, consents=alpha.consents, now_ms=alpha.clock_ms()
    )


def test_member_that_is_not_admitted_or_names_another_commitment_gets_no_large_part(
    following: Following,
) -> None:
    write(following.alpha, CONTENT)
    key, commitment = large_part_of(following.alpha.registry, following.alpha.log_id)

    assert sharable(following, (key, commitment)) is not None
    assert sharable(following, (key, b"c" * 32)) is None
    assert sharable(following, ((key[0], 1, 0), commitment)) is None
    assert sharable(following, ((key[0], 0, 1), commitment)) is None
