"""Who acts, and where procedures meet: the nature of an act, and what an overlap means.

Rules:
1. An act has the nature that its instrument is said to have. Where nothing is said, it has that of
   the participant; but of a quasi-judicial one only petitions, decisions, opinions, judgments and
   measures are quasi-judicial: its letters, visits and statements are not.
2. Two quasi-judicial procedures of different bodies on the same matter are a warning: a body may
   find a petition inadmissible that another one examines. Any other overlap is information.
3. Steps of one body are no overlap, however many.
4. What a State does is no act of a mechanism.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from registry.domain.mechanisms import Profiles
from registry.domain.vocabulary import EventKind

K = EventKind
QUASI_JUDICIAL: Final = "quasi_judicial"
STATE: Final = "state"
UNKNOWN: Final = ""
"""Nature of an act whose body no profile knows."""
ACTING_KINDS: Final = frozenset(
    {
        K.SUBMISSION_RECEIVED,
        K.SUBMISSION_UPDATED,
        K.SUBMISSION_DECLINED,
        K.INTENT_DECLARED,
        K.COMMUNICATION_SENT,
        K.COMMUNICATION_PUBLISHED,
        K.MEASURE_GRANTED,
        K.MEASURE_EXTENDED,
        K.MEASURE_LIFTED,
        K.PETITION_REGISTERED,
        K.PETITION_DECIDED,
        K.OPINION_ADOPTED,
        K.JUDGMENT_DELIVERED,
        K.STATEMENT_DRAFTED,
        K.STATEMENT_COSIGNED,
        K.STATEMENT_ISSUED,
        K.STATEMENT_CORRECTED,
        K.STATEMENT_WITHDRAWN,
        K.VISIT_ANNOUNCED,
        K.VISIT_CONDUCTED,
        K.VISIT_REPORT_PUBLISHED,
        K.RECOMMENDATION_MADE,
        K.FOLLOWUP_INFORMATION,
        K.FOLLOWUP_ASSESSED,
        K.TRIAL_OBSERVED,
        K.LEGAL_REVIEW_ISSUED,
        K.COURT_SUBMISSION_MADE,
        K.DEMARCHE_MADE,
        K.DIALOGUE_RAISED,
        K.REPRISAL_ALLEGED,
        K.REPORT_PUBLISHED,
        K.DOCUMENT_PUBLISHED,
    }
)
"""Kinds by which a body acts; the others tell facts, what States do, or keep a case in order.

Questions and answers between peers are none: whoever asks has not acted yet.
"""
_DECIDING: Final = frozenset(
    {
        K.MEASURE_GRANTED,
        K.MEASURE_EXTENDED,
        K.MEASURE_LIFTED,
        K.PETITION_REGISTERED,
        K.PETITION_DECIDED,
        K.OPINION_ADOPTED,
        K.JUDGMENT_DELIVERED,
    }
)


class Procedure(NamedTuple):
    """One body's procedure on a matter.

    Attributes:
        matter: what it is about; procedures on the same matter meet.
        body: code of the body; empty = it is not said which.
        nature: such as `quasi_judicial`; empty = unknown.
        is_planned: whether it is only meant to be begun.
    """

    matter: str
    body: str
    nature: str
    is_planned: bool = False


class Overlap(NamedTuple):
    """Two bodies on one matter.

    Attributes:
        bodies: codes of the two; where one is empty it is not said which body it is.
        is_duplication: whether both procedures are quasi-judicial: a warning, else information.
        is_planned: whether one of them is only meant to be begun.
    """

    bodies: tuple[str, str]
    is_duplication: bool
    is_planned: bool


def nature_of(kind: EventKind, instrument: str, body: str, profiles: Profiles) -> str:
    """The nature of an act, by rule 1; empty = no profile knows its instrument or its body.

    Args:
        kind: of the event.
        instrument: its code; empty = none is named.
        body: code of the body that acted.
        profiles: of the mechanisms.
    """
    named = profiles.instrument(instrument)
    if named is not None and named.nature:
        return named.nature
    profile = profiles.of_instrument(instrument) or profiles.of_body(body)
    if profile is None:
        return UNKNOWN
    if profile.nature == QUASI_JUDICIAL and kind not in _DECIDING:
        return "non_judicial"
    return profile.nature


def overlaps_of(procedures: Iterable[Procedure]) -> tuple[Overlap, ...]:
    """Where procedures of different bodies meet on a matter; warnings first, each pair once."""
    by_matter: dict[str, list[Procedure]] = {}
    for each in procedures:
        by_matter.setdefault(each.matter, []).append(each)
    found: dict[tuple[str, str], Overlap] = {}
    for together in by_matter.values():
        for overlap in _among(together):
            known = found.get(overlap.bodies)
            if known is None or _rank(overlap) < _rank(known):
                found[overlap.bodies] = overlap
    return tuple(sorted(found.values(), key=lambda each: (_rank(each), each.bodies)))


def _among(procedures: Sequence[Procedure]) -> Iterable[Overlap]:
    # Of each body its gravest step counts: more of them change nothing.
    distinct = sorted(set(procedures))
    for one, other in combinations(distinct, 2):
        if one.body == other.body and one.body:
            continue
        if STATE in {one.nature, other.nature} or (one.is_planned and other.is_planned):
            continue
        yield Overlap(
            bodies=(min(one.body, other.body), max(one.body, other.body)),
            is_duplication=one.nature == other.nature == QUASI_JUDICIAL,
            is_planned=one.is_planned or other.is_planned,
        )


def _rank(overlap: Overlap) -> tuple[bool, bool]:
    return (not overlap.is_duplication, overlap.is_planned)
