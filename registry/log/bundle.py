r"""The bytes of a bundle: replication data as one file, in records; see bundle.proto.

    file     "registry bundle 1\n", then records, the last of them the end; nothing behind it
    record   u32be(length) || a registry.format.v1.BundleRecord of 1 byte to 4 MiB
    order    header, roster (one or more), (head, entries ...) for each log, fault proof ...,
             sealed ..., end

Pure: bytes go to whoever writes and come from whoever reads. One record is in memory at a time.
Reading checks form, order, count and digest. What the records say is for others to check: anybody
can write a file whose digest is right.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias, assert_never

from google.protobuf.message import DecodeError

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, MemberId, RegistryId
from registry.errors import LimitExceeded, MalformedBundle, TruncatedStream
from registry.format.v1 import bundle_pb2

MAGIC: Final = b"registry bundle 1\n"
_MAGIC_ANY: Final = b"registry bundle "
RECORD_MAX_BYTES: Final = 4 * 2**20
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """Whose bundle it is; `recipient_id` is None if it holds no content."""

    registry_id: RegistryId
    roster_version: int
    recipient_id: MemberId | None


@dataclass(frozen=True, slots=True)
class BundleRoster:
    """The bytes of a SignedRoster."""

    signed: bytes


@dataclass(frozen=True, slots=True)
class BundleHead:
    """A log's note, the entries that rotated its key, and the first index in the bundle."""

    log_id: LogId
    note: bytes
    rotations: tuple[bytes, ...]
    start: int


@dataclass(frozen=True, slots=True)
class BundleEntries:
    """Neighbouring entries of the log of the last head, and their path to its checkpoint."""

    start: int
    entries: tuple[bytes, ...]
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BundleFaultProof:
    """The bytes of a FaultProof."""

    proof: bytes


@dataclass(frozen=True, slots=True)
class BundleSealed:
    """Content sealed to the recipient; so many parts begin in it."""

    part_count: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class BundleEnd:
    """How many records came before, and the digest of all bytes before."""

    record_count: int
    digest: bytes


Record: TypeAlias = (
    BundleHeader
    | BundleRoster
    | BundleHead
    | BundleEntries
    | BundleFaultProof
    | BundleSealed
    | BundleEnd
)
_LAST: Final = (BundleFaultProof, BundleSealed, BundleEnd)
_MAY_FOLLOW: Final[dict[type[Record], tuple[type[Record], ...]]] = {
    BundleHeader: (BundleRoster,),
    BundleRoster: (BundleRoster, BundleHead, *_LAST),
    BundleHead: (BundleHead, BundleEntries, *_LAST),
    BundleEntries: (BundleHead, BundleEntries, *_LAST),
    BundleFaultProof: _LAST,
    BundleSealed: (BundleSealed, BundleEnd),
}


class BundleWriter:
    """Writes records one after the other; the end comes with `finish`."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Writes the first line; `write` takes the bytes of the file in order."""
        self._write = write
        self._digest = sha256()
        self._count = 0
        self._put(MAGIC)

    def put(self, record: Record) -> None:
        """Writes a record.

        Raises:
            LimitExceeded: it is too large for any bundle.
        """
        data = encode_record(record)
        if len(data) > RECORD_MAX_BYTES:
            msg = f"a record of a bundle has at most {RECORD_MAX_BYTES} bytes, found {len(data)}"
            raise LimitExceeded(msg)
        self._put(len(data).to_bytes(_LENGTH_BYTES, "big"))
        self._put(data)
        self._count += 1

    def finish(self) -> None:
        """Writes the end."""
        self.put(BundleEnd(self._count, self._digest.digest()))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._write(data)


def is_bundle(data: bytes) -> bool:
    """Whether a file that begins with these bytes means to be a bundle."""
    return data.startswith(_MAGIC_ANY)


def read_bundle(read: Callable[[int], bytes]) -> Iterator[Record]:
    """Reads all records up to the end, which was checked when it is given.

    Args:
        read: gives as many bytes of the file as are asked for, fewer only at its end.

    Raises:
        MalformedBundle: it is none, or was changed since it was written.
        TruncatedStream: it ends too soon.
    """
    digest = sha256()
    magic = read(len(MAGIC))
    if magic != MAGIC:
        _refuse_magic(magic)
    digest.update(magic)
    before: Record | None = None
    count = 0
    while not isinstance(before, BundleEnd):
        length = _exactly(read, _LENGTH_BYTES, count)
        size = int.from_bytes(length, "big")
        if not 1 <= size <= RECORD_MAX_BYTES:
            msg = f"record {count} of the bundle says that it has {size} bytes: it was changed"
            raise MalformedBundle(msg)
        data = _exactly(read, size, count)
        record = decode_record(data)
        _check_order(before, record, count)
        if isinstance(record, BundleEnd):
            _check_end(record, BundleEnd(count, digest.digest()), rest=read(1))
        digest.update(length)
        digest.update(data)
        before = record
        count += 1
        yield record


def encode_record(record: Record) -> bytes:
    """Serializes a record as registry.format.v1.BundleRecord."""
    message = bundle_pb2.BundleRecord()
    match record:
        case BundleHeader(registry_id, version, recipient):
            message.header.registry_id = registry_id
            message.header.roster_version = version
            message.header.recipient_id = recipient or 0
        case BundleRoster(signed):
            message.roster.signed_roster = signed
        case BundleHead(log_id, note, rotations, start):
            head = bundle_pb2.BundleHead(
                log_id=log_id, checkpoint=note, rotations=rotations, start=start
            )
            message.head.CopyFrom(head)
        case BundleEntries(start, entries, path):
            run = bundle_pb2.BundleEntries(start=start, entries=entries, consistency_path=path)
            message.entries.CopyFrom(run)
        case BundleFaultProof(proof):
            message.fault_proof.proof = proof
        case BundleSealed(part_count, sealed):
            message.sealed.part_count = part_count
            message.sealed.sealed = sealed
        case BundleEnd(record_count, digest):
            message.end.record_count = record_count
            message.end.digest = digest
        case _:
            assert_never(record)
    return message.SerializeToString(deterministic=True)


def decode_record(data: bytes) -> Record:
    """Reads one record; verifies nothing that it says.

    Raises:
        MalformedBundle: it is none, or one of a later version.
    """
    message = bundle_pb2.BundleRecord()
    try:
        message.MergeFromString(data)
    except DecodeError as error:
        msg = "the bundle holds bytes that are no record: it was changed"
        raise MalformedBundle(msg) from error
    record = _record_of(message)
    if encode_record(record) != data:
        msg = "a record of the bundle holds what this version does not know, or was changed"
        raise MalformedBundle(msg)
    return record


def _record_of(message: bundle_pb2.BundleRecord) -> Record:
    reader = _READERS.get(message.WhichOneof("record") or "")
    if reader is None:
        msg = "the bundle holds a record of no known kind: it was changed, or is of a later version"
        raise MalformedBundle(msg)
    return reader(message)


def _header(message: bundle_pb2.BundleRecord) -> BundleHeader:
    header = message.header
    recipient = MemberId(header.recipient_id) if header.recipient_id else None
    registry_id = RegistryId(_hash(header.registry_id, "registry id"))
    return BundleHeader(registry_id, header.roster_version, recipient)


def _head(message: bundle_pb2.BundleRecord) -> BundleHead:
    head = message.head
    log_id = LogId(_hash(head.log_id, "log id"))
    return BundleHead(log_id, head.checkpoint, tuple(head.rotations), head.start)


def _entries(message: bundle_pb2.BundleRecord) -> BundleEntries:
    run = message.entries
    return BundleEntries(run.start, tuple(run.entries), tuple(run.consistency_path))


_READERS: Final[dict[str, Callable[[bundle_pb2.BundleRecord], Record]]] = {
    "header": _header,
    "roster": lambda message: BundleRoster(message.roster.signed_roster),
    "head": _head,
    "entries": _entries,
    "fault_proof": lambda message: BundleFaultProof(message.fault_proof.proof),
    "sealed": lambda message: BundleSealed(message.sealed.part_count, message.sealed.sealed),
    "end": lambda message: BundleEnd(message.end.record_count, message.end.digest),
}


def _hash(value: bytes, name: str) -> bytes:
    if len(value) != HASH_SIZE_BYTES:
        msg = f"a {name} has {HASH_SIZE_BYTES} bytes, the bundle has one of {len(value)}"
        raise MalformedBundle(msg)
    return value


def _exactly(read: Callable[[int], bytes], size: int, count: int) -> bytes:
    data = read(size)
    if len(data) < size:
        msg = f"the bundle is cut short in record {count}: copy the whole file again"
        raise TruncatedStream(msg)
    return data


def _check_order(before: Record | None, record: Record, count: int) -> None:
    allowed = (BundleHeader,) if before is None else _MAY_FOLLOW[type(before)]
    if not isinstance(record, allowed):
        name = type(record).__name__.removeprefix("Bundle").lower()
        msg = f"record {count} of the bundle cannot be of the kind {name}: it was changed"
        raise MalformedBundle(msg)


def _check_end(told: BundleEnd, found: BundleEnd, *, rest: bytes) -> None:
    if told != found:
        msg = (
            f"the bundle has {found.record_count} records and a digest that is not the one it was "
            "written with: it was damaged or changed, copy the file again"
        )
        raise MalformedBundle(msg)
    if rest:
        msg = "bytes follow the end of the bundle: it was changed"
        raise MalformedBundle(msg)


def _refuse_magic(magic: bytes) -> None:
    if magic and MAGIC.startswith(magic):
        msg = "the bundle is cut short in its first line: copy the whole file again"
        raise TruncatedStream(msg)
    if is_bundle(magic):
        msg = "the bundle is of another version than 1: this software is too old or too new for it"
        raise MalformedBundle(msg)
    msg = "the file is no bundle: it does not begin with `registry bundle 1`"
    raise MalformedBundle(msg)
