"""One statement: drafted in three languages, signed, issued for one time, joined later."""

from typing import Final

from registry.domain.content import StatementCosigned, StatementDrafted, StatementIssued
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry_cli.story.cast import COE, IACHR, OBSERVATORY, ODIHR, UN, all_but
from registry_cli.story.looks import reading_of
from registry_cli.story.script import Chapter, Deed, Look
from registry_cli.story.statements import frozen, ready, released, sealed, signed

TITLE: Final = "Whoever speaks up for the river must be free"
TEXTS: Final = (
    StatementText(
        language="en", text="Let those who speak up for the river go. (A story, no fact.)\n"
    ),
    StatementText(
        language="es",
        text="Liberen a quienes alzan la voz por el r\xedo. (Un cuento, no un hecho.)\n",
    ),
    StatementText(
        language="fr",
        text="Lib\xe9rez celles et ceux qui d\xe9fendent le fleuve. (Un r\xe9cit, pas un fait.)\n",
    ),
)
_SIGNED: Final = {"text_hash": frozen_hash(TEXTS)}
_OPENS_AFTER_S: Final = 1.5
CHAPTER: Final = Chapter(
    "One statement of several bodies: one text, three languages, one time",
    (
        Deed(
            name="draft",
            by=UN.slug,
            words="drafts it in three languages and asks three bodies; two of them must sign",
            model=StatementDrafted,
            fields={
                "title": TITLE,
                "instrument": "un.press",
                "drafted_date": "2025-08-20",
                "planned_date": "2025-08-30",
                "texts": TEXTS,
                "invited": (IACHR.slug, COE.slug, ODIHR.slug),
                "needed_signatures": 2,
            },
            about="arrest",
            audience=all_but(UN.slug),
        ),
        Look(OBSERVATORY.slug, reading_of("draft")),
        Look(COE.slug, frozen("draft")),
        *(
            Deed(
                name=f"cosigned by {slug}",
                by=slug,
                words="signs that hash",
                model=StatementCosigned,
                fields={**_SIGNED, "cosigned_date": f"2025-08-{day}"},
                about="draft",
                audience=all_but(slug),
            )
            for slug, day in ((IACHR.slug, 22), (COE.slug, 25))
        ),
        Look(UN.slug, ready("draft")),
        Deed(
            name="statement",
            by=UN.slug,
            words="issues it for the three of them, to be shown in a moment and not before",
            model=StatementIssued,
            fields={
                "title": TITLE,
                "instrument": "un.press",
                "issued_date": "2025-08-30",
                "joint_bodies": ("iachr", "coe.commissioner"),
                "texts": TEXTS,
            },
            about="draft",
            points={"cosignatures": (f"cosigned by {IACHR.slug}", f"cosigned by {COE.slug}")},
            opens_after_s=_OPENS_AFTER_S,
        ),
        Look(OBSERVATORY.slug, sealed("statement")),
        Look(UN.slug, released("statement")),
        Deed(
            name=f"cosigned by {ODIHR.slug}",
            by=ODIHR.slug,
            words="joins late",
            model=StatementCosigned,
            fields={**_SIGNED, "cosigned_date": "2025-09-02"},
            about="statement",
        ),
        Look(OBSERVATORY.slug, signed("statement", late=ODIHR.slug)),
    ),
)
