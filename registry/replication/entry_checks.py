"""Checks on entries, one by one and side by side: rules 3 and 4 of `ingest`.

Pure functions that the live pipeline, the verification of a folder and tests share. Slices of a
batch are verified in threads; what a rotation of the key, or a fault, means is judged afterwards.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.errors import BackwardEntry, EntryError, EntryOutsideRoster
from registry.log.entry_rules import check_entry
from registry.log.facts import EntryFacts, facts_of
from registry.log.log_keys import LogKeys
from registry.peer_errors import RosterNotHeld


class EntryFault(NamedTuple):
    """An entry that breaks a rule under its author's checkpoint."""

    place: int
    reason: str
    detail: str


class SliceResult(NamedTuple):
    """Facts of the entries up to the first fault, that fault, and the keys after them."""

    facts: list[EntryFacts]
    fault: EntryFault | None
    keys: LogKeys


def verify_slice(
    keys: LogKeys, entries: Sequence[bytes], start: int, first: int, end: int
) -> SliceResult:
    """Applies rule 3 to entries[first:end]; `start` is the index of entries[0].

    Runs in verification threads: one signature check per entry, and as little else as possible.
    """
    facts: list[EntryFacts] = []
    for place in range(first, end):
        try:
            facts.append(facts_of(check_entry(keys, entries[place], start + place)))
        except EntryError as error:
            return SliceResult(facts, EntryFault(start + place, error.reason, str(error)), keys)
    return SliceResult(facts, None, keys)


def check_order(
    facts: Sequence[EntryFacts],
    *,
    last_roster_version: int,
    newest_roster_version: int,
    active_versions: range,
    refs_reached: Callable[[CaseId, LogId], int | None],
) -> EntryFault | None:
    """Applies rule 4 to neighbouring entries.

    Args:
        facts: in order.
        last_roster_version: of the entry before them; 0 = none.
        newest_roster_version: the newest that this node holds.
        active_versions: those under which the author takes part with this log.
        refs_reached: the largest index that the log has referred to, per case and target.

    Returns:
        The first fault, or None.

    Raises:
        RosterNotHeld: an entry names a newer roster, which must be fetched first.
    """
    version = last_roster_version
    reached: dict[tuple[CaseId, LogId], int] = {}
    for fact in facts:
        if fact.roster_version > newest_roster_version:
            msg = (
                f"entry {fact.index} was written under roster {fact.roster_version}, this node "
                f"holds {newest_roster_version}: the roster comes first"
            )
            raise RosterNotHeld(msg)
        if fact.roster_version < version:
            detail = f"roster version {fact.roster_version} follows {version}"
            return EntryFault(fact.index, BackwardEntry.reason, detail)
        if fact.roster_version not in active_versions:
            detail = f"its author takes no part under roster {fact.roster_version}"
            return EntryFault(fact.index, EntryOutsideRoster.reason, detail)
        version = fact.roster_version
        for ref in fact.refs:
            key = (fact.case_id, ref.log_id)
            before = reached.get(key)
            if before is None:
                before = refs_reached(*key)
            if before is not None and ref.index < before:
                detail = f"a ref to event {ref.index} follows one to event {before}"
                return EntryFault(fact.index, BackwardEntry.reason, detail)
            reached[key] = ref.index
    return None


def follow_rotations(
    slices: Sequence[SliceResult], entries: Sequence[bytes], start: int
) -> list[SliceResult]:
    """Verifies again what follows a rotation of the key: all slices took it for the key before.

    Args:
        slices: of one batch, from left to right, under the keys that counted at its start.
        entries: of the batch.
        start: index of entries[0].

    Returns:
        The same slices if no key was rotated.
    """
    found: list[SliceResult] = []
    waiting = [*slices]
    while waiting:
        each = waiting.pop(0)
        rotation = _first_rotation(each)
        if rotation is None:
            found.append(each)
            if each.fault is not None:
                break
            continue
        index, after = rotation
        kept = [fact for fact in each.facts if fact.index <= index]
        found.append(SliceResult(kept, None, after))
        waiting = [verify_slice(after, entries, start, index + 1 - start, len(entries))]
    return found


def _first_rotation(each: SliceResult) -> tuple[int, LogKeys] | None:
    """Where a slice rotates the key first, and the keys from there on."""
    for fact in each.facts:
        if fact.kind == EventKind.KEY_ROTATED and (after := each.keys.after(fact)) is not each.keys:
            return fact.index, after
    return None


def rotations_in(before: LogKeys, judged: SliceResult) -> tuple[int, ...]:
    """The indices of the entries of a batch that rotated the key."""
    known = len(before.keys)
    return tuple([key.first_index - 1 for key in judged.keys.keys[known:]])


def judge_slices(
    slices: Sequence[SliceResult],
    *,
    last_roster_version: int,
    newest_roster_version: int,
    active_versions: range,
    refs_reached: Callable[[CaseId, LogId], int | None],
) -> SliceResult:
    """Joins the slices of a batch and applies rule 4: the first fault, and what is before it.

    Args:
        slices: from left to right; what follows the first fault is left out.
        last_roster_version: as in `check_order`.
        newest_roster_version: as in `check_order`.
        active_versions: as in `check_order`.
        refs_reached: as in `check_order`.

    Raises:
        TryLater: as in `check_order`.
    """
    facts: list[EntryFacts] = []
    fault, keys = None, slices[0].keys
    for each in slices:
        facts += each.facts
        fault, keys = each.fault, each.keys
        if fault is not None:
            break
    earlier = check_order(
        facts,
        last_roster_version=last_roster_version,
        newest_roster_version=newest_roster_version,
        active_versions=active_versions,
        refs_reached=refs_reached,
    )
    if earlier is None:
        return SliceResult(facts, fault, keys)
    kept = [fact for fact in facts if fact.index < earlier.place]
    return SliceResult(kept, earlier, keys.before(earlier.place))
