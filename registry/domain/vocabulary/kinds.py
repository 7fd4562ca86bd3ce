"""Event kinds, read from kinds.toml: number, code, default audience; titles are labels."""

import tomllib
from enum import IntEnum
from importlib.resources import files
from typing import Any, Final, Literal

from registry.domain.vocabulary.labels import label

_KINDS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    (files(__package__) / "kinds.toml").read_text(encoding="utf-8")
)
_CODES: Final = {kind["number"]: code for code, kind in _KINDS.items()}


class EventKind(IntEnum):
    """What an event says; the numbers of registry.format.v1.EventKind (a test compares them)."""

    CASE_OPENED = 1
    CASE_MARKED_EMBLEMATIC = 2
    CASE_STATUS_CHANGED = 3
    CASE_CLOSED = 4
    SUBMISSION_RECEIVED = 5
    SUBMISSION_UPDATED = 6
    SUBMISSION_DECLINED = 7
    CONSENT_RECORDED = 8
    CONSENT_WITHDRAWN = 9
    INTENT_DECLARED = 10
    INTENT_ANSWERED = 11
    INTENT_WITHDRAWN = 12
    COMMUNICATION_SENT = 13
    COMMUNICATION_PUBLISHED = 14
    REPLY_RECEIVED = 15
    REPLY_EXTENSION_GRANTED = 16
    MEASURE_GRANTED = 17
    MEASURE_EXTENDED = 18
    MEASURE_LIFTED = 19
    PETITION_REGISTERED = 20
    PETITION_DECIDED = 21
    OPINION_ADOPTED = 22
    JUDGMENT_DELIVERED = 23
    STATEMENT_DRAFTED = 24
    STATEMENT_COSIGNED = 25
    STATEMENT_ISSUED = 26
    STATEMENT_CORRECTED = 27
    STATEMENT_WITHDRAWN = 28
    VISIT_ANNOUNCED = 29
    VISIT_CONDUCTED = 30
    VISIT_REPORT_PUBLISHED = 31
    RECOMMENDATION_MADE = 32
    RECOMMENDATION_RESPONSE = 33
    FOLLOWUP_INFORMATION = 34
    FOLLOWUP_ASSESSED = 35
    CONCORDANCE_PROPOSED = 36
    CONCORDANCE_ACCEPTED = 37
    TRIAL_OBSERVED = 38
    LEGAL_REVIEW_ISSUED = 39
    COURT_SUBMISSION_MADE = 40
    DEMARCHE_MADE = 41
    DIALOGUE_RAISED = 42
    DETENTION_RECORDED = 43
    DETENTION_CHANGED = 44
    PERSON_RELEASED = 45
    REPRISAL_ALLEGED = 46
    REPRISAL_LINKED = 47
    REPRISAL_RESOLVED = 48
    ACCOUNTABILITY_STEP = 49
    LAW_PROPOSED = 50
    LAW_ADOPTED = 51
    LAW_AMENDED = 52
    LAW_REPEALED = 53
    REPORT_PUBLISHED = 54
    DOCUMENT_PUBLISHED = 55
    PRACTICE_SHARED = 56
    DEFINITION_AGREED = 57
    MEETING_HELD = 58
    COMMITMENT_MADE = 59
    NOTE_ADDED = 60
    EVENT_CORRECTED = 61
    CASE_LINK_PROPOSED = 62
    CASE_LINK_ACCEPTED = 63
    CASE_LINK_DECLINED = 64
    CASE_UNLINKED = 65
    AUDIENCE_WIDENED = 66
    CONTENT_ERASED = 67
    ERASURE_RECEIPT = 68
    KEY_ROTATED = 69
    ADDRESS_ANNOUNCED = 70
    FAULT_PROOF = 71
    SEALED = 72
    PEERS_ASKED = 73
    PEER_ANSWERED = 74
    MATCHING_RETURNED = 75


CURRENT_KINDS: Final = frozenset(
    EventKind(kind["number"]) for kind in _KINDS.values() if not kind.get("is_control")
) - {EventKind.SEALED}
"""Those that are recorded with typed content; control says what it says in the header."""


_PUBLISHING: Final = frozenset(kind["number"] for kind in _KINDS.values() if kind.get("publishes"))


def default_audience_of(kind: EventKind) -> Literal["all", "own"]:
    """Who may hold the content of a kind if whoever records it says nothing; own if in doubt."""
    return "all" if _KINDS[_CODES[kind]].get("default_audience") == "all" else "own"


def is_publishing(kind: EventKind) -> bool:
    """Whether an act of this kind makes something public when all members may hold it."""
    return kind in _PUBLISHING


def kind_code(number: int) -> str:
    """Returns a kind's code such as `statement_issued`, or `unknown_99`."""
    return _CODES.get(number) or f"unknown_{number}"


def kind_title(code: str, language: str = "en") -> str:
    """Returns a kind's title; an unknown code is its own title."""
    return label("kinds", code, language)
