"""Reads a bundle file from its beginning to its end: what is in it, and is it whole?

Nothing is stored here. The rosters are verified one after the other; everything else is only looked
at for what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from registry.domain.identifiers import LogId, MemberId, RegistryId
from registry.errors import EntryError, InvalidRequest, MalformedBundle
from registry.log.bundle import (
    BundleEntries,
    BundleFaultProof,
    BundleHead,
    BundleHeader,
    BundleRoster,
    BundleSealed,
    Record,
    read_bundle,
)
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_proof import decode_fault_proof
from registry.log.roster import Roster, decode_signed_roster, registry_id_of
from registry.log.roster_chain import RosterChain, begin_chain
from registry.peer_errors import (
    RosterOfAnotherRegistry,
    RosterRolledBack,
)

_BUFFER_BYTES: Final = 2**20


@dataclass
class BundleLog:
    """What a bundle has of one log: entries [start, end), of a checkpoint over `size`.

    Attributes:
        origin: as its checkpoint says.
        signed_by: the mechanism that writes it; None = nobody in the bundle's roster.
    """

    log_id: LogId
    origin: str
    size: int
    start: int
    end: int
    signed_by: str | None = None


@dataclass(frozen=True, slots=True)
class BundleFault:
    """What a proof says: entries of a log from `frozen_at` on are void."""

    origin: str
    frozen_at: int


@dataclass
class BundleContents:
    """What a whole bundle says of itself.

    Attributes:
        registry_id: of the header; the genesis roster has it too.
        recipient_id: who can read the content; None = there is none.
        chain: the rosters, verified.
        logs: in the order of the file.
        faults: what proofs in it say of authors; not judged.
        sealed_records, sealed_parts: how much content there is.
        size_bytes: of the file.
        digests: SHA-256 of the file up to the end of each record.
    """

    registry_id: RegistryId
    recipient_id: MemberId | None
    chain: RosterChain
    logs: list[BundleLog] = field(default_factory=list)
    faults: list[BundleFault] = field(default_factory=list)
    sealed_records: int = 0
    sealed_parts: int = 0
    size_bytes: int = 0
    digests: list[bytes] = field(default_factory=list)

    @property
    def roster(self) -> Roster:
        """The newest roster in it."""
        return self.chain.newest

    @property
    def entries(self) -> int:
        """How many entries it has in all logs."""
        return sum(log.end - log.start for log in self.logs)


def read_again(path: Path, contents: BundleContents) -> Iterator[Record]:
    """Yields the records of a bundle that was looked through, each only if it is still the same.

    Raises:
        InvalidRequest: the file cannot be read.
        MalformedBundle, TruncatedStream: it was changed since.
    """
    for place, (record, digest) in enumerate(_with_digests(path)):
        if contents.digests[place : place + 1] != [digest]:
            msg = f"record {place} of {path} was changed while it was read: copy the file to a disk"
            raise MalformedBundle(msg)
        yield record


def _with_digests(path: Path) -> Iterator[tuple[Record, bytes]]:
    digest = sha256()

    def read(size: int) -> bytes:
        data = file.read(size)
        digest.update(data)
        return data

    try:
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            for record in read_bundle(read):
                yield record, digest.digest()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise InvalidRequest(msg) from error


def look_through(path: Path) -> BundleContents:
    """Reads a whole bundle, without any key.

    Raises:
        InvalidRequest: the file cannot be read.
        MalformedBundle, TruncatedStream: it is none, was changed, or is cut short.
        RosterError: a roster in it does not follow from those before it.
    """
    records = _with_digests(path)
    header, digest = next(records)
    assert isinstance(header, BundleHeader)  # noqa: S101 - `read_bundle` gives no other first
    digests = [digest]
    chain: RosterChain | None = None
    contents: BundleContents | None = None
    for record, digest in records:
        digests.append(digest)
        if isinstance(record, BundleRoster):
            chain = _begun(header, record) if chain is None else _extended(chain, record)
            continue
        assert chain is not None  # noqa: S101 - `read_bundle` gives a roster before all this
        if contents is None:
            contents = BundleContents(header.registry_id, header.recipient_id, chain)
        _count(contents, record)
    assert contents is not None  # noqa: S101 - there is an end
    _check(contents, header)
    contents.size_bytes, contents.digests = path.stat().st_size, digests
    return contents


def compare_chain(held: RosterChain, contents: BundleContents) -> tuple[bytes, ...]:
    """The rosters of a bundle that a node has not taken yet, in order.

    Raises:
        RosterOfAnotherRegistry: it belongs to another registry.
        RosterForked: two versions with one number; nothing of such a bundle is taken.
    """
    if contents.registry_id != held.newest.registry_id:
        msg = (
            f"this bundle belongs to {contents.roster.registry_name}, registry "
            f"{contents.registry_id.hex()}, not to {held.newest.registry_name} "
            f"({held.newest.registry_id.hex()})"
        )
        raise RosterOfAnotherRegistry(msg)
    chain, new = held, []
    for signed in contents.chain.signed:
        try:
            extended = chain.extended(signed)
        except RosterRolledBack:
            continue  # the same one, taken before
        if extended is not chain:
            new.append(signed)
        chain = extended
    return tuple(new)


def _begun(header: BundleHeader, record: BundleRoster) -> RosterChain:
    chain = begin_chain(record.signed)
    if registry_id_of(decode_signed_roster(record.signed).roster) != header.registry_id:
        msg = "the first roster of the bundle is not that of the registry that it names"
        raise MalformedBundle(msg)
    return chain


def _extended(chain: RosterChain, record: BundleRoster) -> RosterChain:
    extended = chain.extended(record.signed)
    if extended is chain:
        msg = f"the bundle holds version {chain.newest.version} of the roster twice"
        raise MalformedBundle(msg)
    return extended


def _count(contents: BundleContents, record: Record) -> None:
    match record:
        case BundleHead():
            contents.logs.append(_log_of(contents, record))
        case BundleEntries(start, entries, _):
            log = contents.logs[-1]
            if start != log.end or not entries or start + len(entries) > log.size:
                msg = f"entries of {log.origin} in the bundle do not follow each other"
                raise MalformedBundle(msg)
            log.end = start + len(entries)
        case BundleFaultProof(proof):
            contents.faults.append(_fault_of(proof))
        case BundleSealed(part_count, _):
            contents.sealed_records += 1
            contents.sealed_parts += part_count
        case _:
            pass


def _log_of(contents: BundleContents, head: BundleHead) -> BundleLog:
    try:
        checkpoint = parse_checkpoint(parse_note(head.note).text)
    except EntryError as error:
        msg = f"a checkpoint in the bundle cannot be read: {error}"
        raise MalformedBundle(msg) from error
    writers = {member.log_id: member.slug for member in contents.roster.writers()}
    is_odd = any(log.log_id == head.log_id for log in contents.logs)
    if is_odd or head.log_id not in writers or head.start > checkpoint.size:
        msg = f"the bundle says of {checkpoint.origin} what cannot be: it was changed"
        raise MalformedBundle(msg)
    return BundleLog(
        log_id=head.log_id,
        origin=checkpoint.origin,
        size=checkpoint.size,
        start=head.start,
        end=head.start,
        signed_by=writers[head.log_id],
    )


def _fault_of(data: bytes) -> BundleFault:
    try:
        proof = decode_fault_proof(data)
    except EntryError as error:
        msg = f"a fault proof in the bundle cannot be read: {error}"
        raise MalformedBundle(msg) from error
    return BundleFault(proof.origin, proof.frozen_at)


def _check(contents: BundleContents, header: BundleHeader) -> None:
    if contents.roster.version != header.roster_version:
        msg = (
            f"the bundle says that it has rosters up to version {header.roster_version} and has "
            f"them up to {contents.roster.version}"
        )
        raise MalformedBundle(msg)
    known = {member.id for member in contents.roster.members}
    if contents.recipient_id is None:
        is_odd = contents.sealed_records > 0
    else:
        is_odd = contents.recipient_id not in known
    if is_odd:
        msg = "the bundle holds content for nobody in its roster: it was changed"
        raise MalformedBundle(msg)
    for log in contents.logs:
        if log.end != log.size:
            msg = f"the bundle lacks entries {log.end} to {log.size} of {log.origin}"
            raise MalformedBundle(msg)
