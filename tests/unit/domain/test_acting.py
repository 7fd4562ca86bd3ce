"""Who acts, and where procedures meet: a warning only between two quasi-judicial ones."""

import pytest

from registry.domain.acting import Overlap, Procedure, nature_of, overlaps_of
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import EventKind as K

QUASI, OTHER, NGO = "quasi_judicial", "non_judicial", "ngo"
PROFILES = shipped_profiles()


@pytest.mark.parametrize(
    ("kind", "instrument", "body", "nature"),
    [
        (K.PETITION_REGISTERED, "iachr.petition", "iachr", QUASI),
        (K.MEASURE_GRANTED, "iachr.pm", "iachr", QUASI),
        (K.STATEMENT_ISSUED, "iachr.press", "iachr", OTHER),
        (K.COMMUNICATION_SENT, "wgad.regular", "wgad", QUASI),
        (K.COMMUNICATION_SENT, "wgad.ua", "wgad", OTHER),
        (K.OPINION_ADOPTED, "", "wgad", QUASI),
        (K.COMMUNICATION_SENT, "un.ua", "un.sr-defenders", OTHER),
        (K.RECOMMENDATION_MADE, "tb.concluding", "tb.ccpr", OTHER),
        (K.OPINION_ADOPTED, "tb.views", "tb.ccpr", QUASI),
        (K.COMMUNICATION_SENT, "achpr.appeal", "achpr.sr-defenders", OTHER),
        (K.JUDGMENT_DELIVERED, "coe.exec.resolution", "coe.exec", OTHER),
        (K.JUDGMENT_DELIVERED, "coe.judgment", "coe.court", QUASI),
        (K.DEMARCHE_MADE, "eu.demarche", "eu", "political"),
        (K.REPLY_RECEIVED, "state.reply", "state", "state"),
        (K.STATEMENT_ISSUED, "", "nobody.knows", ""),
    ],
)
def test_nature_is_that_of_the_instrument_or_else_of_the_body_by_the_kind_of_act(
    kind: K, instrument: str, body: str, nature: str
) -> None:
    assert nature_of(kind, instrument, body, PROFILES) == nature


def test_two_quasi_judicial_procedures_of_different_bodies_are_a_duplication() -> None:
    found = overlaps_of([Procedure("m", "wgad", QUASI), Procedure("m", "iachr", QUASI)])
    assert found == (Overlap(("iachr", "wgad"), is_duplication=True, is_planned=False),)


@pytest.mark.parametrize("nature", [OTHER, NGO, "political", ""])
def test_any_other_overlap_is_information(nature: str) -> None:
    (found,) = overlaps_of([Procedure("m", "iachr", QUASI), Procedure("m", "x", nature)])
    assert not found.is_duplication


def test_steps_of_one_body_other_matters_and_what_a_state_does_are_no_overlap() -> None:
    assert not overlaps_of([Procedure("m", "iachr", QUASI), Procedure("m", "iachr", OTHER)])
    assert not overlaps_of([Procedure("m", "iachr", QUASI), Procedure("n", "wgad", QUASI)])
    assert not overlaps_of([Procedure("m", "iachr", QUASI), Procedure("m", "state", "state")])


def test_two_committees_of_one_participant_are_two_bodies() -> None:
    (found,) = overlaps_of([Procedure("m", "tb.cat", QUASI), Procedure("m", "tb.ccpr", QUASI)])
    assert found.is_duplication


def test_gravest_meeting_of_two_bodies_is_told_once_and_warnings_come_first() -> None:
    found = overlaps_of(
        [
            Procedure("m", "a", OTHER),
            Procedure("m", "a", QUASI),
            Procedure("m", "b", QUASI),
            Procedure("m", "aa", NGO),
        ]
    )
    assert [(each.bodies, each.is_duplication) for each in found] == [
        (("a", "b"), True),
        (("a", "aa"), False),
        (("aa", "b"), False),
    ]


def test_what_is_planned_meets_what_is_known_and_says_so() -> None:
    planned = Procedure("m", "iachr", QUASI, is_planned=True)
    (found,) = overlaps_of([planned, Procedure("m", "wgad", QUASI)])
    assert (found.is_duplication, found.is_planned) == (True, True)
    assert not overlaps_of([planned, Procedure("m", "iachr", QUASI)])
    unsaid = planned._replace(body="")
    (found,) = overlaps_of([unsaid, Procedure("m", "iachr", QUASI)])
    assert found.bodies == ("", "iachr")
