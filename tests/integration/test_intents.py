"""Intents over three nodes: declared to one, answered, withdrawn; nothing of it at the third."""

import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.casework import Filter
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotAllowed, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.casework_world import does, listed, opens, place
from tests.integration.federation_world import client_of, until

RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
STATE: Final = "XXH"
OTHER_STATE: Final = "XXI"
CANARY: Final = "canary-intent-4c1f"
DAYS: Final[dict[str, Any]] = {
    "declared_date": "2026-01-10",
    "planned_date": "2999-12-01",
    "planned_until_date": "2999-12-05",
    "lapses_date": None,
}
ON_STATE: Final = Filter(states=[STATE])


def plan(**fields: Any) -> Any:
    shown = {"action": "visit", "instrument": "un.visit", "addressee_state": STATE}
    return example_of(K.INTENT_DECLARED, **{**DAYS, **shown, **fields})


def example(kind: K, **fields: Any) -> Any:
    """An example about nothing, of the type of its kind."""
    return example_of(kind, about=None, **fields)


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def until_shown(node: LocalNode, words: str, *arguments: str) -> str:
    """What a command prints once it shows some words: lists follow what was recorded."""
    deadline = monotonic() + 20
    while True:
        result = run(node, *arguments)
        if words in result.output or monotonic() > deadline:
            assert words in result.output, (result.output, result.exception)
            return result.output
        sleep(0.05)


async def knows(node: LocalNode, case_id: CaseId) -> None:
    async with client_of(node) as client:

        async def is_here() -> bool:
            try:
                await client.get_case(case(case_id))
            except NotFound:
                return False
            return True

        await until(is_here, "the case has arrived")


async def test_intent_reaches_the_chosen_one_its_answer_comes_back_and_the_third_sees_nothing(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    case_id = await opens(alpha, "An invented case to visit")
    async with client_of(alpha) as client:
        receipt = await client.intents.declare(
            "intent-1", case(case_id), plan(summary=CANARY), ["beta"]
        )
        again = await client.intents.declare(
            "intent-1", case(case_id), plan(summary=CANARY), ["beta"]
        )
        assert again.was_recorded_before
        with pytest.raises(InvalidRequest, match="name at least one"):
            await client.intents.declare("intent-2", case(case_id), plan(), [])
    (seen,) = await listed(beta, lambda c: c.intents.list_intents(ON_STATE), lambda f: len(f) == 1)
    assert (seen.mechanism, seen.state, seen.lapses) == ("alpha", "open", "2999-12-05")
    assert (seen.event, seen.summary) == (place(receipt), CANARY)

    answer = example(K.INTENT_ANSWERED, answer="defers", summary=CANARY, answered_date="2026-01-12")
    async with client_of(beta) as client:
        given = await client.intents.answer("answer-1", seen.event, answer)
    (answered,) = await listed(
        alpha, lambda c: c.intents.list_intents(ON_STATE), lambda f: bool(f and f[0].answers)
    )
    (one,) = answered.answers
    assert (one.mechanism, one.answer, one.proposed) == ("beta", "defers", "2024-03-26")
    assert (one.event, one.counts, answered.state) == (place(given), True, "answered")

    async with client_of(gamma) as client:

        async def has_both() -> bool:
            return (await client.get_case(case(case_id))).event_count == 3

        await knows(gamma, case_id)
        await until(has_both, "gamma holds the headers of both")
        history = await client.history(case(case_id))
        assert [event.content_state for event in history.events[1:]] == ["withheld"] * 2
        assert [each async for each in client.intents.list_intents()] == []
        with pytest.raises(NotFound, match="can be read here"):
            await client.intents.answer("answer-2", seen.event, answer)
        everything = [each async for each in client.casework.acts(Filter(case_id=case_id))]
        assert CANARY not in repr((history, everything))

    end = example(K.INTENT_WITHDRAWN, withdrawn_date="2026-01-15")
    async with client_of(alpha) as client:
        await client.intents.withdraw("end-1", seen.event, end)
    await listed(
        beta,
        lambda c: c.intents.list_intents(ON_STATE),
        lambda f: [each.state for each in f] == ["withdrawn"],
    )
    async with client_of(beta) as client:
        found = [each async for each in client.intents.list_intents(ON_STATE, standing="live")]
    assert found == []
    for node in (alpha, beta, gamma):
        assert CANARY not in node.log_file.read_text()


async def test_intents_that_meet_are_shown_and_a_limited_case_stays_hidden(
    alpha: LocalNode, beta: LocalNode, tmp_path: Path
) -> None:
    first = await opens(alpha, "A case of the first (invented)")
    second = await opens(beta, "A case of the second (invented)")
    for node, case_id in ((alpha, first), (beta, second)):
        async with client_of(node) as client:
            content = plan(addressee_state=OTHER_STATE)
            other = "beta" if node is alpha else "alpha"
            await client.intents.declare("meeting", case(case_id), content, [other])
    wanted = Filter(states=[OTHER_STATE])
    shown = await listed(
        alpha,
        lambda c: c.intents.list_intents(wanted, standing="live"),
        lambda f: [len(each.clashes) for each in f] == [1, 1],
    )
    clash = next(each.clashes[0] for each in shown if each.mechanism == "alpha")
    assert (clash.mechanism, clash.case_id, clash.states) == ("beta", second, (OTHER_STATE,))
    assert (clash.start, clash.end) == ("2999-12-01", "2999-12-05")

    for name, role in (("inga", Role.OFFICER), ("ivo", Role.VIEWER), ("ines", Role.ADMINISTRATOR)):
        add_client(alpha.folder, name, tmp_path / name, role)
    async with RegistryClient(load_profile(tmp_path / "ines")) as keeper:
        await keeper.desk.restrict(case(second), ["inga"])
    async with RegistryClient(load_profile(tmp_path / "ivo")) as client:
        (left,) = [each async for each in client.intents.list_intents(wanted)]
        assert (left.mechanism, left.clashes) == ("alpha", ())
        with pytest.raises(NotAllowed):
            await client.intents.declare("viewer", case(first), plan(), ["beta"])
    async with RegistryClient(load_profile(tmp_path / "inga")) as client:
        assert len([each async for each in client.intents.list_intents(wanted)]) == 2


def test_intent_is_declared_answered_and_listed_on_the_command_line(
    alpha: LocalNode, beta: LocalNode
) -> None:
    words = ("--to", "beta", "--body", "un", "--title", "Seen from a terminal (invented)")
    when = ("--from", "2999-12-01", "--until", "2999-12-05", "--state", "xxj")
    what = ("--action", "visit", "--instrument", "un.visit", "--theme", "reprisals", "--invented")
    preview = run(alpha, "intent", "declare", *words, *when, *what, "--preview")
    assert "content for   alpha, beta" in preview.output
    done = told(run(alpha, "intent", "declare", *words, *when, *what, "--json"))
    event = f"{done['receipt']['origin']}#{done['receipt']['index']}"
    assert done["receipt"]["index"] > 0  # behind the case that was opened for it

    until_shown(beta, "Seen from", "intent", "list", "--state", "XXJ")
    found = told(run(beta, "intent", "list", "--state", "XXJ", "--json"))
    assert found[0]["case_title"] == "Seen from a terminal (invented)"
    given = run(
        beta, "intent", "answer", event, "joins", "--body", "coe", "--proposed", "2999-12-02"
    )
    assert given.exit_code == 0, given.output
    shown = until_shown(alpha, "joins", "intent", "list", "--state", "XXJ")
    assert "ANSWERED   2999-12-01 to 2999-12-05  visit · un.visit  XXJ" in shown
    assert "INVENTED · Seen from a terminal (invented)" in shown
    assert "coe (beta), proposes 2999-12-02" in shown
    assert "stands      until 2999-12-05" in shown
    refused = run(alpha, "intent", "answer", event, "joins", "--body", "un")
    assert "intent_answered_by_another" in str(refused.exception)
    assert run(alpha, "intent", "withdraw", event, "--body", "un").exit_code == 0
    assert "no intent fits" in run(alpha, "intent", "list", "--lapsed", "--state", "XXJ").output
    bare = run(alpha, "intent", "declare", "--to", "beta", "--body", "un")
    assert isinstance(bare.exception, InvalidRequest)


async def test_practice_is_found_from_a_case_and_definitions_are_shown_side_by_side(
    alpha: LocalNode, beta: LocalNode
) -> None:
    library = await opens(alpha, "Shared with all (invented)")
    case_id = await opens(beta, "A case that looks for help", themes=("land_rights",))
    await does(alpha, library, K.PRACTICE_SHARED, title="A hotline", themes=["land_rights"])
    await does(alpha, library, K.DEFINITION_AGREED, term="quicksilverish", held_by=["un"])
    await does(beta, library, K.DEFINITION_AGREED, term="Quicksilverish", held_by=["coe"])

    async with client_of(beta) as client:

        async def is_found() -> bool:
            answer = await client.practices.practices_for(case(case_id))
            found = {each.title: each for each in answer.practices}
            reasons = found["A hotline"].reasons if "A hotline" in found else ()
            return ("theme", "land_rights") in {(one.matter, one.code) for one in reasons}

        await until(is_found, "the practice is found from the case")
        wanted = Filter(themes=["land_rights"])
        assert [each.title async for each in client.practices.list_practices(wanted)]
        absent = CaseId(b"absent case 1234")
        with pytest.raises(NotFound):
            await client.practices.practices_for(case(absent))
    found = await listed(
        alpha,
        lambda c: c.practices.list_definitions(term="QUICKSILVERISH"),
        lambda f: len(f) == 2,
    )
    assert {each.held_by for each in found} == {("un",), ("coe",)}
    assert {(each.differing, each.superseded) for each in found} == {(1, ())}


def test_practices_and_definitions_on_the_command_line(alpha: LocalNode) -> None:
    own = ("--field", "acting_body=un", "--field", "basis=own_act", "--field", "is_invented=yes")
    opened = told(
        run(alpha, "record", "case_opened", *own, "--field", "title=Terminal practices", "--json")
    )
    case_id = opened["receipt"]["case_id"]

    def records(kind: str, *fields: str) -> None:
        written = [word for field in fields for word in ("--field", field)]
        result = run(alpha, "record", kind, "--case", case_id, *own, *written)
        assert result.exit_code == 0, result.output

    records("practice_shared", "title=Call them", "themes=travel_ban", "practice=An invented call")
    records("definition_agreed", "term=stay", "definition=To be kept", "held_by=un")
    records("definition_agreed", "term=Stay", "definition=To be held", "held_by=achpr")
    shown = until_shown(alpha, "Call them", "practices", "--case", case_id[:12])
    assert "fits by     the theme Travel ban" in shown
    assert told(run(alpha, "practices", "--theme", "travel_ban", "--json"))[0]["title"]

    shown = until_shown(alpha, "To be held", "definitions", "--term", "stay")
    assert "stay: 2 different definitions stand" in shown.casefold()
    assert len(told(run(alpha, "definitions", "--term", "STAY", "--json"))) == 2
    assert "none is known here" in run(alpha, "definitions", "--term", "nothing").output


def test_event_place_is_read_as_others_are(alpha: LocalNode) -> None:
    refused = run(alpha, "intent", "answer", "nowhere", "joins", "--body", "un")
    assert isinstance(refused.exception, InvalidRequest)
