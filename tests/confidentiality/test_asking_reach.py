"""Promise 6 for questions, answers and private matching: others see no byte, on no wire or disk.

The names of a matching are seen by nobody else at all: not by the node that it is made with either.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from random import Random
from typing import Any, Final
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from registry.client import RegistryClient, case
from registry.client.asking import MatchedName, Question
from registry.client.casework import EventPlace
from registry.domain.audience import OWN_ONLY
from registry.domain.content import (
    ConsentRecorded,
    EventPointer,
    MatchingReturned,
    NamedPerson,
    NoteAdded,
    Party,
    PeerAnswered,
    PeersAsked,
)
from registry.domain.matching import normal_form
from registry.errors import NotFound
from registry_cli.main import app
from tests.confidentiality.canaries import token
from tests.confidentiality.scanning import Scan, files_of
from tests.confidentiality.tapped_federation import Federation, tapped
from tests.integration.federation_world import opened, until

SLUGS: Final = ("alpha", "beta", "gamma")
_RANDOM: Final = Random(20261126)
ASKED: Final = {
    name: token(name, _RANDOM) for name in ("words", "reference", "organisation", "person")
}
ANSWERED: Final = {"answer": token("answer", _RANDOM)}
MATCHED: Final = {name: token(name, _RANDOM) for name in ("own", "common")}
HELD: Final = token("held", _RANDOM)
PERSON: Final = NamedPerson(person_id=_RANDOM.randbytes(16).hex(), name=ASKED["person"])
_OWN: Final[dict[str, Any]] = {"acting_body": "test.desk", "basis": "own_act", "is_invented": True}
QUESTION: Final = PeersAsked(
    **_OWN,
    mechanisms=("beta",),
    question="holds",
    summary=ASKED["words"],
    references=(ASKED["reference"],),
    parties=(Party(kind="organisation", name=ASKED["organisation"]),),
    persons=(PERSON,),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("asking")
    with (
        patch.dict(os.environ, {"REGISTRY_NODE_PRIVATE_MATCHING": "true"}),
        tapped(folder, *SLUGS) as federation,
    ):
        asyncio.run(ask_and_answer(federation))
        asyncio.run(match(federation))
        asyncio.run(until_mirrored(federation))
        yield federation


async def ask_and_answer(federation: Federation) -> None:
    async with federation.client("alpha") as alpha, federation.client("beta") as beta:
        opening = await alpha.open_case("case", opened("A case (invented)"))
        selector = case(opening.case_id)
        consent = ConsentRecorded(
            **_OWN,
            persons=(PERSON,),
            use="share_with_mechanisms",
            mechanisms=("beta",),
            is_informed_of_risk=True,
            agrees=True,
        )
        await alpha.record("consent", selector, consent, audience=OWN_ONLY)
        preview = await alpha.asking.preview(selector, QUESTION)
        await alpha.asking.ask("ask", selector, QUESTION, confirmation=preview.confirmation)
        found: list[Question] = []

        async def is_here() -> bool:
            found[:] = [each async for each in beta.asking.questions()]
            return bool(found)

        await until(is_here, "the question is at beta")
        place = found[0].event
        about = EventPointer(origin=place.origin, index=place.index)
        await beta.asking.answer(
            "answer",
            PeerAnswered(**_OWN, about=about, answer="yes", summary=ANSWERED["answer"]),
        )

        async def is_back() -> bool:
            found[:] = [each async for each in alpha.asking.questions(sent=True)]
            return bool(found and found[0].answers)

        await until(is_back, "the answer is at alpha")


async def match(federation: Federation) -> None:
    """Both have a case of their own, for nobody else, and find the one name that both hold."""
    async with federation.client("alpha") as alpha, federation.client("beta") as beta:
        case_of_alpha = await holds(alpha, MATCHED["own"], MATCHED["common"])
        await holds(beta, HELD, MATCHED["common"])
        asked = PeersAsked(**_OWN, mechanisms=("beta",), question="holds", summary="The same?")
        preview = await alpha.asking.preview(case_of_alpha, asked, matches=True)
        receipt = await alpha.asking.ask(
            "match", case_of_alpha, asked, confirmation=preview.confirmation, matches=True
        )
        place = EventPlace(receipt.origin, receipt.index)
        about = EventPointer(origin=place.origin, index=place.index)
        agreed = PeerAnswered(**_OWN, about=about, answer="yes")

        async def has_agreed() -> bool:
            try:
                await beta.asking.answer("agree", agreed, matches=True)
            except NotFound:
                return False
            return True

        await until(has_agreed, "the question is at beta, who agrees")
        await until(lambda: is_known(alpha, place), "alpha knows the result")
        await alpha.asking.tell_matching("tell", place, MatchingReturned(**_OWN))
        await until(lambda: is_known(beta, place), "beta knows the result")


async def holds(client: RegistryClient, *names: str) -> Any:
    opening = await client.open_case("own case", opened("A case (invented)"), audience=OWN_ONLY)
    parties = tuple(Party(kind="organisation", name=name) for name in names)
    content = NoteAdded(**_OWN, parties=parties)
    await client.record("organisations", case(opening.case_id), content, audience=OWN_ONLY)
    return case(opening.case_id)


async def is_known(client: RegistryClient, place: EventPlace) -> bool:
    found = (await client.asking.matching(place)).held_by_both
    assert found in (None, (MatchedName("organisation", MATCHED["common"]),))
    return found is not None


async def until_mirrored(federation: Federation) -> None:
    async def is_mirrored() -> bool:
        sizes = []
        for slug in SLUGS:
            async with federation.client(slug) as client:
                logs = (await client.node_status()).logs
            sizes.append({log.mechanism: log.size for log in logs})
        return all(each == sizes[0] for each in sizes)

    await until(is_mirrored, "everybody holds every header")


def secrets_of(told: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in told.items()]


def test_question_reaches_who_is_asked_and_the_answer_who_asked(world: Federation) -> None:
    for slug, told in (("beta", ASKED), ("alpha", ANSWERED)):
        scan = Scan(secrets_of(told))
        seen = scan.in_pieces(slug, world.taps.received_by(slug))
        assert {each.label for each in seen} == scan.labels


def test_third_node_sees_no_byte_of_either(world: Federation) -> None:
    scan = Scan([*secrets_of(ASKED), *secrets_of(ANSWERED), ("id", PERSON.person_id.encode())])

    assert scan.in_pieces("gamma", world.taps.received_by("gamma")) == set()
    assert scan.in_files(files_of(world.nodes["gamma"].folder)) == set()


def test_no_disk_shows_either_in_clear(world: Federation) -> None:
    scan = Scan([*secrets_of(ASKED), *secrets_of(ANSWERED)])
    for slug in SLUGS:
        assert scan.in_files(files_of(world.nodes[slug].folder)) == set()


def test_names_of_a_matching_leave_neither_node_in_any_form(world: Federation) -> None:
    names = [*secrets_of(MATCHED), ("held", HELD.encode())]
    forms = [
        (f"{name} {kind}", hashlib.new(kind, told).digest())
        for name, text in names
        for told in (text, normal_form(text.decode()).encode())
        for kind in ("sha256", "sha512")
    ]
    scan = Scan([*names, *forms])
    for slug in SLUGS:
        assert scan.in_pieces(slug, world.taps.received_by(slug)) == set()
        assert scan.in_files(files_of(world.nodes[slug].folder)) == set()


def test_command_line_shows_what_both_hold(world: Federation) -> None:
    alpha, runner = world.nodes["alpha"], CliRunner(env={"COLUMNS": "200"})
    profile = ("--profile", str(alpha.profile))
    listed = json.loads(runner.invoke(app, ["asked", "--sent", "--json", *profile]).stdout)
    (place,) = [each["event"] for each in listed if each["content"].get("matching_nonce")]

    shown = runner.invoke(app, ["matching", f"{place['origin']}#{place['index']}", *profile])

    assert shown.exit_code == 0, shown.output
    assert "2 names of this mechanism, with beta: returned" in shown.stdout
    assert f"both hold the organisation {MATCHED['common']}" in shown.stdout
    assert MATCHED["own"] not in shown.stdout
