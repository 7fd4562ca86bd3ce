"""`Registry`: one node's commands and queries, joining log, store and views.

Threads: every method may be called from any thread. `record` returns a future that is resolved
after the event is on disk and the guard has advanced; nothing is acknowledged before that.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from registry.application.attachments import AttachmentDesk
from registry.application.consents import ConsentDesk
from registry.application.earlier_withdrawals import open_views
from registry.application.erasing import (
    ControlRequests,
    EraseCommand,
    ErasureStatus,
    WidenCommand,
)
from registry.application.exporting import Export, Exporting, ExportPurpose
from registry.application.fault_proofs import FaultProofs
from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_secret
from registry.application.key_care.key_rotation import OwnLogKey
from registry.application.key_care.node_keys import finish_rotation, load_node_keys
from registry.application.key_care.tls_renewal import settle_certificate
from registry.application.known_history import AsOf, KnownHistory, fold_known_history
from registry.application.linking import Linking
from registry.application.lists import Lists
from registry.application.membership.cuts import apply_cuts
from registry.application.membership.epochs import settle_epoch
from registry.application.membership.founding import KEY_SIZE_BYTES, load_signer
from registry.application.membership.rosters import load_chain, load_roster
from registry.application.preview import Preview, preview_event
from registry.application.proofs import Proofs
from registry.application.randomness import RandomBytes
from registry.application.recording import Receipt, RecordCommand, Recording
from registry.application.recovering import remove_drafts
from registry.application.request_keys import RequestKeys
from registry.application.sharing import PartKey, sharable_parts
from registry.application.witness import Witness
from registry.application.witness_guards import begin_witnessing
from registry.domain.identifiers import CaseId, Commitment, RegistryId, log_id_of
from registry.domain.mechanisms import load_profiles
from registry.errors import NotFound
from registry.log.author import Author
from registry.log.entry import decode_header, split_entry
from registry.log.facts import GuardVerdict
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.roster import Member, Roster
from registry.log.signing import Signer
from registry.store.disk_room import RESERVE_BYTES, DiskRoom
from registry.store.entries import EntryStore
from registry.store.guard import Guard
from registry.store.read_models import ReadModels
from registry.store.sqlite import open_sqlite_store
from registry.store.tombstone_journal import TombstoneJournal
from registry.store.values import Appended, HeldPart, LogState, read_header
from registry.views.case_file import CaseHistory, Reader, read_history
from registry.views.case_list import SituationNames, summarise
from registry.views.node_digest import NodeDigest, read_node_digest
from registry.views.projector import Projector
from registry.views.rows import CaseRow
from registry.views.timeline import TimelineItem, read_timeline

_RECEIPTS_AT_ONCE: Final = 100


class Registry:
    """One node, opened."""

    def __init__(
        self,
        *,
        folder: NodeFolder,
        roster: Roster,
        store: EntryStore,
        models: ReadModels,
        request_secret: bytes,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        cosigner: Signer,
    ) -> None:
        self.folder = folder
        self.roster = roster
        self.own: Member = roster.member_by_slug(folder.mechanism)
        self.store = store
        self.models = models
        self.registry_id: RegistryId = roster.registry_id
        self._now_ms = now_ms
        self.situations = SituationNames(*roster.registry_ids())
        self._reader = Reader(store, roster, self.own.id, now_ms)
        self.consents = ConsentDesk(self._reader)
        self.profiles = load_profiles(folder.profiles)
        self.lists = Lists(models)
        self._exporting = Exporting(self._reader, self.consents)
        self.recording = Recording(
            self._reader,
            self.consents,
            self.situations,
            RequestKeys(request_secret),
            now_ms=now_ms,
            random_bytes=random_bytes,
            profiles=self.profiles,
        )
        self.control = ControlRequests(
            self._reader, self.recording, self.consents, RequestKeys(request_secret)
        )
        self.linking = Linking(
            self._reader, self.recording.situation_links, self.lists, RequestKeys(request_secret)
        )
        self.attachments = AttachmentDesk(store, self.own.log_id, RequestKeys(request_secret))
        self.projector = Projector(self._reader, models, self.profiles)
        self.proofs = Proofs(store, self.log)
        self.faults = FaultProofs(
            store, roster, lambda log_id: load_chain(folder).versions_of(log_id)
        )
        self.log_key = OwnLogKey(folder, roster, self.own, store, now_ms)
        self.witness = Witness(
            folder,
            roster,
            self.own,
            store,
            signer=cosigner,
            log_keys=self.log_keys,
            now_ms=now_ms,
        )
        self._resources = ExitStack()

    @classmethod
    def open(
        cls,
        folder_path: Path,
        *,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        disk_reserve_bytes: int = RESERVE_BYTES,
        is_held: bool = False,
    ) -> "Registry":
        """Opens a node's folder for writing; appends stay refused until the fence opened the log.

        Args:
            folder_path: the node's folder.
            now_ms: the clock, milliseconds since 1970 UTC.
            random_bytes: the source of case ids and salts; must be unpredictable.
            disk_reserve_bytes: so much of the disk, or a small share of it, is for entries.
            is_held: the caller holds the folder, and keeps hold of it.

        Raises:
            FolderError: no node, not joined, or in use by another process.
            KeyFileError, GuardError, DurabilityError, SchemaError, CorruptDatabase,
            NodeKeyMissing: as named.
        """
        folder = NodeFolder(folder_path)
        with ExitStack() as stack:
            if not is_held:
                stack.enter_context(folder.held())
            remove_drafts(folder)
            roster = load_roster(folder)
            own = roster.member_by_slug(folder.mechanism)
            settle_epoch(folder, roster)
            settle_certificate(folder, own)
            author = Author(
                signer=load_signer(folder, "log"),
                registry_id=roster.registry_id,
                origin=own.origin,
                roster_version=roster.version,
            )
            begin_witnessing(folder, own)
            guard = (
                Guard.open(folder.guard_file, own.origin) if folder.guard_file.exists() else None
            )
            store = open_sqlite_store(
                folder.database,
                author=author,
                guard=guard,
                node_keys=load_node_keys(folder, RandomBytes(os.urandom)),
                now_ms=now_ms,
                journal=TombstoneJournal(folder.tombstone_file),
                member_id=own.id,
                logs_before=roster.logs_before(),
            )
            stack.callback(store.close)
            store.disk = DiskRoom.of_folder(folder.path, disk_reserve_bytes)
            finish_rotation(folder, store)
            store.register_logs([member.origin for member in roster.writers()]).result()
            apply_cuts(store, roster)
            own_logs = [each.log_id for each in roster.writers() if each.id == own.id]
            models, withdrawals = open_views(
                folder.views_database, store.database_key("views"), store, own_logs
            )
            stack.callback(models.close)
            registry = cls(
                folder=folder,
                roster=roster,
                store=store,
                models=models,
                request_secret=read_secret(folder.keys / "request.secret", KEY_SIZE_BYTES),
                now_ms=now_ms,
                random_bytes=random_bytes,
                cosigner=load_signer(folder, "cosigner"),
            )
            stack.callback(registry.witness.close)
            registry.log_key.use()
            registry.consents.learn_withdrawals(withdrawals)
            registry._resources = stack.pop_all()
            return registry

    def close(self) -> None:
        """Finishes what is being written and lets go of the folder."""
        self._resources.close()

    # --- commands ---------------------------------------------------------------------------

    def record(self, command: RecordCommand) -> "Future[Appended]":
        """Checks a command against the rules and hands it to the writer.

        Returns:
            A future of the stored event; `receipt` tells its place. It may raise LogReadOnly,
            RequestIdReused, or a StorageError.

        Raises:
            InvalidRequest: the request id, the audience or the case is malformed.
            RuleViolation, NotFound: the rules of the kind forbid it here.
            Overloaded: too many events are waiting.
        """
        return self.store.append(self.recording.prepare(command))

    def record_now(self, command: RecordCommand) -> "Future[Appended]":
        """Like `record`, but written by the caller's thread if nothing else is being written.

        Quicker for one caller that waits anyway; it may take as long as a commit.
        """
        return self.store.append_now(self.recording.prepare(command))

    def erase(self, command: EraseCommand) -> "Future[Appended]":
        """Erases parts of own events at every holder; cannot be undone.

        Raises:
            InvalidRequest, NotFound, RuleViolation: see `ControlRequests.erase`.
            Overloaded: too many events are waiting.
        """
        return self.store.append(self.control.erase(command))

    def widen(self, command: WidenCommand) -> "Future[Appended]":
        """Lets more mechanisms hold the content of an own event.

        Raises:
            InvalidRequest, NotFound, RuleViolation: see `ControlRequests.widen`.
            Overloaded: too many events are waiting.
        """
        return self.store.append(self.control.widen(command))

    def confirm_erasures(self, last_change_id: int) -> int:
        """Records the receipts that are missing of others' erasures up to a change; counts them.

        Raises:
            LogReadOnly, StorageError: the own log takes none now.
        """
        count, after = 0, (-1, -1)
        while found := self.store.erasures_without_receipt(
            self.own.log_id, _RECEIPTS_AT_ONCE, after=after, last_change_id=last_change_id
        ):
            requests = [self.control.receipt(each) for each in found]
            for future in [self.store.append(each) for each in requests if each is not None]:
                future.result()
                count += 1
            after = found[-1].place
        return count

    def receipt(self, appended: Appended) -> Receipt:
        """Tells where a stored event stands."""
        header = decode_header(split_entry(appended.entry)[0])
        return Receipt(
            case_id=header.case_id,
            origin=self.own.origin,
            index=appended.index,
            leaf_hash=appended.leaf_hash,
            was_recorded_before=appended.was_recorded_before,
            time_ms=header.time_ms,
        )

    def open_log(self) -> None:
        """Opens the own log for appends, after the start-up fence has said so.

        Raises:
            LogReadOnly: guard and database do not agree, or the log key is not here.
        """
        self.log_key.require()
        if self.store.own_state_against_guard().kind is GuardVerdict.GUARD_MISSING:
            # The fence has seen what all others hold: a new guard starts from the database.
            self.folder.guard_file.parent.mkdir(mode=0o700, exist_ok=True)
            Guard.create(self.folder.guard_file, self.own.origin)
            self.store.attach_guard(Guard.open(self.folder.guard_file, self.own.origin)).result()
        self.store.allow_appends()

    # --- queries ----------------------------------------------------------------------------

    def case(self, case_id: CaseId) -> CaseRow:
        """Returns the line of one case, folded now from the log; raises as `history`."""
        return self.summary(self.history(case_id))

    def summary(self, history: CaseHistory) -> CaseRow:
        """Folds a history into the line of its case."""
        return summarise(history, self.situations)

    def history(self, case_id: CaseId, linked: Sequence[CaseId] = ()) -> CaseHistory:
        """Reads a case's history, with the events of linked cases if they are named.

        Raises:
            NotFound: no event of such a case is held here.
        """
        history = read_history(self._reader, case_id, linked)
        if not history.events:
            msg = f"no case {case_id.hex()} is known here"
            raise NotFound(msg)
        return history

    def known_history(self, case_id: CaseId, as_of: AsOf) -> KnownHistory:
        """Reads a case as it was known to somebody or at some point; raises as there."""
        return fold_known_history(self._reader, case_id, as_of)

    def timeline(self, history: CaseHistory) -> tuple[TimelineItem, ...]:
        """Sorts a history by the dates of the acts."""
        return read_timeline(history)

    def erasure_status(self, origin: str, index: int) -> ErasureStatus:
        """Tells who has confirmed an erasure; no origin = of the own log.

        Raises:
            NotFound: there is no such erasure here.
        """
        return self.control.status(log_id_of(origin) if origin else self.own.log_id, index)

    def log(self, origin: str) -> tuple[Member, LogState]:
        """Finds a log by its origin; empty = the own log.

        Raises:
            NotFound: no member writes such a log.
        """
        log_id = log_id_of(origin) if origin else self.own.log_id
        return self.roster.member_by_log(log_id), self.store.log_state(log_id)

    def versions_of(self, member: Member) -> range:
        """The roster versions under which a member takes part with a log."""
        return load_chain(self.folder).versions_of(member.log_id)

    def log_keys(self, member: Member) -> LogKeys:
        """The keys of a member's log, as far as what is held of it tells."""
        rotations = map(read_header, self.store.rotations(member.log_id))
        return keys_of_member(self.registry_id, member, rotations)

    def parts_missing(self, state: LogState) -> int:
        """Counts entries whose content is not fetched yet and parts that nobody gave so far."""
        return state.size - state.parts_below + self.store.wanted_count(state.log_id)

    def signed_roster(self, version: int) -> bytes:
        """Returns the bytes of a signed roster version; 0 = the newest.

        Raises:
            NotFound: no such version is here.
        """
        if not 0 <= version <= (newest := self.roster.version):
            msg = f"roster version {version} is not here, the newest is {newest}"
            raise NotFound(msg)
        return (self.folder.rosters / f"{version or newest}.roster").read_bytes()

    def clock_ms(self) -> int:
        """Returns what this node's clock shows: it decides when an embargo ends here."""
        return self._now_ms()

    def preview(self, command: RecordCommand) -> Preview:
        """Tells what recording a command would let leave this node, and to whom."""
        return preview_event(self.recording, self.roster, self.profiles, command)

    def export(
        self, case_id: CaseId, purpose: ExportPurpose, recipients: tuple[str, ...] = ()
    ) -> Export:
        """Returns what may be used of a case for a purpose; see `exporting`.

        Raises:
            NotFound: no such case here, or a recipient is no member.
            InvalidRequest: recipients are named, or not, against the purpose.
        """
        return self._exporting.export(self.history(case_id), purpose, recipients)

    def parts_for(self, member: Member, wanted: Mapping[PartKey, Commitment]) -> list[HeldPart]:
        """Returns the first slice of the parts that a member may have; see `sharing`."""
        return sharable_parts(
            self.store, member, wanted, consents=self.consents, now_ms=self._now_ms()
        )

    def digest(self) -> NodeDigest:
        """Folds every case into the node digest; reads everything, so ask seldom."""
        return read_node_digest(self._reader)
