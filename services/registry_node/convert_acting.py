"""Has anyone acted? Between wire and application: the question in, the answer out."""

from typing import Final

from registry.api.v1 import acting_pb2, filter_pb2
from registry.application.acting import ActingAct, Answer, MatchedCase, Question
from registry.domain.acting import Overlap
from registry.domain.matters import Asked, Reason
from registry.domain.references.value import REFERENCE_MAX
from registry.errors import InvalidRequest
from registry_node.convert_casework import act_to_proto, ask_of

_CASES_DEFAULT: Final = 20
_CASES_MAX: Final = 100
_NAME_MAX: Final = 500
_CODE_MAX: Final = 64
_TAKES: Final = frozenset({"states", "themes", "since", "until"})


def question_of(request: acting_pb2.HasAnyoneActedRequest) -> Question:
    """Reads what is asked.

    Raises:
        InvalidRequest: a field is malformed or too long; the text names it.
    """
    for name, longest in (
        ("reference", REFERENCE_MAX),
        ("name", _NAME_MAX),
        ("planned_instrument", _CODE_MAX),
        ("planned_body", _CODE_MAX),
    ):
        if len(getattr(request, name)) > longest:
            msg = f"{name}: at most {longest} characters"
            raise InvalidRequest(msg)
    if request.limit > _CASES_MAX:
        msg = f"limit: at most {_CASES_MAX} cases"
        raise InvalidRequest(msg)
    wanted = filter_pb2.Filter(
        states=request.states, themes=request.themes, since=request.since, until=request.until
    )
    ask = ask_of(wanted, 0, "", takes=_TAKES)
    return Question(
        reference=request.reference.strip(),
        name=request.name.strip(),
        asked=Asked(tuple(request.states), tuple(request.themes), ask.since, ask.until),
        planned_instrument=request.planned_instrument,
        planned_body=request.planned_body,
        limit=request.limit or _CASES_DEFAULT,
    )


def answer_to_proto(answer: Answer) -> acting_pb2.HasAnyoneActedResponse:
    """Converts an answer; what it stands for is added by the caller."""
    return acting_pb2.HasAnyoneActedResponse(
        cases=map(_case, answer.cases),
        has_more=answer.has_more,
        overlaps=map(_overlap, answer.overlaps),
    )


def _case(found: MatchedCase) -> acting_pb2.MatchedCase:
    row = found.row
    return acting_pb2.MatchedCase(
        case_id=row.case_id,
        title=row.title,
        score=found.rank.score,
        is_identified=found.rank.identified > 0,
        reasons=map(_reason, found.reasons),
        acts=map(_act, found.acts),
        has_more_acts=found.has_more_acts,
        mechanisms=row.mechanisms,
        unreadable_count=row.unreadable_count,
        is_invented=row.is_invented,
    )


def _reason(reason: Reason) -> acting_pb2.MatchReason:
    return acting_pb2.MatchReason(code=reason.code, words=reason.words, score=reason.score)


def _act(found: ActingAct) -> acting_pb2.ActingAct:
    return acting_pb2.ActingAct(act=act_to_proto(found.row), nature=found.nature)


def _overlap(found: Overlap) -> acting_pb2.ProcedureOverlap:
    return acting_pb2.ProcedureOverlap(
        bodies=found.bodies,
        is_duplication=found.is_duplication,
        is_planned=found.is_planned,
    )
