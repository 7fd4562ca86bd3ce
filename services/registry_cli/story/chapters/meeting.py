"""A meeting, a commitment and a good practice."""

from typing import Final

from registry.domain.content import (
    CommitmentMade,
    MeetingHeld,
    PracticeShared,
)
from registry_cli.story.cast import BODIES, IACHR, ODIHR, UN
from registry_cli.story.looks import owed
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "A meeting: bodies take part, never speakers, and a commitment is followed up",
    (
        Deed(
            name="meeting",
            by=ODIHR.slug,
            words="holds a meeting of the mechanisms",
            model=MeetingHeld,
            fields={
                "held_date": "2025-10-15",
                "place": "Warsaw (invented)",
                "participants": tuple(BODIES.values()),
            },
        ),
        Deed(
            name="commitment",
            by=ODIHR.slug,
            words="records what three bodies promised: to observe the trial in turns",
            model=CommitmentMade,
            fields={
                "title": "Observe the trial in turns",
                "made_date": "2025-10-15",
                "committed_bodies": ("un.sr-defenders", "coe.commissioner", "osce.odihr"),
                "followup_due_date": "2026-04-15",
            },
            about="meeting",
        ),
        Look(UN.slug, owed("commitment", state="open")),
        Deed(
            name="practice",
            by=IACHR.slug,
            words="shares what helped: one observer in every hearing, whoever sends them",
            model=PracticeShared,
            fields={
                "title": "One observer in every hearing",
                "themes": ("arbitrary_detention",),
                "shared_date": "2025-10-16",
                "practice": "In every hearing sits one observer; who sends them is agreed before.",
            },
        ),
    ),
)
