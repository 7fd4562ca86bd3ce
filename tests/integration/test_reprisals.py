"""Reprisals between nodes: an alert reaches both bodies, live and in the list, and nobody else."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.client import RegistryClient, case
from registry.client.casework import EventPlace, Filter
from registry.client.values import Receipt
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.casework_world import at, listed, opens
from tests.integration.federation_world import client_of

RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
STATE: Final = "XXR"
ON_STATE: Final = Filter(states=[STATE])


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


async def alleges(
    node: LocalNode, case_id: CaseId, audience: AudienceChoice, title: str, **fields: Any
) -> Receipt:
    content = example_of(
        K.REPRISAL_ALLEGED,
        title=title,
        **{"cooperated_with": "beta.desk", "cooperation": None, "states": [STATE], **fields},
    )
    async with client_of(node) as client:
        return await client.record(f"alleged {title}", case(case_id), content, audience=audience)


async def test_alert_reaches_both_bodies_and_nobody_else(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    case_id = await opens(alpha, "A reprisal after cooperation (invented)")
    for_beta = await alleges(alpha, case_id, named("beta"), "told to beta")
    await alleges(alpha, case_id, EVERYONE, "told to all")

    at_beta = await listed(beta, lambda c: c.reprisals.alerts(ON_STATE), lambda f: len(f) == 2)
    at_alpha = await listed(alpha, lambda c: c.reprisals.alerts(ON_STATE), lambda f: len(f) == 2)
    assert {(each.title, each.reason, each.seen_by) for each in at_beta} == {
        ("told to beta", "cooperated_with", ""),
        ("told to all", "cooperated_with", ""),
    }
    assert {each.reason for each in at_alpha} == {"recorded"}
    # Gamma holds one of them, and knows nothing of the other; neither is its concern.
    at_gamma = await listed(gamma, lambda c: c.reprisals.list_reprisals(ON_STATE), bool)
    assert [each.title for each in at_gamma] == ["told to all"]
    async with client_of(gamma) as client:
        assert [each async for each in client.reprisals.alerts(ON_STATE)] == []
        assert await watched(client) == []
        with pytest.raises(NotFound):
            await client.reprisals.mark_seen([place_of(for_beta)])


async def test_alert_is_told_live_from_a_cursor_on_and_seen_at_one_node_only(
    alpha: LocalNode, beta: LocalNode
) -> None:
    case_id = await opens(alpha, "A reprisal that is watched (invented)")
    async with client_of(beta) as client:
        cursor = ""
        async for step in client.reprisals.watch_alerts(timeout_s=20):
            cursor = step.cursor or cursor
            if step.is_caught_up:
                break
        receipt = await alleges(alpha, case_id, named("beta"), "told live")
        told = []
        async for step in client.reprisals.watch_alerts(cursor, timeout_s=20):
            told += [step.alert] if step.alert else []
            if told:
                break
        assert [(each.title, each.reason) for each in told] == [("told live", "cooperated_with")]
        await listed(
            beta, lambda c: c.reprisals.alerts(ON_STATE), lambda f: "told live" in titles(f)
        )
        await client.reprisals.mark_seen([place_of(receipt)])
        unseen = [each async for each in client.reprisals.alerts(ON_STATE, unseen_only=True)]
        assert "told live" not in titles(unseen)
        every = [each async for each in client.reprisals.alerts(ON_STATE)]
        assert [each.title for each in every if each.seen_by == "desk"] == ["told live"]
        assert every[-1].title == "told live"
    async with client_of(alpha) as client:
        at_author = [each async for each in client.reprisals.alerts(ON_STATE, unseen_only=True)]
    assert "told live" in titles(at_author)


async def test_steps_of_two_mechanisms_are_one_timeline_with_what_is_missing(
    alpha: LocalNode, beta: LocalNode
) -> None:
    case_id = await opens(alpha, "Two reprisals and no accountability (invented)")
    first = await alleges(alpha, case_id, EVERYONE, "first", occurred_date="2020-02-01")
    await alleges(alpha, case_id, EVERYONE, "second", occurred_date="2022-05")
    wanted = Filter(case_id=case_id)
    await listed(beta, lambda c: c.reprisals.list_reprisals(wanted), lambda f: len(f) == 2)
    step = example_of(
        K.ACCOUNTABILITY_STEP, about=at(first), step="no_investigation", step_date="2020-06"
    )
    async with client_of(beta) as client:
        await client.record("step of beta", case(case_id), step, audience=EVERYONE)
    for node in (alpha, beta):
        items = await listed(node, lambda c: c.reprisals.impunity(wanted), lambda f: len(f) == 3)
        assert [(each.date, each.mechanism) for each in items] == [
            ("2020-02-01", "alpha"),
            ("2020-06", "beta"),
            ("2022-05", "alpha"),
        ]
        async with client_of(node) as client:
            found = [each async for each in client.reprisals.list_reprisals(wanted)]
            again = [
                each async for each in client.reprisals.list_reprisals(wanted, recurring_only=True)
            ]
        assert [(each.title, each.impunity) for each in found] == [
            ("second", "none"),
            ("first", "ended"),
        ]
        assert [(each.title, each.after[0].why) for each in again] == [("second", "ended")]


async def watched(client: RegistryClient) -> list[str]:
    found = []
    async for step in client.reprisals.watch_alerts(timeout_s=20):
        if step.alert is not None and step.alert.states == (STATE,):
            found.append(step.alert.title)
        if step.is_caught_up:
            break
    return found


def place_of(receipt: Receipt) -> EventPlace:
    return EventPlace(receipt.origin, receipt.index)


def titles(alerts: list[Any]) -> set[str]:
    return {each.title for each in alerts}


# --- commands -------------------------------------------------------------------------------


def test_record_warns_and_proposes_the_audience_that_alerts(alpha: LocalNode) -> None:
    own = ("--field", "acting_body=alpha.desk", "--field", "basis=own_act")
    opened = run(alpha, "record", "case_opened", *own, "--field", "title=W (invented)", "--json")
    assert opened.exit_code == 0, opened.output
    case_id = opened.stdout.split('"case_id": "')[1][:32]
    told = (*own, "--case", case_id, "--field", "cooperated_with=beta.desk")
    shown = run(alpha, "record", "reprisal_alleged", *told, "--preview")
    assert "WARNING       beta, the body cooperated with, is not in the audience" in shown.stdout
    assert "proposed      --audience alpha,beta" in shown.stdout
    recorded = run(alpha, "record", "reprisal_alleged", *told)
    assert recorded.exit_code == 0
    assert "warning: beta" in recorded.stderr
    assert "--audience alpha,beta" in recorded.stderr
    with_beta = run(alpha, "record", "reprisal_alleged", *told, "--audience", "alpha,beta")
    assert "warning" not in with_beta.stderr


def test_commands_refuse_what_they_cannot_do(alpha: LocalNode) -> None:
    for arguments in (
        ("reprisals", "show"),
        ("reprisals", "register", "--for", "osce"),
        ("reprisals", "register", "--for", "sg", "--out", "register.docx"),
        ("alerts", "--seen", "nowhere"),
    ):
        assert isinstance(run(alpha, *arguments).exception, InvalidRequest), arguments


def test_commands_show_alerts_reprisals_and_a_register(alpha: LocalNode, tmp_path: Path) -> None:
    receipt = asyncio.run(_shown(alpha))
    event = f"{receipt.origin}#{receipt.index}"
    assert "NEW" in run(alpha, "alerts", "--unseen").output
    assert "seen by    desk" in run(alpha, "alerts", "--seen", event).output
    listing = run(alpha, "reprisals", "list", "--state", "xxs", "--without-accountability", "12")
    assert "WITHOUT ACCOUNTABILITY" in listing.output
    for which in (("--state", "XXS"), (receipt.case_id.hex(),)):
        shown = run(alpha, "reprisals", "show", *which)
        assert "1 reprisals, 1 without accountability after 12 months" in shown.output
    register = ("reprisals", "register", "--for", "achpr", "--state", "XXS")
    for name, words in (
        ("r.md", "shown\\|by"),
        ("r.csv", "INVENTED · travel ban; =shown|by commands"),
        ("r.json", '"achpr"'),
    ):
        file = tmp_path / name
        made = run(alpha, *register, "--out", str(file))
        assert made.exit_code == 0, made.output
        assert words in file.read_text()
    assert run(alpha, *register).stdout == (tmp_path / "r.md").read_text()


async def _shown(node: LocalNode) -> Receipt:
    case_id = await opens(node, "Shown by commands (invented)", states=("XXS",))
    fields: dict[str, Any] = {"states": ["XXS"], "occurred_date": "2020-02-01"}
    receipt = await alleges(node, case_id, EVERYONE, "=shown|by commands", **fields)
    wanted = Filter(states=["XXS"])
    await listed(node, lambda c: c.reprisals.list_reprisals(wanted), bool)
    return receipt
