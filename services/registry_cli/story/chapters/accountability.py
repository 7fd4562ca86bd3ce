"""Whether anybody answers for the reprisal: nobody does, and another one comes."""

from typing import Final

from registry.domain.content import AccountabilityStep, ReprisalAlleged
from registry_cli.story.cast import IACHR, OBSERVATORY, UN
from registry_cli.story.reprisals import alerted, came_again, impunity
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "Does anybody answer for it? Impunity, and what follows from it",
    (
        Deed(
            name="no investigation",
            by=OBSERVATORY.slug,
            words="records that the prosecutor will not look into the complaint",
            model=AccountabilityStep,
            fields={
                "themes": ("impunity",),
                "step": "no_investigation",
                "step_date": "2025-11-20",
                "authority": "the public prosecutor of Orrin",
            },
            about="complaint",
        ),
        Deed(
            name="second reprisal",
            by=OBSERVATORY.slug,
            words="alleges another one: a fine for having written to the Special Rapporteur",
            model=ReprisalAlleged,
            fields={
                "themes": ("reprisals",),
                "occurred_date": "2025-12-04",
                "cooperated_with": "un.sr-defenders",
                "cooperation_words": "letters to the Special Rapporteur",
                "acts": ("fine",),
                "confidence": "alleged",
            },
        ),
        Look(UN.slug, alerted("second reprisal")),
        Look(IACHR.slug, impunity(count=5)),
        Look(IACHR.slug, came_again("second reprisal")),
    ),
)
