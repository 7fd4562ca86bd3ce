"""A reprisal for cooperation, and steps towards accountability."""

from typing import Final

from registry.domain.content import (
    AccountabilityStep,
    ReprisalAlleged,
    ReprisalLinked,
)
from registry_cli.story.cast import COE, IACHR, OBSERVATORY
from registry_cli.story.reprisals import alerted, not_alerted
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "A reprisal for having cooperated: the bodies concerned are alerted at once",
    (
        Deed(
            name="reprisal",
            by=OBSERVATORY.slug,
            words="alleges a reprisal: whoever spoke with the visitors may not leave the country",
            model=ReprisalAlleged,
            fields={
                "themes": ("reprisals", "travel_ban"),
                "occurred_date": "2025-09-09",
                "cooperated_with": "coe.commissioner",
                "acts": ("travel_ban",),
                "confidence": "alleged",
            },
            points={"cooperation": "visit"},
        ),
        Look(COE.slug, alerted("reprisal")),
        Look(OBSERVATORY.slug, alerted("reprisal")),
        Look(IACHR.slug, not_alerted("reprisal")),
        Deed(
            name="link",
            by=COE.slug,
            words="confirms that they had met it on its visit",
            model=ReprisalLinked,
            fields={"linked_date": "2025-09-11", "cooperated_with": "coe.commissioner"},
            about="reprisal",
            points={"cooperation": "visit"},
        ),
        Deed(
            name="complaint",
            by=OBSERVATORY.slug,
            words="records a complaint to the public prosecutor",
            model=AccountabilityStep,
            fields={
                "themes": ("impunity",),
                "step": "complaint_filed",
                "step_date": "2025-09-15",
                "authority": "the public prosecutor of Orrin",
            },
            about="reprisal",
        ),
    ),
)
