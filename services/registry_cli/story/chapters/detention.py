"""An arrest, and what bodies make of it."""

from typing import Final

from registry.client.acting import Question
from registry.domain.content import (
    DetentionChanged,
    DetentionRecorded,
    OpinionAdopted,
    ReplyReceived,
    TrialObserved,
)
from registry_cli.story.cast import IACHR, INVENTED_STATE, OBSERVATORY, ODIHR, TO_STATE, UN
from registry_cli.story.held import days_held, not_tried
from registry_cli.story.known import acted
from registry_cli.story.looks import owed
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "An arrest, a charge, a hearing, an opinion",
    (
        Deed(
            name="arrest",
            by=OBSERVATORY.slug,
            words="records an arrest at a road block; as everybody holds it, it names nobody",
            model=DetentionRecorded,
            fields={
                "themes": ("arbitrary_detention",),
                "detained_date": "2025-04-02",
                "deprivation": "police_custody",
                "place": "a police station in Orrin",
                "authority": "the police of a State that does not exist",
                "confidence": "alleged",
            },
        ),
        Deed(
            name="reply",
            by=UN.slug,
            words="receives the reply of the State: it says that the law was kept",
            model=ReplyReceived,
            fields={
                "replying_state": INVENTED_STATE,
                "reply_kind": "substantive",
                "received_date": "2025-04-20",
            },
            about="appeal",
        ),
        Look(ODIHR.slug, owed("appeal", state="met")),
        Deed(
            name="charge",
            by=OBSERVATORY.slug,
            words="records the charge: unrest",
            model=DetentionChanged,
            fields={
                "changed_date": "2025-04-25",
                "change": "charged",
                "charges": ("unrest",),
                "deprivation": "pre_trial",
                "next_hearing_date": "2025-05-20",
            },
            about="arrest",
        ),
        Deed(
            name="hearing",
            by=ODIHR.slug,
            words="sits in the first hearing and reports on it",
            model=TrialObserved,
            fields={
                "instrument": "osce.trial_report",
                "observed_date": "2025-05-20",
                "court": "District court of Orrin",
                "stage": "first hearing",
            },
            about="arrest",
        ),
        Deed(
            name="opinion",
            by=UN.slug,
            words="publishes what its Working Group found: arbitrary, Opinion No. 99/2025",
            model=OpinionAdopted,
            fields={
                **TO_STATE,
                "acting_body": "wgad",
                "instrument": "wgad.opinion",
                "references": ("Opinion No. 99/2025",),
                "adopted_date": "2025-06-12",
            },
            about="arrest",
        ),
        Look(IACHR.slug, owed("opinion", state="open")),
        Look(
            IACHR.slug,
            acted(
                "before it registers a petition, by the reference Opinion No. 99/2025",
                Question(
                    reference="Opinion No. 99/2025",
                    planned_instrument="iachr.petition",
                    planned_body="iachr",
                ),
                briefly=True,
            ),
        ),
        Look(UN.slug, days_held("2025-06-12", standing="detained")),
        Look(ODIHR.slug, not_tried()),
    ),
)
