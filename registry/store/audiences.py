"""THE effective audience of an event: who its header admits, and whom widenings admit since.

Sharing, the wish for content, the state of a part in a history and erasure all ask here.
"""

from collections.abc import Mapping

from registry.domain.identifiers import LogId
from registry.log.control import union
from registry.log.entry import Audience, Header
from registry.store.entry_reader import EntryReader


def audiences_of(
    store: EntryReader, headers: Mapping[tuple[LogId, int], Header]
) -> dict[tuple[LogId, int], Audience]:
    """Returns the effective audience of each event, by (log, index)."""
    narrow = {place for place, header in headers.items() if not header.audience.is_all}
    widened = store.widenings(narrow) if narrow else {}
    if not widened:
        return {place: header.audience for place, header in headers.items()}
    return {place: union(h.audience, widened.get(place)) for place, h in headers.items()}


def audience_of(store: EntryReader, header: Header) -> Audience:
    """Returns the effective audience of one event."""
    place = (header.log_id, header.index)
    return audiences_of(store, {place: header})[place]
