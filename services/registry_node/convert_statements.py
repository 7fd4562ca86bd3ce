"""Statements between wire and application."""

from registry.api.v1 import casework_pb2, statements_pb2
from registry.application.statement_desk import ReadStatement
from registry.domain.acts import Act, said
from registry.domain.content.statement_texts import StatementTexts, frozen_hash
from registry.domain.embargo import is_embargoed
from registry.domain.statements import Place, texts_of
from registry.views.statement_rows import SignatureRow, StatementRow


def statement_to_proto(row: StatementRow, now_ms: int) -> statements_pb2.Statement:
    """Converts how a statement stands; whether it is sealed follows from the time of the call."""
    is_issued = row.issued is not None
    return statements_pb2.Statement(
        case_id=row.case_id,
        event=_place((row.origin, row.index)),
        mechanism=row.mechanism,
        body=row.body,
        instrument=row.instrument,
        date=row.date,
        recorded_ms=row.recorded_ms,
        title=row.title,
        states=row.states,
        themes=row.themes,
        status=row.status,
        is_sealed=is_issued and is_embargoed(row.release_ms, now_ms=now_ms),
        text_hash=row.text_hash,
        languages=row.languages,
        invited=row.invited,
        needed=row.needed,
        signatures=map(_signature, row.signatures),
        standing=row.standing,
        issued=_place(row.issued),
        release_ms=row.release_ms,
        superseded_by=_place(row.superseded_by),
        corrections=row.corrections,
        withdrawn_date=row.withdrawn_date,
        is_invented=row.is_invented,
        replaces=_place(row.replaces),
    )


def statement_read_to_proto(
    found: ReadStatement, now_ms: int
) -> statements_pb2.GetStatementResponse:
    """Converts a statement with its words."""
    return statements_pb2.GetStatementResponse(
        statement=statement_to_proto(found.row, now_ms),
        texts=_versions(found.statement.texts),
        corrections=map(_correction, found.statement.corrections),
    )


def _signature(row: SignatureRow) -> statements_pb2.Signature:
    return statements_pb2.Signature(
        mechanism=row.mechanism,
        event=_place((row.origin, row.index)),
        state=row.state,
        date=row.date,
        recorded_ms=row.recorded_ms,
        withdrawn_date=row.withdrawn_date,
    )


def _correction(act: Act) -> statements_pb2.Correction:
    acted = act.content.act_date()
    return statements_pb2.Correction(
        event=_place(act.place),
        date="" if acted is None else acted.value,
        correction=said(act.content, "correction", ""),
        texts=_versions(texts_of(act)),
        text_hash=frozen_hash(texts_of(act)),
    )


def _versions(texts: StatementTexts) -> list[statements_pb2.LanguageVersion]:
    return [
        statements_pb2.LanguageVersion(language=each.language, text=each.text) for each in texts
    ]


def _place(place: Place | None) -> casework_pb2.EventPlace | None:
    return None if place is None else casework_pb2.EventPlace(origin=place[0], index=place[1])
