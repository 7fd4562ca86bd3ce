"""Story: an emblematic detention from arrest to release, told by three mechanisms on real nodes."""

from collections.abc import Iterator
from typing import Final

import pytest

from registry.client import RegistryClient, case
from registry.client.casework import Filter
from registry.client.detention import CaseDetentions
from registry.domain.audience import OWN_ONLY
from registry.domain.content.examples import example_of
from registry.domain.detention import Days
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry_cli.federation import LocalNode
from tests.integration.casework_world import at, does, listed, opens
from tests.integration.federation_world import client_of, found, start_all, stop_all, until

PERSON: Final = {"person_id": "d4" * 16, "name": "Dina Farsky", "role": "defender"}
STATE: Final = "POL"
"""A State of two regions; everything else here is invented."""


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    """Running nodes: un, coe, observatory."""
    nodes = found(tmp_path_factory.mktemp("story"), "un", "coe", "observatory")
    try:
        start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


async def permits(node: LocalNode, case_id: CaseId) -> None:
    """The person has agreed to be named in public by this mechanism."""
    async with client_of(node) as client:
        consent = example_of(
            K.CONSENT_RECORDED,
            persons=[PERSON],
            use="names_in_public",
            mechanisms=[],
            is_informed_of_risk=True,
            agrees=True,
        )
        await client.record("consent", case(case_id), consent, audience=OWN_ONLY)


async def seen_alike(
    desks: list[LocalNode], case_id: CaseId, events: int, on: str
) -> CaseDetentions:
    """Waits until every node holds so many events; all tell the same of the detention.

    The consent stays at the first one: the others know that there is an event, and no more.
    """
    told = []
    for node, sealed in zip(desks, (0, 1, 1), strict=True):
        async with client_of(node) as client:

            async def has_all(client: RegistryClient = client, sealed: int = sealed) -> bool:
                summary = await client.get_case(case(case_id))
                return (summary.event_count, summary.unreadable_count) == (events, sealed)

            await until(has_all, f"{node.mechanism.slug} holds {events} events")
            told.append(await client.detention.of_case(case(case_id), on=on))
    assert told[0].files == told[1].files == told[2].files
    return told[0]


async def test_emblematic_detention_from_arrest_to_release(desks: list[LocalNode]) -> None:
    un, coe, observatory = desks
    case_id = await opens(un, "The detention of an invented defender", states=(STATE,))
    await permits(un, case_id)
    arrested = await does(
        un,
        case_id,
        K.DETENTION_RECORDED,
        persons=[PERSON],
        states=[STATE],
        themes=["arbitrary_detention"],
        arrested_date=None,
        detained_date="2024-03",
        deprivation="police_custody",
        next_hearing_date="2024-04-02",
        confidence="alleged",
        established_by="",
    )
    await does(un, case_id, K.CASE_MARKED_EMBLEMATIC, is_taken_back=False)
    now = await seen_alike(desks, case_id, 4, on="2024-05-01")
    (file,) = now.files
    assert file.detention.days == Days(31, 61)
    assert file.detention.name == PERSON["name"]
    assert file.detention.next_hearing == "2024-04-02"

    # Another mechanism knows the day; what was said of the month agrees with it.
    await does(
        observatory,
        case_id,
        K.DETENTION_RECORDED,
        about=at(arrested),
        arrested_date=None,
        detained_date="2024-03-20",
        deprivation="",
        next_hearing_date=None,
        acting_body="obs.observatory",
    )
    appeal = await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="un.ua",
        about=at(arrested),
        sent_date="2024-03-25",
        reply_due_date=None,
    )
    await does(
        un,
        case_id,
        K.REPLY_RECEIVED,
        about=at(appeal),
        received_date="2024-05-10",
        replied_date=None,
    )
    await does(
        un,
        case_id,
        K.DETENTION_CHANGED,
        about=at(arrested),
        change="charged",
        deprivation="pre_trial",
        changed_date="2024-04-02",
        next_hearing_date="2024-06-20",
    )
    await does(coe, case_id, K.TRIAL_OBSERVED, observed_date="2024-06-20", next_hearing_date=None)
    now = await seen_alike(desks, case_id, 9, on="2024-05-01")
    (file,) = now.files
    assert (file.detention.days, file.detention.disputes) == (Days(42, 42), ())
    assert file.detention.mechanisms == ("observatory", "un")

    async with client_of(coe) as client:
        untried = await client.detention.untried(case(case_id))
    choices = {each.name: each for each in untried.choices}
    assert "un.ua" in choices["un_special_procedures"].used
    assert {each.code for each in choices["wgad"].untried} >= {"wgad.opinion", "wgad.regular"}
    assert "coe_commissioner" in choices
    assert {"iachr", "achpr"} <= set(untried.left_out)

    await does(
        un,
        case_id,
        K.OPINION_ADOPTED,
        instrument="wgad.opinion",
        acting_body="wgad",
        adopted_date="2024-08-30",
        submitted_date=None,
        followup_due_date=None,
    )
    await does(
        coe,
        case_id,
        K.PERSON_RELEASED,
        about=at(arrested),
        released_date="2024-09-20",
        release="house_arrest",
    )
    freed = await does(
        coe,
        case_id,
        K.PERSON_RELEASED,
        about=at(arrested),
        released_date="2024-10-20",
        release="unconditional",
    )
    # The other one did not hear of it, and writes that the person is still held.
    await does(
        observatory,
        case_id,
        K.DETENTION_CHANGED,
        about=at(arrested),
        change="health",
        deprivation="",
        changed_date="2024-11-02",
        next_hearing_date=None,
    )
    now = await seen_alike(desks, case_id, 13, on="2024-12-01")
    (file,) = now.files
    assert (file.detention.standing, file.detention.disputes) == ("disputed", ("released",))
    async with client_of(un) as client:
        (differs,) = (
            d for d in await client.disagreements(case(case_id)) if d.matter == "released"
        )
        assert {(c.mechanism, c.value) for c in differs.claims} == {
            ("coe", "released"),
            ("observatory", "detained"),
        }
    await does(
        observatory,
        case_id,
        K.EVENT_CORRECTED,
        about={"origin": "testing/observatory/1", "index": 1},
        corrected_date="2024-11-20",
        wrong_fields=["changed_date"],
    )
    now = await seen_alike(desks, case_id, 14, on="2024-12-01")
    (file,) = now.files
    detention = file.detention
    assert (detention.standing, detention.disputes) == ("released", ())
    assert (detention.days, detention.custody_days, detention.house_arrest_days) == (
        Days(214, 214),
        Days(184, 184),
        Days(30, 30),
    )
    line = [(each.act.date, each.act.kind, each.says) for each in file.acts]
    assert [each for each in line if each[0]] == [
        ("2024-03", "detention_recorded", "began"),
        ("2024-03-20", "detention_recorded", "began"),
        ("2024-03-25", "communication_sent", ""),
        ("2024-04-02", "detention_changed", "changed"),
        ("2024-05-10", "reply_received", ""),
        ("2024-06-20", "trial_observed", ""),
        ("2024-08-30", "opinion_adopted", ""),
        ("2024-09-20", "person_released", "changed"),
        ("2024-10-20", "person_released", "ended"),
        ("2024-11-02", "detention_changed", "changed"),
    ]
    assert file.acts[-2].day == Days(214, 214)
    assert freed.index > 0
    for node in desks:
        gone = await listed(
            node, lambda c: c.detention.detentions(Filter(case_id=case_id)), lambda f: not f
        )
        assert gone == []
