"""Proving what a folder holds: every signature, every root, every note, every part.

`verify_folder` is what an auditor asks: do the logs prove themselves under this roster, and what
is the digest? `fsck_folder` is what an operator asks: is this disk still good? Both read only,
beside a running node if need be, and share the entry checks with replication.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from registry.application.acts import read_notes_with
from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import read_node_keys
from registry.application.membership.rosters import load_chain, load_roster
from registry.application.view_check import check_views
from registry.errors import (
    CorruptDatabase,
    EntryError,
    FolderError,
    GuardError,
    KeyFileError,
    NodeKeyMissing,
    StorageError,
)
from registry.log.log_keys import keys_of_member, verify_log_checkpoint
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT, CompactRange, leaf_hash
from registry.log.roster import Member, Roster
from registry.replication.entry_checks import follow_rotations, verify_slice
from registry.store.check import Finding, check_store
from registry.store.entries import EntryStore
from registry.store.guard import Guard, GuardState
from registry.store.sealing import NodeKeys
from registry.store.sqlite import open_sqlite_store
from registry.store.tombstone_journal import ErasedPart, read_journal
from registry.store.values import LogState
from registry.views.case_file import LogPlace, Reader
from registry.views.node_digest import NodeDigest, read_node_digest

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was verified of one log; `findings` is empty if all of it held."""

    origin: str
    mechanism: str
    size: int
    root: bytes
    entries_verified: int
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What was verified of a folder, and the digest it amounts to."""

    registry_id: bytes
    logs: tuple[LogReport, ...]
    node_digest: bytes
    case_count: int
    vector: tuple[LogPlace, ...]

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return all(log.ok for log in self.logs)


def verify_folder(folder_path: Path, progress: Progress) -> VerificationReport:
    """Verifies every log of a folder against its roster, from the entries alone.

    Returns:
        What was found; digest and vector are empty if the cases cannot be read any more.

    Raises:
        FolderError, RosterError: the folder has no node, or its roster was changed.
        StorageError: the database cannot be read.
    """
    folder = NodeFolder(folder_path)
    roster = load_roster(folder)
    own = roster.member_by_slug(folder.mechanism)
    store = open_sqlite_store(
        folder.database,
        author=None,
        guard=None,
        node_keys=None,
        now_ms=lambda: 0,
        is_read_only=True,
    )
    try:
        states = {state.log_id: state for state in store.log_states()}
        total = sum(state.size for state in states.values())
        done = 0
        reports = []
        with ThreadPoolExecutor(2) as pool:
            for member in roster.writers():
                if member.log_id not in states:
                    reports.append(_unknown_log(member))
                    continue
                scan = _LogScan(store, roster, member, states[member.log_id], pool)
                reports.append(scan.run(partial(_report, progress, done, total)))
                done += states[member.log_id].size
        digest = _digest(Reader(store=store, roster=roster, member_id=own.id), reports)
    finally:
        store.close()
    return VerificationReport(
        registry_id=roster.registry_id,
        logs=tuple(reports),
        node_digest=digest.digest,
        case_count=digest.case_count,
        vector=digest.vector,
    )


def fsck_folder(
    folder_path: Path, progress: Progress, *, now_ms: Callable[[], int] | None = None
) -> Iterator[Finding]:
    """Checks everything a node's folder says against everything else it says.

    Args:
        folder_path: the folder; a node may run in it.
        progress: called with (entries done, entries in all) of each log.
        now_ms: the clock by which embargoes end; None = the views are not compared.

    Yields:
        One finding per damaged thing, with its log and index.

    Raises:
        FolderError, RosterError: the folder has no node, or its roster was changed.
        StorageError: the database cannot be opened at all.
    """
    folder = NodeFolder(folder_path)
    roster = load_roster(folder)
    own = roster.member_by_slug(folder.mechanism)
    guarded: GuardState | None = None
    try:
        guard = Guard.open(folder.guard_file, own.origin)
    except GuardError as error:
        yield Finding(own.origin, None, error.reason, str(error))
    else:
        guarded = guard.read()
        guard.close()
    node_keys: NodeKeys | None = None
    try:
        node_keys = read_node_keys(folder, os.urandom)
    except (KeyFileError, NodeKeyMissing) as error:
        detail = f"content was not checked: {error}"
        yield Finding(own.origin, None, NodeKeyMissing.reason, detail)
    journal: tuple[ErasedPart, ...] | None = None
    try:
        journal = read_journal(folder.tombstone_file)
    except GuardError as error:
        yield Finding(own.origin, None, "tombstone_journal_damaged", str(error))
    is_sound = True
    for finding in check_store(
        folder.database,
        roster,
        node_keys=node_keys,
        own_log=own.log_id,
        guard=guarded,
        journal=journal,
        read_notes=read_notes_with,
        versions_of=load_chain(folder).versions_of,
        on_progress=lambda step: progress(step.done, step.total),
    ):
        is_sound = False
        yield finding
    if node_keys is None or now_ms is None or not is_sound:
        return  # a fold of damaged logs tells nothing of the views
    try:
        yield from check_views(folder, roster, node_keys, now_ms=now_ms, random_bytes=os.urandom)
    except (StorageError, FolderError) as error:
        detail = f"the views were not compared, the logs cannot be read: {error}"
        yield Finding(None, None, "views_not_compared", detail)


def _unknown_log(member: Member) -> LogReport:
    return LogReport(
        origin=member.origin,
        mechanism=member.slug,
        size=0,
        root=EMPTY_ROOT,
        entries_verified=0,
        findings=("the database does not know this log",),
    )


def _digest(reader: Reader, reports: Sequence[LogReport]) -> NodeDigest:
    """Folds all cases; damage that a scan has named already leaves the digest empty.

    Raises:
        CorruptDatabase: the cases cannot be read, though every log verified.
    """
    try:
        return read_node_digest(reader)
    except CorruptDatabase:
        if all(report.ok for report in reports):
            raise
        return NodeDigest(digest=b"", case_count=0, vector=())


def _report(progress: Progress, before: int, total: int, count: int) -> None:
    progress(before + count, total)


class _LogScan:
    """Verifies one log from its first entry."""

    def __init__(
        self,
        store: EntryStore,
        roster: Roster,
        member: Member,
        state: LogState,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._store = store
        self._member = member
        self._state = state
        self._pool = pool
        self._keys = keys_of_member(roster.registry_id, member)
        self._findings: list[str] = []
        self._verified = 0

    def run(self, progress: Callable[[int], None]) -> LogReport:
        """Verifies all entries, then the root and the note."""
        reached = EMPTY_RANGE
        noted_root: bytes | None = None
        while reached.size < self._state.size:
            end = min(reached.size + _PAGE, self._state.size)
            if reached.size < self._state.noted_size < end:
                end = self._state.noted_size
            try:
                entries = self._store.entries(self._member.log_id, reached.size, end)
            except CorruptDatabase:
                self._findings.append(f"entries between {reached.size} and {end} are missing")
                break
            self._check(entries, reached.size)
            reached = reached.extend([leaf_hash(entry) for entry in entries])
            if reached.size == self._state.noted_size:
                noted_root = reached.root()
            progress(reached.size)
        self._check_end(reached, noted_root)
        return LogReport(
            origin=self._member.origin,
            mechanism=self._member.slug,
            size=self._state.size,
            root=reached.root(),
            entries_verified=self._verified,
            findings=tuple(self._findings),
        )

    def _check(self, entries: Sequence[bytes], start: int) -> None:
        half = len(entries) // 2
        slices = [
            self._pool.submit(verify_slice, self._keys, entries, start, first, end)
            for first, end in ((0, half), (half, len(entries)))
        ]
        results = follow_rotations([each.result() for each in slices], entries, start)
        self._keys = results[-1].keys
        for result in results:
            self._verified += len(result.facts)
            fault = result.fault
            frozen_at = self._state.frozen_at
            if fault is not None and (frozen_at is None or fault.place < frozen_at):
                self._findings.append(f"entry {fault.place}: {fault.reason}: {fault.detail}")

    def _check_end(self, reached: CompactRange, noted_root: bytes | None) -> None:
        if reached.root() != self._state.root:
            self._findings.append(f"root: the entries lead to another root at {reached.size}")
        if self._state.note is None:
            return
        try:
            checkpoint = verify_log_checkpoint(self._state.note, self._keys)
        except EntryError as error:
            self._findings.append(f"note: {error.reason}: {error}")
            return
        if checkpoint.size != self._state.noted_size or checkpoint.root != noted_root:
            self._findings.append(
                f"note: the entries do not lead to the signed root at {checkpoint.size}"
            )
