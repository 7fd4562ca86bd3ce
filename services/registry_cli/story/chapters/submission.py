"""A submission, and who may read it."""

from typing import Final

from registry.domain.audience import OWN_ONLY, named
from registry.domain.content import (
    CaseOpened,
    ConsentRecorded,
    SubmissionReceived,
)
from registry_cli.story.cast import COE, DEFENDER, IACHR, OBSERVATORY, SOURCE, UN
from registry_cli.story.looks import reading_of
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "A submission: the source stays at home, the name goes where the person agreed",
    (
        Deed(
            name="opening",
            by=OBSERVATORY.slug,
            words="opens a case: river defenders in a State that does not exist",
            model=CaseOpened,
            fields={
                "title": "River defenders in a State that does not exist",
                "opened_date": "2025-03-02",
                "themes": ("land_rights", "environment", "arbitrary_detention"),
                "parties": (
                    {"kind": "community", "name": "People of the Orrin river", "role": "affected"},
                    {"kind": "company", "name": "Invented Dams Ltd", "role": "respondent"},
                ),
            },
        ),
        Deed(
            name="consent",
            by=OBSERVATORY.slug,
            words="takes down that the defender knows the risk and lets two bodies know the name",
            model=ConsentRecorded,
            fields={
                "persons": (DEFENDER,),
                "use": "share_with_mechanisms",
                "mechanisms": (UN.slug, IACHR.slug),
                "is_informed_of_risk": True,
                "agrees": True,
                "how": "oral",
                "given_date": "2025-03-02",
            },
            audience=OWN_ONLY,
        ),
        Deed(
            name="submission",
            by=OBSERVATORY.slug,
            words="receives a submission; who brought it is written down here and nowhere else",
            model=SubmissionReceived,
            fields={
                "persons": (DEFENDER,),
                "received_date": "2025-03-02",
                "violations": ("judicial_harassment",),
                "next_step": "ask for an urgent appeal",
            },
            audience=named(UN.slug, IACHR.slug),
            source=SOURCE,
        ),
        Look(UN.slug, reading_of("submission")),
        Look(IACHR.slug, reading_of("submission")),
        Look(COE.slug, reading_of("submission")),
    ),
)
