"""Asking peers from the command line of real nodes: seen, sent, answered by a person, audited."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.asking import Question
from registry.domain.audience import OWN_ONLY, named
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.federation_world import client_of, opened, until

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
WORDS: Final = "Have you acted for the Centro Inventado, or its staff?"


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


async def opens(node: LocalNode, name: str) -> CaseId:
    """A case whose opening stays at its node, so that others know of it by the question alone."""
    async with client_of(node) as client:
        receipt = await client.open_case(name, opened(f"{name} (invented)"), audience=OWN_ONLY)
    return receipt.case_id


async def received(node: LocalNode, case_id: CaseId, **more: bool) -> list[Question]:
    found: list[Question] = []

    async def is_here() -> bool:
        async with client_of(node) as client:
            asked = client.asking.questions(case_id=case_id, **more)
            found[:] = [each async for each in asked]
        return bool(found)

    await until(is_here, f"{node.mechanism.slug} lists the question")
    return found


@pytest.fixture(scope="module")
def auditor(federation: list[LocalNode], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking") / "audra"
    add_client(federation[1].folder, "asking-audra", folder, Role.AUDITOR)
    return folder


@pytest.fixture
def asking() -> tuple[str, ...]:
    return (
        "--to",
        "beta",
        "--words",
        WORDS,
        "--party",
        "organisation:Centro Inventado",
        "--reference",
        "UA XXA 9/2026",
        "--invented",
    )


async def test_question_is_seen_then_sent_then_answered_by_a_person_and_audited(
    alpha: LocalNode,
    beta: LocalNode,
    gamma: LocalNode,
    auditor: Path,
    asking: tuple[str, ...],
) -> None:
    case_id = await opens(alpha, "asked-1")
    seen = await asyncio.to_thread(run, alpha, "ask", case_id.hex(), *asking)
    assert seen.exit_code == 0, seen.output
    assert WORDS in seen.stdout
    assert "content for   alpha, beta" in seen.stdout
    command = seen.stdout.strip().splitlines()[-1]
    confirmation = command.rpartition("--confirm ")[2]
    async with client_of(alpha) as client:
        assert [each async for each in client.asking.questions(sent=True, case_id=case_id)] == []

    sent = await asyncio.to_thread(
        run, alpha, "ask", case_id.hex(), *asking, "--confirm", confirmation, "--json"
    )
    receipt = told(sent)["receipt"]

    (question,) = await received(beta, case_id, open_only=True)
    assert question.event.index == receipt["index"]
    assert question.content is not None
    assert (question.content.summary, question.content.references) == (WORDS, ("UA XXA 9/2026",))
    place = f"{question.event.origin}#{question.event.index}"
    reply = ("answer", place, "contact-us", "--words", "Call the desk.", "--invented")
    looked = await asyncio.to_thread(run, beta, *reply, "--preview")
    assert looked.exit_code == 0, looked.output
    assert "Call the desk." in looked.stdout
    assert "content for   alpha, beta" in looked.stdout
    (still_open,) = await received(beta, case_id, open_only=True)
    assert still_open.answers == ()
    answered = await asyncio.to_thread(run, beta, *reply)
    assert answered.exit_code == 0, answered.output

    async def is_answered() -> bool:
        async with client_of(alpha) as client:
            asked = [e async for e in client.asking.questions(sent=True, case_id=case_id)]
        return bool(asked and asked[0].answers)

    await until(is_answered, "the answer is back")
    listed = await asyncio.to_thread(run, alpha, "asked", "--sent", "--case", case_id.hex())
    assert "beta answered" in listed.stdout
    assert "contact us: Call the desk." in listed.stdout
    async with client_of(gamma) as client:
        assert [each async for each in client.asking.questions(case_id=case_id)] == []

    async with RegistryClient(load_profile(auditor)) as client:
        (record,) = [each async for each in client.asking.questions(case_id=case_id)]
    (answer,) = record.answers
    assert (record.content, answer.content) == (None, None)
    assert (record.mechanism, record.officer, answer.mechanism) == ("alpha", "", "beta")
    assert answer.officer


async def test_other_words_than_those_that_were_seen_are_not_sent(
    alpha: LocalNode, asking: tuple[str, ...]
) -> None:
    case_id = await opens(alpha, "asked-2")
    seen = await asyncio.to_thread(run, alpha, "ask", case_id.hex(), *asking, "--json")
    confirmation = told(seen)["confirmation"]
    other = [word.replace("staff", "people") for word in asking]
    sent = await asyncio.to_thread(
        run, alpha, "ask", case_id.hex(), *other, "--confirm", confirmation
    )

    assert isinstance(sent.exception, RuleViolation)
    assert "rule asked_as_previewed" in str(sent.exception)


async def test_question_is_not_recorded_by_the_call_for_all_other_events(
    alpha: LocalNode,
) -> None:
    case_id = await opens(alpha, "asked-3")
    async with client_of(alpha) as client:
        content = example_of(EventKind.PEERS_ASKED, mechanisms=["beta"])
        with pytest.raises(RuleViolation, match="questions and answers have calls of their own"):
            await client.record("asked-3 plain", case(case_id), content, audience=named("beta"))


async def test_private_matching_is_off_until_an_operator_turns_it_on(
    alpha: LocalNode, asking: tuple[str, ...]
) -> None:
    case_id = await opens(alpha, "asked-4")
    refused = await asyncio.to_thread(run, alpha, "ask", case_id.hex(), *asking, "--match")

    assert isinstance(refused.exception, RuleViolation)
    assert "private matching is off at this node" in str(refused.exception)
