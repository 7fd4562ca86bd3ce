"""Rules of the kinds: what may be recorded about what, and in which state of the case.

Each rule is a function of the content and the facts of its case; it returns nothing, or refuses
with the field that is wrong and its own name. They are applied at the author's node only, before
it signs: other nodes judge form, signature and place, never this.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

from registry.domain.acts import Act
from registry.domain.content import ActContent, PartialDate
from registry.domain.content.kinds import (
    CaseClosed,
    CaseMarkedEmblematic,
    CaseStatusChanged,
    ConcordanceProposed,
    IntentAnswered,
    MeetingHeld,
)
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import NotFound, RuleViolation

K = EventKind


class KnownEvent(NamedTuple):
    """An earlier event of the case; what is not readable here is None."""

    kind: EventKind | None
    content: ActContent | None


class CaseFacts(NamedTuple):
    """What the rules need to know of the case.

    Attributes:
        exists: whether an event of it is held, or it is a situation, or it is being opened.
        is_new: whether it is being opened.
        is_situation: whether its id is derived from a State.
        own_origin: the log that the event is recorded in.
        event_at: reads the event of the case at (origin, index), None = there is none.
        own_acts: reads what this node's own mechanism said of the case, in order.
        acts: reads the readable acts of the case, in the order of its history.
    """

    exists: bool
    is_new: bool
    is_situation: bool
    own_origin: str
    event_at: Callable[[str, int], KnownEvent | None]
    own_acts: Callable[[], Iterable[ActContent]]
    acts: Callable[[], Iterable[Act]] = tuple


class About(NamedTuple):
    """What an event of a kind may be about; must it say so, and of its own log only."""

    kinds: frozenset[EventKind]
    is_required: bool = False
    is_own: bool = False


def _about(*kinds: EventKind, is_required: bool = False, is_own: bool = False) -> About:
    return About(frozenset(kinds), is_required, is_own)


_MEASURES: Final = (K.MEASURE_GRANTED, K.MEASURE_EXTENDED)
_STATEMENTS: Final = (K.STATEMENT_ISSUED, K.STATEMENT_DRAFTED, K.STATEMENT_CORRECTED)
_DECISIONS: Final = (K.OPINION_ADOPTED, K.JUDGMENT_DELIVERED, K.PETITION_DECIDED)
_ASKS: Final = (K.RECOMMENDATION_MADE, K.COMMITMENT_MADE, K.VISIT_REPORT_PUBLISHED, *_DECISIONS)
_LETTERS: Final = (K.COMMUNICATION_SENT, K.COMMUNICATION_PUBLISHED)
_ANSWERED: Final = (
    *_LETTERS,
    *_MEASURES,
    *_STATEMENTS,
    *_ASKS,
    K.PETITION_REGISTERED,
    K.LEGAL_REVIEW_ISSUED,
    K.DEMARCHE_MADE,
    K.DIALOGUE_RAISED,
    K.DOCUMENT_PUBLISHED,
    K.REPORT_PUBLISHED,
    K.COURT_SUBMISSION_MADE,
)
ABOUT: Final[Mapping[EventKind, About]] = {
    K.SUBMISSION_UPDATED: _about(K.SUBMISSION_RECEIVED, K.SUBMISSION_UPDATED, is_required=True),
    K.SUBMISSION_DECLINED: _about(K.SUBMISSION_RECEIVED, K.SUBMISSION_UPDATED, is_required=True),
    K.INTENT_ANSWERED: _about(K.INTENT_DECLARED, is_required=True),
    K.INTENT_WITHDRAWN: _about(K.INTENT_DECLARED, is_required=True, is_own=True),
    K.COMMUNICATION_PUBLISHED: _about(K.COMMUNICATION_SENT),
    K.REPLY_RECEIVED: _about(*_ANSWERED, K.REPLY_EXTENSION_GRANTED),
    K.REPLY_EXTENSION_GRANTED: _about(*_ANSWERED, is_required=True),
    K.MEASURE_EXTENDED: _about(*_MEASURES, is_required=True),
    K.MEASURE_LIFTED: _about(*_MEASURES, is_required=True),
    K.PETITION_DECIDED: _about(K.PETITION_REGISTERED, K.PETITION_DECIDED),
    K.STATEMENT_COSIGNED: _about(*_STATEMENTS, is_required=True),
    K.STATEMENT_CORRECTED: _about(*_STATEMENTS, is_required=True, is_own=True),
    K.STATEMENT_WITHDRAWN: _about(
        *_STATEMENTS, K.STATEMENT_COSIGNED, is_required=True, is_own=True
    ),
    K.RECOMMENDATION_RESPONSE: _about(*_ASKS),
    K.CONCORDANCE_PROPOSED: _about(*_ASKS, is_required=True),
    K.CONCORDANCE_ACCEPTED: _about(K.CONCORDANCE_PROPOSED, is_required=True),
    K.DETENTION_CHANGED: _about(K.DETENTION_RECORDED, K.DETENTION_CHANGED),
    K.PERSON_RELEASED: _about(K.DETENTION_RECORDED, K.DETENTION_CHANGED),
    K.REPRISAL_LINKED: _about(K.REPRISAL_ALLEGED, is_required=True),
    K.REPRISAL_RESOLVED: _about(K.REPRISAL_ALLEGED, is_required=True),
    K.PEER_ANSWERED: _about(K.PEERS_ASKED, is_required=True),
    K.MATCHING_RETURNED: _about(K.PEER_ANSWERED, is_required=True),
    K.EVENT_CORRECTED: _about(*EventKind, is_required=True),
}
"""What is not named here may be about any event of its case, or about none."""

ORDERED_DATES: Final = (
    ("sent_date", "reply_due_date"),
    ("sent_date", "published_date"),
    ("replied_date", "received_date"),
    ("received_date", "acknowledged_date"),
    ("submitted_date", "registered_date"),
    ("submitted_date", "adopted_date"),
    ("visit_start_date", "visit_end_date"),
    ("visit_start_date", "published_date"),
    ("visit_end_date", "report_due_date"),
    ("granted_date", "reply_due_date"),
    ("extended_date", "reply_due_date"),
    ("registered_date", "reply_due_date"),
    ("made_date", "followup_due_date"),
    ("decided_date", "followup_due_date"),
    ("adopted_date", "followup_due_date"),
    ("delivered_date", "followup_due_date"),
    ("observed_date", "next_hearing_date"),
    ("arrested_date", "detained_date"),
    ("detained_date", "next_hearing_date"),
    ("changed_date", "next_hearing_date"),
    ("planned_date", "planned_until_date"),
    ("declared_date", "planned_until_date"),
    ("declared_date", "lapses_date"),
)
"""The first of a pair never lies after the second."""


def check_about(content: ActContent, case: CaseFacts) -> None:
    """An event is about an event of its case that its kind can be about.

    Raises:
        NotFound: no such event is in this case here.
        RuleViolation: rules `about_is_needed`, `about_fits` and `about_is_own`.
    """
    rule = ABOUT.get(content.kind)
    code = kind_code(content.kind)
    pointer = content.about
    if pointer is None:
        # A register tells what happened without what came before it.
        if rule is not None and rule.is_required and content.basis != "public_record":
            _refuse("about", "about_is_needed", f"{code} names the event that it is about")
        return
    target = case.event_at(pointer.origin, pointer.index)
    if target is None:
        msg = f"about: event {pointer.index} of {pointer.origin} is not in this case here"
        raise NotFound(msg)
    if rule is None:
        return
    if target.kind is not None and target.kind not in rule.kinds:
        _refuse("about", "about_fits", f"{code} is not about {kind_code(target.kind)}")
    if rule.is_own and pointer.origin != case.own_origin:
        _refuse("about", "about_is_own", f"{code} is about an event of the own log only")
    _check_comes_after(content, target)


def check_dates(content: ActContent) -> None:
    """Refuses orders of dates that cannot be: rule `dates_in_order`."""
    for earlier, later in _ordered_dates(type(content)):
        first: PartialDate | None = getattr(content, earlier)
        second: PartialDate | None = getattr(content, later)
        if first is not None and second is not None and first.is_after(second):
            msg = f"{later} {second.value} lies before {earlier} {first.value}"
            raise RuleViolation(msg, field=later, rule="dates_in_order")


def check_state(content: ActContent, case: CaseFacts) -> None:
    """What a mechanism says of its own work on a case follows from what it said before.

    Raises:
        RuleViolation: rules `closed_once`, `reopened_after_closing`, `closed_is_reopened`,
            `mark_to_take_back`, `concordance_of_several`, `answer_is_said`,
            `intent_answered_by_another`, `practice_has_themes`, `meeting_names_bodies`.
    """
    rule = _STATE_RULES.get(content.kind)
    if rule is not None:
        rule(content, case)


def _check_comes_after(content: ActContent, target: KnownEvent) -> None:
    own = content.act_date()
    earlier = None if target.content is None else target.content.act_date()
    if own is not None and earlier is not None and earlier.is_after(own):
        text = f"{own.value} lies before {earlier.value}, the date of what it is about"
        _refuse(content.date_field, "after_what_it_is_about", text)


def _check_closed(content: ActContent, case: CaseFacts) -> None:
    del content
    if own_status(case.own_acts()) == "closed":
        _refuse("kind", "closed_once", "this mechanism has closed the case already")


def _check_status(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, CaseStatusChanged)  # noqa: S101 - the table says so
    is_closed = own_status(case.own_acts()) == "closed"
    if content.status == "reopened" and not is_closed:
        _refuse("status", "reopened_after_closing", "this mechanism has not closed the case")
    if content.status != "reopened" and is_closed:
        _refuse("status", "closed_is_reopened", "this mechanism closed the case; reopen it first")


def _check_mark(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, CaseMarkedEmblematic)  # noqa: S101
    if not content.is_taken_back:
        return
    marks = [act for act in case.own_acts() if isinstance(act, CaseMarkedEmblematic)]
    if not marks or marks[-1].is_taken_back:
        _refuse("is_taken_back", "mark_to_take_back", "this mechanism has not marked the case")


def _check_concordance(content: ActContent, case: CaseFacts) -> None:
    del case
    assert isinstance(content, ConcordanceProposed)  # noqa: S101
    if not content.same_as:
        _refuse("same_as", "concordance_of_several", "name what asks the same")


def _check_answer(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, IntentAnswered)  # noqa: S101
    if not content.answer:
        _refuse("answer", "answer_is_said", "say joins, supports, defers, objects or noted")
    if content.about is not None and content.about.origin == case.own_origin:
        _refuse("about", "intent_answered_by_another", "nobody answers an intent of its own")


def _check_practice(content: ActContent, case: CaseFacts) -> None:
    del case
    if not content.themes:
        _refuse("themes", "practice_has_themes", "a practice is found again by its themes")


def _check_meeting(content: ActContent, case: CaseFacts) -> None:
    del case
    assert isinstance(content, MeetingHeld)  # noqa: S101
    if content.persons:
        _refuse("persons", "meeting_names_bodies", "a meeting names bodies, never who spoke")


_STATE_RULES: Final[Mapping[EventKind, Callable[[ActContent, CaseFacts], None]]] = {
    K.CASE_CLOSED: _check_closed,
    K.CASE_STATUS_CHANGED: _check_status,
    K.CASE_MARKED_EMBLEMATIC: _check_mark,
    K.CONCORDANCE_PROPOSED: _check_concordance,
    K.INTENT_ANSWERED: _check_answer,
    K.PRACTICE_SHARED: _check_practice,
    K.MEETING_HELD: _check_meeting,
}


def own_status(acts: Iterable[ActContent]) -> str:
    """The status that one mechanism's acts give a case: `open` until it says something else."""
    status = "open"
    for act in acts:
        if isinstance(act, CaseClosed):
            status = "closed"
        elif isinstance(act, CaseStatusChanged):
            status = act.status
    return status


def _refuse(field: str, rule: str, text: str) -> None:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule=rule)


@cache
def _ordered_dates(model: type[ActContent]) -> tuple[tuple[str, str], ...]:
    """The pairs that a kind has: asking a model for a field that it lacks costs microseconds."""
    fields = model.model_fields
    return tuple(pair for pair in ORDERED_DATES if fields.keys() >= set(pair))
