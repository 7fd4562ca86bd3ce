"""The vocabulary: every kind of the design is reserved, numbered alike everywhere, and named."""

import tomllib
from importlib.resources import files
from typing import Final, get_args

import pytest

from registry.domain.content import CONTENT_BY_KIND
from registry.domain.vocabulary import (
    AGENDA,
    CURRENT_KINDS,
    LANGUAGES,
    EventKind,
    kind_code,
    kind_title,
    known_themes,
    label,
)
from registry.domain.vocabulary.labels import labels
from registry.format.v1 import event_pb2
from tests.unit.domain.content_examples import without_wrapping

# The list of the design's vocabulary, in its order.
_KINDS_TEXT: Final = """
    case_opened case_marked_emblematic case_status_changed case_closed
    submission_received submission_updated submission_declined consent_recorded consent_withdrawn
    intent_declared intent_answered intent_withdrawn communication_sent communication_published
    reply_received reply_extension_granted measure_granted measure_extended measure_lifted
    petition_registered petition_decided opinion_adopted judgment_delivered
    statement_drafted statement_cosigned statement_issued statement_corrected statement_withdrawn
    visit_announced visit_conducted visit_report_published recommendation_made
    recommendation_response followup_information followup_assessed concordance_proposed
    concordance_accepted trial_observed legal_review_issued court_submission_made demarche_made
    dialogue_raised detention_recorded detention_changed person_released reprisal_alleged
    reprisal_linked reprisal_resolved accountability_step law_proposed law_adopted law_amended
    law_repealed report_published document_published practice_shared definition_agreed meeting_held
    commitment_made note_added event_corrected
"""
_CONTROL_KINDS_TEXT: Final = """
    case_link_proposed case_link_accepted case_link_declined case_unlinked audience_widened
    content_erased erasure_receipt key_rotated address_announced fault_proof
"""
KINDS_OF_THE_DESIGN: Final = _KINDS_TEXT.split()
CONTROL_KINDS_OF_THE_DESIGN: Final = _CONTROL_KINDS_TEXT.split()
ADDED_KINDS: Final = ["peers_asked", "peer_answered", "matching_returned"]
"""Since the design; numbered after all others."""
ALL: Final = [*KINDS_OF_THE_DESIGN, *CONTROL_KINDS_OF_THE_DESIGN, "sealed", *ADDED_KINDS]
ROWS: Final = tomllib.loads(
    (files("registry.domain.vocabulary") / "kinds.toml").read_text(encoding="utf-8")
)


def test_every_kind_of_the_design_has_its_number_in_the_format() -> None:
    expected = {f"EVENT_KIND_{code.upper()}": n for n, code in enumerate(ALL, start=1)}

    assert dict(event_pb2.EventKind.items()) == {"EVENT_KIND_UNSPECIFIED": 0, **expected}


def test_every_kind_of_the_design_has_a_row_with_its_number() -> None:
    assert {code: row["number"] for code, row in ROWS.items()} == {
        code: n for n, code in enumerate(ALL, start=1)
    }


def test_rows_say_nothing_else() -> None:
    known = {"number", "is_control", "default_audience", "publishes"}

    assert {key for row in ROWS.values() for key in row} <= known


def test_enumeration_has_the_numbers_of_the_rows() -> None:
    assert {kind.name.lower(): int(kind) for kind in EventKind} == {
        code: row["number"] for code, row in ROWS.items()
    }


def test_control_kinds_are_those_of_the_design_and_none_is_recorded_by_people() -> None:
    control = {code for code, row in ROWS.items() if row.get("is_control")}

    assert control == set(CONTROL_KINDS_OF_THE_DESIGN)
    assert not control & {kind_code(kind) for kind in CURRENT_KINDS}
    assert EventKind.SEALED not in CURRENT_KINDS


def test_code_of_a_number_is_stable_and_an_unknown_number_is_told_as_such() -> None:
    assert [kind_code(n) for n in range(1, len(ALL) + 1)] == ALL
    assert kind_code(0) == "unknown_0"
    assert kind_code(99) == "unknown_99"


def test_title_of_a_code_is_english_and_an_unknown_code_is_its_own() -> None:
    assert kind_title("legal_review_issued") == "Legal review issued"
    assert kind_title("unknown_99") == "unknown_99"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_label_in_every_language(language: str) -> None:
    told = labels(language)
    choices = {
        choice
        for model in CONTENT_BY_KIND.values()
        for name in ("status", "reply_kind", "derived", "confidence")
        if name in model.model_fields
        for choice in get_args(without_wrapping(model.model_fields[name].annotation))
        if choice
    }

    assert list(told["kinds"]) == ALL
    assert tuple(told["themes"]) == known_themes()
    assert choices <= set(told["words"])
    assert set(told["words"]) == set(labels("en")["words"])
    assert all(text.strip() for section in told.values() for text in section.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_kinds_have_the_same_label(language: str) -> None:
    kinds = labels(language)["kinds"]

    assert len(set(kinds.values())) == len(kinds)


def test_label_of_an_unknown_code_is_the_code_and_an_unknown_language_is_refused() -> None:
    assert label("themes", "land_rights", "fr") == "Droits fonciers"
    assert label("themes", "fishing", "fr") == "fishing"
    with pytest.raises(KeyError):
        labels("tlh")


def test_themes_of_the_agenda_are_those_of_the_meeting() -> None:
    assert AGENDA == (
        "arbitrary_detention",
        "reprisals",
        "impunity",
        "ngo_funding",
        "foreign_funding",
        "land_rights",
    )
