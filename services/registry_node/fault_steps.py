"""What a node does about the faults of authors, between a question and its answer.

No asyncio: `fault_following` drives it over gRPC, the simulator in virtual time. What reads the
store or checks signatures may be called in a thread; all else belongs to one loop.
"""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import structlog

from registry.application.fault_proofs import BadEntry, FaultProofs
from registry.domain.identifiers import LogId, Slug
from registry.errors import DamagedLog, EntryError, LimitExceeded, NotFound, TryLater
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_proof import SignedPrefix, decode_signed_prefix
from registry.log.fault_verdict import Verdict, newest_generation
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.roster import Member, Roster
from registry.replication.parting import PartingSearch
from registry.store.entries import EntryStore

_log = structlog.get_logger()
PROOFS_PER_STREAM: Final = 500
"""So many new proofs one stream of heads may bring: more than all members' logs can need."""
_REMEMBERED: Final = 10_000


class FaultHome(Protocol):
    """What fault proofs need of a node: a `Registry`, or the simulator's node."""

    @property
    def store(self) -> EntryStore:
        """Where proofs are kept."""

    @property
    def roster(self) -> Roster:
        """The newest one."""

    @property
    def faults(self) -> FaultProofs:
        """Makes and judges proofs."""

    def log_keys(self, member: Member) -> LogKeys:
        """The keys of a member's log, as far as what is held of it tells."""


class Proven(NamedTuple):
    """A proof made here, and what it proves."""

    data: bytes
    verdict: Verdict


class FaultSteps:
    """Which proofs were seen, and which of them count."""

    def __init__(self, home: FaultHome, shown_generation: Callable[[LogId], int]) -> None:
        """Has seen nothing yet.

        Args:
            home: whose store keeps proofs.
            shown_generation: how often peers have shown the key of a log to be rotated.
        """
        self._home = home
        self._shown_generation = shown_generation
        self._seen: dict[bytes, None] = {}
        self._taken: dict[Slug, int] = {}

    def peer_came(self, peer: Slug) -> None:
        """A stream was opened: its proofs are counted anew."""
        self._taken[peer] = 0

    def was_seen(self, data: bytes) -> bool:
        """Whether a proof was judged before."""
        return sha256(data).digest() in self._seen

    def remember(self, data: bytes) -> None:
        """A proof was judged, and all that follows from it was done."""
        self._seen[sha256(data).digest()] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def count_proof(self, peer: Slug) -> None:
        """Counts a proof that a peer brought.

        Raises:
            LimitExceeded: it brings too many.
        """
        self._taken[peer] = self._taken.get(peer, 0) + 1
        if self._taken[peer] > PROOFS_PER_STREAM:
            msg = f"a stream brings at most {PROOFS_PER_STREAM} fault proofs"
            raise LimitExceeded(msg)

    def counts(self, verdict: Verdict, *, by: Slug) -> bool:
        """Whether a proof freezes anything: one of a key that was replaced does not."""
        member = self._home.roster.member_by_log(verdict.log_id)
        held = newest_generation(self._home.log_keys(member))
        if verdict.generation >= max(held, self._shown_generation(member.log_id)):
            return True
        _log.warning("fault_proof_of_retired_key", log=member.slug, peer=by)
        return False

    def of_bad_entry(self, member: Member, bad: BadEntry) -> Proven | None:
        """Makes the proof of an entry that breaks a rule; None = there is none that others take.

        Raises:
            StorageError: our own disk failed.
        """
        faults = self._home.faults
        try:
            data = faults.of_bad_entry(member, bad)
            return Proven(data, faults.judge(data))
        except (EntryError, NotFound, TryLater, DamagedLog) as error:
            _log.warning("fault_not_proven", log=member.slug, at=bad.index, reason=error.reason)
            return None


class Parting:
    """Where the history of a log that a peer shows parts from the one that is held here."""

    def __init__(self, home: FaultHome, log_id: LogId, shown: int, note: bytes = b"") -> None:
        """Asks nothing yet; see `PartingSearch`.

        Args:
            home: what is held.
            log_id: of which log.
            shown: size of the checkpoint by which the peer contradicts.
            note: that checkpoint, where it is of a size that is held: it proves by itself.

        Raises:
            TryLater: the store is closing.
            StorageError: our own disk failed.
        """
        self._home = home
        self._member = home.roster.member_by_log(log_id)
        self._search = PartingSearch(
            keys_of_member(home.roster.registry_id, self._member),
            lambda size: home.store.root_at(log_id, size),
            held=home.store.log_state(log_id).size,
            shown=shown,
        )
        self._their_entry = b""
        if note:
            self._begin(note)

    @property
    def is_agreed(self) -> bool:
        """Whether the peer was shown to hold what is held here, as far as both go."""
        return self._search.is_agreed

    def next_size(self) -> int | None:
        """The size to ask the peer about; None = all is known."""
        return self._search.next_size()

    def take(self, size: int, signed_prefix: bytes, last_entry: bytes) -> None:
        """Takes what the peer answered about a size.

        Raises:
            EntryError: it does not hold.
            StorageError: our own disk failed.
        """
        self._search.take(size, decode_signed_prefix(signed_prefix))
        if self._search.parted_by == size:
            self._their_entry = last_entry

    def prove(self) -> Proven | None:
        """Makes the proof of what was found so far; None = no other history, or no proof of it.

        Raises:
            TryLater: the store is closing.
            StorageError: our own disk failed.
        """
        parted_by, theirs = self._search.parted_by, self._search.theirs
        if theirs is None or parted_by is None:
            return None
        faults, member = self._home.faults, self._member
        try:
            data = faults.of_two_histories(member, parted_by, theirs, self._their_entry)
            return Proven(data, faults.judge(data))
        except (EntryError, NotFound) as error:
            _log.warning("fault_not_proven", log=member.slug, at=parted_by, reason=error.reason)
            return None

    def _begin(self, note: bytes) -> None:
        """Begins with a note of a size that is held, if its key is known here."""
        checkpoint = parse_checkpoint(parse_note(note).text)
        shown = self._home.faults.rotations_before(self._member.log_id, checkpoint.size)
        with suppress(EntryError):
            self._search.take(checkpoint.size, SignedPrefix(note, shown, checkpoint.root, ()))
