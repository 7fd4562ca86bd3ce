"""Rows for what peers send into the ingest core, and for what a lying author signs for all to take.

A message that is refused leaves what is held as it was; one that is taken brought the author's own
entries. A store on disk takes headers that their author signed, whatever stands in them: no node
may stumble over a header that it accepted.
"""

import shutil
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message
from structlog.testing import capture_logs

from registry.api.v1 import replication_pb2 as pb
from registry.application.cosignature_book import CosignatureBook, Verdict
from registry.application.folder import NodeFolder
from registry.application.membership import proposals
from registry.application.watching import read_cursor
from registry.domain.identifiers import CaseId, MemberId, RootHash
from registry.errors import (
    CursorOutOfRange,
    EntryError,
    InvalidRequest,
    MalformedEntry,
    TryLater,
)
from registry.log.checkpoint import Checkpoint
from registry.log.cosignature import cosign, cosignature_notes
from registry.log.entry import decode_header, frame_entry, signed_message, split_entry
from registry.log.roster import Roster, decode_signed_roster
from registry.log.signing import Ed25519Signer
from registry.replication.messages import LogGrew, PeerCaughtUp, PeerUp
from registry.store.read_models import open_read_models
from registry.views.case_file import Reader, read_history
from registry.views.projector import Projector
from registry.views.timeline import read_timeline
from registry_node import large_parts, part_fetching
from registry_node.convert import event_to_proto, item_to_proto
from registry_node.head_messages import read_head
from registry_node.part_requests import WantedPart
from tests.faults import session_world
from tests.faults.honest_peer import HonestPeer
from tests.faults.receiver import MemoryKeeper, Receiver, StoreKeeper
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.messages import sample_of
from tests.fuzzing.mutation import Form, read_fields, varint, write_fields
from tests.fuzzing.on_disk import scratch
from tests.fuzzing.rows_log import HEADERS, ROTATION
from tests.property.signed_samples import ROSTER, SIGNED_ROSTER
from tests.storage.storage_world import (
    OWN,
    PEER,
    REGISTRY,
    VIEWS_KEY,
    case,
    open_store,
    roster,
    seed,
)
from tests.unit.log.log_world import sample_roster, sign_roster

T = TypeVar("T", bound=Message)
HELD, SIZE = 8, 24
_LONGEST: Final = 100
_INDEX_FIELD, _LOG_FIELD, _REGISTRY_FIELD = 4, 3, 2
_NO_MESSAGE: Final = "a peer sent bytes that are no message"


@cache
def _peer() -> HonestPeer:
    peer = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
    for number in range(SIZE):
        peer.write(f"event {number}", case_id=case(number % 3))
    return peer


# --- entries --------------------------------------------------------------------------------------


@cache
def _held() -> MemoryKeeper:
    keeper = MemoryKeeper(_peer().author)
    Receiver(_peer().author, keeper).take_all(_peer().messages(0, HELD))
    return keeper


def _copy() -> MemoryKeeper:
    held = _held()
    copy = MemoryKeeper(_peer().author)
    copy.batches, copy._held = list(held.batches), held._held
    return copy


def _entries(data: bytes) -> None:
    message = _message(pb.GetEntriesResponse, data)
    keeper = _copy()
    receiver = Receiver(_peer().author, keeper, offered_size=SIZE)
    before = keeper.picture()
    try:
        receiver.take(message)
    except (EntryError, TryLater):
        assert keeper.picture() == before
        raise
    size = keeper.held().size
    assert keeper.entries() == _peer().entries[:size]
    assert receiver.fault is None


def _message(kind: type[T], data: bytes) -> T:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedEntry(_NO_MESSAGE) from error


# --- headers that their author signed -------------------------------------------------------------


@dataclass
class _Victim:
    """A node's store and the log of a lying author, which goes on with every input."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.author = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
        self.store = open_store(self.folder)
        self.reader = Reader(store=self.store, roster=roster(), member_id=MemberId(1))
        self.models = open_read_models(self.folder / "views.db", VIEWS_KEY)
        self.projector = Projector(self.reader, self.models)
        self.book = CosignatureBook(roster(), self.store, verified=lambda *_: None)

    def close(self) -> None:
        self.models.close()
        self.store.close()
        shutil.rmtree(self.folder)


_VICTIMS: Final[list[_Victim]] = []


def _victim() -> _Victim:
    """The one in use; a long log would make every step slower, so that it is left behind."""
    if _VICTIMS and len(_VICTIMS[0].author.entries) >= _LONGEST:
        _VICTIMS.pop().close()
    if not _VICTIMS:
        _VICTIMS.append(_Victim(scratch() / "victim"))
    return _VICTIMS[0]


def close_store() -> None:
    """Ends the threads of the store that is in use."""
    while _VICTIMS:
        _VICTIMS.pop().close()


def _signed_header(data: bytes) -> None:
    victim = _victim()
    header = _placed(data, len(victim.author.entries))
    keeper = StoreKeeper(victim.author.author, victim.store, victim.folder / "log.db")
    receiver = Receiver(victim.author.author, keeper)
    entry = frame_entry(header, victim.author.signer.sign(signed_message(header)))
    before = victim.author.range_at(len(victim.author.entries))
    victim.author.add(entry)
    size = len(victim.author.entries)
    try:
        receiver.take(victim.author.messages(size - 1, size)[0])
    except TryLater:
        victim.author.entries.pop()
        raise
    if receiver.fault is not None:
        victim.author.entries.pop()
        assert keeper.held().range == before
        raise MalformedEntry(receiver.fault.detail)
    _told_to_readers(victim, decode_header(header).case_id)


def _told_to_readers(victim: _Victim, case_id: CaseId) -> None:
    """Folds it into the read models and says it on the wire."""
    while victim.projector.advance().is_behind:
        pass
    if not case_id:
        return
    history = read_history(victim.reader, case_id)
    assert history.events
    for event in history.events:
        event_to_proto(event)
    for item in read_timeline(history):
        item_to_proto(item, victim.book)


def _placed(data: bytes, index: int) -> bytes:
    """The header at the next place of the author's log, if it has fields that say so."""
    fields = read_fields(data)
    placed = {
        _INDEX_FIELD: varint(index),
        _LOG_FIELD: _peer().log_id,
        _REGISTRY_FIELD: REGISTRY,
    }
    return write_fields([(n, w, placed.get(n, v)) for n, w, v in fields]) if fields else data


# --- heads, parts, rosters ------------------------------------------------------------------------


def _heads(data: bytes) -> None:
    """Whatever a peer says, the session answers with effects: its fault is its own."""
    answer = _message(pb.WatchHeadsResponse, data)
    session = session_world.new_session()
    session.handle(session_world.NOW_MS, PeerUp(session_world.B))
    if answer.HasField("head"):
        session.handle(session_world.NOW_MS, read_head(session_world.B, answer.head))
    session.handle(session_world.NOW_MS, PeerCaughtUp(session_world.B))
    session.handle(session_world.NOW_MS, LogGrew(session_world.log(session_world.A), 3))
    view = session.view_of(session_world.B, session_world.log(session_world.A))
    assert view.last_error.isprintable()
    assert view.offered_size in {0, 3}


def _heads_samples() -> tuple[bytes, ...]:
    head = pb.Head(
        log_id=session_world.log(session_world.A), checkpoint=session_world.note(session_world.A, 3)
    )
    head.tail.start = 0
    head.tail.entries.extend(_peer().entries[:3])
    with_rotations = pb.Head()
    with_rotations.CopyFrom(head)
    with_rotations.rotations.append(ROTATION)
    messages = [pb.WatchHeadsResponse(head=each) for each in (head, with_rotations)]
    others = [sample_of(pb.WatchHeadsResponse.DESCRIPTOR, choice=each) for each in range(4)]
    return tuple(each.SerializeToString() for each in (*messages, *others))


_COSIGNER: Final = Ed25519Signer(seed("cosigner"))


@cache
def _witnesses() -> Roster:
    key = _COSIGNER.public_key
    return replace(
        roster(), members=tuple(replace(each, cosigner_key=key) for each in roster().members)
    )


def _shown_cosignatures(data: bytes) -> None:
    """None of them counts: nobody has cosigned what is held here."""
    answer = _message(pb.WatchHeadsResponse, data)
    book = CosignatureBook(_witnesses(), _victim().store, verified=lambda *_: None)
    with capture_logs():  # a contradiction is said aloud, every time
        found = [shown.verdict for note in answer.head.cosignatures for shown in book.take(note)]
    assert Verdict.ACCEPTED not in found
    assert not book.all()
    assert not book.of_log(_peer().log_id)


def _cosignatures_sample() -> bytes:
    """Of more than is held, and of what contradicts it."""
    made = [
        cosign(Checkpoint(PEER, size, RootHash(bytes(32))), witness=OWN, signer=_COSIGNER, time_s=1)
        for size in (2**40, 1)
    ]
    notes = [note for each in made for note in cosignature_notes([each])]
    return pb.WatchHeadsResponse(head=pb.Head(cosignatures=notes)).SerializeToString()


def _parts(data: bytes) -> None:
    message = _message(pb.GetPartsResponse, data)
    wanted = {(part.index, part.ordinal): part for part in map(_wanted, range(3))}
    member = roster().member_by_log(_peer().log_id)
    for sent in message.parts:
        held = part_fetching._checked(member, sent, wanted)
        assert held.content == _peer().parts[held.index][0].content


def _wanted(index: int) -> WantedPart:
    commitment = decode_header(split_entry(_peer().entries[index])[0]).parts[0]
    return WantedPart(index, 0, commitment)


def _chunks(data: bytes) -> None:
    message = _message(pb.GetPartChunksResponse, data)
    commitment = decode_header(split_entry(_peer().entries[0])[0]).parts[0]
    part = large_parts.LargePart(_peer().log_id, 0, 0, commitment._replace(padded_size=2**20))
    head = large_parts._head(part, message)
    assert head.large_bytes <= part.commitment.padded_size


@cache
def _joined() -> NodeFolder:
    folder = NodeFolder(scratch() / "joined")
    folder.make_folders()
    (folder.rosters / "1.roster").write_bytes(SIGNED_ROSTER)
    return folder


def _second_version() -> bytes:
    """The next version with one signature of two that it takes."""
    following = sample_roster(
        registry_id=sha256(ROSTER).digest(),
        version=2,
        prev_hash=sha256(ROSTER).digest(),
        advisory_expiry_ms=9,
    )
    return sign_roster(following, (1,))


def _proposals(data: bytes) -> None:
    """Proposals of a member: those that break a rule are left out, and nothing is adopted."""
    folder = _joined()
    assert not proposals.take(folder, [data])
    assert sorted(each.name for each in folder.rosters.glob("*.roster")) == ["1.roster"]
    assert (folder.rosters / "1.roster").read_bytes() == SIGNED_ROSTER
    assert len(proposals.pending(folder)) <= len(decode_signed_roster(SIGNED_ROSTER).signatures)


# --- callers --------------------------------------------------------------------------------------


def _cursor(data: bytes) -> None:
    read_cursor(_victim().store, data.decode("utf-8", "replace"))


_PROTO, _TEXT = Form.PROTOBUF, Form.TEXT
_ENTRY: Final = (EntryError, TryLater)

ROWS: Final = (
    Decoder(
        "answer of GetEntries",
        _entries,
        tuple(
            each.SerializeToString()
            for each in (
                _peer().messages(HELD, SIZE)[0],
                _peer().messages(HELD, SIZE, at_once=4)[0],
            )
        ),
        (),
        _PROTO,
        _ENTRY,
    ),
    Decoder("header of a lying author", _signed_header, HEADERS, (), _PROTO, _ENTRY, share=0.5),
    Decoder(
        "answer of WatchHeads", _heads, _heads_samples(), (read_head,), _PROTO, (MalformedEntry,)
    ),
    Decoder(
        "cosignatures of a peer",
        _shown_cosignatures,
        (_cosignatures_sample(),),
        (),
        _PROTO,
        (MalformedEntry,),
    ),
    Decoder(
        "answer of GetParts",
        _parts,
        (_peer().part_messages(range(3))[0].SerializeToString(),),
        (),
        _PROTO,
        (EntryError,),
    ),
    Decoder(
        "answer of GetPartChunks",
        _chunks,
        (
            pb.GetPartChunksResponse(
                chunk=0, data=b"x" * 100, salt=bytes(32), media_type="a/b", size=100
            ).SerializeToString(),
        ),
        (),
        _PROTO,
        (EntryError,),
    ),
    Decoder(
        "proposal of a roster",
        _proposals,
        (_second_version(), SIGNED_ROSTER),
        (),
        _PROTO,
        share=0.05,
    ),
    Decoder(
        "cursor of a watch",
        _cursor,
        (b"0.0.17.", b"1.0.17.0123456789abcdef"),
        (read_cursor,),
        _TEXT,
        (InvalidRequest, CursorOutOfRange),
    ),
)
