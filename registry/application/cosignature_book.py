"""What this node knows of cosignatures: judged, counted, the largest of each log and witness.

A cosignature counts once this node holds as many entries of the log, under the same root; until
then it waits, one for each log and witness. None, however wrong, changes anything about a log. Used
by one thread at a time, but for what reads: that may be called from any.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from hashlib import sha256
from typing import Final, NamedTuple

import structlog

from registry.domain.identifiers import LogId, Origin, Slug, log_id_of
from registry.errors import EntryError
from registry.log.checkpoint import Checkpoint
from registry.log.cosignature import Cosignature, is_made_by, read_cosignatures
from registry.log.roster import Member, Roster
from registry.store.entries import EntryStore

_log = structlog.get_logger()
SUMMARY_SIZE_BYTES: Final = 8
CLOCKS_DIFFER_MS: Final = 300_000
"""As far apart clocks may be that nobody looks after."""


class Verdict(Enum):
    """What became of a cosignature that a peer showed."""

    ACCEPTED = "accepted"
    KNOWN = "known"
    AHEAD = "ahead"
    UNKNOWN_LOG = "unknown_log"
    MALFORMED = "malformed_note"
    UNKNOWN_WITNESS = "unknown_witness"
    REMOVED_WITNESS = "removed_witness"
    OWN_LOG = "witness_of_its_own_log"
    BAD_SIGNATURE = "bad_cosignature"
    CONTRADICTS = "contradicting_cosignature"

    @property
    def is_ordinary(self) -> bool:
        """Whether honest members show such, before they know of a newer roster at least."""
        return self in {Verdict.ACCEPTED, Verdict.KNOWN, Verdict.AHEAD, Verdict.UNKNOWN_LOG}


class Shown(NamedTuple):
    """One cosignature that was shown; None = the bytes are none."""

    cosignature: Cosignature | None
    verdict: Verdict


class WitnessedSize(NamedTuple):
    """The largest size of a log that a member has cosigned, and when, seconds by its clock."""

    mechanism: Slug
    size: int
    time_s: int


class Witnessed(NamedTuple):
    """How many of the members that can witness something have done so."""

    count: int  # type: ignore[assignment] # the field, not tuple.count
    total: int


class CosignatureBook:
    """The cosignatures that one node knows."""

    def __init__(
        self,
        roster: Roster,
        store: EntryStore,
        verified: Callable[[Member, Checkpoint], object],
    ) -> None:
        """Reads what is stored.

        Args:
            roster: who can be a witness, and of which logs.
            store: what is held.
            verified: told of every new cosignature that verifies, before it counts.

        Raises:
            StorageError: our own disk failed.
        """
        self._store = store
        self._verified = verified
        self._writers = {member.log_id: member for member in roster.writers()}
        self._origins = {member.origin for member in self._writers.values()}
        self._witnesses = {member.origin: member for member in roster.active_members()}
        self._others = {
            author.log_id: tuple(
                sorted(
                    (m for m in self._witnesses.values() if m.id != author.id),
                    key=lambda member: member.slug,
                )
            )
            for author in self._writers.values()
        }
        self._known: dict[LogId, dict[str, Cosignature]] = {}
        self._ahead: dict[tuple[LogId, str], Cosignature] = {}
        for each in store.cosignatures.all():
            self.note(each)

    def note(self, cosignature: Cosignature) -> None:
        """Takes one that needs no judging, unless a larger one is known."""
        log_id = log_id_of(cosignature.checkpoint.origin)
        known = self.find(log_id, Origin(cosignature.witness))
        if known is not None and known.checkpoint.size > cosignature.checkpoint.size:
            return
        # Replaced, never changed: readers in other threads hold on to what they have.
        by_log = self._known.get(log_id, {})
        self._known[log_id] = {**by_log, cosignature.witness: cosignature}

    def take(self, note: bytes) -> list[Shown]:
        """Judges what a peer shows in a note."""
        try:
            found = read_cosignatures(note)
        except EntryError:
            return [Shown(None, Verdict.MALFORMED)]
        return [Shown(each, self._judge(each)) for each in found]

    def grown(self, log_ids: Iterable[LogId]) -> list[Cosignature]:
        """Returns what has waited for these logs to grow and counts now."""
        logs = set(log_ids)
        waiting = [each for key, each in self._ahead.items() if key[0] in logs]
        return [each for each in waiting if self._settle(each) is Verdict.ACCEPTED]

    # --- what is known: from any thread -----------------------------------------------------

    def find(self, log_id: LogId, witness: Origin) -> Cosignature | None:
        """The largest of a log by one witness."""
        return self._known.get(log_id, {}).get(witness)

    def all(self) -> list[Cosignature]:
        """Every cosignature that counts."""
        return [each for log_id in tuple(self._known) for each in self.of_log(log_id)]

    def of_log(self, log_id: LogId) -> list[Cosignature]:
        """Those of one log that count, in the order of their witnesses."""
        known = self._known.get(log_id, {})
        return [known[m.origin] for m in self._candidates(log_id) if m.origin in known]

    def summary(self, log_id: LogId) -> bytes:
        r"""8 bytes that two nodes share when they know the same cosignatures of a log.

        The first of SHA-256 over witness || "\n" || u64be(size) of each, in order.
        """
        digest = sha256()
        for each in self.of_log(log_id):
            digest.update(each.witness.encode() + b"\n" + each.checkpoint.size.to_bytes(8, "big"))
        return digest.digest()[:SUMMARY_SIZE_BYTES]

    def by_witness(self, witness: Origin) -> list[Cosignature]:
        """All by one witness, also those that wait or that count no more."""
        known = [by_log.get(witness) for by_log in self._known.values()]
        waiting = [each for each in self._ahead.values() if each.witness == witness]
        return [each for each in known if each is not None] + waiting

    def sizes(self, log_id: LogId) -> tuple[WitnessedSize, ...]:
        """How far each active member but its author has cosigned a log; size 0 = not at all."""
        known = self._known.get(log_id, {})
        return tuple(
            WitnessedSize(member.slug, each.checkpoint.size, each.time_s)
            if (each := known.get(member.origin)) is not None
            else WitnessedSize(member.slug, 0, 0)
            for member in self._candidates(log_id)
        )

    def witnessed(self, log_id: LogId, size: int) -> Witnessed:
        """How many active members but its author have cosigned `size` entries of a log."""
        known, candidates = self._known.get(log_id, {}), self._candidates(log_id)
        found = [known.get(member.origin) for member in candidates]
        count = sum(each is not None and each.checkpoint.size >= size for each in found)
        return Witnessed(count, len(candidates))

    def earlier_than(self, log_id: LogId, index: int, time_ms: int) -> tuple[Slug, ...]:
        """Which witnesses had cosigned an event before the time that its author claims for it.

        Args:
            log_id: the event's log.
            index: its place.
            time_ms: the author's clock when it recorded the event, milliseconds UTC.

        Returns:
            Those whose clock differs by more than five minutes: one of the two is wrong.
        """
        latest_s = (time_ms - CLOCKS_DIFFER_MS) // 1000
        known = self._known.get(log_id, {})
        return tuple(
            member.slug
            for member in self._candidates(log_id)
            if (each := known.get(member.origin)) is not None
            and each.checkpoint.size > index
            and each.time_s < latest_s
        )

    # --- inside -----------------------------------------------------------------------------

    def _candidates(self, log_id: LogId) -> tuple[Member, ...]:
        """Who can witness a log, in the order of their mechanisms; of an unknown log nobody."""
        return self._others.get(log_id, ())

    def _judge(self, cosignature: Cosignature) -> Verdict:
        """Looks at what costs little first: a signature is checked only of what would be new."""
        log_id = log_id_of(cosignature.checkpoint.origin)
        author = self._writers.get(log_id)
        witness = self._witnesses.get(Origin(cosignature.witness))
        if author is None:
            return Verdict.UNKNOWN_LOG
        if witness is None:
            was_one = cosignature.witness in self._origins
            return Verdict.REMOVED_WITNESS if was_one else Verdict.UNKNOWN_WITNESS
        if witness.id == author.id:
            return Verdict.OWN_LOG
        waiting = self._ahead.get((log_id, witness.origin))
        known = waiting or self.find(log_id, witness.origin)
        if known is not None and known.checkpoint.size >= cosignature.checkpoint.size:
            return Verdict.KNOWN
        key = witness.cosigner_key
        if not is_made_by(cosignature, witness=witness.origin, cosigner_key=key):
            return Verdict.BAD_SIGNATURE
        self._verified(witness, cosignature.checkpoint)
        return self._settle(cosignature)

    def _settle(self, cosignature: Cosignature) -> Verdict:
        """Compares a cosignature that verifies with what is held."""
        origin, size, root = cosignature.checkpoint
        key = log_id_of(origin), cosignature.witness
        state = self._store.log_state(key[0])
        if size > state.size:
            self._ahead[key] = cosignature
            return Verdict.AHEAD
        self._ahead.pop(key, None)
        held = state.root if size == state.size else self._store.root_at(key[0], size)
        if size == 0 or held != root:
            at = cosignature.witness
            _log.error("cosignature_contradicts", log=origin, witness=at, size=size)
            return Verdict.CONTRADICTS
        self.note(cosignature)
        return Verdict.ACCEPTED
