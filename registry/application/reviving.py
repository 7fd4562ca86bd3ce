"""What an erasure must not do: bring a consent back by erasing what ended it.

A withdrawal, and a record in which a person says no, count by their content. Without it the consent
that they ended would stand again, here and at every holder. A withdrawal names nobody and is never
erased here; a no is erased together with the consent that it ended, or once a withdrawal ended it.
"""

from collections.abc import Mapping, Sequence

from registry.application.consent_folds import CaseConsents
from registry.application.consents import ConsentDesk
from registry.application.stored_content import require_open
from registry.domain.content import ConsentRecorded, kind_of_media_type
from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from registry.log.control import PartTarget
from registry.log.entry import Header
from registry.store.entry_reader import EntryReader


def refuse_reviving(
    store: EntryReader,
    consents: ConsentDesk,
    headers: Mapping[int, Header],
    targets: Sequence[PartTarget],
) -> None:
    """Refuses to erase what ended a consent that would then stand again.

    Args:
        store: holds the content.
        consents: folds the consents of the case.
        headers: of the targets' events, by their index.
        targets: parts of own events of one case that are not erased yet.

    Raises:
        TryLater: content is closed.
        RuleViolation: it would, or nobody can tell because the content is not here.
    """
    # Records of consents are never for all: what the header names is none of them.
    looked_at = [t for t in targets if not t.ordinal and headers[t.index].kind == EventKind.SEALED]
    if not looked_at:
        return
    require_open(store)
    parts = store.parts_of([(t.log_id, t.index, 0) for t in looked_at])
    held = {part.index: part for part in parts}
    records: set[int] = set()
    for target in looked_at:
        part = held.get(target.index)
        if part is None:
            msg = (
                f"the content of event {target.index} is not here, so that nobody can tell whether "
                "it withdraws a consent: erase it when it has arrived"
            )
            raise RuleViolation(msg)
        kind = kind_of_media_type(part.media_type)
        if kind is EventKind.CONSENT_WITHDRAWN:
            msg = (
                f"event {target.index} withdraws a consent, which would stand again without it; "
                "a withdrawal names nobody and stays"
            )
            raise RuleViolation(msg)
        if kind is EventKind.CONSENT_RECORDED:
            records.add(target.index)
    if records:
        case_id: CaseId = headers[looked_at[0].index].case_id
        _refuse_revived(consents.of_case(case_id), looked_at[0].log_id, records)


def _refuse_revived(case: CaseConsents, log_id: LogId, erased: set[int]) -> None:
    left = [e for e in case.events if e.log_id != log_id or e.index not in erased]
    after = case.fold(left)
    for event in left:
        record = event.content
        if not isinstance(record, ConsentRecorded):
            continue
        asked = (record.persons[0].person_id, record.use, event.log_id, record.mechanisms)
        if case.known.consents.why_not(*asked) and not after.why_not(*asked):
            msg = (
                f"without what is erased the consent in event {event.index} would stand again: "
                "erase that one with it"
            )
            raise RuleViolation(msg)
