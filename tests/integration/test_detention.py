"""Detentions between two nodes: counted alike, and nothing from outside an audience in them."""

import asyncio
import json
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.client import RegistryClient, case
from registry.client.casework import Filter
from registry.client.detention import Detention
from registry.domain.audience import OWN_ONLY, named
from registry.domain.content import NamedPerson
from registry.domain.content.examples import example_of
from registry.domain.detention import Days
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.casework_world import at, does, listed, opens
from tests.integration.federation_world import client_of, until

RUNNER: Final = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
STATE: Final = "XXG"
CANARY: Final = "canary-4d1f0e7a"
PERSON: Final = NamedPerson(person_id="c3" * 16, name=f"Caro {CANARY}")


async def run(node: LocalNode, *arguments: str) -> Result:
    """Runs a command in a thread: it has an event loop of its own."""
    words = [*arguments, "--profile", str(node.profile)]
    found = await asyncio.to_thread(RUNNER.invoke, app, words)
    assert found.exit_code == 0, (found.output, found.exception)
    return found


async def held(node: LocalNode, case_id: CaseId, count: int, **asked: Any) -> list[Detention]:
    wanted = Filter(case_id=case_id)
    found: list[Detention] = await listed(
        node, lambda c: c.detention.detentions(wanted, **asked), lambda f: len(f) == count
    )
    return found


async def everything(client: RegistryClient, case_id: CaseId) -> str:
    """All that this service tells of a case."""
    files = await client.detention.of_case(case(case_id), on="2024-06-01")
    untried = await client.detention.untried(case(case_id))
    on_state = Filter(states=[STATE])
    rows = [d async for d in client.detention.detentions(on_state, on="2024-06-01")]
    return repr((files.files, untried.choices, rows))


async def test_two_nodes_count_the_same_days_and_time_passes_without_events(
    alpha: LocalNode, beta: LocalNode
) -> None:
    case_id = await opens(alpha, "An invented detention", states=(STATE,))
    record = await does(
        alpha,
        case_id,
        K.DETENTION_RECORDED,
        states=[STATE],
        detained_date="2024-03",
        arrested_date=None,
        next_hearing_date=None,
    )
    for node in (alpha, beta):
        (found,) = await held(node, case_id, 1, on="2024-05-01")
        assert (found.days, found.standing) == (Days(31, 61), "detained")
        (found,) = await held(node, case_id, 1, on="2024-05-02")
        assert found.days == Days(32, 62)
    await does(beta, case_id, K.PERSON_RELEASED, about=at(record), released_date="2024-06-10")
    for node in (alpha, beta):
        assert not await held(node, case_id, 0)
        (found,) = await held(node, case_id, 1, on="2024-05-01")
        assert found.standing == "detained"
        (found,) = await held(node, case_id, 1, with_released=True)
        assert (found.standing, found.days) == ("released", Days(71, 101))


async def test_what_another_keeps_to_itself_changes_nothing_that_is_shown(
    alpha: LocalNode, beta: LocalNode
) -> None:
    case_id = await opens(alpha, "An invented detention with more to it", states=(STATE,))
    record = await does(alpha, case_id, K.DETENTION_RECORDED, states=[STATE], arrested_date=None)
    await held(beta, case_id, 1)
    async with client_of(beta) as client:
        before = await everything(client, case_id)
    secret = {"title": CANARY, "place": CANARY, "summary": CANARY}
    async with client_of(alpha) as client:
        for number, content in enumerate(
            (
                example_of(K.DETENTION_CHANGED, about=at(record), **secret).model_copy(
                    update={"persons": (PERSON,)}
                ),
                example_of(K.DETENTION_RECORDED, **secret),
                example_of(K.COMMUNICATION_SENT, title=CANARY, instrument="un.ua"),
            )
        ):
            await client.record(f"secret-{number}", case(case_id), content, audience=OWN_ONLY)
    await held(alpha, case_id, 2)

    async def has_arrived() -> bool:
        async with client_of(beta) as client:
            return (await client.get_case(case(case_id))).unreadable_count == 3

    await until(has_arrived, "the headers of what is kept back")
    async with client_of(beta) as client:
        assert await everything(client, case_id) == before
        files = await client.detention.of_case(case(case_id))
    assert files.unreadable_count == 3
    async with client_of(alpha) as client:
        assert CANARY in await everything(client, case_id)
    for verb in (("detention", "show"), ("emblematic", "show")):
        shown = (await run(beta, *verb, case_id.hex())).output + (
            await run(beta, *verb, case_id.hex(), "--json")
        ).output
        assert CANARY not in shown
        assert "3" in shown


async def test_name_is_told_while_the_consent_stands(alpha: LocalNode, beta: LocalNode) -> None:
    case_id = await opens(alpha, "An invented detention of somebody", states=(STATE,))
    async with client_of(alpha) as client:
        consent = example_of(
            K.CONSENT_RECORDED,
            persons=[PERSON.model_dump()],
            use="share_with_mechanisms",
            mechanisms=["beta"],
            is_informed_of_risk=True,
            agrees=True,
            erase_on_withdrawal=False,
        )
        await client.record("detention consent", case(case_id), consent, audience=OWN_ONLY)
        record = example_of(K.DETENTION_RECORDED, states=[STATE], persons=[PERSON.model_dump()])
        await client.record("detention record", case(case_id), record, audience=named("beta"))
    for node in (alpha, beta):
        (found,) = await held(node, case_id, 1)
        assert (found.name, found.person_id) == (PERSON.name, PERSON.person_id)
    async with client_of(alpha) as client:
        withdrawn = example_of(K.CONSENT_WITHDRAWN, person_id=PERSON.person_id, uses=[])
        await client.record("detention withdrawn", case(case_id), withdrawn, audience=named("beta"))

    wanted = Filter(case_id=case_id)
    for node in (alpha, beta):
        (found,) = await listed(
            node, lambda c: c.detention.detentions(wanted), lambda f: [d.name for d in f] == [""]
        )
        assert found.person_id == PERSON.person_id
        async with client_of(node) as client:
            files = await client.detention.of_case(case(case_id))
        assert PERSON.name not in repr(files)


@pytest.mark.parametrize("on", ["yesterday", "2024-02-30", "2024-05", "20240501"])
async def test_day_that_is_none_is_refused(alpha: LocalNode, on: str) -> None:
    async with client_of(alpha) as client:
        with pytest.raises(InvalidRequest, match="on: a day is written"):
            [each async for each in client.detention.detentions(on=on)]


async def test_filter_that_the_list_does_not_know_is_refused(alpha: LocalNode) -> None:
    async with client_of(alpha) as client:
        with pytest.raises(InvalidRequest, match="topics does not narrow"):
            [each async for each in client.detention.detentions(Filter(topics=["x"]))]


async def test_commands_show_who_is_held_and_what_is_left_in_eighty_columns(
    alpha: LocalNode,
) -> None:
    case_id = await opens(alpha, "An invented emblematic case", states=(STATE,))
    record = await does(
        alpha, case_id, K.DETENTION_RECORDED, states=["POL"], detained_date="2024-03-20"
    )
    await does(alpha, case_id, K.COMMUNICATION_SENT, instrument="un.ua", about=at(record))
    await does(alpha, case_id, K.OPINION_ADOPTED, instrument="wgad.opinion")
    await does(alpha, case_id, K.CASE_MARKED_EMBLEMATIC, is_taken_back=False)
    await held(alpha, case_id, 1)

    rows = json.loads((await run(alpha, "detention", "list", "--state", "pol", "--json")).stdout)
    assert case_id.hex() in {row["case_id"] for row in rows}
    assert "INVENTED" in (await run(alpha, "detention", "list")).output
    shown = (await run(alpha, "detention", "show", case_id.hex())).output
    assert "still detained" in shown
    assert "Opinion adopted" in shown
    emblematic = json.loads((await run(alpha, "emblematic", "list", "--json")).stdout)
    assert case_id.hex() in {each["case"]["case_id"] for each in emblematic}
    assert "held: somebody" in (await run(alpha, "emblematic", "list")).output
    whole = (await run(alpha, "emblematic", "show", case_id.hex())).output
    assert "Not tried yet" in whole
    assert "used: un.ua" in whole
    assert "would meet a procedure under way" in whole
    assert max(len(line) for line in shown.splitlines()) <= 200
    assert json.loads((await run(alpha, "emblematic", "show", case_id.hex(), "--json")).stdout)[
        "untried"
    ]
