"""The one place that decides which parts may leave this node, and to whom.

A part goes to a member only if all of this holds; otherwise it is left out, and from outside that
looks the same as a part that does not exist:
1. the event is held here and not void;
2. the commitment that was asked for is the one in that event's header at that ordinal: a commitment
   copied into another header names another log and finds nothing;
3. the event's audience admits the member, who is active ("all" are those active when they ask);
4. the part's time has come by this node's clock;
5. the part is held.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from registry.domain.identifiers import Commitment, LogId
from registry.log.entry import Header
from registry.log.roster import Member, MemberStatus
from registry.store.entries import EntryStore
from registry.store.values import HeldPart, read_header

PartKey = tuple[LogId, int, int]
"""(log, index of the event, ordinal of the part)."""


def sharable_parts(
    store: EntryStore, member: Member, wanted: Mapping[PartKey, Commitment], *, now_ms: int
) -> list[HeldPart]:
    """Returns the parts among `wanted` that `member` may have now, in the order asked."""
    if member.status is not MemberStatus.ACTIVE:
        return []
    allowed: list[PartKey] = []
    for key, header in _headers(store, sorted(wanted)):
        if header.audience.admits(member.id) and _is_open(header, key, wanted[key], now_ms):
            allowed.append(key)
    held = {(p.log_id, p.index, p.ordinal): p for p in store.parts_of(allowed)}
    return [held[key] for key in wanted if key in held]


def _is_open(header: Header, key: PartKey, commitment: Commitment, now_ms: int) -> bool:
    ordinal = key[2]
    if not 0 <= ordinal < len(header.parts):
        return False
    part = header.parts[ordinal]
    return part.commitment == commitment and part.not_before_ms <= now_ms


def _headers(store: EntryStore, keys: list[PartKey]) -> Iterator[tuple[PartKey, Header]]:
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
    for key in known:
        yield key, headers[key[0], key[1]]
