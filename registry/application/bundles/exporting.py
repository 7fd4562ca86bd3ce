"""Writes a bundle: the rosters, the logs, faults of authors, and what one member may have.

The logs go as far as the largest note of each, as peers are served. Content goes through `sharing`,
the one place that decides which parts may leave: audience, consent, embargo and tombstones, anew
for every slice. A bundle without a recipient has no content. What lies above the guard is not
shown to readers, and so not here either.

Sealed records have sizes that follow from the size classes in the headers. One entry run, one slice
of content is in memory at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from registry.application.bundles.sealing import ContentSealer
from registry.application.registry import Registry
from registry.application.sharing import PartKey, sharable_large_part
from registry.application.stored_content import require_open
from registry.domain.identifiers import Commitment, LogId
from registry.errors import InvalidRequest
from registry.log.bundle import (
    BundleEntries,
    BundleFaultProof,
    BundleHead,
    BundleHeader,
    BundleRoster,
    BundleSealed,
    BundleWriter,
)
from registry.log.bundle_content import BundleChunk, BundlePart
from registry.log.control import AudienceWidened, parse_control
from registry.log.entry import Header, PartCommitment
from registry.log.roster import Member
from registry.replication.ingest import BATCH_MAX_ENTRIES
from registry.store.chunks import CHUNK_BYTES, LARGE_PART_BYTES, chunk_count
from registry.store.values import HeldPart, LogState, read_header

_RUN_BYTES: Final = 2**20
_FRAME_BYTES: Final = 512
"""Room for what goes along with a part: place, salt, media type, and their framing."""
_ROUND_BYTES: Final = 2**16

Since = Mapping[LogId, int]
"""How many entries of each log the recipient holds; none of logs that are not named."""


@dataclass(frozen=True, slots=True)
class ExportedLog:
    """Entries [start, size) of a log are in a bundle; none if they are equal."""

    origin: str
    start: int
    size: int


@dataclass
class ExportReport:
    """What a bundle holds.

    Attributes:
        recipient: slug of the member that content is sealed to; None = no content.
        roster_version: the newest in it.
        logs: how far each goes.
        fault_proofs: of how many faults of authors there are proofs in it.
        parts: how many are sealed.
    """

    recipient: str | None
    roster_version: int
    logs: list[ExportedLog] = field(default_factory=list)
    fault_proofs: int = 0
    parts: int = 0

    @property
    def entries(self) -> int:
        """How many entries there are in all logs."""
        return sum(log.size - log.start for log in self.logs)


def export_bundle(
    registry: Registry,
    write: Callable[[bytes], object],
    *,
    recipient: str | None,
    since: Since,
    has_all_parts: bool = False,
) -> ExportReport:
    """Writes a whole bundle.

    Args:
        registry: an open node.
        write: takes the bytes of the file, in order.
        recipient: slug of the member that content is sealed to; None = no content.
        since: what the recipient holds already.
        has_all_parts: give also content of entries that the recipient holds already.

    Raises:
        NotFound: the recipient is no member.
        InvalidRequest: it is this node, or takes part no more.
        TryLater: content is closed now.
        StorageError: our own disk failed.
    """
    member = None if recipient is None else _recipient(registry, recipient)
    writer = BundleWriter(write)
    roster = registry.roster
    writer.put(
        BundleHeader(registry.registry_id, roster.version, None if member is None else member.id)
    )
    for version in range(1, roster.version + 1):
        writer.put(BundleRoster(registry.signed_roster(version)))
    report = ExportReport(recipient, roster.version)
    runs: list[tuple[LogState, int]] = []
    for writer_of_log in roster.writers():
        state = registry.store.log_state(writer_of_log.log_id)
        if state.note is None:
            continue
        start = min(since.get(state.log_id, 0), state.noted_size)
        _write_log(registry, writer, state, start)
        runs.append((state, start))
        report.logs.append(ExportedLog(state.origin, start, state.noted_size))
    for kept in registry.faults.kept():
        writer.put(BundleFaultProof(kept.proof))
        report.fault_proofs += 1
    if member is not None:
        content = _ContentExport(registry, writer, member)
        for state, start in runs:
            content.export(state, 0 if has_all_parts else start)
        report.parts = content.count
    writer.finish()
    return report


def _recipient(registry: Registry, slug: str) -> Member:
    member = registry.roster.member_by_slug(slug)
    if member.id == registry.own.id:
        msg = f"{slug} is this node: a bundle is for another member"
        raise InvalidRequest(msg)
    if not member.is_active:
        msg = f"{slug} takes part no more: it is given no content"
        raise InvalidRequest(msg)
    require_open(registry.store)
    return member


def _write_log(registry: Registry, writer: BundleWriter, state: LogState, start: int) -> None:
    store, size = registry.store, state.noted_size
    assert state.note is not None  # noqa: S101 - asked by the caller
    rotations = tuple(e for e in store.rotations(state.log_id) if read_header(e).index < size)
    writer.put(BundleHead(state.log_id, state.note, rotations, start))
    while start < size:
        end = min(start + BATCH_MAX_ENTRIES, size)
        entries = store.entries(state.log_id, start, end, max_bytes=_RUN_BYTES)
        end = start + len(entries)
        path = store.consistency_path(state.log_id, end, size) if end < size else ()
        writer.put(BundleEntries(start, tuple(entries), tuple(path)))
        start = end


class _ContentExport:
    """Seals what one member may have, log after log."""

    def __init__(self, registry: Registry, writer: BundleWriter, member: Member) -> None:
        self._registry = registry
        self._writer = writer
        self._member = member
        self._sealer = ContentSealer(registry.registry_id, member)
        self.count = 0

    def export(self, state: LogState, start: int) -> None:
        """Gives content of entries from `start` on, and of earlier ones that they open to more."""
        store, first = self._registry.store, start
        while start < state.noted_size:
            end = min(start + BATCH_MAX_ENTRIES, state.noted_size)
            entries = store.entries(state.log_id, start, end, max_bytes=_RUN_BYTES)
            headers = [read_header(entry) for entry in entries]
            earlier = [each for each in _widened(headers) if each < first]
            for index in earlier:
                (entry,) = store.entries(state.log_id, index, index + 1)
                headers.append(read_header(entry))
            self._give(headers)
            start += len(entries)

    def _give(self, headers: list[Header]) -> None:
        wanted: dict[PartKey, PartCommitment] = {
            (header.log_id, header.index, ordinal): part
            for header in headers
            for ordinal, part in enumerate(header.parts)
        }
        asked = {key: part.commitment for key, part in wanted.items()}
        # A slice is read when the one before is written, and decided anew.
        while given := self._registry.parts_for(self._member, asked):
            self._seal(given, wanted)
            keys = list(asked)
            last = keys.index((given[-1].log_id, given[-1].index, given[-1].ordinal))
            asked = {key: asked[key] for key in keys[last + 1 :]}
        for key, part in wanted.items():
            if part.padded_size > LARGE_PART_BYTES:
                self._seal_large(key, part)

    def _seal(self, given: list[HeldPart], wanted: Mapping[PartKey, PartCommitment]) -> None:
        """Seals small parts, some to a record; the order and the sizes follow from the headers."""
        room = 0
        numbered: list[tuple[int, HeldPart, int]] = []
        for part in given:
            size = wanted[part.log_id, part.index, part.ordinal].padded_size + _FRAME_BYTES
            room += size
            numbered.append((room // _RUN_BYTES, part, size))
        for _, group in groupby(numbered, key=lambda each: each[0]):
            parts = list(group)
            content = tuple(
                BundlePart(p.log_id, p.index, p.ordinal, p.salt, p.media_type, p.content)
                for _, p, _ in parts
            )
            padded = sum(size for _, _, size in parts)
            self._put(len(parts), self._sealer.seal(content, _rounded(padded)))

    def _seal_large(self, key: PartKey, part: PartCommitment) -> None:
        """Seals a large part chunk by chunk, then as many empty records as its class has more."""
        for chunk_no in range(chunk_count(part.padded_size)):
            # Asked anew: an erasure or a withdrawal ends it.
            head = self._large(key, part.commitment)
            if head is None:
                return
            chunk: BundleChunk | tuple[()] = ()
            if chunk_no < chunk_count(head.size):
                data = self._registry.store.large_parts.chunk(key, chunk_no)
                if data is None:
                    return
                salt, kind = head.salt, head.media_type
                chunk = BundleChunk(*key, salt, kind, head.size, chunk_no, data)
            padded = _rounded(CHUNK_BYTES + _FRAME_BYTES)
            self._put(0 if chunk_no else 1, self._sealer.seal(chunk, padded))

    def _large(self, key: PartKey, commitment: Commitment) -> HeldPart | None:
        registry = self._registry
        return sharable_large_part(
            registry.store,
            self._member,
            (key, commitment),
            consents=registry.consents,
            now_ms=registry.clock_ms(),
        )

    def _put(self, part_count: int, sealed: bytes) -> None:
        self._writer.put(BundleSealed(part_count, sealed))
        self.count += part_count


def _widened(headers: list[Header]) -> Iterator[int]:
    """The entries whose content these let more members hold, whether that had an effect or not."""
    for header in headers:
        control = parse_control(header.log_id, header.index, header.kind, header.control)
        if isinstance(control, AudienceWidened):
            yield control.index


def _rounded(size_bytes: int) -> int:
    """Rounded up, so that a long media type hardly ever shows."""
    return -(-size_bytes // _ROUND_BYTES) * _ROUND_BYTES
