"""Takes a bundle into a node: the rosters first, then the logs, then the content.

1. The whole file is read through before anything is stored: one that is cut short, damaged, of
   another registry or for another member changes nothing, and neither does one that begins after
   what is held here. The second time each record must be the one that was looked at: a carrier
   may give other bytes.
2. Rosters are adopted by the rules of the chain, in order, before any log is looked at.
3. Logs go through `LogIntake`, as what peers send: run after run, verified, each run in one
   transaction. What an author did wrong costs its log alone: the other logs are taken. What else is
   wrong stops the import; the runs before were verified and stay, as with a peer that breaks off.
4. Fault proofs are judged and kept; what is wrong with a log itself is proven too, see
   `fault_intake`.
5. Content goes through the checks of `part_intake`.

Taken twice it changes nothing the second time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from registry.application.bundles.fault_intake import FaultImport, FaultIntake
from registry.application.bundles.log_taking import LogImport, LogTaking
from registry.application.bundles.part_intake import PartIntake
from registry.application.bundles.reading import (
    BundleContents,
    compare_chain,
    look_through,
    read_again,
)
from registry.application.bundles.sealing import ContentOpener
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import adopt_bytes, load_chain
from registry.application.registry import Registry
from registry.domain.identifiers import LogId, log_id_of
from registry.errors import (
    BundleForAnother,
    BundleGap,
    EntryError,
    RegistryError,
    StorageError,
    TryLater,
)
from registry.log.bundle import (
    BundleEntries,
    BundleFaultProof,
    BundleHead,
    BundleSealed,
    Record,
)
from registry.replication.messages import Blame, blame_of

_THREADS: Final = 2
Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


@dataclass
class ImportReport:
    """What an import did.

    Attributes:
        roster_version: that counts now.
        rosters_adopted: how many versions were new.
        logs: those in the bundle, in its order, as far as it was read.
        faults: proofs that are new here, carried by the bundle or made of it.
        parts_stored: new content.
        parts_held: content that was here already, or was erased.
        parts_left: content that cannot be taken now: its entry is not here, or its time is to come.
        parts_sealed: how much content was left alone, sealed.
        stopped: why the import ended early; None = it did not.
    """

    roster_version: int
    rosters_adopted: int
    logs: list[LogImport] = field(default_factory=list)
    faults: list[FaultImport] = field(default_factory=list)
    parts_stored: int = 0
    parts_held: int = 0
    parts_left: int = 0
    parts_sealed: int = 0
    stopped: RegistryError | None = None

    @property
    def entries(self) -> int:
        """How many entries are new."""
        return sum(log.after - log.before for log in self.logs)

    def is_faulty(self, log_id: LogId) -> bool:
        """Whether something was wrong with a log."""
        return any(log.reason and log_id_of(log.origin) == log_id for log in self.logs)

    @property
    def first_fault(self) -> LogImport | None:
        """The first log with which something was wrong."""
        return next((log for log in self.logs if log.reason), None)


def import_file(
    folder_path: Path,
    file: Path,
    progress: Progress,
    *,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    has_parts: bool = True,
) -> ImportReport:
    """Takes a bundle into the folder of a stopped node.

    Args:
        folder_path: the node's folder.
        file: the bundle.
        progress: called now and then.
        now_ms: the clock, milliseconds UTC.
        random_bytes: must be unpredictable.
        has_parts: take content too; without it a bundle for another member can be taken.

    Raises:
        InvalidRequest, MalformedBundle, TruncatedStream, RosterError: the file; nothing is stored.
        BundleForAnother, BundleGap: not for this node, or not now; nothing is stored.
        FolderError, KeyFileError, StorageError: the folder cannot be used.
    """
    contents = look_through(file)
    folder = NodeFolder(folder_path)
    new_rosters = compare_chain(load_chain(folder), contents)
    opener = opener_for(folder, contents) if has_parts else None

    def opened() -> Registry:
        return Registry.open(folder_path, now_ms=now_ms, random_bytes=random_bytes, is_held=True)

    # Held all along: no node starts under rosters that are being adopted.
    with folder.held():
        if new_rosters:
            with closing(opened()) as registry:
                check_no_gap(registry, contents)
            for signed in new_rosters:
                adopt_bytes(folder, signed)
        with closing(opened()) as registry:
            check_no_gap(registry, contents)
            records = read_again(file, contents)
            return take_bundle(
                registry, contents, records, progress, opener, adopted=len(new_rosters)
            )


def opener_for(folder: NodeFolder, contents: BundleContents) -> ContentOpener | None:
    """Finds the key that opens a bundle's content; None if it has none.

    Raises:
        BundleForAnother: it is sealed to another member, or to a former key of this one.
        KeyFileError: the key cannot be read.
    """
    if contents.recipient_id is None:
        return None
    member = contents.roster.member_by_id(contents.recipient_id)
    if member.slug != folder.mechanism:
        msg = (
            f"the content of this bundle is sealed to {member.slug}, and this is the node of "
            f"{folder.mechanism}: take the entries alone (--without-content), or ask for a bundle "
            "of your own"
        )
        raise BundleForAnother(msg)
    opener = ContentOpener(folder, contents.registry_id, member.id)
    if opener.public_key != member.hpke_key:
        msg = (
            "the content of this bundle is sealed to a key that this folder does not hold: was it "
            "made before new keys? Take the entries alone (--without-content), or ask for another"
        )
        raise BundleForAnother(msg)
    return opener


def check_no_gap(registry: Registry, contents: BundleContents) -> None:
    """Checks that every log of a bundle begins at or before the end of what is held.

    Raises:
        BundleGap: entries between are missing.
    """
    states = {state.log_id: state for state in registry.store.log_states()}
    for log in contents.logs:
        state = states.get(log.log_id)
        held = 0 if state is None else state.size
        if state is not None and state.frozen_at is not None and state.frozen_at <= held:
            continue  # nothing more is taken of it
        if log.start > held and log.end > log.start:
            msg = (
                f"this bundle has entries of {log.origin} from {log.start} on and comes after "
                f"{held}, which are held here: import the bundle with {held} to {log.start} "
                "first; nothing was stored"
            )
            raise BundleGap(msg)


def take_bundle(
    registry: Registry,
    contents: BundleContents,
    records: Iterator[Record],
    progress: Progress,
    opener: ContentOpener | None,
    *,
    adopted: int = 0,
) -> ImportReport:
    """Takes logs and content of a bundle that was read through; its rosters are adopted already.

    What stops it is told in the report: the runs that were taken before stay.
    """
    report = ImportReport(registry.roster.version, adopted)
    parts = None if opener is None else PartIntake(registry, report.is_faulty)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
        taking = _Import(registry, report, pool, progress, contents.entries)
        try:
            for record in records:
                if isinstance(record, BundleSealed):
                    taking.end_log()
                    if opener is None or parts is None:
                        report.parts_sealed += record.part_count
                    else:
                        parts.take(opener.open(record.sealed))
                else:
                    taking.take(record)
            taking.end_log()
            if parts is not None:
                parts.finish(taking.log_ids)
        except StorageError:
            raise
        except RegistryError as error:
            report.stopped = error
            # Nothing is lost of a run whose writing has begun.
            with suppress(EntryError, TryLater):
                taking.end_log()
    if parts is not None:
        report.parts_stored, report.parts_held = parts.stored, parts.held
        report.parts_left = parts.left
    return report


class _Import:
    """The logs of one bundle, one after the other."""

    def __init__(
        self,
        registry: Registry,
        report: ImportReport,
        pool: ThreadPoolExecutor,
        progress: Progress,
        total: int,
    ) -> None:
        self._registry = registry
        self._report = report
        self._pool = pool
        self._progress = progress
        self._total = total
        self._done = 0
        self._log: LogTaking | None = None
        self._faults = FaultIntake(registry)
        report.faults = self._faults.told
        self.log_ids = [member.log_id for member in registry.roster.writers()]

    def take(self, record: Record) -> None:
        """Takes a head, a run or a fault proof; other records are not for here."""
        if isinstance(record, BundleHead):
            self.end_log()
            self._log = LogTaking(self._registry, record, self._pool, self._faults)
            self._report.logs.append(self._log.told)
            self._guarded(self._log.begin)
        elif isinstance(record, BundleEntries) and self._log is not None:
            log = self._log
            self._guarded(lambda: log.take(record))
            self._done += len(record.entries)
            self._progress(self._done, self._total)
        elif isinstance(record, BundleFaultProof):
            self.end_log()
            self._faults.take(record.proof)

    def end_log(self) -> None:
        """Waits for what is being written of the last log, and proves what its author did wrong."""
        log, self._log = self._log, None
        if log is not None:
            log.end()

    def _guarded(self, step: Callable[[], None]) -> None:
        """What its author did wrong ends a log, and nothing else."""
        assert self._log is not None  # noqa: S101 - asked by the callers
        try:
            step()
        except EntryError as error:
            self._log.fail(error)
            if blame_of(error) is not Blame.AUTHOR:
                raise
