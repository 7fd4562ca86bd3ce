"""Decisions: what may be recorded now, judged at the author's node only, before it signs.

Pure functions over the facts of a case, in the style of eventsourcing's functional aggregates.
Other nodes judge form, signature and place, never this: otherwise nodes would differ.
"""

from registry.domain.content import ActContent
from registry.domain.rules import CaseFacts, check_about, check_dates, check_state
from registry.domain.statement_rules import check_statement
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry.errors import NotFound, RuleViolation


def check_new_event(content: ActContent, *, is_for_all: bool, case: CaseFacts) -> None:
    """Applies every rule to an event that is about to be recorded.

    Raises:
        NotFound: the case, or the event it is about, is not known here.
        RuleViolation: the rules do not allow it; the text says which, `field` and `rule` name it.
    """
    if not case.exists:
        msg = "no such case is known here; open one first, or wait until it has arrived"
        raise NotFound(msg)
    _check_kind(content.kind, case)
    if case.is_situation and not is_for_all:
        msg = "the situation of a State holds public records only: its events are for all members"
        raise RuleViolation(msg, field="audience", rule="situations_are_public")
    check_about(content, case)
    check_dates(content)
    check_state(content, case)
    check_statement(content, case, is_for_all=is_for_all)


def _check_kind(kind: EventKind, case: CaseFacts) -> None:
    if kind not in CURRENT_KINDS:
        msg = f"{kind_code(kind)} cannot be recorded by this version"
        raise RuleViolation(msg, field="kind", rule="kind_is_recorded")
    if (kind is EventKind.CASE_OPENED) != case.is_new:
        msg = "case_opened opens a new case and nothing else does: use OpenCase for it"
        raise RuleViolation(msg, field="kind", rule="opening_opens_a_case")
