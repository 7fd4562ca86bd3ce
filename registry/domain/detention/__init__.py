"""Detention: from the acts of a case to who was held from when to when, and for how many days."""

from registry.domain.detention.concerning import Concern, concerns_of
from registry.domain.detention.counting import (
    HELD,
    Count,
    Course,
    Phase,
    Standing,
    count_days,
)
from registry.domain.detention.fold import Account, Detention, Dispute, detentions_of
from registry.domain.detention.spans import UNKNOWN, Days, Span, days_between, span_of

__all__ = [
    "HELD",
    "UNKNOWN",
    "Account",
    "Concern",
    "Count",
    "Course",
    "Days",
    "Detention",
    "Dispute",
    "Phase",
    "Span",
    "Standing",
    "concerns_of",
    "count_days",
    "days_between",
    "detentions_of",
    "span_of",
]
