"""What comes next: two bodies plan to go back in the same week, and see it."""

from collections.abc import Mapping
from typing import Any, Final

from registry.domain.audience import named
from registry.domain.content import IntentAnswered, IntentDeclared, IntentWithdrawn
from registry_cli.story.calls import answers_intent, declares, withdraws
from registry_cli.story.cast import COE, IACHR, ODIHR, TO_STATE, UN
from registry_cli.story.intents import intent_stands
from registry_cli.story.script import Chapter, Deed, Look

VISIT: Final[Mapping[str, Any]] = {**TO_STATE, "action": "visit"}
CHAPTER: Final = Chapter(
    "What comes next: two bodies would go back in one week, and learn it in time",
    (
        Deed(
            name="return",
            by=COE.slug,
            words="means to go back in six weeks, and tells three bodies",
            model=IntentDeclared,
            fields=VISIT,
            days={"declared_date": 0, "planned_date": 40, "planned_until_date": 44},
            audience=named(UN.slug, IACHR.slug, ODIHR.slug),
            record=declares,
        ),
        Deed(
            name="other visit",
            by=UN.slug,
            words="means to go there too, and tells two bodies",
            model=IntentDeclared,
            fields=VISIT,
            days={"declared_date": 0, "planned_date": 43, "planned_until_date": 50},
            audience=named(COE.slug, ODIHR.slug),
            record=declares,
        ),
        Look(COE.slug, intent_stands("return", state="open", clashes=1)),
        Deed(
            name="one visit",
            by=UN.slug,
            words="joins the visit of the Commissioner",
            model=IntentAnswered,
            fields={"answer": "joins"},
            days={"answered_date": 0},
            about="return",
            audience=named(COE.slug, IACHR.slug, ODIHR.slug),
            record=answers_intent,
        ),
        Deed(
            name="no other visit",
            by=UN.slug,
            words="withdraws its own plan",
            model=IntentWithdrawn,
            days={"withdrawn_date": 0},
            about="other visit",
            audience=named(COE.slug, ODIHR.slug),
            record=withdraws,
        ),
        Look(COE.slug, intent_stands("return", state="answered")),
    ),
)
