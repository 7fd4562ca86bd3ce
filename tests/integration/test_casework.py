"""A desk officer's work across four mechanisms: letters and clocks, visits, laws, links, cuts."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Final

import pytest

from registry.application.folder import NodeFolder
from registry.client import RegistryClient
from registry.client.casework import ActSummary, Filter
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest
from registry_cli.federation import LocalNode
from tests.integration.casework_world import at, does, listed, opens, place
from tests.integration.federation_world import client_of, found, start_all, stop_all
from tests.unit.domain.test_profiles import WGAD

LETTERS: Final = "XXA"
VISITS: Final = "XXB"
LAWS: Final = "XXC"
OPINIONS: Final = "XXE"


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    """Running nodes: un, iachr, coe, observatory."""
    nodes = found(tmp_path_factory.mktemp("desks"), "un", "iachr", "coe", "observatory")
    own_profiles = NodeFolder(nodes[2].folder).profiles
    own_profiles.mkdir()
    (own_profiles / "wgad.toml").write_text(WGAD)
    try:
        start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


async def test_urgent_appeal_its_late_reply_and_the_follow_up_are_seen_by_all(
    desks: list[LocalNode],
) -> None:
    un, _, _, observatory = desks
    case_id = await opens(observatory, "An invented defender at risk", themes=("reprisals",))
    received = await does(observatory, case_id, K.SUBMISSION_RECEIVED, received_date="2024-01-02")
    await does(un, case_id, K.SUBMISSION_UPDATED, about=at(received), updated_date="2024-01-03")
    letter = await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="un.ua",
        sent_date="2024-01-10",
        reply_due_date=None,
        addressee_state=LETTERS,
        references=["UA XXA 7/2024"],
    )
    wanted = Filter(states=[LETTERS], instruments=["un.ua"])
    due = await listed(observatory, lambda c: c.casework.obligations(wanted), lambda f: len(f) == 1)
    assert (due[0].due, due[0].is_by_clock, due[0].state) == ("2024-03-10", True, "open")
    assert due[0].is_overdue
    more = await does(
        un,
        case_id,
        K.REPLY_EXTENSION_GRANTED,
        about=at(letter),
        granted_date="2024-03-01",
        reply_due_date="2024-04-10",
    )
    await does(
        un,
        case_id,
        K.REPLY_RECEIVED,
        about=at(more),
        received_date="2024-03-20",
        reply_kind="acknowledgement",
        replying_state=LETTERS,
        replied_date=None,
    )
    due = await listed(
        observatory, lambda c: c.casework.obligations(wanted), lambda f: f[0].due == "2024-04-10"
    )
    assert due[0].state == "open", "an acknowledgement is no reply"
    await does(
        un,
        case_id,
        K.REPLY_RECEIVED,
        about=at(letter),
        received_date="2024-05-02",
        reply_kind="substantive",
        replying_state=LETTERS,
        replied_date="2024-04-30",
    )
    await does(observatory, case_id, K.FOLLOWUP_INFORMATION, about=at(letter))

    met = Filter(states=[LETTERS], statuses=["met_late"])
    for desk in desks:
        rows = await listed(desk, lambda c: c.casework.obligations(met), lambda f: len(f) == 1)
        assert (rows[0].due, rows[0].met, rows[0].is_overdue) == ("2024-04-10", "2024-05-02", False)
    async with client_of(observatory) as client:
        parsed, places = await client.casework.references("xxa 07/2024")
    assert (parsed.scheme, len(places)) == ("un.communication", 1)
    assert (places[0].written, places[0].event) == ("UA XXA 7/2024", place(letter))


async def test_secretariat_changes_a_clock_without_code_and_for_itself_alone(
    desks: list[LocalNode],
) -> None:
    un, _, coe, _ = desks
    case_id = await opens(un, "An invented opinion")
    await does(
        un,
        case_id,
        K.OPINION_ADOPTED,
        instrument="wgad.opinion",
        adopted_date="2024-01-31",
        submitted_date=None,
        followup_due_date=None,
        addressee_state=OPINIONS,
    )
    wanted = Filter(states=[OPINIONS])
    days = []
    for node in (un, coe):
        rows = await listed(node, lambda c: c.casework.obligations(wanted), bool)
        days.append(rows[0].due)
    assert days == ["2024-07-31", "2024-04-30"]
    async with client_of(coe) as client:
        profiles = await client.casework.mechanisms()
    assert profiles.overridden == {"wgad"}
    assert profiles.by_name["achpr"] == shipped_profiles().by_name["achpr"]


async def test_recommendations_of_a_visit_are_followed_up_by_two_bodies_in_their_own_schemes(
    desks: list[LocalNode],
) -> None:
    un, iachr, coe, observatory = desks
    case_id = await opens(un, "An invented country visit")
    visit = await does(
        un,
        case_id,
        K.VISIT_CONDUCTED,
        visited_state=VISITS,
        visit_start_date="2023-05-01",
        visit_end_date="2023-05-10",
        report_due_date="2024-03-01",
    )
    report = await does(
        un,
        case_id,
        K.VISIT_REPORT_PUBLISHED,
        about=at(visit),
        visited_state=VISITS,
        published_date="2024-02-20",
        visit_start_date="2023-05-01",
        visit_end_date="2023-05-10",
    )
    asked = await does(
        un,
        case_id,
        K.RECOMMENDATION_MADE,
        about=at(report),
        addressee_state=VISITS,
        made_date="2024-02-20",
        instrument="un.recommendation",
        followup_due_date=None,
        response=None,
        title="Repeal an invented decree",
    )
    await does(
        un,
        case_id,
        K.RECOMMENDATION_RESPONSE,
        about=at(asked),
        responding_state=VISITS,
        response={"scheme": "upr", "value": "noted"},
        responded_date="2024-04",
    )
    await does(
        coe,
        case_id,
        K.FOLLOWUP_ASSESSED,
        about=at(asked),
        assessed_date="2025-01",
        grade={"scheme": "ccpr", "value": "B"},
        acting_body="tb.ccpr",
        derived="",
    )
    await does(
        iachr,
        case_id,
        K.FOLLOWUP_ASSESSED,
        about=at(asked),
        assessed_date="2025-02",
        grade={"scheme": "iachr", "value": "total"},
        acting_body="iachr",
        derived="",
    )

    wanted = Filter(states=[VISITS], statuses=["contradicted"])
    rows = await listed(observatory, lambda c: c.casework.follow_ups(wanted), bool)
    (row,) = rows
    assert row.act.title == "Repeal an invented decree"
    assert [(r.scheme, r.value) for r in row.responses] == [("upr", "noted")]
    assert sorted((a.body, a.scheme, a.value, a.derived) for a in row.assessments) == [
        ("iachr", "iachr", "total", "implemented"),
        ("tb.ccpr", "ccpr", "B", "partial"),
    ]
    report_due = Filter(states=[VISITS], matters=["report_due"], statuses=["met"])
    found = await listed(iachr, lambda c: c.casework.obligations(report_due), bool)
    assert found[0].met == "2024-02-20"

    other = await opens(iachr, "Another invented case with the same ask")
    same = await does(
        iachr,
        other,
        K.RECOMMENDATION_MADE,
        addressee_state=VISITS,
        made_date="2024-06",
        instrument="upr.recommendation",
        response=None,
        followup_due_date=None,
    )
    proposed = await does(
        observatory, case_id, K.CONCORDANCE_PROPOSED, about=at(asked), same_as=[at(same)]
    )
    await listed(
        un,
        lambda c: c.casework.concordances(Filter(statuses=["proposed"]), place(same)),
        lambda f: len(f) == 1,
    )
    await does(un, case_id, K.CONCORDANCE_ACCEPTED, about=at(proposed), is_declined=False)
    (accepted,) = await listed(
        coe,
        lambda c: c.casework.concordances(Filter(statuses=["accepted"]), place(asked)),
        lambda f: len(f) == 1,
    )
    assert set(accepted.events) == {place(asked), place(same)}


async def test_law_on_foreign_funding_has_one_history_of_four_bodies(
    desks: list[LocalNode],
) -> None:
    un, iachr, coe, observatory = desks
    case_id = await opens(coe, "An invented law on foreign funding", themes=("foreign_funding",))
    topics = ["foreign_funding", "ngo_funding"]
    states = [LAWS]
    draft = await does(
        coe, case_id, K.LAW_PROPOSED, topics=topics, states=states, proposed_date="2024-01"
    )
    await does(
        coe,
        case_id,
        K.LEGAL_REVIEW_ISSUED,
        about=at(draft),
        topics=topics,
        states=states,
        acting_body="osce.odihr",
        issued_date="2024-03-01",
    )
    await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        about=at(draft),
        instrument="un.ol",
        states=states,
        addressee_state=LAWS,
        sent_date="2024-03-05",
        reply_due_date=None,
    )
    await does(
        observatory, case_id, K.STATEMENT_ISSUED, about=at(draft), states=states, cosignatures=[]
    )
    await does(
        iachr,
        case_id,
        K.RECOMMENDATION_MADE,
        about=at(draft),
        states=states,
        addressee_state=LAWS,
        made_date="2024-04",
        response=None,
        followup_due_date=None,
    )
    await does(
        coe,
        case_id,
        K.LAW_ADOPTED,
        about=at(draft),
        topics=topics,
        states=states,
        adopted_date="2024-06-01",
        in_force_date="2024-07-01",
    )

    on_it = Filter(case_id=case_id)
    for desk in desks:
        rows = await listed(desk, partial(acts, on_it), lambda f: len(f) == 7)
        assert {row.body for row in rows} >= {"osce.odihr", "un.sr-defenders"}
        assert {row.mechanism for row in rows} == {"un", "iachr", "coe", "observatory"}
    laws = Filter(topics=["foreign_funding"], kinds=["law_adopted", "law_proposed"], states=[LAWS])
    rows = await listed(observatory, partial(acts, laws), lambda f: len(f) == 2)
    assert [row.kind for row in rows] == ["law_adopted", "law_proposed"]
    found = await listed(
        un,
        lambda c: c.list_cases(wanted=Filter(themes=["foreign_funding"], text="law fund")),
        lambda f: len(f) == 1,
    )
    assert found[0].case_id == case_id


async def test_filter_that_a_list_does_not_know_is_refused_by_name(desks: list[LocalNode]) -> None:
    async with client_of(desks[0]) as client:
        for wanted, field in (
            (Filter(marks=["emblematic"]), "marks"),
            (Filter(since="yesterday"), "since"),
            (Filter(states=["JJJ"]), "states"),
        ):
            with pytest.raises(InvalidRequest, match=field):
                await anext(client.casework.acts(wanted))


def acts(wanted: Filter, client: RegistryClient) -> AsyncIterator[ActSummary]:
    return client.casework.acts(wanted)
