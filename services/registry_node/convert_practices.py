"""Good practices and working definitions between application and wire."""

from registry.api.v1 import casework_pb2, practices_pb2
from registry.application.practices import RankedPractice, StandingDefinition


def practice_to_proto(found: RankedPractice) -> practices_pb2.Practice:
    """Converts a practice with the reasons for it."""
    row = found.row
    return practices_pb2.Practice(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        title=row.title,
        practice=row.practice,
        place=row.place,
        themes=row.themes,
        states=row.states,
        regions=row.regions,
        worked_for=row.worked_for,
        instruments=row.instruments,
        references=row.references,
        url=row.url,
        date=row.date,
        is_invented=row.is_invented,
        reasons=[
            practices_pb2.PracticeReason(matter=each.matter, code=each.code)
            for each in found.reasons
        ],
    )


def definition_to_proto(found: StandingDefinition) -> practices_pb2.Definition:
    """Converts a definition with who holds another one since."""
    row = found.row
    return practices_pb2.Definition(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        term=row.term,
        definition=row.definition,
        held_by=row.held_by,
        themes=row.themes,
        references=row.references,
        url=row.url,
        date=row.date,
        recorded_ms=row.recorded_ms,
        superseded=[
            practices_pb2.SupersededFor(body=each.body, event=_place(*each.by))
            for each in found.superseded
        ],
        differing=found.differing,
        is_invented=row.is_invented,
    )


def _place(origin: str, index: int) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=origin, index=index)
