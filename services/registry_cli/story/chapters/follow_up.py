"""What came of the recommendation, in the grading schemes of two bodies."""

from typing import Final

from registry.domain.content import (
    ConcordanceAccepted,
    ConcordanceProposed,
    FollowupAssessed,
    FollowupInformation,
    RecommendationMade,
)
from registry_cli.story.cast import COE, IACHR, OBSERVATORY, TO_STATE, UN
from registry_cli.story.looks import grades_of, same_asks
from registry_cli.story.script import Chapter, Deed, Look

CHAPTER: Final = Chapter(
    "What came of the recommendation: other bodies grade it, each in its own scheme",
    (
        Deed(
            name="information",
            by=OBSERVATORY.slug,
            words="tells that one charge of two was dropped",
            model=FollowupInformation,
            fields={"received_date": "2025-09-20", "provided_by": "obs.observatory"},
            about="recommendation",
        ),
        Deed(
            name="partial",
            by=IACHR.slug,
            words="grades it in the scheme of the Inter-American Commission: partial",
            model=FollowupAssessed,
            fields={
                "grade": {"scheme": "iachr", "value": "partial"},
                "assessed_date": "2025-10-01",
            },
            about="recommendation",
        ),
        Deed(
            name="refused",
            by=UN.slug,
            words="grades it in the scheme of the Human Rights Committee: C1",
            model=FollowupAssessed,
            fields={
                "acting_body": "tb.ccpr",
                "grade": {"scheme": "ccpr", "value": "C1"},
                "assessed_date": "2025-10-03",
            },
            about="recommendation",
        ),
        Look(COE.slug, grades_of("recommendation", count=2)),
        Deed(
            name="same ask",
            by=IACHR.slug,
            words="has asked for the same in its own words",
            model=RecommendationMade,
            fields={
                **TO_STATE,
                "title": "Release, and no charge for words",
                "made_date": "2025-10-05",
            },
        ),
        Deed(
            name="concordance",
            by=OBSERVATORY.slug,
            words="proposes that both ask one thing",
            model=ConcordanceProposed,
            fields={"proposed_date": "2025-10-07"},
            about="recommendation",
            points={"same_as": ("same ask",)},
        ),
        Deed(
            name="agreed",
            by=COE.slug,
            words="agrees",
            model=ConcordanceAccepted,
            fields={"accepted_date": "2025-10-08"},
            about="concordance",
        ),
        Look(UN.slug, same_asks("same ask")),
    ),
)
