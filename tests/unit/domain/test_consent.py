"""Consent: the default is no, both facts count, and no withdrawn consent is revived by a lie."""

from typing import Any, Final

import pytest

from registry.domain.consent import (
    ConsentEvent,
    Consents,
    fold_consents,
    withdrawals_in_force,
)
from registry.domain.content import ConsentRecorded, ConsentWithdrawn, NamedPerson
from registry.domain.content.persons import PersonUse
from registry.domain.identifiers import LogId

P: Final = "a1" * 16
Q: Final = "b2" * 16
UN: Final = LogId(b"u" * 32)
COE: Final = LogId(b"c" * 32)
PUBLIC: Final[PersonUse] = "names_in_public"
SHARE: Final[PersonUse] = "share_with_mechanisms"
STATE: Final[PersonUse] = "names_to_state"


def grant(
    log_id: LogId, index: int, use: PersonUse = PUBLIC, *, known: Any = None, **fields: Any
) -> ConsentEvent:
    """A record of consent in a log, both facts true unless told otherwise."""
    given = {
        "acting_body": "un",
        "basis": "own_act",
        "persons": (NamedPerson(person_id=P, name="Ayo Invented"),),
        "use": use,
        "is_informed_of_risk": True,
        "agrees": True,
        **fields,
    }
    return ConsentEvent(log_id, index, ConsentRecorded(**given), known or {})


def withdrawal(
    log_id: LogId,
    index: int,
    *uses: PersonUse,
    known: Any = None,
    person_id: str = P,
) -> ConsentEvent:
    content = ConsentWithdrawn(acting_body="un", basis="own_act", person_id=person_id, uses=uses)
    return ConsentEvent(log_id, index, content, known or {})


def may(consents: Consents, log_id: LogId = UN, use: PersonUse = PUBLIC, *slugs: str) -> bool:
    return not consents.why_not(P, use, log_id, slugs)


def test_without_a_record_the_answer_is_no() -> None:
    assert fold_consents(()).why_not(P, PUBLIC, UN).startswith("no consent")


@pytest.mark.parametrize(("informed", "agrees"), [(True, False), (False, True), (False, False)])
def test_one_fact_alone_permits_nothing(informed: bool, agrees: bool) -> None:  # noqa: FBT001 - the two facts
    lone = fold_consents([grant(UN, 0, is_informed_of_risk=informed, agrees=agrees)])

    assert may(fold_consents([grant(UN, 0)]))
    assert not may(lone)


def test_consent_counts_for_one_person_use_and_log_and_no_other() -> None:
    consents = fold_consents([grant(UN, 0)])

    assert may(consents)
    assert not may(consents, COE)
    assert not may(consents, UN, "names_to_state")
    assert consents.why_not(Q, PUBLIC, UN)


def test_sharing_needs_a_consent_that_names_every_recipient() -> None:
    consents = fold_consents(
        [
            grant(UN, 0, SHARE, mechanisms=("coe",)),
            grant(UN, 3, SHARE, mechanisms=("osce",)),
        ]
    )

    assert may(consents, UN, SHARE, "coe", "osce")
    assert not may(consents, UN, SHARE, "coe", "osce", "au")
    assert not may(consents, UN, SHARE)


def test_withdrawal_in_any_log_ends_the_use_for_all_logs() -> None:
    given = [grant(UN, 0), grant(COE, 0)]
    consents = fold_consents([*given, withdrawal(COE, 1)])

    assert may(fold_consents(given), UN)
    assert not may(consents, UN)
    assert not may(consents, COE)
    assert "withdrawn" in consents.why_not(P, PUBLIC, UN)


def test_withdrawal_of_some_uses_leaves_the_others() -> None:
    given = [grant(UN, 0), grant(UN, 1, "names_to_state")]
    consents = fold_consents([*given, withdrawal(UN, 2, PUBLIC)])

    assert not may(consents)
    assert may(consents, UN, "names_to_state")
    assert may(fold_consents([*given, withdrawal(UN, 2, person_id=Q)]))


def test_later_record_in_the_same_log_reopens_for_that_log_alone() -> None:
    consents = fold_consents([grant(UN, 0), grant(COE, 0), withdrawal(UN, 1), grant(UN, 2)])

    assert may(consents, UN)
    assert not may(consents, COE)


def test_record_that_has_not_seen_a_withdrawal_does_not_lift_it() -> None:
    """A lying clock may put the withdrawal first in the history: that revives nothing."""
    unaware = fold_consents([withdrawal(COE, 5), grant(UN, 9, known={COE: 4})])
    aware = fold_consents([withdrawal(COE, 5), grant(UN, 9, known={COE: 5})])

    assert not may(unaware)
    assert may(aware)


def test_authors_that_each_claim_to_come_later_lift_nothing() -> None:
    consents = fold_consents([withdrawal(COE, 5, known={UN: 9}), grant(UN, 9, known={COE: 5})])

    assert not may(consents)


@pytest.mark.parametrize("fact", ["agrees", "is_informed_of_risk"])
def test_later_record_without_a_fact_ends_what_the_log_recorded_before(fact: str) -> None:
    lacking: dict[str, Any] = {fact: False}

    assert not may(fold_consents([grant(UN, 0), grant(UN, 1, **lacking)]))
    assert may(fold_consents([grant(UN, 1), grant(UN, 0, **lacking)]))


def test_events_fold_alike_in_any_order() -> None:
    events = [grant(UN, 0), withdrawal(COE, 1), grant(UN, 2, known={COE: 1}), grant(COE, 0)]

    for turned in (events, events[::-1], events[2:] + events[:2]):
        consents = fold_consents(turned)
        assert may(consents, UN)
        assert not may(consents, COE)


# --- the logs that one member wrote, one after the other -----------------------------------------

NEW: Final = LogId(b"n" * 32)
NEWEST: Final = LogId(b"a" * 32)
BEFORE: Final = {NEW: (UN,), NEWEST: (UN, NEW)}


def test_grant_in_a_former_log_permits_acts_of_later_ones_and_of_nobody_else() -> None:
    consents = fold_consents([grant(UN, 0)], BEFORE)

    assert [may(consents, log_id) for log_id in (UN, NEW, NEWEST, COE)] == [True, True, True, False]
    assert not may(fold_consents([grant(UN, 0)]), NEW)
    assert not may(fold_consents([grant(COE, 0)], BEFORE), NEW)


def test_grant_in_a_later_log_permits_no_act_of_a_former_one() -> None:
    consents = fold_consents([grant(NEW, 0)], BEFORE)

    assert [may(consents, log_id) for log_id in (UN, NEW, NEWEST)] == [False, True, True]


def test_mechanisms_that_the_logs_name_are_added_up() -> None:
    given = [
        grant(UN, 0, SHARE, mechanisms=("coe",)),
        grant(NEW, 0, SHARE, mechanisms=("odihr",)),
    ]
    assert may(fold_consents(given, BEFORE), NEW, SHARE, "coe", "odihr")
    assert not may(fold_consents(given, BEFORE), UN, SHARE, "odihr")


@pytest.mark.parametrize("lacking", [{"agrees": False}, {"is_informed_of_risk": False}])
def test_no_in_a_later_log_ends_what_the_former_ones_recorded(lacking: Any) -> None:
    consents = fold_consents([grant(UN, 9), grant(NEW, 0, **lacking)], BEFORE)
    assert not any(may(consents, log_id) for log_id in (UN, NEW, NEWEST))
    again = fold_consents([grant(UN, 9), grant(NEW, 0, **lacking), grant(NEW, 1)], BEFORE)
    assert [may(again, log_id) for log_id in (UN, NEW)] == [False, True]


def test_no_in_a_former_log_ends_nothing_in_a_later_one() -> None:
    consents = fold_consents([grant(UN, 9, agrees=False), grant(NEW, 0)], BEFORE)
    assert may(consents, NEW)
    assert not may(fold_consents([grant(UN, 9, agrees=False), grant(UN, 0)], BEFORE), NEW)


@pytest.mark.parametrize("by", [UN, NEW, COE])
def test_withdrawal_ends_what_a_former_log_carried_over(by: LogId) -> None:
    consents = fold_consents([grant(UN, 3), withdrawal(by, 4)], BEFORE)
    assert not any(may(consents, log_id) for log_id in (UN, NEW, NEWEST))


def test_later_log_lifts_a_withdrawal_only_if_it_knew_of_it() -> None:
    """Its epoch is later, and what the log before held may not have been there."""
    assert not may(fold_consents([withdrawal(UN, 4), grant(NEW, 0)], BEFORE), NEW)
    assert may(fold_consents([withdrawal(UN, 4), grant(NEW, 0, known={UN: 4})], BEFORE), NEW)


def test_grant_is_not_carried_over_if_what_stands_after_it_cannot_be_read() -> None:
    """A node that got its log back from others lacks content: the person may have said no there."""
    given = [grant(UN, 3)]
    assert may(fold_consents(given, BEFORE, {UN: 2}), NEW)
    assert not may(fold_consents(given, BEFORE, {UN: 4}), NEW)
    assert may(fold_consents(given, BEFORE, {UN: 4}), UN)
    assert not may(fold_consents(given, BEFORE, {NEW: 0}), NEWEST)
    assert may(fold_consents(given, BEFORE, {COE: 9}), NEW)


def test_withdrawal_is_in_force_for_a_log_that_has_recorded_no_consent_knowing_it() -> None:
    ended = withdrawal(COE, 5, STATE, PUBLIC)
    events = [
        grant(UN, 0, STATE, known={COE: 4}),  # unaware
        ended,
        grant(UN, 9, PUBLIC, known={COE: 5}),
        grant(UN, 10, STATE, known={COE: 5}, agrees=False),
        grant(COE, 6, STATE),
    ]

    assert withdrawals_in_force(events, {UN}) == {(P, STATE): [ended]}
    assert withdrawals_in_force(events, {COE}) == {(P, PUBLIC): [ended]}
