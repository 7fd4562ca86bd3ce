"""This node's member as a witness: cosigns other logs, and knows who has cosigned what.

What it cosigns is decided by `registry.replication.witness`. Size and root are written into the
witness guard, and synced, before the cosignature is made; the cosignature is stored before anybody
is given it.

If the guard was lost, nobody here knows what was cosigned. Nothing is cosigned then until all other
active members that this node can reach have shown what they know of it (`recover_guard`): the
largest of these counts.
"""

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final

import structlog

from registry.application.cosignature_book import CosignatureBook, Shown
from registry.application.folder import NodeFolder
from registry.domain.identifiers import LogId, RootHash, log_id_of
from registry.errors import BadNoteSignature, LogDiverged, NotAllowed, NotCosigned, TryLater
from registry.log.checkpoint import Checkpoint, parse_checkpoint, parse_note
from registry.log.cosignature import Cosignature, cosign
from registry.log.log_keys import LogKeys, verify_log_checkpoint
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Member, Roster
from registry.log.signing import Signer
from registry.replication.witness import (
    NOTHING_COSIGNED,
    CheckpointRequest,
    Cosigned,
    Mirrored,
    answer_request,
    next_to_cosign,
)
from registry.store.entries import EntryStore
from registry.store.values import LogState
from registry.store.witness_guard import CosignedState, WitnessGuard

_log = structlog.get_logger()
_MS: Final = 1000


class Witness:
    """Made with the registry; every method may be called from any thread.

    Attributes:
        book: what is known of all cosignatures.
    """

    def __init__(
        self,
        folder: NodeFolder,
        roster: Roster,
        own: Member,
        store: EntryStore,
        *,
        signer: Signer,
        log_keys: Callable[[Member], LogKeys],
        now_ms: Callable[[], int],
    ) -> None:
        """Opens the guard; one that is missing, or of another key, is lost.

        Raises:
            GuardError, StorageError: as named.
        """
        self._path = folder.witness_file
        self._roster = roster
        self._own = own
        self._store = store
        self._signer = signer
        self._log_keys = log_keys
        self._now_ms = now_ms
        self._lock = Lock()
        self._recalled: dict[LogId, CosignedState] = {}
        self.book = CosignatureBook(roster, store, self._remember_own)
        self._guard = WitnessGuard.open(self._path, signer.public_key)
        if self._guard is not None:
            # Of both memories the one that knows more counts: either may have been set back.
            stored = [each.checkpoint for each in self.book.by_witness(own.origin)]
            for each in stored:
                self._remember_own(own, each)

    @property
    def is_guard_lost(self) -> bool:
        """Whether nothing may be cosigned until others have shown what was."""
        return self._guard is None

    def close(self) -> None:
        """Closes the guard."""
        with self._lock:
            if self._guard is not None:
                self._guard.close()

    def recover_guard(self) -> None:
        """Makes a lost guard anew of what is stored and of what was shown since.

        Only for when all other active members that can be reached have shown what they know.

        Raises:
            GuardError: it cannot be written.
        """
        with self._lock:
            if self._guard is None:
                self._make_guard()
                _log.warning("witness_guard_made_anew")

    def cosign(self, log_ids: Iterable[LogId]) -> list[Cosignature]:
        """Cosigns the newest checkpoints of logs, where that is something new.

        One write to the guard for all of them. The caller stores what it gets, tells `stored`,
        then shows it; what was not stored is made again.

        Raises:
            GuardError: the guard cannot be written; nothing was signed.
            TokenUnavailable: the token that holds the key does not answer.
        """
        with self._lock:
            found = [self._next(log_id) for log_id in dict.fromkeys(log_ids)]
            return self._sign([each for each in found if each is not None])

    def stored(self, made: Iterable[Cosignature]) -> None:
        """Takes what `cosign` made and was stored: from now on it counts."""
        with self._lock:
            for each in made:
                self.book.note(each)

    def add_checkpoint(self, old_size: int, note: bytes, path: Sequence[bytes]) -> Cosignature:
        """Cosigns a checkpoint that somebody brings; stored when it returns.

        Asked again for what it has cosigned, it gives the same cosignature, and writes nothing.

        Args:
            old_size: the size that was cosigned last; 0 = none.
            note: C2SP signed note by the log's author.
            path: consistency proof from the old size to the note's.

        Raises:
            LimitExceeded, MalformedNote: the note is none.
            NotFound: no member writes such a log.
            NotAllowed: the log's key has not signed it.
            NotCosigned: it is this member's own log, or the log ended before.
            InvalidRequest, WitnessedSizeDiffers, BadProof, LogDiverged: see `answer_request`.
            TryLater: not mirrored yet, what was cosigned before is not known yet, or there is no
                room to store it.
            StorageError: our own disk failed.
        """
        origin = parse_checkpoint(parse_note(note).text).origin
        member = self._roster.member_by_log(log_id_of(origin))
        if member.id == self._own.id:
            msg = "a member does not cosign its own log"
            raise NotCosigned(msg)
        try:
            checkpoint = verify_log_checkpoint(note, self._log_keys(member))
        except BadNoteSignature as error:
            raise NotAllowed(str(error)) from error
        with self._lock:
            if not self._can_sign():
                msg = "this member cosigns nothing now: what it has cosigned before is not known"
                raise TryLater(msg)
            mirrored = self._mirrored(member, self._store.log_state(member.log_id))
            request = CheckpointRequest(old_size, checkpoint, path)
            answer_request(request, mirrored, self._before(member.log_id))
            known = self.book.find(member.log_id, self._own.origin)
            if known is not None and known.checkpoint == checkpoint:
                return known
            (cosignature,) = self._sign([checkpoint])
        self._store.cosignatures.put([cosignature]).result()
        self.stored([cosignature])
        return cosignature

    def take(self, notes: Iterable[bytes]) -> list[Shown]:
        """Judges what a peer shows; the caller stores what was accepted.

        Raises:
            StorageError: our own disk failed.
        """
        with self._lock:
            return [each for note in notes for each in self.book.take(note)]

    def grown(self, log_ids: Iterable[LogId]) -> list[Cosignature]:
        """Returns what was shown before these logs grew and counts now; the caller stores it."""
        with self._lock:
            return self.book.grown(log_ids)

    # --- inside -----------------------------------------------------------------------------

    def _make_guard(self) -> None:
        for each in self.book.by_witness(self._own.origin):
            self._recall(each.checkpoint)
        WitnessGuard.create(self._path, self._signer.public_key, self._recalled)
        self._guard = WitnessGuard.open(self._path, self._signer.public_key)

    def _can_sign(self) -> bool:
        return self._guard is not None and self._signer.public_key == self._own.cosigner_key

    def _before(self, log_id: LogId) -> Cosigned:
        state = None if self._guard is None else self._guard.of(log_id)
        return NOTHING_COSIGNED if state is None else Cosigned(*state)

    def _next(self, log_id: LogId) -> Checkpoint | None:
        member = self._roster.member_by_log(log_id)
        if member.id == self._own.id or not self._can_sign():
            return None
        state = self._store.log_state(log_id)
        own = self.book.find(log_id, self._own.origin)
        if own is not None and own.checkpoint.size >= state.noted_size:
            return None
        try:
            return next_to_cosign(self._mirrored(member, state), self._before(log_id))
        except LogDiverged as error:
            # The log's fault, not this node's: it goes on with all others.
            _log.warning("log_not_cosigned", log=member.slug, reason=error.reason)
            return None

    def _sign(self, checkpoints: Sequence[Checkpoint]) -> list[Cosignature]:
        """Writes down what is about to be cosigned, and only then signs."""
        if self._guard is None or not checkpoints:
            return []
        self._guard.advance(
            {log_id_of(each.origin): CosignedState(each.size, each.root) for each in checkpoints}
        )
        time_s = max(self._now_ms() // _MS, 1)
        return [
            cosign(each, witness=self._own.origin, signer=self._signer, time_s=time_s)
            for each in checkpoints
        ]

    def _mirrored(self, member: Member, state: LogState) -> Mirrored:
        checkpoint = Checkpoint(member.origin, 0, EMPTY_ROOT)
        if state.note is not None:
            checkpoint = parse_checkpoint(parse_note(state.note).text)
        ends = (state.frozen_at, None if member.cut is None else member.cut.size)
        void_from = min((end for end in ends if end is not None), default=None)
        return Mirrored(checkpoint, void_from, lambda size: self._root_at(state, size))

    def _root_at(self, state: LogState, size: int) -> RootHash:
        return state.root if size == state.size else self._store.root_at(state.log_id, size)

    def _remember_own(self, witness: Member, checkpoint: Checkpoint) -> None:
        """Takes note of what this member has cosigned and does not know of: it was set back."""
        log_id = log_id_of(checkpoint.origin)
        if witness.id != self._own.id:
            return
        if self._guard is None:
            # Whatever is held now: it may be another history than the one that was cosigned.
            self._recall(checkpoint)
        elif checkpoint.size > self._before(log_id).size:
            self._guard.advance({log_id: CosignedState(checkpoint.size, checkpoint.root)})
            _log.warning("witness_was_set_back", log=checkpoint.origin, size=checkpoint.size)

    def _recall(self, checkpoint: Checkpoint) -> None:
        log_id, size = log_id_of(checkpoint.origin), checkpoint.size
        if size > self._recalled.get(log_id, NOTHING_COSIGNED).size:
            self._recalled[log_id] = CosignedState(size, checkpoint.root)
