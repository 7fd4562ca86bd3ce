"""As an officer, before I act I ask my own node whether another body has acted already: by a
reference, a name or a State and a month. It warns me where two petitions would meet, and nowhere
else; it tells me what its answer stands for, and nothing that is not meant for me.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from registry.application.clients import add_client
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.domain.audience import OWN_ONLY, named
from registry.domain.content import NamedPerson
from registry.domain.vocabulary import EventKind as K
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.e2e.story_world import COE, IACHR, OBSERVATORY, UN
from tests.integration.casework_world import does, opens
from tests.integration.federation_world import until

STATE: Final = "XXJ"
KEEPER: Final = NamedPerson(person_id="7a" * 16, name="Ждан Небывальский", role="defender")
IN_LATIN: Final = "NEBYVALSKY, Zhdan"
RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
NONE_KNOWN: Final = "none known here by this reference or name"
LETTER: Final = "Urgent appeal (un.ua), non-judicial"


async def acted(profile: Path, *options: str) -> str:
    """What `registry acted` prints."""
    arguments = ["acted", *options, "--profile", str(profile)]
    result = await asyncio.to_thread(RUNNER.invoke, app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def told(node: LocalNode, words: str, *options: str) -> str:
    """The same, once it says some words: lists follow what was recorded in a moment."""
    last = [""]

    async def is_told() -> bool:
        last[0] = await acted(node.profile, *options)
        return words in last[0]

    try:
        await until(is_told, f"{node.mechanism.slug} tells {words!r}")
    except AssertionError as error:
        msg = f"{error}: {last[0]}"
        raise AssertionError(msg) from error
    return last[0]


async def test_officer_learns_who_has_acted_as_far_as_the_node_knows_and_may_tell(
    mechanisms: dict[str, LocalNode], tmp_path: Path
) -> None:
    observatory, un, coe = mechanisms[OBSERVATORY], mechanisms[UN], mechanisms[COE]
    persons = [KEEPER.model_dump(mode="json")]
    ours: dict[str, Any] = {"states": [STATE], "acting_body": "obs.observatory"}
    case_id = await opens(observatory, "The keeper of a weir (invented)", states=(STATE,))

    # The Observatory tells the United Nations who was arrested, and nobody else.
    await does(
        observatory,
        case_id,
        K.CONSENT_RECORDED,
        audience=OWN_ONLY,
        persons=persons,
        use="share_with_mechanisms",
        mechanisms=[UN],
        **ours,
    )
    await does(
        observatory, case_id, K.DETENTION_RECORDED, audience=named(UN), persons=persons, **ours
    )
    await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="un.ua",
        references=[f"UA {STATE} 12/2024"],
        sent_date="2024-03-05",
        reply_due_date=None,
        addressee_state=STATE,
        states=[STATE],
    )

    # By its reference, as somebody else writes it: every mechanism knows of the letter.
    spelt = ("--reference", f"ua {STATE.lower()} 012/2024")
    for node in mechanisms.values():
        answer = await told(node, LETTER, *spelt)
        assert "The same by reference or name" in answer
        assert "2024-03-05" in answer
        assert "WARNING" not in answer

    # By the name, in another script and order: who was told of it finds the letter, nobody else.
    answer = await told(un, LETTER, "--name", IN_LATIN)
    assert "transliteration" in answer
    answer = await acted(coe.profile, "--name", IN_LATIN)
    assert NONE_KNOWN in answer
    assert KEEPER.name not in answer

    # By State and month: the letter, and not who it is for.
    month = ("--state", STATE, "--since", "2024-03", "--until", "2024-03")
    answer = await told(coe, LETTER, *month)
    assert "Known here" in answer
    assert KEEPER.name not in answer
    assert LETTER not in await acted(coe.profile, "--state", STATE, "--since", "2024-04")

    # What is none of the Council of Europe's affair is none known there, and it says how far.
    await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        audience=named(OBSERVATORY),
        instrument="un.al",
        references=[f"AL {STATE} 13/2024"],
        sent_date="2024-03-06",
        reply_due_date=None,
        states=[STATE],
    )
    quiet = ("--reference", f"al {STATE} 13/2024")
    await told(observatory, "Allegation letter (un.al)", *quiet)
    answer = await acted(coe.profile, *quiet)
    assert NONE_KNOWN in answer
    assert "nobody" not in answer
    assert "Allegation letter" not in answer
    assert "What this stands for" in answer
    assert "events held of each log:" in answer
    assert all(slug in answer.split("events held of each log:")[1] for slug in mechanisms)

    # A case that my own desk keeps for others is in no answer to me.
    for who, role in (("maud", Role.OFFICER), ("nell", Role.OFFICER), ("odo", Role.ADMINISTRATOR)):
        add_client(coe.folder, who, tmp_path / who, role)
    async with RegistryClient(load_profile(tmp_path / "odo")) as odo:
        await odo.desk.restrict(case(case_id), ["maud"])
    assert LETTER in await acted(tmp_path / "maud", *spelt)
    for question in (spelt, month):
        answer = await acted(tmp_path / "nell", *question)
        assert "none known here" in answer
        assert LETTER not in answer


async def test_officer_is_warned_where_two_petitions_would_meet_and_nowhere_else(
    mechanisms: dict[str, LocalNode],
) -> None:
    iachr, un, coe = mechanisms[IACHR], mechanisms[UN], mechanisms[COE]
    state = "XXM"
    case_id = await opens(iachr, "A mill and its river (invented)", states=(state,))

    # The Commission has a petition on its desk.
    await does(
        iachr,
        case_id,
        K.PETITION_REGISTERED,
        acting_body="iachr",
        instrument="iachr.petition",
        references=["P-655-24"],
        states=[state],
    )
    petition = ("--reference", "petition 655-24")
    await told(un, "Petition (iachr.petition), quasi-judicial", *petition)

    # The Working Group means to take the same matter up: a petition may fail for it.
    answer = await acted(un.profile, *petition, "--planned", "wgad.regular")
    assert "WARNING, duplication: iachr and wgad (planned)" in answer
    (overlap,) = json.loads(
        await acted(un.profile, *petition, "--planned", "wgad.regular", "--json")
    )["overlaps"]
    assert overlap == {"bodies": ["iachr", "wgad"], "is_duplication": True, "is_planned": True}

    # An urgent appeal and a press statement stand in nobody's way: they are told, and no more.
    appeal = ("--planned", "un.ua", "--body", "un.sr-defenders")
    answer = await acted(un.profile, *petition, *appeal)
    assert "for information: iachr and un.sr-defenders (planned)" in answer
    assert "WARNING" not in answer
    await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        acting_body="un.sr-defenders",
        instrument="un.ua",
        references=[f"UA {state} 2/2024"],
        reply_due_date=None,
        states=[state],
    )
    await does(
        coe,
        case_id,
        K.STATEMENT_ISSUED,
        acting_body="coe.commissioner",
        instrument="coe.statement",
        texts=(),
        cosignatures=(),
        references=[],
        states=[state],
    )
    for node in mechanisms.values():
        answer = await told(node, "for information: coe.commissioner and iachr", *petition)
        assert "for information: coe.commissioner and un.sr-defenders" in answer
        assert "WARNING" not in answer

    # The plan has become an opinion: the warning is no plan's any more, at every mechanism.
    await does(
        un,
        case_id,
        K.OPINION_ADOPTED,
        acting_body="wgad",
        instrument="wgad.opinion",
        references=[],
        states=[state],
    )
    for node in mechanisms.values():
        answer = await told(node, "WARNING, duplication: iachr and wgad:", *petition)
        assert answer.count("WARNING") == 1
