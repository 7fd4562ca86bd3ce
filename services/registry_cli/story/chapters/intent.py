"""An intent to visit, its answers, and the visit."""

from typing import Final

from registry.domain.audience import named
from registry.domain.content import (
    IntentAnswered,
    IntentDeclared,
    RecommendationMade,
    VisitConducted,
    VisitReportPublished,
)
from registry_cli.story.calls import answers_intent, declares
from registry_cli.story.cast import COE, IACHR, INVENTED_STATE, OBSERVATORY, ODIHR, TO_STATE, UN
from registry_cli.story.intents import intent_stands
from registry_cli.story.looks import reading_of
from registry_cli.story.script import Chapter, Deed, Look

ASK: Final = "Drop the charges, and let people speak up for the river"
CHAPTER: Final = Chapter(
    "An intent: a visit is planned together",
    (
        Deed(
            name="intent",
            by=COE.slug,
            words="tells three bodies that it means to visit on 1 July",
            model=IntentDeclared,
            fields={
                **TO_STATE,
                "action": "visit",
                "declared_date": "2025-06-15",
                "planned_date": "2025-07-01",
                "planned_until_date": "2025-07-04",
            },
            audience=named(UN.slug, IACHR.slug, ODIHR.slug),
            record=declares,
        ),
        Look(OBSERVATORY.slug, reading_of("intent")),
        Deed(
            name="joining",
            by=ODIHR.slug,
            words="answers that it joins",
            model=IntentAnswered,
            fields={"answered_date": "2025-06-17", "answer": "joins"},
            about="intent",
            audience=named(COE.slug, UN.slug, IACHR.slug),
            record=answers_intent,
        ),
        Deed(
            name="visit",
            by=COE.slug,
            words="visits the State, with OSCE/ODIHR, and speaks with the people of the river",
            model=VisitConducted,
            fields={
                "visited_state": INVENTED_STATE,
                "visit_start_date": "2025-07-01",
                "visit_end_date": "2025-07-04",
                "report_due_date": "2025-09-01",
            },
        ),
        Look(IACHR.slug, intent_stands("intent", state="fulfilled")),
        Deed(
            name="report",
            by=COE.slug,
            words="publishes its report",
            model=VisitReportPublished,
            fields={
                "instrument": "coe.country_report",
                "visited_state": INVENTED_STATE,
                "published_date": "2025-08-15",
            },
            about="visit",
        ),
        Deed(
            name="recommendation",
            by=COE.slug,
            words=f"recommends: {ASK.lower()}",
            model=RecommendationMade,
            fields={
                **TO_STATE,
                "title": ASK,
                "instrument": "coe.recommendation",
                "made_date": "2025-08-15",
            },
            about="report",
        ),
    ),
)
