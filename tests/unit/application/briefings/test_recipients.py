"""What a briefing withholds: from each recipient what one of them may not see, counted alone."""

import re
from typing import Final

import pytest

from registry.application.briefings.making import Briefings
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotFound
from registry.views.briefings.order import BriefingOrder
from tests.unit.application.briefings.briefing_world import (
    STATE,
    THEME,
    act,
    begin,
    brief,
    tell,
    whole_story,
)
from tests.unit.application.federation_in_process import START_MS, Node, Nodes, with_gone
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn

TO_BETA: Final = named("beta")


def withheld(text: str) -> tuple[int, int]:
    """How many events and names a briefing says it withholds."""
    section = text[text.index("## What is withheld") :]
    events, names = re.findall(r"\| (\d+) \|$", section, flags=re.MULTILINE)[:2]
    return int(events), int(names)


def test_content_for_one_recipient_is_not_told_to_two(node: Node) -> None:
    story = begin(node)
    tell(node, story, act(K.NOTE_ADDED, "For beta alone"), named("beta"))
    tell(node, story, act(K.NOTE_ADDED, "For both of them"), named("beta", "gamma"))
    tell(node, story, act(K.NOTE_ADDED, "For nobody else"), OWN_ONLY)

    for_beta, for_both = brief(node, "beta"), brief(node, "beta", "gamma")

    assert "For beta alone" in for_beta
    assert "For both of them" in for_beta
    assert "For beta alone" not in for_both
    assert "For both of them" in for_both
    assert "For nobody else" not in for_beta + for_both
    assert (withheld(for_beta), withheld(for_both)) == ((1, 0), (2, 0))


def test_title_that_a_recipient_may_not_see_names_no_case(node: Node) -> None:
    content = begin(node).case_id
    assert content
    sealed = act(K.CASE_OPENED, "A sealed title")
    receipt = node.record(sealed, audience=named("beta"))
    node.record(act(K.NOTE_ADDED, "For both"), receipt.case_id, audience=named("beta", "gamma"))

    told = brief(node, "beta", "gamma")

    assert "For both" in told
    assert "A sealed title" not in told
    assert f"Case {receipt.case_id.hex()[:8]} (no title" in told


def test_case_of_which_recipients_may_see_nothing_is_not_even_counted(node: Node) -> None:
    begin(node)
    before = brief(node, "gamma")
    secret = node.record(act(K.CASE_OPENED, "Only for beta"), audience=named("beta"))
    node.record(act(K.NOTE_ADDED, "Also"), secret.case_id, audience=named("beta"))

    after = brief(node, "gamma")

    told = [text[text.index("## Figures") :] for text in (before, after)]
    assert told[0] == told[1]
    assert secret.case_id.hex() not in after


def test_theme_that_only_withheld_content_names_finds_no_case(node: Node) -> None:
    story = begin(node)
    tell(node, story, act(K.NOTE_ADDED, "Land", themes=["land_rights"]), named("beta"))

    assert "Land" in brief(node, "beta", themes=("land_rights",))
    hidden = brief(node, "gamma", themes=("land_rights",))
    assert story.case_id.hex() not in hidden
    assert withheld(hidden) == (0, 0)


def test_reply_that_is_withheld_leaves_open_what_it_answered_and_the_briefing_says_so(
    node: Node,
) -> None:
    story = begin(node)
    letter = act(K.COMMUNICATION_SENT, "Asked", sent_date="2024-01-01", reply_due_date="2024-02-01")
    tell(node, story, letter)
    reply = {"about": story.places["Asked"], "replied_date": None, "received_date": "2024-01-20"}
    tell(node, story, act(K.REPLY_RECEIVED, "Answered", **reply), named("beta"))

    def overdue(text: str) -> str:
        return text[text.index("## Overdue") : text.index("## Recommendations")]

    for_gamma = overdue(brief(node, "gamma", as_of="2024-06-01"))
    assert "2024-02-01" in for_gamma
    assert "as far as the recipients may see" in for_gamma
    assert "Nothing is overdue" in overdue(brief(node, "beta", as_of="2024-06-01"))


def test_person_is_named_only_with_consent_to_sharing_with_all_or_in_public(node: Node) -> None:
    story = begin(node)
    node.record(consent("share_with_mechanisms", "beta"), story.case_id, audience=OWN_ONLY)
    named_there = naming(AYO, title="Told of somebody", states=(STATE,), themes=(THEME,))
    node.record(named_there, story.case_id, audience=named("beta"))

    assert AYO.name in brief(node, "beta")
    node.record(consent("share_with_mechanisms", "beta", "gamma"), story.case_id, audience=OWN_ONLY)
    node.record(named_there, story.case_id, audience=named("beta", "gamma"))
    assert AYO.name in brief(node, "beta", "gamma")
    assert AYO.name not in brief(node, "alpha", "beta", "gamma")
    node.record(consent("names_in_public"), story.case_id, audience=OWN_ONLY)
    # To be named in public is not to be named in confidence: that act is for some.
    assert AYO.name not in brief(node, "alpha", "beta", "gamma")
    node.record(named_there, story.case_id, audience=EVERYONE)
    assert AYO.name in brief(node, "alpha", "beta", "gamma")
    node.record(withdrawn(), story.case_id)
    for recipients in (("beta",), ("beta", "gamma"), ("alpha", "beta", "gamma")):
        assert AYO.name not in brief(node, *recipients)


def test_text_with_a_protected_name_is_withheld_and_consents_are_never_told(node: Node) -> None:
    story = begin(node)
    tell(node, story, act(K.NOTE_ADDED, "They met Ayo Zemlinski again"))
    node.record(consent("names_in_public", title="A record of consent"), story.case_id)
    node.record(naming(AYO, title="Named in public", states=(STATE,)), story.case_id)
    assert "Zemlinski" in brief(node, "beta")
    node.record(withdrawn("names_in_public"), story.case_id)

    told = brief(node, "beta")

    assert "Named in public" in told
    assert "Zemlinski" not in told
    assert "A record of consent" not in told
    assert withheld(told) == (3, 1)


def test_content_under_embargo_is_told_only_after_its_time(node: Node) -> None:
    story = begin(node)
    later = START_MS + 1000
    issued = act(K.STATEMENT_ISSUED, "Later", texts=(), cosignatures=())
    tell(node, story, issued, EVERYONE, not_before_ms=later)

    assert "Later" not in brief(node, "beta")
    node.clock.time_ms = later
    assert "Later" in brief(node, "beta")


def test_hidden_case_is_in_no_briefing(nodes: Nodes) -> None:
    story = whole_story(nodes)

    told = brief(nodes["alpha"], hidden={story.case_id})

    assert story.case_id.hex() not in told
    assert "Arrest" not in told
    assert "Arrest" in brief(nodes["alpha"])


def test_what_is_told_and_confidential_is_counted_for_the_record_of_reads(node: Node) -> None:
    story = begin(node)
    tell(node, story, act(K.NOTE_ADDED, "Sealed one"), named("beta"))
    tell(node, story, act(K.NOTE_ADDED, "Sealed two", noted_date="2020-01-01"), named("beta"))
    order = BriefingOrder(("beta",), since="2021", states=(STATE,))

    made = Briefings(node.registry).make(order, "md")

    assert dict(made.confidential) == {story.case_id: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipients": ()},
        {"language": "tlh"},
        {"since": "2024-13"},
        {"until": "24"},
        {"as_of": "2024-03"},
        {"since": "2024-05", "until": "2024-04"},
        {"states": ("POLAND",)},
        {"themes": ("x" * 65,)},
        {"case_limit": 0},
        {"case_limit": 10**6},
    ],
    ids=str,
)
def test_order_that_cannot_be_made_names_its_field(node: Node, wrong: dict[str, object]) -> None:
    order = BriefingOrder(**{"recipients": ("beta",), **wrong})  # type: ignore[arg-type] # wrong on purpose

    with pytest.raises(InvalidRequest, match=next(iter(wrong))[:4]):
        Briefings(node.registry).make(order, "md")


def test_recipient_who_is_no_member_is_refused(node: Node) -> None:
    begin(node)
    with pytest.raises(NotFound):
        brief(node, "beta", "nobody")


@pytest.mark.parametrize("is_removed", [True, False])
@pytest.mark.parametrize("has_cases", [True, False])
def test_recipient_that_takes_part_no_more_is_refused(
    node: Node, *, is_removed: bool, has_cases: bool
) -> None:
    if has_cases:
        begin(node)
    node.registry.roster = with_gone(node.registry.roster, "beta", is_removed=is_removed)
    with pytest.raises(InvalidRequest, match="beta takes part no more"):
        brief(node, "gamma", "beta")


def test_one_of_two_who_is_released_leaves_the_other_detained(node: Node) -> None:
    story = begin(node)
    for person in (AYO, BEA):
        agreed = consent("share_with_mechanisms", "beta", person=person)
        node.record(agreed, story.case_id, audience=OWN_ONLY)
    both, one = ([person.model_dump() for person in held] for held in ((AYO, BEA), (AYO,)))
    dates = {"detained_date": "2024-02-01", "arrested_date": None, "next_hearing_date": None}
    tell(node, story, act(K.DETENTION_RECORDED, "Two are held", persons=both, **dates), TO_BETA)
    out = act(K.PERSON_RELEASED, "Free", released_date="2024-02-11", about=None, persons=one)
    tell(node, story, out, TO_BETA)

    text = brief(node, "beta", as_of="2024-03-02")
    section = text[text.index("## Detention") : text.index("## Reprisals")]
    rows = [line for line in section.splitlines() if "Two are held" in line]
    assert [("Ayo" in row, "Bea" in row) for row in rows] == [(True, False), (False, True)]
    assert ["no release is known" in row for row in rows] == [False, True]
    assert ["| 10 |" in row for row in rows] == [True, False]
    assert ["| 30 |" in row for row in rows] == [False, True]
