"""An invented matter of three mechanisms from arrest to a meeting, and briefings on it."""

from dataclasses import dataclass
from typing import Any, Final

from registry.application.briefings.making import Briefings, Form
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.content import ActContent
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.views.briefings.order import BriefingOrder
from tests.unit.application.federation_in_process import Node, Nodes, opening

STATE: Final = "XXA"
THEME: Final = "arbitrary_detention"
OWN: Final[dict[str, Any]] = {"states": [STATE], "themes": [THEME], "persons": []}


@dataclass
class Story:
    """The case, and where each act of it stands, by its title."""

    case_id: CaseId
    places: dict[str, dict[str, Any]]


def act(kind: K, title: str, **fields: Any) -> ActContent:
    """An invented act on the theme in the State."""
    return example_of(kind, **{**OWN, "title": title, "references": [], **fields})


def tell(
    node: Node,
    story: Story,
    content: ActContent,
    audience: AudienceChoice = EVERYONE,
    **how: Any,
) -> None:
    """Records one act of the story."""
    receipt = node.record(content, story.case_id, audience=audience, **how)
    story.places[content.title] = {"origin": receipt.origin, "index": receipt.index}


def begin(node: Node, title: str = "An invented matter (invented)") -> Story:
    """Opens the case, for everyone."""
    content = opening(title).model_copy(update={"states": (STATE,), "themes": (THEME,)})
    receipt = node.record(content, audience=EVERYONE)
    place = {"origin": receipt.origin, "index": receipt.index}
    return Story(receipt.case_id, {title: place})


def whole_story(nodes: Nodes) -> Story:
    """From arrest to a meeting, at alpha; all logs are carried to all nodes."""
    alpha = nodes["alpha"]
    story = begin(alpha)
    about = story.places
    tell(alpha, story, act(K.CASE_MARKED_EMBLEMATIC, "Marked", is_taken_back=False))
    tell(
        alpha,
        story,
        act(
            K.DETENTION_RECORDED,
            "Arrest",
            detained_date="2024-01-10",
            arrested_date=None,
            next_hearing_date=None,
        ),
    )
    tell(
        alpha,
        story,
        act(
            K.COMMUNICATION_SENT,
            "Appeal",
            instrument="un.ua",
            sent_date="2024-02-01",
            reply_due_date="2024-04-01",
            addressee_state=STATE,
        ),
    )
    issued = act(
        K.STATEMENT_ISSUED, "Statement", issued_date="2024-03-05", texts=(), cosignatures=()
    )
    tell(alpha, story, issued)
    tell(
        alpha,
        story,
        act(
            K.RECOMMENDATION_MADE,
            "Release at once",
            made_date="2024-03-06",
            addressee_state=STATE,
            followup_due_date=None,
        ),
    )
    tell(
        alpha,
        story,
        act(K.REPRISAL_ALLEGED, "Reprisal", occurred_date="2024-05-01", cooperation=None),
    )
    tell(
        alpha,
        story,
        act(K.ACCOUNTABILITY_STEP, "Complaint", step_date="2024-05-20", step="complaint_filed"),
    )
    tell(
        alpha,
        story,
        act(
            K.PERSON_RELEASED,
            "Release",
            released_date="2024-06-10",
            about=about["Arrest"],
            release="conditional",
        ),
    )
    tell(alpha, story, act(K.MEETING_HELD, "Meeting", held_date="2024-07-01"))
    tell(
        alpha,
        story,
        act(
            K.COMMITMENT_MADE,
            "Promise",
            made_date="2024-07-01",
            about=about["Meeting"],
            followup_due_date="2024-12-01",
            addressee_state=STATE,
        ),
    )
    nodes.carry_all()
    return story


def brief(node: Node, *recipients: str, form: Form = "md", hidden: Any = (), **order: Any) -> str:
    """A briefing as text; for beta and gamma if nobody is named."""
    asked = BriefingOrder(recipients=recipients or ("beta", "gamma"), **order)
    return Briefings(node.registry).make(asked, form, hidden).data.decode("utf-8", "replace")


def only_beta() -> AudienceChoice:
    """For beta alone, besides the author."""
    return named("beta")
