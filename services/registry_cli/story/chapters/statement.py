"""One statement, drafted, joined and issued."""

from typing import Final

from registry.domain.content import (
    StatementCosigned,
    StatementDrafted,
    StatementIssued,
)
from registry_cli.story.cast import COE, IACHR, OBSERVATORY, ODIHR, UN, all_but
from registry_cli.story.looks import reading_of
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "One statement of four bodies",
    (
        Deed(
            name="draft",
            by=UN.slug,
            words="drafts a statement on the detention",
            model=StatementDrafted,
            fields={"drafted_date": "2025-08-20", "planned_date": "2025-08-30"},
            about="arrest",
            audience=all_but(UN.slug),
        ),
        *(
            Deed(
                name=f"cosigned by {slug}",
                by=slug,
                words="joins it",
                model=StatementCosigned,
                fields={"cosigned_date": f"2025-08-{day}"},
                about="draft",
                audience=all_but(slug),
            )
            for slug, day in ((IACHR.slug, 22), (COE.slug, 25), (ODIHR.slug, 27))
        ),
        Look(OBSERVATORY.slug, reading_of("draft")),
        Deed(
            name="statement",
            by=UN.slug,
            words="issues it for the four of them",
            model=StatementIssued,
            fields={
                "instrument": "un.press",
                "issued_date": "2025-08-30",
                "joint_bodies": ("iachr", "coe.commissioner", "osce.odihr"),
            },
            about="draft",
        ),
        Look(OBSERVATORY.slug, reading_of("statement")),
    ),
)
