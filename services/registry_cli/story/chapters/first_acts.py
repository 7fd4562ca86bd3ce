"""The first acts: an urgent appeal and a precautionary measure."""

from typing import Final

from registry.client.acting import Question
from registry.domain.content import CommunicationSent, MeasureGranted
from registry_cli.story.cast import COE, IACHR, ODIHR, TO_STATE, UN
from registry_cli.story.known import acted
from registry_cli.story.looks import owed, reading_of
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "Two bodies act, each by its own means, and all see both",
    (
        Deed(
            name="appeal",
            by=UN.slug,
            words="sends an urgent appeal, UA XXA 1/2025; it names nobody to the State",
            model=CommunicationSent,
            fields={
                **TO_STATE,
                "instrument": "un.ua",
                "references": ("UA XXA 1/2025",),
                "document_type": "Urgent appeal",
                "sent_date": "2025-03-05",
            },
            about="submission",
        ),
        Look(ODIHR.slug, owed("appeal", state="open")),
        Look(
            IACHR.slug,
            acted(
                "by the reference before it acts too, UA XXA 1/2025",
                Question(
                    reference="UA XXA 1/2025",
                    planned_instrument="iachr.pm",
                    planned_body="iachr",
                ),
            ),
        ),
        Deed(
            name="measure",
            by=IACHR.slug,
            words="grants a precautionary measure, MC 12-25, to the people of the river",
            model=MeasureGranted,
            fields={
                **TO_STATE,
                "instrument": "iachr.pm",
                "references": ("MC 12-25",),
                "granted_date": "2025-03-20",
                "beneficiaries": "the people of the Orrin river who speak up for it",
            },
            about="appeal",
        ),
        Look(COE.slug, reading_of("measure")),
    ),
)
