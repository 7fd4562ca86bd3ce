"""Stored content that a decision depends on: what cannot be read decides against the asker."""

from registry.domain.content import ActContent, decode_content
from registry.domain.identifiers import LogId
from registry.errors import InvalidContent, RuleViolation, TryLater
from registry.store.entry_reader import EntryReader


def require_open(store: EntryReader) -> None:
    """Refuses what would show or judge content while nobody may read it.

    Raises:
        TryLater: content is closed, see `EntryStore.close_content`.
    """
    if store.content_is_closed:
        msg = "content is closed until the logs have caught up; try again in a moment"
        raise TryLater(msg)


def judged_content(store: EntryReader, log_id: LogId, index: int) -> ActContent:
    """Reads the typed content of an event in order to judge it.

    Raises:
        TryLater: content is closed.
        RuleViolation: it is not held here, or this version cannot read it.
    """
    require_open(store)
    part = store.part(log_id, index, 0)
    if part is None:
        msg = f"the content of event {index} is not here, so that it cannot be judged"
        raise RuleViolation(msg)
    try:
        content = decode_content(part.media_type, part.content)
    except InvalidContent:
        content = None
    if content is None:
        msg = f"this version cannot read the content of event {index}, so that it cannot be judged"
        raise RuleViolation(msg)
    return content
