"""Has anyone acted? Asked at nodes of a federation: by name, reference, State and time, theme."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.acting import ActingAnswer, MatchedCase, Question
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.content import ConsentRecorded, ConsentWithdrawn, NamedPerson
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.casework_world import does, opens
from tests.integration.federation_world import client_of, opened, until

STATE: Final = "XXG"
OTHER_STATE: Final = "XXH"
RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
_OWN: Final[dict[str, Any]] = {"acting_body": "test.desk", "basis": "own_act", "is_invented": True}


async def asked(node: LocalNode, **question: Any) -> ActingAnswer:
    async with client_of(node) as client:
        return await client.acting.has_anyone_acted(Question(**question))


async def answered(
    node: LocalNode, is_enough: Callable[[ActingAnswer], bool], **question: Any
) -> ActingAnswer:
    """Asks until the answer holds what it must: lists follow what was recorded in a moment."""
    last: list[ActingAnswer] = []

    async def is_answered() -> bool:
        last[:] = [await asked(node, **question)]
        return is_enough(last[0])

    await until(is_answered, f"{question} is answered")
    return last[0]


def same(answer: ActingAnswer) -> list[MatchedCase]:
    return [each for each in answer.cases if each.is_identified]


async def test_name_is_found_in_another_script_by_whom_it_was_shared_with_and_by_nobody_else(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    person = NamedPerson(person_id="a1" * 16, name="Отабек Вымышленский")
    case_id = await opens(alpha, "An arrest (invented)", states=(STATE,))
    async with client_of(alpha) as client:
        consent = ConsentRecorded(
            **_OWN,
            persons=(person,),
            use="share_with_mechanisms",
            mechanisms=("beta",),
            is_informed_of_risk=True,
            agrees=True,
        )
        await client.record("consent", case(case_id), consent, audience=OWN_ONLY)
        arrest = example_of(K.DETENTION_RECORDED, persons=[person.model_dump()])
        await client.record("arrest", case(case_id), arrest, audience=named("beta"))
    await does(
        alpha,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="un.ua",
        sent_date="2024-03-05",
        addressee_state=STATE,
    )

    name = "VYMYSHLENSKY, Otabek"
    found = await answered(beta, lambda a: bool(same(a) and same(a)[0].acts), name=name)
    (matched,) = same(found)
    assert matched.case_id == case_id
    assert "transliteration" in matched.reasons[0].words
    assert person.name in matched.reasons[0].words
    assert [(a.act.instrument, a.nature) for a in matched.acts] == [("un.ua", "non_judicial")]

    # Gamma holds the case and the letter, and not who was arrested.
    await answered(gamma, lambda a: bool(a.cases), states=[STATE], since="2024-03", until="2024-03")
    assert not same(await asked(gamma, name=name))
    beside = await asked(gamma, name=name, states=[STATE], since="2024-03", until="2024-03")
    assert [(each.case_id, each.is_identified) for each in beside.cases] == [(case_id, False)]
    assert {reason.code for reason in beside.cases[0].reasons} == {"same_state", "same_month"}

    async with client_of(alpha) as client:
        ends = ConsentWithdrawn(**_OWN, person_id=person.person_id)
        await client.record("withdrawn", case(case_id), ends)
    await answered(beta, lambda a: not same(a), name=name)
    assert same(await asked(alpha, name=name)), "the own file is still found at its node"


async def test_two_quasi_judicial_procedures_are_a_warning_and_a_letter_is_information(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    reference = f"UA {OTHER_STATE} 71/2024"
    case_id = await opens(alpha, "A petition (invented)", states=(OTHER_STATE,))
    await does(
        alpha,
        case_id,
        K.PETITION_REGISTERED,
        acting_body="iachr",
        instrument="iachr.petition",
        references=[],
    )
    await does(
        beta,
        case_id,
        K.COMMUNICATION_SENT,
        acting_body="un.sr-defenders",
        instrument="un.ua",
        references=[reference],
    )
    written = reference.lower().replace("71", "071")
    found = await answered(
        gamma, lambda a: any(len(each.acts) == 2 for each in a.cases), reference=written
    )
    assert found.cases[0].reasons[0].code == "same_reference"
    assert {a.nature for a in found.cases[0].acts} == {"quasi_judicial", "non_judicial"}
    assert [(o.bodies, o.is_duplication) for o in found.overlaps] == [
        (("iachr", "un.sr-defenders"), False)
    ]

    planned = await asked(gamma, reference=written, planned_instrument="wgad.regular")
    warning = planned.overlaps[0]
    assert (warning.bodies, warning.is_duplication) == (("iachr", "wgad"), True)
    assert warning.is_planned
    letter = await asked(gamma, reference=written, planned_instrument="un.al")
    assert not any(each.is_duplication for each in letter.overlaps)

    await does(beta, case_id, K.OPINION_ADOPTED, acting_body="wgad", instrument="wgad.opinion")
    met = await answered(
        gamma, lambda a: any(o.is_duplication for o in a.overlaps), reference=written
    )
    assert met.overlaps[0].bodies == ("iachr", "wgad")
    assert not met.overlaps[0].is_planned


async def test_organisation_is_found_by_its_name_in_any_state_and_another_one_ranks_lower(
    alpha: LocalNode, beta: LocalNode
) -> None:
    party = {"kind": "organisation", "name": "Comité por el Río Inventado"}
    cases = {}
    for state in (STATE, OTHER_STATE):
        cases[state] = await opens(alpha, f"A river (invented, {state})", states=(state,))
        await does(
            alpha,
            cases[state],
            K.STATEMENT_ISSUED,
            texts=[],
            cosignatures=[],
            parties=[party],
            states=[state],
            themes=["land_rights"],
        )
    found = await answered(
        beta,
        lambda a: len(same(a)) == 2,
        name="COMITE POR EL RIO INVENTADO",
        states=[OTHER_STATE],
        themes=["land_rights"],
    )
    assert [each.case_id for each in same(found)] == [cases[OTHER_STATE], cases[STATE]]
    first, second = (({r.code for r in each.reasons}) for each in same(found))
    assert first >= {"name", "same_state", "same_theme"}
    assert "other_state" in second


async def test_nothing_found_is_none_known_here_with_what_it_stands_for(
    alpha: LocalNode, beta: LocalNode
) -> None:
    answer = await answered(
        beta, lambda a: all(log.is_connected for log in a.logs), name="Nobody Ofthisname"
    )
    assert answer.cases == ()
    assert answer.overlaps == ()
    assert {log.mechanism for log in answer.logs} == {"alpha", "beta", "gamma"}
    sizes = {log.mechanism: log.size for log in answer.logs}
    async with client_of(beta) as client:
        held = {log.mechanism: log.size for log in (await client.node_status()).logs}
    assert all(size <= held[slug] for slug, size in sizes.items())
    assert all(len(log.root) == 32 for log in answer.logs if log.size)
    assert all(log.last_heard_ms for log in answer.logs)

    command = ["acted", "--name", "Nobody Ofthisname", "--profile", str(beta.profile)]
    result = await asyncio.to_thread(RUNNER.invoke, app, command)
    assert result.exit_code == 0, result.output
    assert "none known here" in result.output
    assert "nobody has" not in result.output
    assert "events held of each log: alpha" in result.output


async def test_case_hidden_from_a_client_is_in_no_answer_and_what_is_shown_is_noted(
    alpha: LocalNode, tmp_path: Path
) -> None:
    roles = {
        "cleo": Role.OFFICER,
        "drew": Role.OFFICER,
        "warden": Role.ADMINISTRATOR,
        "aude": Role.AUDITOR,
    }
    for who, role in roles.items():
        add_client(alpha.folder, who, tmp_path / who, role)
    reference, name = "UA XXI 77/2024", "Quillon Vesperine"
    async with client_of(alpha) as desk:
        receipt = await desk.open_case(
            "hide", opened("A hidden matter (invented)", state="XXI"), audience=EVERYONE
        )
        person = {"person_id": "b2" * 16, "name": name}
        letter = example_of(
            K.SUBMISSION_RECEIVED,
            persons=[person],
            states=["XXI"],
            references=[reference],
            received_date="2024-05-06",
            acknowledged_date=None,
        )
        await desk.record("letter", case(receipt.case_id), letter, audience=OWN_ONLY)
    questions: list[dict[str, Any]] = [
        {"name": "Vesperine, Quillon"},
        {"reference": reference},
        {"states": ["XXI"], "since": "2024-05"},
    ]
    for question in questions:
        await answered(alpha, lambda a: bool(a.cases), **question)
    async with RegistryClient(load_profile(tmp_path / "warden")) as warden:
        await warden.desk.restrict(case(receipt.case_id), ["cleo", "aude"])
    async with (
        RegistryClient(load_profile(tmp_path / "cleo")) as cleo,
        RegistryClient(load_profile(tmp_path / "drew")) as drew,
    ):
        for question in questions:
            (matched,) = (await cleo.acting.has_anyone_acted(Question(**question))).cases
            assert matched.case_id == receipt.case_id
            assert (await drew.acting.has_anyone_acted(Question(**question))).cases == ()
        with pytest.raises(NotFound):
            await drew.history(case(receipt.case_id))
    async with RegistryClient(load_profile(tmp_path / "aude")) as aude:
        reads = [read async for read in aude.desk.reads(receipt.case_id)]
    by_cleo = [read for read in reads if read.client == "cleo"]
    assert [read.method for read in by_cleo] == ["HasAnyoneActed"] * len(questions)
    assert all(read.events for read in by_cleo)
    assert not [read for read in reads if read.client == "drew"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({}, "nothing of it was given"),
        ({"name": "12 34"}, "a name has letters"),
        ({"states": ["pol"]}, "no ISO 3166"),
        ({"since": "yesterday"}, "since is written"),
        ({"name": "x", "planned_instrument": "nobody.knows"}, "planned_instrument"),
        ({"name": "x" * 501}, "name: at most"),
        ({"name": "x", "limit": 101}, "limit"),
    ],
)
async def test_question_that_asks_nothing_or_amiss_is_refused_by_field(
    alpha: LocalNode, question: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        await asked(alpha, **question)


async def test_command_tells_reasons_acts_and_warning_for_people_and_as_json(
    alpha: LocalNode,
) -> None:
    name = "Zebulon Inventadou"
    case_id = await opens(alpha, "For the command (invented)", states=(STATE,))
    for body, instrument, kind in (
        ("iachr", "iachr.petition", K.PETITION_REGISTERED),
        ("wgad", "wgad.opinion", K.OPINION_ADOPTED),
    ):
        party = {"kind": "community", "name": name}
        await does(alpha, case_id, kind, acting_body=body, instrument=instrument, parties=[party])
    await answered(alpha, lambda a: bool(a.overlaps), name=name)
    command = ["acted", "--name", "Inventadou Zebulon", "--profile", str(alpha.profile)]
    shown = await asyncio.to_thread(RUNNER.invoke, app, command)
    assert shown.exit_code == 0, shown.output
    for part in (
        "The same by reference or name",
        "because  community Zebulon Inventadou: order, 1.00",
        "Petition (iachr.petition), quasi-judicial",
        "WARNING, duplication: iachr and wgad",
        "INVENTED · For the command (invented)",
    ):
        assert part in shown.output
    as_json = await asyncio.to_thread(RUNNER.invoke, app, [*command, "--json"])
    told = json.loads(as_json.stdout)
    assert told["cases"][0]["case_id"] == case_id.hex()
    assert told["overlaps"][0]["is_duplication"] is True
