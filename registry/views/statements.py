"""Statements: how each joint statement stands, as far as its events are readable here.

Where two mechanisms say different things, or one issues what differs from its draft, there are two
rows: nothing is overwritten.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from registry.domain.acts import Act, instrument_of, place_of, said, states_of
from registry.domain.identifiers import Slug
from registry.domain.statements import Statement, statements_of
from registry.domain.vocabulary import EventKind, kind_code
from registry.store.read_models import Document
from registry.views.acts import Place, act_facets, name_of, place_key, words_of
from registry.views.case_file import CaseHistory, HistoryEntry
from registry.views.rows import encode_row
from registry.views.statement_rows import SignatureRow, StatementRow

VIEW: Final = "statement"
_STATEMENTS: Final = frozenset(
    kind_code(kind)
    for kind in (
        EventKind.STATEMENT_DRAFTED,
        EventKind.STATEMENT_ISSUED,
        EventKind.STATEMENT_CORRECTED,
    )
)


def statement_documents(
    history: CaseHistory, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each statement of a case.

    Args:
        history: of the case.
        acts: its readable acts.
        confidential: those that are not for every member.
    """
    statements = statements_of(acts)
    events = _by_place(history) if statements else {}
    for statement in statements:
        row = _row(history, events, statement, confidential)
        content = statement.shown.content
        yield Document(
            view=VIEW,
            key=place_key(row.origin, row.index),
            sort=row.date,
            row=encode_row(row),
            facets=(
                ("mechanism", row.mechanism),
                ("outcome", row.status),
                ("case", history.case_id.hex()),
                *act_facets(content, row.states),
            ),
            text=words_of([content]),
        )


def statement_row(
    history: CaseHistory, statement: Statement, *, confidential: Collection[Place]
) -> StatementRow:
    """The row of one statement of a case; arguments as above."""
    return _row(history, _by_place(history), statement, confidential)


def _by_place(history: CaseHistory) -> dict[Place, HistoryEntry]:
    return {(each.origin, each.index): each for each in history.events}


def _row(
    history: CaseHistory,
    events: dict[Place, HistoryEntry],
    statement: Statement,
    confidential: Collection[Place],
) -> StatementRow:
    act, shown = statement.act, statement.shown
    content = shown.content
    acted = content.act_date()
    return StatementRow(
        case_id=history.case_id,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        body=content.acting_body,
        instrument=instrument_of(content) or instrument_of(act.content),
        date="" if acted is None else acted.value,
        recorded_ms=events[shown.place].recorded_ms,
        title=name_of(content),
        states=states_of(content),
        themes=content.themes,
        status=statement.status,
        text_hash=statement.text_hash,
        languages=tuple(each.language for each in statement.texts),
        invited=statement.invited,
        needed=statement.needed,
        signatures=_signatures(events, statement),
        standing=len(statement.standing),
        issued=None if statement.issued is None else statement.issued.place,
        release_ms=_release_ms(events, statement),
        superseded_by=statement.superseded_by,
        replaces=_replaces(events, statement.draft),
        corrections=len(statement.corrections),
        withdrawn_date=_withdrawn(statement),
        is_invented=content.is_invented,
        is_confidential=not statement.sources.isdisjoint(confidential),
    )


def _signatures(
    events: dict[Place, HistoryEntry], statement: Statement
) -> tuple[SignatureRow, ...]:
    return tuple(
        SignatureRow(
            mechanism=Slug(each.mechanism),
            origin=each.place[0],
            index=each.place[1],
            state=each.state,
            date=each.date,
            # Of what is for others, every member holds the header.
            recorded_ms=events[each.place].recorded_ms if each.place in events else 0,
            withdrawn_date=each.withdrawn_date,
        )
        for each in statement.signatures
    )


def _replaces(events: dict[Place, HistoryEntry], draft: Act | None) -> Place | None:
    """The own statement that a draft is about: it may as well be about any other event."""
    place = None if draft is None else place_of(draft.content.about)
    about = None if place is None else events.get(place)
    if draft is None or about is None or about.mechanism != draft.mechanism:
        return None
    return place if about.kind in _STATEMENTS else None


def _release_ms(events: dict[Place, HistoryEntry], statement: Statement) -> int:
    if statement.issued is not None:
        return events[statement.issued.place].not_before_ms
    return said(statement.act.content, "release_ms", 0)


def _withdrawn(statement: Statement) -> str:
    found = None if statement.withdrawal is None else statement.withdrawal.content.act_date()
    return "" if found is None else found.value
