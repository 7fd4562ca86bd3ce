"""Meetings folded from the acts of a case: agenda, participants, commitments and how they stand."""

from typing import Any, Final

from registry.domain.acts import Act, themes_of
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import EventKind as K
from registry.views.acts import with_what_they_are_about
from registry.views.meeting_rows import MeetingRow
from registry.views.meetings import (
    COMMITMENTS_MAX,
    commitment_rows,
    meeting_documents,
    meeting_rows,
)
from registry.views.rows import decode_row
from tests.storage.storage_world import case
from tests.unit.views.test_follow_up import graded, story

ITEMS: Final = [
    {"title": "Land and those who defend it", "theme": "land_rights"},
    {"title": "Any other matter", "theme": ""},
]
MEETING: Final = (
    "un",
    K.MEETING_HELD,
    None,
    {"agenda": ITEMS, "themes": ["reprisals"], "states": ["XXB"]},
)


def commitment(by: str, about: int | None = 0, **fields: Any) -> tuple[str, K, int | None, Any]:
    return (by, K.COMMITMENT_MADE, about, {"followup_due_date": "2024-09-20", **fields})


def rows(acts: list[Act]) -> tuple[MeetingRow, ...]:
    return meeting_rows(case(1), acts, shipped_profiles(), confidential=())


def test_meeting_shows_its_agenda_bodies_and_commitments_with_what_became_of_them() -> None:
    acts = story(
        MEETING,
        commitment("un", title="Answer within the month"),
        commitment("oif", title="Share the list", followup_due_date=None, instrument=""),
        ("obs", K.FOLLOWUP_ASSESSED, 1, graded("iachr", "partial", assessed_date="2024-10-01")),
        commitment("un", about=None, title="Made elsewhere"),
    )

    (row,) = rows(acts)

    assert [(item.title, item.theme) for item in row.agenda] == [
        ("Land and those who defend it", "land_rights"),
        ("Any other matter", ""),
    ]
    assert row.participants == ("un.sr-defenders", "oif", "obs.observatory")
    assert row.themes == ("reprisals", "land_rights")
    assert [(c.title, c.due, c.outcome, c.scale) for c in row.commitments] == [
        ("Answer within the month", "2024-09-20", "met_late", "partial"),
        ("Share the list", "", "", "not_assessed"),
    ]
    assert [c.title for c in commitment_rows(case(1), acts, shipped_profiles())][-1] == (
        "Made elsewhere"
    )


def test_meeting_is_found_by_theme_of_an_item_by_participant_and_by_words_of_an_item() -> None:
    acts = story(MEETING)

    (document,) = meeting_documents(case(1), acts, shipped_profiles(), confidential=())

    assert {("theme", "land_rights"), ("theme", "reprisals"), ("body", "oif")} <= set(
        document.facets
    )
    assert ("state", "XXB") in document.facets
    assert "Land and those who defend it" in document.text
    assert themes_of(acts[0].content) == ("reprisals", "land_rights")


def test_confidential_commitment_makes_the_row_of_its_meeting_confidential() -> None:
    acts = story(MEETING, commitment("un"), ("obs", K.FOLLOWUP_ASSESSED, 1, graded("iachr", "x")))

    for secret in range(3):
        shown = with_what_they_are_about(acts, [acts[secret].place])
        documents = meeting_documents(case(1), acts, shipped_profiles(), confidential=shown)
        assert [decode_row(MeetingRow, d.row).is_confidential for d in documents] == [True]


def test_case_without_meetings_or_commitments_has_none() -> None:
    acts = story(("un", K.STATEMENT_ISSUED, None, {}))

    assert rows(acts) == ()
    assert commitment_rows(case(1), acts, shipped_profiles()) == ()


def test_row_of_a_meeting_fits_into_a_page_whatever_was_committed_at_it() -> None:
    acts = story(MEETING, *(commitment("un") for _ in range(COMMITMENTS_MAX + 1)))

    (document,) = meeting_documents(case(1), acts, shipped_profiles(), confidential=())

    assert len(decode_row(MeetingRow, document.row).commitments) == COMMITMENTS_MAX
    assert len(rows(acts)[0].commitments) == COMMITMENTS_MAX + 1
