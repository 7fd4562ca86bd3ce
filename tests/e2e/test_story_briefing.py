"""User story: a briefing that withholds what a recipient may not see, over real nodes.

Three mechanisms know of one emblematic detention. The secretariat of one prepares a meeting with
another, and with both others. Whoever reads a line looks it up and proves it.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from registry.client import RegistryClient, case
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.content import ActContent, NamedPerson
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
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
from tests.unit.application.persons_world import consent, withdrawn

RUNNER: Final = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
SLUGS: Final = ("un", "coe", "oif")
ABOUT: Final[dict[str, Any]] = {
    "states": ["XXA"],
    "themes": ["arbitrary_detention"],
    "persons": [],
    "references": [],
}
PERSON: Final = NamedPerson(person_id="c3" * 16, name="Imara Oyelaran", role="defender")
SEALED: Final = "A word for the Commissioner alone"
QUIET: Final = "A quiet step that both were told of"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LocalNode]]:
    founded = found(tmp_path_factory.mktemp("story"), *SLUGS)
    start_all(founded)
    try:
        yield {node.mechanism.slug: node for node in founded}
    finally:
        stop_all(founded)


@pytest.fixture(scope="module")
def case_id(nodes: dict[str, LocalNode]) -> CaseId:
    return asyncio.run(tell(nodes))


async def tell(nodes: dict[str, LocalNode]) -> CaseId:
    """The Special Rapporteur's desk records the matter; all others receive what they may."""
    async with client_of(nodes["un"]) as un:
        content = opened("An invented detention (invented)")
        content = content.model_copy(update={"themes": ("arbitrary_detention",)})
        case_id = (await un.open_case("open", content, audience=EVERYONE)).case_id
        writer = Writer(un, case_id)
        await writer(K.CASE_MARKED_EMBLEMATIC, "Marked emblematic", is_taken_back=False)
        await writer(
            K.DETENTION_RECORDED,
            "Arrested at home",
            detained_date="2024-01-10",
            arrested_date=None,
            next_hearing_date=None,
        )
        await writer(
            K.COMMUNICATION_SENT,
            "Urgent appeal",
            sent_date="2024-01-15",
            reply_due_date="2024-03-15",
            addressee_state="XXA",
            instrument="un.ua",
        )
        await writer(K.NOTE_ADDED, SEALED, noted_date="2024-02-01", audience=named("coe"))
        await writer(K.NOTE_ADDED, QUIET, noted_date="2024-02-02", audience=named("coe", "oif"))
        asked = consent("share_with_mechanisms", "coe", person=PERSON)
        await un.record("consent", case(case_id), asked)
        await writer(
            K.TRIAL_OBSERVED,
            "Her trial",
            audience=named("coe"),
            observed_date="2024-04-02",
            persons=[PERSON.model_dump()],
        )
        meeting = await writer(
            K.MEETING_HELD,
            "Meeting of the mechanisms",
            held_date="2024-05-06",
            audience=EVERYONE,
            agenda=[{"title": "Detention and reprisals", "theme": "arbitrary_detention"}],
        )
        await writer(
            K.COMMITMENT_MADE,
            "Ask again before the summer",
            made_date="2024-05-06",
            about=meeting,
            followup_due_date="2024-06-30",
            addressee_state="",
            committed_bodies=["oif"],
        )
    await until_arrived(nodes, case_id, {"un": 9, "coe": 8, "oif": 6})
    return case_id


class Writer:
    """Records acts of the story, for everyone unless told otherwise."""

    def __init__(self, client: RegistryClient, case_id: CaseId) -> None:
        self._client, self._case_id = client, case_id

    async def __call__(
        self, kind: K, title: str, *, audience: AudienceChoice = EVERYONE, **fields: Any
    ) -> dict[str, Any]:
        content: ActContent = example_of(kind, **{**ABOUT, "title": title, **fields})
        receipt = await self._client.record(title, case(self._case_id), content, audience=audience)
        return {"origin": receipt.origin, "index": receipt.index}


async def until_arrived(
    nodes: dict[str, LocalNode], case_id: CaseId, readable: dict[str, int]
) -> None:
    """Waits until each node can read so many events of the case, and its lists show the case."""
    for slug, count in readable.items():
        async with client_of(nodes[slug]) as client:

            async def has_all(client: RegistryClient = client, count: int = count) -> bool:
                history = await client.history(case(case_id))
                listed = [row async for row in client.list_cases() if row.case_id == case_id]
                found = sum(event.content is not None for event in history.events)
                return found >= count and bool(listed)

            await until(has_all, f"{slug} reads {count} events")


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def brief(node: LocalNode, folder: Path, recipients: str, name: str, *more: str) -> bytes:
    out = folder / name
    scope = ("--theme", "arbitrary_detention", "--state", "xxa", "--until", "2024")
    result = run(node, "briefing", *scope, "--for", recipients, "--out", str(out), *more)
    assert result.exit_code == 0, (result.output, result.exception)
    return out.read_bytes()


def test_each_recipient_is_told_what_it_may_see_and_how_much_it_is_not(
    nodes: dict[str, LocalNode], case_id: CaseId, tmp_path: Path
) -> None:
    for_coe = brief(nodes["un"], tmp_path, "coe", "coe.md").decode()
    for_both = brief(nodes["un"], tmp_path, "coe,oif", "both.md").decode()

    assert case_id.hex() in for_coe
    for told in (QUIET, "Urgent appeal", "Ask again before the summer", "2024-03-15"):
        assert told in for_coe
        assert told in for_both
    for secret in (SEALED, PERSON.name, "Her trial"):
        assert secret in for_coe
        assert secret not in for_both
    assert "| Events withheld | 1 |" in for_coe
    assert "| Events withheld | 3 |" in for_both


def test_two_nodes_make_the_same_briefing_in_three_languages_and_forms(
    nodes: dict[str, LocalNode], case_id: CaseId, tmp_path: Path
) -> None:
    assert case_id
    for name, language in (("a.md", "en"), ("a.html", "fr"), ("a.pdf", "es")):
        made = {
            brief(nodes[slug], tmp_path, "coe,oif", f"{slug}-{name}", "--lang", language)
            for slug in ("coe", "oif")
        }
        assert len(made) == 1
        again = brief(nodes["coe"], tmp_path, "oif,coe", f"again-{name}", "--lang", language)
        assert made == {again}


def test_line_of_a_briefing_is_looked_up_and_proved(
    nodes: dict[str, LocalNode], case_id: CaseId, tmp_path: Path
) -> None:
    assert case_id
    text = brief(nodes["un"], tmp_path, "coe", "cited.md").decode()
    (line,) = [line for line in text.splitlines() if "Urgent appeal" in line]
    number = line.rstrip(" |").rpartition("\\[")[2].removesuffix("\\]")
    (source,) = [each for each in text.splitlines() if each.startswith(f"| \\[{number}\\]")]
    _, place, leaf_hash = (cell.strip() for cell in source.strip("|").split("|"))
    origin, _, index = place.replace("\\", "").partition("#")

    evidence = tmp_path / "evidence"
    fetched = run(
        nodes["oif"], "proof", index, "--origin", origin, "--out", str(evidence), "--json"
    )
    assert fetched.exit_code == 0, fetched.output
    roster = nodes["oif"].folder / "roster" / "1.roster"
    checked = RUNNER.invoke(app, ["check-proof", str(evidence), "--roster", str(roster), "--json"])
    assert checked.exit_code == 0, checked.output
    assert leaf_hash in checked.output


def test_withdrawn_consent_takes_the_name_out_of_the_next_briefing(
    nodes: dict[str, LocalNode], case_id: CaseId, tmp_path: Path
) -> None:
    assert PERSON.name in brief(nodes["un"], tmp_path, "coe", "before.md").decode()

    async def withdraw() -> None:
        async with client_of(nodes["un"]) as un:
            await un.record("withdraw", case(case_id), withdrawn(person=PERSON))

    asyncio.run(withdraw())
    after = brief(nodes["un"], tmp_path, "coe", "after.md").decode()
    assert PERSON.name not in after
    assert "Her trial" in after


def test_meetings_are_listed_and_shown_with_what_became_of_commitments(
    nodes: dict[str, LocalNode], case_id: CaseId
) -> None:
    listed = run(nodes["oif"], "meeting", "list", "--theme", "arbitrary_detention", "--json")
    (meeting,) = json.loads(listed.stdout)
    place = f"{meeting['act']['event']['origin']}#{meeting['act']['event']['index']}"
    shown = run(nodes["oif"], "meeting", "show", place)

    assert bytes.fromhex(meeting["act"]["case_id"]) == case_id
    assert shown.exit_code == 0, shown.output
    assert "Detention and reprisals" in shown.output
    assert "overdue" in shown.output
    assert "1" in run(nodes["oif"], "meeting", "list").output


def test_nothing_is_written_over_and_a_form_is_needed(
    nodes: dict[str, LocalNode], case_id: CaseId, tmp_path: Path
) -> None:
    assert case_id
    brief(nodes["un"], tmp_path, "coe", "once.md")
    again = run(nodes["un"], "briefing", "--for", "coe", "--out", str(tmp_path / "once.md"))
    assert isinstance(again.exception, FileExistsError)
    formless = run(nodes["un"], "briefing", "--for", "coe", "--out", str(tmp_path / "x.odt"))
    assert "--format" in str(formless.exception)
