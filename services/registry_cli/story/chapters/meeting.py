"""A meeting, a commitment and a good practice."""

from collections.abc import Sequence
from typing import Final

from registry.client import case
from registry.client.meetings import Meeting
from registry.client.practices import Practice, PracticeReason
from registry.domain.content import (
    CommitmentMade,
    MeetingHeld,
    PracticeShared,
)
from registry.domain.mechanisms import shipped_profiles
from registry.errors import NotFound
from registry_cli.story.cast import BODIES, COE, IACHR, ODIHR, UN
from registry_cli.story.looks import owed
from registry_cli.story.script import Chapter, Deed, Look, See
from registry_cli.story.stage import Stage, until


def _meeting(name: str, *, commitments: int) -> See:
    """A meeting as it is listed, once so many commitments of it are known."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[Meeting] = []

        async def is_complete() -> bool:
            try:
                found[:] = [await stage.clients[slug].meetings.meeting(stage.place(name))]
            except NotFound:
                return False
            return len(found[0].commitments) == commitments

        await until(is_complete, f"{slug} shows {name} with {commitments} commitments")
        (meeting,) = found
        agenda = ", ".join(each.title.lower() for each in meeting.agenda)
        return (f"reads its agenda: {agenda}; {len(meeting.participants)} bodies took part",)

    return see


def _reason(reason: PracticeReason) -> str:
    instrument = shipped_profiles().instrument(reason.code)
    code = instrument.name if instrument else reason.code
    return f"{reason.matter} {code}".replace("_", " ")


def _practice(name: str) -> See:
    """A good practice, found again from the case, and why it fits."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[Practice] = []

        async def is_found() -> bool:
            fitting = await stage.clients[slug].practices.practices_for(case(stage.case_id))
            found[:] = [each for each in fitting.practices if each.event == stage.place(name)]
            return bool(found)

        await until(is_found, f"{slug} finds {name} from the case")
        (practice,) = found
        told = ", ".join(map(_reason, practice.reasons))
        return (f"finds it again from the case: {practice.title} ({told})",)

    return see


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
                "agenda": (
                    {"title": "Arbitrary detention", "theme": "arbitrary_detention"},
                    {"title": "Reprisals and impunity", "theme": "reprisals"},
                    {"title": "Land rights", "theme": "land_rights"},
                ),
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
        Look(COE.slug, _meeting("meeting", commitments=1)),
        Deed(
            name="practice",
            by=IACHR.slug,
            words="shares what helped: one observer in every hearing, whoever sends them",
            model=PracticeShared,
            fields={
                "title": "One observer in every hearing",
                "themes": ("arbitrary_detention",),
                "instruments": ("obs.judicial_observation",),
                "shared_date": "2025-10-16",
                "practice": "In every hearing sits one observer; who sends them is agreed before.",
            },
        ),
        Look(COE.slug, _practice("practice")),
    ),
)
