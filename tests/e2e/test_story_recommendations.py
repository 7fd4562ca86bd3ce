"""As an officer of one mechanism I follow up what another one recommended after its visit, in our
own grading scheme: both grades stand side by side, where they differ it is said, and what asks the
same is tied together once a person agrees.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from registry.client import RegistryClient, case
from registry.client.casework import Filter, FollowUp
from registry.domain.content import FollowupAssessed
from registry.domain.vocabulary import EventKind as K
from registry_cli.federation import LocalNode
from tests.e2e.story_world import COE, IACHR, OBSERVATORY, UN, event_of, read_case
from tests.integration.casework_world import at, does, listed, opens, place
from tests.integration.federation_world import client_of

STATE: Final = "XXR"
ASK: Final = "Repeal the decree on assemblies"
ON_STATE: Final = Filter(states=[STATE])


async def test_recommendation_of_a_visit_is_followed_up_by_another_body_in_another_scheme(
    mechanisms: dict[str, LocalNode],
) -> None:
    un, iachr, coe = mechanisms[UN], mechanisms[IACHR], mechanisms[COE]

    # The Special Rapporteur visits the State, reports on it and recommends.
    case_id = await opens(un, "A country visit (invented)", states=(STATE,))
    visit = await does(
        un,
        case_id,
        K.VISIT_CONDUCTED,
        visited_state=STATE,
        visit_start_date="2023-05-01",
        visit_end_date="2023-05-10",
        report_due_date="2024-03-01",
    )
    report = await does(
        un,
        case_id,
        K.VISIT_REPORT_PUBLISHED,
        about=at(visit),
        visited_state=STATE,
        published_date="2024-02-20",
        visit_start_date="2023-05-01",
        visit_end_date="2023-05-10",
    )
    asked = await does(
        un,
        case_id,
        K.RECOMMENDATION_MADE,
        about=at(report),
        title=ASK,
        instrument="un.recommendation",
        addressee_state=STATE,
        states=[STATE],
        made_date="2024-02-20",
        followup_due_date=None,
        response=None,
    )

    # The Inter-American Commission follows it up, in its own words for how far things have come.
    await read_case(iachr, case_id, events=4)
    ours = await does(
        iachr,
        case_id,
        K.FOLLOWUP_ASSESSED,
        about=at(asked),
        acting_body="iachr",
        assessed_date="2025-01-15",
        grade={"scheme": "iachr", "value": "pending"},
        derived="",
    )
    (row,) = await listed(un, partial(followed, ON_STATE), partial(has_grades, 1))
    assert [(a.scheme, a.value, a.derived) for a in row.assessments] == [
        ("iachr", "pending", "unsatisfactory")
    ]
    assert not row.is_contradicted

    # The Commissioner, who has read that, looks at it another way. Nobody is overruled.
    await read_case(coe, case_id, events=5)
    theirs = await does(
        coe,
        case_id,
        K.FOLLOWUP_ASSESSED,
        about=at(asked),
        acting_body="coe.commissioner",
        assessed_date="2025-02-01",
        grade={"scheme": "coe", "value": "closed"},
        derived="",
    )
    for node in mechanisms.values():
        (row,) = await listed(node, partial(followed, ON_STATE), partial(has_grades, 2))
        assert (row.act.title, row.act.mechanism) == (ASK, UN)
        assert {(a.body, a.scheme, a.value, a.derived) for a in row.assessments} == {
            ("iachr", "iachr", "pending", "unsatisfactory"),
            ("coe.commissioner", "coe", "closed", "implemented"),
        }
        assert row.is_contradicted
        async with client_of(node) as client:
            (differ,) = await client.disagreements(case(case_id))
        assert differ.about == (asked.origin, asked.index)
        assert {(c.mechanism, c.value) for c in differ.claims} == {
            (IACHR, "unsatisfactory"),
            (COE, "implemented"),
        }
        assert not differ.is_concurrent, "the second one had read the first"

    # Each grade stays as it was given, in the history of every node.
    for receipt, scheme in ((ours, "iachr"), (theirs, "coe")):
        content = event_of(await read_case(un, case_id, events=6), receipt).content
        assert isinstance(content, FollowupAssessed)
        assert (content.grade.scheme, content.derived) == (scheme, "")


async def test_what_asks_the_same_is_tied_together_once_a_person_agrees(
    mechanisms: dict[str, LocalNode],
) -> None:
    un, iachr, observatory = mechanisms[UN], mechanisms[IACHR], mechanisms[OBSERVATORY]
    first = await opens(un, "A visit with an ask (invented)", states=("XXT",))
    second = await opens(iachr, "A report with the same ask (invented)", states=("XXT",))
    asks = [
        await does(
            node,
            case_id,
            K.RECOMMENDATION_MADE,
            title=ASK,
            instrument=instrument,
            acting_body=body,
            addressee_state="XXT",
            made_date="2024-01",
            followup_due_date=None,
            response=None,
        )
        for node, case_id, instrument, body in (
            (un, first, "un.recommendation", "un.sr-defenders"),
            (iachr, second, "", "iachr"),
        )
    ]

    # The Observatory notices that two bodies ask for one thing and says so.
    await read_case(observatory, second, events=2)
    proposal = await does(
        observatory, first, K.CONCORDANCE_PROPOSED, about=at(asks[0]), same_as=[at(asks[1])]
    )
    for node in mechanisms.values():
        (row,) = await listed(
            node, lambda c: c.casework.concordances(event=place(asks[1])), lambda f: len(f) == 1
        )
        assert row.state == "proposed", "a proposal is not an answer"

    # An officer at the United Nations agrees.
    await does(un, first, K.CONCORDANCE_ACCEPTED, about=at(proposal), is_declined=False)
    accepted = Filter(statuses=["accepted"])
    for node in mechanisms.values():
        (row,) = await listed(
            node,
            lambda c: c.casework.concordances(accepted, place(asks[0])),
            lambda f: len(f) == 1,
        )
        assert set(row.events) == {place(ask) for ask in asks}


def has_grades(count: int, found: list[FollowUp]) -> bool:
    return len(found) == 1 and len(found[0].assessments) == count


def followed(wanted: Filter, client: RegistryClient) -> AsyncIterator[FollowUp]:
    return client.casework.follow_ups(wanted)
