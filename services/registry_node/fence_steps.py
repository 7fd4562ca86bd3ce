"""What the start-up fence looks at and remembers, between a question and a decision.

No asyncio: `fence` drives it over gRPC, the simulator in virtual time. `judge` and `compare` read
the store and may be called in a thread; all else belongs to one loop.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import structlog

from registry.domain.identifiers import RootHash, Slug
from registry.errors import BadKeyRotation, EntryError, LogReadOnly, RegistryError
from registry.log.checkpoint import Checkpoint
from registry.log.facts import GuardComparison
from registry.log.log_keys import LogKeys, keys_of_member, verify_log_checkpoint
from registry.log.roster import Member
from registry.replication.recovery import DAMAGED, Decision, OwnNote, decide
from registry.store.entries import EntryStore

_log = structlog.get_logger()
_SHOWN_MORE: Final = (
    "a member holds more of this log than this node: another copy of this node may be running"
)
_SHOWN_OTHER: Final = "a member holds another history of this log: it has forked"


class FenceHome(Protocol):
    """What the fence needs of a node: a `Registry`, or the simulator's node."""

    @property
    def store(self) -> EntryStore:
        """With the own log and its guard."""

    @property
    def own(self) -> Member:
        """This node's member."""

    def log_keys(self, member: Member) -> LogKeys:
        """The keys of a member's log, as far as what is held of it tells."""


class Judged(NamedTuple):
    """What a member holds of the own log; `shown` is its checkpoint if that fits what is held."""

    note: OwnNote
    shown: Checkpoint | None = None


_NOTHING: Final = Judged(OwnNote(size=0, is_consistent=True))


class FenceSteps:
    """What was shown of the own log since the start, and by whom."""

    def __init__(self, home: FenceHome) -> None:
        self._home = home
        self._met: dict[Slug, OwnNote] = {}
        self.shown: Checkpoint | None = None
        """The largest own note that anybody has shown, verified."""
        self.failed: set[Slug] = set()
        """Members that did not deliver what they showed."""

    def ask_again(self, shown: Checkpoint) -> None:
        """Closes the own log at once: `shown` is verified, own and larger than what is held."""
        self._home.store.refuse_appends(_SHOWN_MORE)
        self._note_shown(shown)

    def take(self, judged: Judged) -> OwnNote:
        """Remembers the most that was shown."""
        if judged.shown is not None:
            self._note_shown(judged.shown)
        return judged.note

    def meet(self, peer: Slug, note: OwnNote) -> bool:
        """Takes what a peer that has come holds; returns whether it is another history."""
        if note.is_consistent:
            return False
        self._home.store.refuse_appends(_SHOWN_OTHER)
        self._met[peer] = note
        return True

    def must_judge(self, peer: Slug, rotations: Sequence[bytes]) -> bool:
        """Whether a peer that is connected shows other rotations of the own key than are held.

        Not if it was met with another history before: that is decided.
        """
        return peer not in self._met and self._differ(rotations)

    def compare(self) -> GuardComparison:
        """Compares guard and database as they stand."""
        return self._home.store.own_state_against_guard()

    def decide(
        self, comparison: GuardComparison, answers: Mapping[Slug, OwnNote], *, asked: int
    ) -> Decision:
        """Decides on what was answered now and met before; see `recovery.decide`."""
        return decide(
            comparison,
            {**answers, **self._met},
            asked=asked,
            failed=self.failed,
            shown=self.shown.size if self.shown is not None else 0,
        )

    def note_failure(self, peer: Slug, size: int, error: RegistryError) -> None:
        """Takes down that a peer did not give back what it showed."""
        self.failed.add(peer)
        self._home.store.refuse_appends(
            f"{peer} shows {size} events signed by this log and could not give them back in "
            f"the order held here ({error.reason}): it lies, or this log has forked"
        )

    def judge(self, note: bytes, rotations: Sequence[bytes]) -> Judged:
        """Compares a member's note of the own log with what is held; empty = it has none.

        Raises:
            LogReadOnly: what is held is damaged, which tells nothing of the member.
            TryLater: the store is closing.
            StorageError: our own disk failed.
        """
        if not note:
            return _NOTHING
        held = self._home.log_keys(self._home.own)
        try:
            # What this node does not hold may have rotated its key: a peer shows that with it.
            keys = held.learn(rotations)
            checkpoint = verify_log_checkpoint(note, keys)
        except BadKeyRotation:
            return self._judge_rotations(held, note, rotations)
        except EntryError:
            # Nobody but this node could have signed it: such a note proves nothing.
            return _NOTHING
        is_rotated_otherwise = self._is_other_rotation(held, rotations)
        root = self._root_at(checkpoint.size)
        if not is_rotated_otherwise and (root is None or root == checkpoint.root):
            return Judged(OwnNote(size=checkpoint.size, is_consistent=True), checkpoint)
        self._require_sound()
        if not is_rotated_otherwise and keys.is_retired(checkpoint.size):
            # Whoever can find an old key can write such notes: they stop nobody.
            _log.error("note_of_retired_key", size=checkpoint.size)
            return _NOTHING
        return Judged(OwnNote(size=checkpoint.size, is_consistent=False, note=note))

    def _note_shown(self, checkpoint: Checkpoint) -> None:
        if self.shown is None or checkpoint.size > self.shown.size:
            self.shown = checkpoint

    def _judge_rotations(self, held: LogKeys, note: bytes, rotations: Sequence[bytes]) -> Judged:
        """Rotations that do not follow those held: of another copy of this node, or junk."""
        try:
            shown = keys_of_member(held.registry_id, self._home.own).learn(rotations)
            checkpoint = verify_log_checkpoint(note, shown)
        except EntryError:
            return _NOTHING
        if not held.contradicts(shown):
            _log.error("note_of_retired_key", size=checkpoint.size)
            return _NOTHING
        return Judged(OwnNote(size=checkpoint.size, is_consistent=False, note=note))

    def _differ(self, rotations: Sequence[bytes]) -> bool:
        """Whether these are not the first ones of those held, byte for byte."""
        held = self._home.store.rotations(self._home.own.log_id)
        return tuple(rotations) != tuple(held[: len(rotations)])

    def _is_other_rotation(self, held: LogKeys, rotations: Sequence[bytes]) -> bool:
        """Whether another rotation than the one held brought the newest key that is held.

        It has proven its possession of that one as well: whatever the note is signed by, this is
        the work of whoever has the newest key.
        """
        if not self._differ(rotations):
            return False
        try:
            shown = keys_of_member(held.registry_id, self._home.own).learn(rotations)
        except EntryError:
            return False
        return held.contradicts(shown)

    def _require_sound(self) -> None:
        """Another root may be that of a damaged entry: it is repaired before anybody is judged."""
        store, log_id = self._home.store, self._home.own.log_id
        held = store.log_state(log_id)
        if store.root_at(log_id, held.size) != held.root:
            raise LogReadOnly(DAMAGED)

    def _root_at(self, size: int) -> RootHash | None:
        """The root that is held at a size; None if it is not."""
        store, log_id = self._home.store, self._home.own.log_id
        return store.root_at(log_id, size) if size <= store.log_state(log_id).size else None
