"""The release, and the case as a whole."""

from typing import Final

from registry.domain.content import (
    CaseMarkedEmblematic,
    MeasureLifted,
    PersonReleased,
)
from registry_cli.story.cast import COE, IACHR, OBSERVATORY, ODIHR, UN
from registry_cli.story.held import days_held
from registry_cli.story.looks import knowledge_when, standing
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "The release",
    (
        Deed(
            name="release",
            by=OBSERVATORY.slug,
            words="records the release, on condition not to go near the dam",
            model=PersonReleased,
            fields={"released_date": "2025-11-03", "release": "conditional"},
            about="arrest",
        ),
        Look(UN.slug, days_held("2025-11-30", standing="released")),
        Deed(
            name="lifted",
            by=IACHR.slug,
            words="lifts a part of its measure; the rest goes on",
            model=MeasureLifted,
            fields={"lifted_date": "2025-11-10", "is_partial": True},
            about="measure",
        ),
        Deed(
            name="emblematic",
            by=UN.slug,
            words="marks the case as emblematic",
            model=CaseMarkedEmblematic,
            fields={"marked_date": "2025-11-12"},
        ),
        Look(OBSERVATORY.slug, standing()),
        Look(COE.slug, standing()),
        Look(ODIHR.slug, knowledge_when("measure")),
    ),
)
