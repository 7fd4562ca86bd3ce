"""Lists between wire and application: filters in, rows out."""

import re
from collections.abc import Collection
from dataclasses import fields
from datetime import date
from typing import Any, Final

from registry.api.v1 import cases_pb2, casework_pb2, filter_pb2
from registry.application.lists import Ask
from registry.domain.deadlines import is_overdue
from registry.domain.disagreements import Disagreement
from registry.domain.identifiers import CASE_ID_SIZE_BYTES
from registry.domain.mechanisms import Profile
from registry.domain.references import Reference
from registry.domain.references.value import REFERENCE_MAX
from registry.domain.states import is_state_code
from registry.errors import InvalidRequest
from registry.views.rows import (
    ActRow,
    ConcordanceRow,
    FollowUpRow,
    ObligationRow,
    ReferenceRow,
)
from registry_node.paging import page_size

_FACETS: Final = {
    "states": "state",
    "themes": "theme",
    "mechanisms": "mechanism",
    "instruments": "instrument",
    "bodies": "body",
    "kinds": "kind",
    "statuses": "outcome",
    "marks": "mark",
    "matters": "matter",
    "topics": "topic",
}
_VALUES_MAX: Final = 50
_TEXT_MAX: Final = 500
_DAY: Final = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", re.ASCII)


def ask_of(
    wanted: filter_pb2.Filter, size: int, token: str, *, takes: Collection[str], **named: str
) -> Ask:
    """Reads what page of a list is asked for.

    Args:
        wanted: the filter.
        size: of the page, as asked.
        token: of the page, as asked.
        takes: fields of the filter that the list knows.
        named: names of facets where they differ from those of other lists.

    Raises:
        InvalidRequest: the page size, or a field of the filter; the text names it.
    """
    facets: list[tuple[str, tuple[str, ...]]] = []
    for field, value in wanted.ListFields():
        if field.name not in takes:
            msg = f"filter: {field.name} does not narrow this list down"
            raise InvalidRequest(msg)
        if field.name in _FACETS:
            facet = named.get(field.name, _FACETS[field.name])
            facets.append((facet, _values(field.name, tuple(value))))
    if wanted.case_id:
        if len(wanted.case_id) != CASE_ID_SIZE_BYTES:
            msg = f"filter: case_id has {CASE_ID_SIZE_BYTES} bytes"
            raise InvalidRequest(msg)
        facets.append(("case", (wanted.case_id.hex(),)))
    if len(wanted.text) > _TEXT_MAX:
        msg = f"filter: text has at most {_TEXT_MAX} characters"
        raise InvalidRequest(msg)
    return Ask(
        limit=page_size(size),
        token=token,
        facets=tuple(facets),
        since=_day("since", wanted.since),
        until=_day("until", wanted.until),
        text=wanted.text,
    )


def act_to_proto(row: ActRow | FollowUpRow) -> casework_pb2.ActSummary:
    """Converts a line on an act."""
    return casework_pb2.ActSummary(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        kind=row.kind,
        body=row.body,
        instrument=row.instrument,
        date=row.date,
        recorded_ms=row.recorded_ms if isinstance(row, ActRow) else 0,
        title=row.title,
        states=row.states,
        themes=row.themes,
        references=row.references,
        is_invented=row.is_invented,
    )


def obligation_to_proto(row: ObligationRow, today: date) -> casework_pb2.Obligation:
    """Converts something due; whether it is overdue follows from the day of the call."""
    is_late = is_overdue(row.matter, row.state, row.due, today)
    return casework_pb2.Obligation(
        event=_place(row.origin, row.index), is_overdue=is_late, **_same(row)
    )


def follow_up_to_proto(row: FollowUpRow) -> casework_pb2.FollowUp:
    """Converts what came of a recommendation."""
    return casework_pb2.FollowUp(
        act=act_to_proto(row),
        responses=[casework_pb2.FollowUpResponse(**_same(each)) for each in row.responses],
        information_count=row.information_count,
        assessments=[casework_pb2.Assessment(**_same(each)) for each in row.assessments],
        scale=row.scale,
        is_contradicted=row.is_contradicted,
    )


def concordance_to_proto(row: ConcordanceRow) -> casework_pb2.Concordance:
    """Converts what is said to ask the same."""
    return casework_pb2.Concordance(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        events=[_place(origin, index) for origin, index in row.events],
        state=row.state,
    )


def reference_text(text: str) -> str:
    """Checks a reference that is looked for.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not 1 <= len(text.strip()) <= REFERENCE_MAX:
        msg = f"text: a reference has 1 to {REFERENCE_MAX} characters"
        raise InvalidRequest(msg)
    return text


def parsed_to_proto(reference: Reference | ReferenceRow) -> casework_pb2.ParsedReference:
    """Converts how a reference was read."""
    return casework_pb2.ParsedReference(
        scheme=reference.scheme, normal=reference.normal, updates=reference.updates
    )


def reference_to_proto(row: ReferenceRow) -> casework_pb2.ReferencePlace:
    """Converts where a reference stands."""
    return casework_pb2.ReferencePlace(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        kind=row.kind,
        written=row.written,
        parsed=parsed_to_proto(row),
        date=row.date,
    )


def profile_to_proto(
    name: str, profile: Profile, *, is_overridden: bool
) -> casework_pb2.MechanismProfile:
    """Converts a mechanism's profile."""
    return casework_pb2.MechanismProfile(
        name=name,
        is_overridden=is_overridden,
        instruments=[
            casework_pb2.MechanismInstrument(code=code, **instrument.model_dump())
            for code, instrument in profile.instruments.items()
        ],
        **profile.model_dump(exclude={"instruments"}),
    )


def disagreement_to_proto(found: Disagreement) -> cases_pb2.Disagreement:
    """Converts acts that say different things."""
    return cases_pb2.Disagreement(
        matter=found.matter,
        about=None if found.about is None else _place(*found.about),
        claims=[
            cases_pb2.Claim(
                mechanism=claim.mechanism,
                value=claim.value,
                event=_place(*claim.act.place),
            )
            for claim in found.claims
        ],
        is_concurrent=found.is_concurrent,
    )


def _same(row: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the rows
    """The fields that row and message have in common, by name."""
    names = {field.name for field in fields(row)} - {"origin", "index", "is_confidential"}
    return {name: getattr(row, name) for name in names}


def _place(origin: str, index: int) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=origin, index=index)


def _values(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > _VALUES_MAX:
        msg = f"filter: {name} takes at most {_VALUES_MAX} values"
        raise InvalidRequest(msg)
    unknown = [each for each in values if name == "states" and not is_state_code(each)]
    if unknown:
        msg = f"filter: states: {unknown[0]!r} is no ISO 3166 alpha-3 code"
        raise InvalidRequest(msg)
    return values


def _day(name: str, text: str) -> str:
    if text and not _DAY.fullmatch(text):
        msg = f"filter: {name} is written 2014-06-14, 2014-06 or 2014"
        raise InvalidRequest(msg)
    return text
