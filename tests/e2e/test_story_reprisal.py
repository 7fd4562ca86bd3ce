"""Story: somebody is punished for having cooperated, and both bodies know it at once.

An invented defender tells the African Commission's rapporteur what happened. A year of impunity
follows, and then it happens again. Three real nodes; what is for two of them reaches two of them.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.client import case
from registry.client.values import Receipt
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import (
    AccountabilityStep,
    ActContent,
    CommunicationSent,
    ConsentRecorded,
    EventPointer,
    NamedPerson,
    PartialDate,
    ReprisalAlleged,
    SubmissionReceived,
)
from registry.domain.identifiers import CaseId
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    start_all,
    stop_all,
    until,
)

RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
STATE: Final = "XXA"
DEFENDER: Final = NamedPerson(person_id="d1" * 16, name="Amara Thistlewood")
COUSIN: Final = NamedPerson(person_id="d2" * 16, name="Jonas Quillfeather")
TOLD: Final = "The border post of Quellwater took the passport"
TWO: Final = named("observatory", "achpr")
OWN: Final[dict[str, Any]] = {"basis": "own_act", "is_invented": True, "states": (STATE,)}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LocalNode]]:
    started = found(tmp_path_factory.mktemp("story"), "observatory", "achpr", "un")
    try:
        start_all(started)
        yield {node.mechanism.slug: node for node in started}
    finally:
        stop_all(started)


@pytest.fixture(scope="module")
def story(nodes: dict[str, LocalNode]) -> CaseId:
    return asyncio.run(tell(nodes))


def day(text: str) -> PartialDate:
    return PartialDate(value=text)


def pointer(receipt: Receipt) -> EventPointer:
    return EventPointer(origin=receipt.origin, index=receipt.index)


async def record(
    node: LocalNode, case_id: CaseId, content: ActContent, audience: AudienceChoice
) -> Receipt:
    async with client_of(node) as client:
        request = f"{content.kind} {content.title} {len(repr(content))}"
        return await client.record(request, case(case_id), content, audience=audience)


async def tell(nodes: dict[str, LocalNode]) -> CaseId:
    """Tells the story; returns the case."""
    observatory, achpr = nodes["observatory"], nodes["achpr"]
    async with client_of(observatory) as client:
        opening = opened("A defender who spoke in Banjul (invented)", state=STATE)
        case_id = (await client.open_case("open", opening, audience=EVERYONE)).case_id
    async with client_of(achpr) as client:

        async def is_known() -> bool:
            return case_id in {each.case_id async for each in client.list_cases()}

        await until(is_known, "the Commission knows the case")
    came = await record(
        achpr,
        case_id,
        SubmissionReceived(
            **OWN,
            acting_body="achpr.sr-defenders",
            title="Testimony at the session",
            received_date=day("2022-05-02"),
        ),
        TWO,
    )
    await record(observatory, case_id, consent(DEFENDER, "achpr"), OWN_ONLY)
    first = await reprisal(nodes, case_id, "2022-06-01", came, DEFENDER)
    await record(
        achpr,
        case_id,
        CommunicationSent(
            **OWN,
            acting_body="achpr.sr-defenders",
            title="Letter of concern",
            about=pointer(first),
            addressee_state=STATE,
            sent_date=day("2022-06-20"),
        ),
        TWO,
    )
    await record(
        observatory,
        case_id,
        AccountabilityStep(
            **OWN,
            acting_body="obs.observatory",
            title="Nobody looks into it",
            about=pointer(first),
            step="no_investigation",
            step_date=day("2022-09"),
        ),
        TWO,
    )
    # A year later, against another one of the family as well.
    await record(observatory, case_id, consent(COUSIN, "achpr"), OWN_ONLY)
    await reprisal(nodes, case_id, "2023-10-01", came, DEFENDER, COUSIN)
    return case_id


def consent(person: NamedPerson, *mechanisms: str) -> ConsentRecorded:
    return ConsentRecorded(
        acting_body="obs.observatory",
        basis="own_act",
        is_invented=True,
        persons=(person,),
        use="share_with_mechanisms",
        mechanisms=mechanisms,
        is_informed_of_risk=True,
        agrees=True,
    )


async def reprisal(
    nodes: dict[str, LocalNode], case_id: CaseId, when: str, came: Receipt, *persons: NamedPerson
) -> Receipt:
    """Records a reprisal at the Observatory and waits until the Commission is alerted, live."""
    content = ReprisalAlleged(
        **OWN,
        acting_body="obs.observatory",
        title=f"Passport taken on return, {when}",
        summary=TOLD,
        occurred_date=day(when),
        cooperated_with="achpr.sr-defenders",
        cooperation=pointer(came),
        acts=("travel_ban",),
        persons=persons,
    )
    async with client_of(nodes["achpr"]) as officer:
        cursor = ""
        async for step in officer.reprisals.watch_alerts(timeout_s=20):
            cursor = step.cursor or cursor
            if step.is_caught_up:
                break
        receipt = await record(nodes["observatory"], case_id, content, TWO)
        told = ""
        async for step in officer.reprisals.watch_alerts(cursor, timeout_s=20):
            if step.alert is not None:
                told = f"{step.alert.title}: {step.alert.reason}"
                break
    assert told == f"{content.title}: cooperated_with"
    return receipt


def run(node: LocalNode, *arguments: str) -> Result:
    result = RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def until_shown(node: LocalNode, words: str, *arguments: str) -> str:
    """Runs a command until its answer holds some words: lists follow the log in a moment."""
    shown = ""

    async def is_shown() -> bool:
        nonlocal shown
        shown = await asyncio.to_thread(lambda: run(node, *arguments).output)
        return words in shown

    asyncio.run(until(is_shown, f"{arguments} shows {words!r}"))
    return shown


def test_both_bodies_are_alerted_and_the_third_member_is_not(
    nodes: dict[str, LocalNode], story: CaseId
) -> None:
    del story
    at_achpr = until_shown(nodes["achpr"], "they had cooperated with you", "alerts")
    at_observatory = until_shown(nodes["observatory"], "you recorded it", "alerts")
    for shown in (at_achpr, at_observatory):
        assert "NEW  2022-06-01  XXA  INVENTED · Passport taken on return" in shown
    assert "no alerts" in run(nodes["un"], "alerts").output
    un = nodes["un"].folder
    held = b"".join(path.read_bytes() for path in un.rglob("*") if path.is_file())
    assert TOLD.encode() not in held


def test_what_an_officer_has_seen_is_kept_at_that_node(
    nodes: dict[str, LocalNode], story: CaseId
) -> None:
    del story
    until_shown(nodes["achpr"], "2 alerts", "alerts")
    first, second = json.loads(run(nodes["achpr"], "alerts", "--json").stdout)
    assert (first["date"], second["date"]) == ("2023-10-01", "2022-06-01")
    event = f"{first['event']['origin']}#{first['event']['index']}"
    shown = run(nodes["achpr"], "alerts", "--seen", event).output
    assert shown.index("NEW  2022-06-01") < shown.index("seen 2023-10-01")
    assert "seen by    desk" in shown
    until_shown(nodes["observatory"], "2 alerts, 2 of them not seen yet", "alerts")


def test_impunity_is_shown_and_the_second_reprisal_came_again_after_it(
    nodes: dict[str, LocalNode], story: CaseId
) -> None:
    for node in (nodes["observatory"], nodes["achpr"]):
        shown = until_shown(node, "2 reprisals", "reprisals", "show", story.hex())
        assert shown.index("2022-06-01  ") < shown.index("2022-09  ") < shown.index("2023-10-01  ")
        assert "Nobody looks into it" in shown
        assert "ended without accountability  WITHOUT ACCOUNTABILITY" in shown
        assert "2 without accountability after 12 months, 1 came again after impunity" in shown
    again = run(nodes["achpr"], "reprisals", "list", "--state", STATE, "--recurring").output
    assert "AGAIN after" in again
    assert "2023-10-01  XXA" in again
    assert "2022-06-01  XXA" not in again


def test_register_for_the_commission_names_with_consent_and_for_the_un_holds_nothing(
    nodes: dict[str, LocalNode], story: CaseId, tmp_path: Path
) -> None:
    del story
    observatory, achpr = nodes["observatory"], nodes["achpr"]
    until_shown(observatory, "2 reprisals", "reprisals", "list")
    ask = ("reprisals", "register", "--state", STATE, "--for")
    file = tmp_path / "register.md"
    run(observatory, *ask, "achpr", "--out", str(file))
    text = file.read_text()
    assert "ACHPR/Res.273 (LV) 2014" in text
    assert "for achpr alone" in text
    assert text.count(DEFENDER.name) == 2
    assert "2022-05-02 Submission received (Special Rapporteur on human rights defenders" in text
    assert "2022-06-20 Communication sent" in text
    assert "2022-09 no investigation" in text
    # The consents are the Observatory's own: the Commission's node knows of none and names nobody.
    until_shown(achpr, "2 reprisals", "reprisals", "list")
    at_achpr = run(achpr, *ask, "achpr").stdout
    assert "Thistlewood" not in at_achpr
    assert "Quillfeather" not in at_achpr
    assert ("withheld (1)" in at_achpr, "withheld (2)" in at_achpr) == (True, True)
    for form in (("--format", "json"), ("--json",)):
        ran = run(observatory, *ask, "sg", *form)
        for_un = json.loads(ran.stdout)
        assert (for_un["recipients"], for_un["entries"]) == (["un"], [])
        # Only the officer is told that there are some, and not in what goes out.
        assert "left_out" not in for_un
        assert "2 reprisals left out" in ran.stderr
