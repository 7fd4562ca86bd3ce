"""The one place that decides which parts may leave this node, and to whom.

A part goes to a member only if all of this holds; otherwise it is left out, and from outside that
looks the same as a part that does not exist:
1. the event is held here and not void;
2. the commitment that was asked for is the one in that event's header at that ordinal: a commitment
   copied into another header names another log and finds nothing;
3. the event's audience, as its header names it or a widening since, admits the member, who is
   active ("all" are those active when they ask);
4. the part's time has come by this node's clock;
5. the part is held: what was erased is not, and is never stored again;
6. if it names persons, their consents as they are held here allow it, see `consents`.

Parts are given out in slices, and every slice is decided anew. How much is read for a slice is told
by the size classes in the headers, before any content is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from registry.application.consents import ConsentDesk
from registry.domain.identifiers import CaseId, Commitment, LogId
from registry.log.entry import Header, PartCommitment
from registry.log.roster import Member
from registry.store.audiences import audiences_of
from registry.store.chunks import LARGE_PART_BYTES
from registry.store.entries import EntryStore
from registry.store.values import HeldPart, read_header

PartKey = tuple[LogId, int, int]
"""(log, index of the event, ordinal of the part)."""

SLICE_BYTES: Final = 2**20
_KEYS_AT_ONCE: Final = 256
"""So many headers are read at a time: a slice of large parts needs few of them."""


def sharable_parts(
    store: EntryStore,
    member: Member,
    wanted: Mapping[PartKey, Commitment],
    *,
    consents: ConsentDesk,
    now_ms: int,
) -> list[HeldPart]:
    """Returns the first slice of the parts among `wanted` that `member` may have now.

    The parts come in the order asked, about `SLICE_BYTES` of them. There may be more behind the
    last part that is returned: ask again for these. None at all means none of all. Large parts are
    not among them, see `sharable_large_part`.
    """
    if not member.is_active:
        return []
    found: list[HeldPart] = []
    room_bytes = SLICE_BYTES
    chosen: list[PartKey] = []
    cases: dict[tuple[LogId, int], CaseId] = {}
    for key, class_bytes, case_id in _allowed(store, member, wanted, now_ms):
        cases[key[:2]] = case_id
        if class_bytes > LARGE_PART_BYTES:
            continue
        if class_bytes > room_bytes and (chosen or found):
            # What is held of those chosen is less than they claim, often nothing.
            found += consents.sendable(store.parts_of(chosen), member, cases)
            chosen, room_bytes = [], SLICE_BYTES - sum(len(part.content) for part in found)
            if found and class_bytes > room_bytes:
                return found
        chosen.append(key)
        room_bytes -= class_bytes
    return found + consents.sendable(store.parts_of(chosen), member, cases)


def sharable_large_part(
    store: EntryStore,
    member: Member,
    wanted: tuple[PartKey, Commitment],
    *,
    consents: ConsentDesk,
    now_ms: int,
) -> HeldPart | None:
    """Returns the head of a large part if `member` may have the part now.

    Ask again before every slice of its bytes: what was erased, or a consent that was withdrawn,
    ends a transfer that is under way.
    """
    if not member.is_active:
        return None
    for key, class_bytes, _ in _allowed(store, member, dict([wanted]), now_ms):
        if class_bytes > LARGE_PART_BYTES and consents.may_send(key, member):
            held = store.part(*key)
            return held if held is not None and held.is_large else None
    return None


def _allowed(
    store: EntryStore, member: Member, wanted: Mapping[PartKey, Commitment], now_ms: int
) -> Iterator[tuple[PartKey, int, CaseId]]:
    """Yields what the member may have, held or not, in the order asked; size class and case."""
    asked = list(wanted)
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        keys = asked[start : start + _KEYS_AT_ONCE]
        headers = _headers(store, sorted(keys))
        audiences = audiences_of(store, headers)
        for key in keys:
            header = headers.get(key[:2])
            if header is None or not audiences[key[:2]].admits(member.id):
                continue
            part = _open_part(header, key[2], wanted[key], now_ms)
            if part is not None:
                yield key, part.padded_size, header.case_id


def _open_part(
    header: Header, ordinal: int, commitment: Commitment, now_ms: int
) -> PartCommitment | None:
    if not 0 <= ordinal < len(header.parts):
        return None
    part = header.parts[ordinal]
    return part if part.commitment == commitment and part.not_before_ms <= now_ms else None


def _headers(store: EntryStore, keys: Sequence[PartKey]) -> dict[tuple[LogId, int], Header]:
    """Reads the headers of sorted keys, a run of neighbours at a time; void events are left out."""
    sizes = {state.log_id: state.valid_size for state in store.log_states()}
    known = [key for key in keys if 0 <= key[1] < sizes.get(key[0], 0)]
    numbered = enumerate(dict.fromkeys((log_id, index) for log_id, index, _ in known))
    headers: dict[tuple[LogId, int], Header] = {}
    for _, run in groupby(numbered, key=lambda item: (item[1][0], item[1][1] - item[0])):
        places = [place for _, place in run]
        log_id, start = places[0]
        for offset, entry in enumerate(store.entries(log_id, start, start + len(places))):
            headers[log_id, start + offset] = read_header(entry)
    return headers
