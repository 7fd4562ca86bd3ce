"""What the demo records itself: a real public opinion, and an invented case that crosses all nodes.

Nothing in the case is a fact: State XXA does not exist, and every event says that it is invented.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registry.domain.content import (
    ActContent,
    CaseOpened,
    CommunicationSent,
    EventPointer,
    FollowupAssessed,
    FollowupInformation,
    LegalReviewIssued,
    NativeGrade,
    PartialDate,
    RecommendationMade,
    ReplyReceived,
    StatementIssued,
    SubmissionReceived,
)

INVENTED_STATE: Final = "XXA"

ODIHR_OPINION: Final = LegalReviewIssued(
    acting_body="osce.odihr",
    basis="public_record",
    source="legislationline.org, OSCE/ODIHR",
    references=("NGO-POL/303/2017",),
    states=("POL",),
    instrument="osce.opinion",
    issued_date=PartialDate(value="2017-08-22"),
    law_title=(
        "Draft Act on the National Freedom Institute - Centre for the Development of Civil Society"
    ),
)
"""A fact: OSCE/ODIHR, Warsaw, 22 August 2017, Opinion-Nr. NGO-POL/303/2017."""

OPENING: Final = CaseOpened(
    acting_body="obs.observatory",
    basis="own_act",
    title="River defenders in a State that does not exist",
    states=(INVENTED_STATE,),
    is_invented=True,
    opened_date=PartialDate(value="2025-03-02"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the invented case.

    Attributes:
        name: what later steps call it.
        mechanism: slug of the node that records it.
        about: name of the step that it answers or follows up; empty = none.
        content: makes the content from the pointer to that step.
    """

    name: str
    mechanism: str
    about: str
    content: Callable[[EventPointer | None], ActContent]


def _made(model: type[ActContent], **fields: Any) -> Callable[[EventPointer | None], ActContent]:  # noqa: ANN401 - the model judges
    shared: Mapping[str, Any] = {
        "basis": "own_act",
        "states": (INVENTED_STATE,),
        "is_invented": True,
    }
    return lambda about: model.model_validate({**shared, **fields, "about": about})


STEPS: Final = (
    Step(
        "submission",
        "observatory",
        "",
        _made(SubmissionReceived, acting_body="obs.observatory", received_date="2025-03-02"),
    ),
    Step(
        "appeal",
        "un",
        "submission",
        _made(
            CommunicationSent,
            acting_body="un.sr-defenders",
            instrument="un.ua",
            references=("UA XXA 1/2025",),
            document_type="Urgent appeal",
            addressee_state=INVENTED_STATE,
            sent_date="2025-03-05",
            reply_due_date="2025-05-04",
        ),
    ),
    Step(
        "reply",
        "un",
        "appeal",
        _made(
            ReplyReceived,
            acting_body="un.sr-defenders",
            replying_state=INVENTED_STATE,
            reply_kind="substantive",
            received_date="2025-04-20",
        ),
    ),
    Step(
        "statement",
        "coe-commissioner",
        "appeal",
        _made(
            StatementIssued,
            acting_body="coe.commissioner",
            instrument="coe.statement",
            issued_date="2025-04-28",
        ),
    ),
    Step(
        "recommendation",
        "osce-odihr",
        "reply",
        _made(
            RecommendationMade,
            acting_body="osce.odihr",
            title="Drop the charges and review the law on assemblies",
            addressee_state=INVENTED_STATE,
            made_date="2025-05-11",
        ),
    ),
    Step(
        "information",
        "observatory",
        "recommendation",
        _made(
            FollowupInformation,
            acting_body="obs.observatory",
            title="Charges dropped; the law is unchanged",
            received_date="2025-09-14",
        ),
    ),
    Step(
        "assessment",
        "osce-odihr",
        "recommendation",
        _made(
            FollowupAssessed,
            acting_body="osce.odihr",
            grade=NativeGrade(scheme="demo", value="partly implemented"),
            assessed_date="2025-10-01",
        ),
    ),
)
"""In the order of record; each is recorded once its node has received what it is about."""
