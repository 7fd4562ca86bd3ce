"""A case that is limited to named clients is in no list, search, link or stream of the others.

Who is shown what is not for every member, in a list too, is kept.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.casework import EventPlace, Filter
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import NotFound
from registry_cli.federation import LocalNode
from tests.integration.federation_world import client_of, opened, until

STATE: Final = "XXF"
WORD: Final = "quicksilverish"


@pytest.fixture(scope="module")
def profiles(
    federation: list[LocalNode], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hidden")
    roles = {
        "carla": Role.OFFICER,
        "dan": Role.OFFICER,
        "keeper": Role.ADMINISTRATOR,
        "audra": Role.AUDITOR,
    }
    for name, role in roles.items():
        add_client(federation[0].folder, name, folder / name, role)
    return {name: folder / name for name in roles}


@pytest.fixture
async def carla(profiles: dict[str, Path]) -> AsyncIterator[RegistryClient]:
    async with RegistryClient(load_profile(profiles["carla"])) as client:
        yield client


@pytest.fixture
async def dan(profiles: dict[str, Path]) -> AsyncIterator[RegistryClient]:
    async with RegistryClient(load_profile(profiles["dan"])) as client:
        yield client


async def everything(client: RegistryClient) -> dict[str, list[Any]]:
    """What every list and search shows of the State and the word."""
    on_state = Filter(states=[STATE])
    work = client.casework
    return {
        "cases": [each async for each in client.list_cases(wanted=on_state)],
        "cases by text": [each async for each in client.list_cases(wanted=Filter(text=WORD))],
        "acts": [each async for each in work.acts(on_state)],
        "acts by text": [each async for each in work.acts(Filter(text=WORD))],
        "obligations": [each async for each in work.obligations(on_state)],
        "overdue": [each async for each in work.obligations(on_state, overdue_only=True)],
        "follow-ups": [each async for each in work.follow_ups(on_state)],
        "detentions": [each async for each in client.detention.detentions(on_state)],
        "reprisals": [each async for each in client.reprisals.list_reprisals(on_state)],
        "impunity": [each async for each in client.reprisals.impunity(on_state)],
        "alerts": [each async for each in client.reprisals.alerts(on_state)],
        "register": list((await client.reprisals.register("sg", states=[STATE])).entries),
        "references": list((await work.references(f"UA {STATE} 77/2024"))[1]),
        "statements": [each async for each in client.statements.list_statements(on_state)],
    }


async def test_hidden_case_is_in_nothing_that_others_can_ask(
    alpha: LocalNode, carla: RegistryClient, dan: RegistryClient, profiles: dict[str, Path]
) -> None:
    async with client_of(alpha) as desk:
        receipt = await desk.open_case(
            "hide-1", opened(f"A {WORD} matter", state=STATE), audience=EVERYONE
        )
        hidden, other = receipt.case_id, await _opened(desk, "hide-other")
        await _does(
            desk,
            hidden,
            K.COMMUNICATION_SENT,
            addressee_state=STATE,
            instrument="un.ua",
            sent_date="2024-01-01",
            reply_due_date=None,
            references=[f"UA {STATE} 77/2024"],
        )
        asked = await _does(
            desk, hidden, K.RECOMMENDATION_MADE, addressee_state=STATE, followup_due_date=None
        )
        await _does(desk, hidden, K.DETENTION_RECORDED, states=[STATE])
        await _does(desk, hidden, K.CONCORDANCE_PROPOSED, about=asked, same_as=[asked])
        await _does(desk, hidden, K.REPRISAL_ALLEGED, states=[STATE])
        said = await _does(
            desk, hidden, K.STATEMENT_ISSUED, states=[STATE], cosignatures=[], title=WORD
        )
        proposal = await desk.links.propose("hide-link", case(other), case(hidden))
    place = EventPlace(proposal.origin, proposal.index)
    event = EventPlace(asked["origin"], asked["index"])

    async def carla_sees_all() -> bool:
        found = await everything(carla)
        return all(found.values())

    await until(carla_sees_all, "everything is listed before the case is hidden")
    assert [each async for each in carla.casework.concordances(event=event)]
    async with RegistryClient(load_profile(profiles["keeper"])) as keeper:
        await keeper.desk.restrict(case(hidden), ["carla"])

    assert all((await everything(carla)).values())
    assert not any((await everything(dan)).values())
    in_case = Filter(case_id=hidden)
    assert [each async for each in carla.casework.acts(in_case)]
    assert not [each async for each in dan.casework.acts(in_case)]
    assert not [each async for each in dan.casework.concordances(event=event)]
    assert not (await dan.links.list_links(case(other))).links
    assert (await carla.links.list_links(case(other))).links
    for refused in (
        dan.links.list_links(case(hidden)),
        dan.links.propose("hide-2", case(other), case(hidden)),
        dan.links.propose("hide-3", case(hidden), case(other)),
        dan.links.answer("hide-4", place, accepts=True),
        dan.links.end("hide-5", place),
        dan.disagreements(case(hidden)),
        dan.detention.of_case(case(hidden)),
        dan.detention.untried(case(hidden)),
        dan.statements.show(EventPlace(said["origin"], said["index"])),
        dan.history(case(hidden), with_linked=True),
        dan.knowledge.by_time(case(hidden), 2**50),
        dan.knowledge.when_recording(case(hidden), event.origin, event.index),
        dan.knowledge.at_vector(case(hidden)),
    ):
        with pytest.raises(NotFound):
            await refused
    with pytest.raises(NotFound):
        await anext(dan.watch.history(case(hidden), timeout_s=5))
    assert hidden not in await _alerted(dan)
    assert hidden in await _alerted(carla)
    assert hidden not in await _watched(dan)
    assert hidden in await _watched(carla)


async def test_titles_and_words_of_confidential_content_in_lists_are_kept_as_read(
    alpha: LocalNode, carla: RegistryClient, profiles: dict[str, Path]
) -> None:
    title, wanted = "A zephyrine matter", Filter(text="zephyrine")
    async with client_of(alpha) as desk:
        receipt = await desk.open_case("read-lists", opened(title), audience=OWN_ONLY)

        async def is_listed() -> bool:
            return [row.title async for row in desk.casework.acts(wanted)] == [title]

        await until(is_listed, "the act is in the lists")
        beside = example_of(K.STATEMENT_DRAFTED, invited=[], needed_signatures=0)
        selector = case(receipt.case_id)
        draft = await desk.record("read-draft", selector, beside, audience=OWN_ONLY)
        in_case = Filter(case_id=receipt.case_id)

        async def is_drafted() -> bool:
            return bool([row async for row in desk.statements.list_statements(in_case)])

        await until(is_drafted, "the draft is in the lists")
    assert [row.title async for row in carla.list_cases(wanted=wanted)] == [title]
    assert [row.title async for row in carla.casework.acts(wanted)] == [title]
    place = EventPlace(draft.origin, draft.index)
    assert (await carla.statements.show(place)).statement.status == "ready"
    assert [row.event async for row in carla.statements.list_statements(in_case)] == [place]
    assert receipt.case_id in await _watched(carla)
    assert len((await carla.knowledge.by_time(case(receipt.case_id), 2**50)).history.events) == 2

    async with RegistryClient(load_profile(profiles["audra"])) as auditor:
        reads = [read async for read in auditor.desk.reads(receipt.case_id)]
    by_carla = [(read.method, read.events) for read in reversed(reads) if read.client == "carla"]
    assert by_carla == [
        ("ListCases", 1),
        ("ListActs", 1),
        ("GetStatement", 1),
        ("ListStatements", 1),
        ("WatchCases", 1),
        ("GetKnownHistory", 2),
    ]


async def _watched(client: RegistryClient) -> set[CaseId]:
    seen = set()
    async for step in client.watch.cases(timeout_s=20):
        seen |= {step.case.case_id} if step.case else set()
        if step.is_caught_up:
            break
    return seen


async def _alerted(client: RegistryClient) -> set[CaseId]:
    seen = set()
    async for step in client.reprisals.watch_alerts(timeout_s=20):
        seen |= {step.alert.case_id} if step.alert else set()
        if step.is_caught_up:
            break
    return seen


async def _opened(client: RegistryClient, request: str) -> CaseId:
    receipt = await client.open_case(request, opened("Beside it"), audience=EVERYONE)
    return receipt.case_id


async def _does(client: RegistryClient, case_id: CaseId, kind: K, **changed: Any) -> dict[str, Any]:
    content = example_of(kind, **changed)
    receipt = await client.record(f"hide-{kind}", case(case_id), content, audience=EVERYONE)
    return {"origin": receipt.origin, "index": receipt.index}
