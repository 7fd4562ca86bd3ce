"""Promise 7 for what is most sensitive: content of the kinds that name persons, and who told it.

One case: consents, a detention, a reprisal, a practice, a statement with its source, an intent, a
question, and a statement that waited for a second person. Beta may hold all of it but the consents.
Before the erasure the scans find each part, source and token where it must be: on the disks as it
is sealed, in the views and the office's records decrypted, in the file of `registry backup`.
Private matchings, which office.db keeps too, are of test_asking_reach.py.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from registry.application.backing_up import back_up
from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.acting import Question as Acted
from registry.client.casework import EventPlace
from registry.client.confidentiality import PartToErase
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.content import (
    ActContent,
    ConsentRecorded,
    DetentionRecorded,
    IntentDeclared,
    NamedPerson,
    Party,
    PeersAsked,
    PracticeShared,
    ReprisalAlleged,
    SourceIdentity,
    StatementIssued,
)
from registry.errors import NeedsApproval, NotFound
from tests.confidentiality.canaries import token
from tests.confidentiality.scanning import Scan, deleted_files_of, files_of
from tests.confidentiality.tapped_federation import (
    AtRest,
    Federation,
    Place,
    decrypt_pages,
    tapped,
)
from tests.integration.federation_world import opened, until

AUTHOR: Final = "alpha"
HOLDERS: Final = ("alpha", "beta")
SLUGS: Final = (*HOLDERS, "gamma")
_RANDOM: Final = Random(20261127)
TOKENS: Final[dict[str, str]] = {}


def _token(label: str) -> str:
    return TOKENS.setdefault(label, token("erased", _RANDOM))


PERSON: Final = NamedPerson(
    person_id=_RANDOM.randbytes(16).hex(), name=_token("person name"), role=_token("person role")
)
_OWN: Final[dict[str, Any]] = {"acting_body": "test.desk", "basis": "own_act", "is_invented": True}


def _named(kind: type[ActContent], label: str, **fields: Any) -> Any:
    words: dict[str, Any] = {
        name: _token(f"{label} {name}") for name in ("title", "summary", "own_number")
    }
    words |= {name: (_token(f"{label} {name}"),) for name in ("references", "subjects")}
    return kind(**_OWN, **words, **fields)


DETENTION: Final = _named(
    DetentionRecorded,
    "detention",
    persons=(PERSON,),
    place=_token("detention place"),
    authority=_token("detention authority"),
    charges=(_token("detention charge"),),
)
REPRISAL: Final = _named(
    ReprisalAlleged, "reprisal", persons=(PERSON,), cooperation_words=_token("reprisal contact")
)
PRACTICE: Final = _named(
    PracticeShared,
    "practice",
    practice=_token("practice words"),
    place=_token("practice place"),
    themes=("reprisals",),
)
STATEMENT: Final = _named(StatementIssued, "statement", persons=(PERSON,))
INTENT: Final = _named(
    IntentDeclared,
    "intent",
    persons=(PERSON,),
    parties=(Party(kind="community", name=_token("intent party")),),
    planned_date="2027-01",
)
QUESTION: Final = _named(
    PeersAsked,
    "question",
    persons=(PERSON,),
    mechanisms=("beta",),
    question="holds",
    parties=(Party(kind="organisation", name=_token("question party")),),
)
PUBLISHED: Final = _named(StatementIssued, "published")
SOURCE: Final = SourceIdentity(
    name=_token("source name"), contact=_token("source contact"), note=_token("source note")
)
OPENING: Final = opened(_token("case title"))
IN_VIEWS: Final = frozenset(
    {
        "case title",
        "person name",
        *(f"{of} title" for of in ("detention", "reprisal", "practice", "statement", "published")),
        *(f"{of} title" for of in ("intent", "question")),
    }
)
"""The least that the lists of a holder must tell before the erasure; for the search it is more."""

FOR_ALL: Final = frozenset({"case title", "published title"})


@dataclass
class Found:
    """The labels of what a scan saw at one node."""

    files: set[str]
    views: set[str]
    office: set[str]
    backup: set[str]
    office_in_backup: set[str]


@dataclass
class Story:
    """What was recorded, and what was found on each page, by page and node."""

    federation: Federation
    folder: Path
    erased: list[Place] = field(default_factory=list)
    held: dict[str, dict[Place, AtRest]] = field(default_factory=dict)
    sources: dict[int, bytes] = field(default_factory=dict)
    source_index: int = -1
    waiting: set[str] = field(default_factory=set)
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    has_source: bool = True

    def sealed_at(self, slug: str) -> list[tuple[str, bytes]]:
        """Ciphertext and wrapped keys of all that is erased, as a node stored it; the source."""
        return [
            *(
                secret
                for place in self.erased
                if place in self.held[slug]
                for secret in self.held[slug][place].stored(f"part {place[1]}")
            ),
            *(("source", sealed) for sealed in self.sources.values() if slug == AUTHOR),
        ]

    def look(self, page: str) -> None:
        """Scans all that the nodes keep, and a backup of each that is made now."""
        tokens = Scan(secrets())
        for slug in SLUGS:
            node = self.federation.nodes[slug]
            everything = Scan([*secrets(), *self.sealed_at(slug)])
            assert node.process is not None
            files = [*files_of(node.folder), *deleted_files_of(node.process.pid)]
            copy = self.folder / f"{slug}.{page}.backup"
            back_up(node.folder, copy, now_ms=_now_ms(), progress=lambda _done, _of: None)
            office = decrypt_pages(
                self.federation.database_key(slug, "office"), _office_of(copy), b""
            )
            self.found[page, slug] = Found(
                files={each.label for each in everything.in_files(files)},
                views=tokens.labels_in(self.federation.pages(slug, "views")),
                office=tokens.labels_in(self.federation.pages(slug, "office")),
                backup=everything.labels_in(copy.read_bytes()),
                office_in_backup=tokens.labels_in(office),
            )


def secrets() -> list[tuple[str, bytes]]:
    """Every token, in clear: none may ever stand in a file as it is."""
    return [
        *((label, text.encode()) for label, text in TOKENS.items()),
        ("person id", PERSON.person_id.encode()),
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _office_of(backup: Path) -> bytes:
    """The office's records in a backup: the file as it is, in pieces."""
    with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT bytes FROM backup_office ORDER BY number").fetchall()
    return b"".join(row[0] for row in rows)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("persons")
    with tapped(folder / "nodes", *SLUGS) as federation:
        alpha = federation.nodes[AUTHOR]
        alpha.stop()
        write_policy(NodeFolder(alpha.folder), Policy(two_people_to_erase=False))
        add_client(alpha.folder, "second", folder / "second", Role.PUBLISHER)
        federation.start(AUTHOR)
        story = Story(federation, folder)
        asyncio.run(before(story))
        asyncio.run(erase(story))
        yield story


async def before(story: Story) -> None:
    federation = story.federation
    async with federation.client(AUTHOR) as client:
        places = await record(story, client)
    log_id = federation.log_id(AUTHOR)
    story.erased = [(log_id, index, 0) for index in sorted(places)]
    shared = {place for place in story.erased if place[1] not in places_of_consents(places)}
    await federation.until_holding({"alpha": set(story.erased), "beta": shared})
    tokens = Scan(secrets())

    async def is_listed() -> bool:
        told = {slug: tokens.labels_in(federation.pages(slug, "views")) for slug in SLUGS}
        wanted = {**dict.fromkeys(HOLDERS, IN_VIEWS), "gamma": FOR_ALL}
        return all(told[slug] >= wanted[slug] for slug in SLUGS)

    await until(is_listed, "every node lists what it holds")
    await read_all(federation)
    story.held = {slug: federation.held(slug) for slug in SLUGS}
    story.sources = federation.sources(AUTHOR)
    story.look("before")


def places_of_consents(places: dict[int, str]) -> set[int]:
    return {index for index, what in places.items() if what == "consent"}


async def record(story: Story, client: RegistryClient) -> dict[int, str]:
    """Records everything; returns what stands at which place of the author's log."""
    opening = await client.open_case("case", OPENING, audience=EVERYONE)
    selector, to_beta = case(opening.case_id), named("beta")
    places = {opening.index: "case"}
    consent = ConsentRecorded(
        **_OWN,
        persons=(PERSON,),
        use="share_with_mechanisms",
        mechanisms=("beta",),
        is_informed_of_risk=True,
        agrees=True,
        summary=_token("consent summary"),
    )
    places[(await client.record("consent", selector, consent, audience=OWN_ONLY)).index] = "consent"
    for name, content in (("detention", DETENTION), ("reprisal", REPRISAL), ("practice", PRACTICE)):
        receipt = await client.record(name, selector, content, audience=to_beta)
        places[receipt.index] = name
    told = await client.record("statement", selector, STATEMENT, audience=to_beta, source=SOURCE)
    story.source_index = told.index
    declared = await client.intents.declare("intent", selector, INTENT, ["beta"])
    preview = await client.asking.preview(selector, QUESTION)
    asked = await client.asking.ask(
        "question", selector, QUESTION, confirmation=preview.confirmation
    )
    with pytest.raises(NeedsApproval) as waiting:
        await client.record("published", selector, PUBLISHED, audience=EVERYONE)
    story.waiting = Scan(secrets()).labels_in(story.federation.pages(AUTHOR, "office"))
    profile = load_profile(story.folder / "second")
    untapped = profile.description.model_copy(update={"address": client.address})
    async with RegistryClient(profile.model_copy(update={"description": untapped})) as second:
        published = await second.desk.approve(waiting.value.act_id)
    places |= {told.index: "statement", declared.index: "intent"}
    return places | {asked.index: "question", published.index: "published"}


async def read_all(federation: Federation) -> None:
    """What readers leave behind must not keep it either: records of reads, alerts that are seen."""
    for slug in HOLDERS:
        async with federation.client(slug) as client:
            (found,) = [each async for each in client.list_cases()]
            assert (await client.history(case(found.case_id))).events
            assert [each async for each in client.asking.questions(sent=slug == AUTHOR)]
            assert [each async for each in client.intents.list_intents()]
            assert [each async for each in client.detention.detentions()]
            alerts = [each.event async for each in client.reprisals.alerts()]
            await client.reprisals.mark_seen([EventPlace(e.origin, e.index) for e in alerts])
            assert (await client.acting.has_anyone_acted(Acted(name=PERSON.name))).cases


async def erase(story: Story) -> None:
    federation = story.federation
    async with federation.client(AUTHOR) as client:
        assert (await client.desk.source(story.source_index)).name == SOURCE.name
        erasure = await client.confidentiality.erase(
            "erase", [PartToErase(place[1], place[2]) for place in story.erased]
        )
        assert erasure.receipt is not None
        index = erasure.receipt.index

        async def is_confirmed() -> bool:
            status = await client.confidentiality.erasure_status(index)
            return {e.mechanism for e in status.confirmations if e.is_confirmed} == {
                "beta",
                "gamma",
            }

        await until(is_confirmed, "beta and gamma confirm the erasure")
        try:
            await client.desk.source(story.source_index)
        except NotFound:
            story.has_source = False
    tokens = Scan(secrets())

    async def is_forgotten() -> bool:
        return not any(tokens.labels_in(federation.pages(slug, "views")) for slug in SLUGS)

    await until(is_forgotten, "no list tells an erased word")
    story.look("erased")


def labels(secrets: list[tuple[str, bytes]]) -> set[str]:
    return {label for label, _ in secrets}


def test_scan_finds_all_of_it_where_it_is_kept_before_the_erasure(story: Story) -> None:
    assert len(story.erased) == 9
    assert len(story.sources) == 1
    for slug in SLUGS:
        found, sealed = story.found["before", slug], labels(story.sealed_at(slug))
        assert (found.files, found.backup) == (sealed, sealed)
        assert found.views >= (IN_VIEWS if slug in HOLDERS else FOR_ALL)
    assert "source" in story.found["before", AUTHOR].files
    assert {"published title", "published summary"} <= story.waiting


def test_nothing_of_it_is_left_anywhere_after_the_erasure(story: Story) -> None:
    for slug in SLUGS:
        assert story.found["erased", slug] == Found(set(), set(), set(), set(), set()), slug
    assert not story.has_source


def test_who_may_not_hold_it_never_had_more_than_what_is_for_all(story: Story) -> None:
    found = story.found["before", "gamma"]
    assert {label.split()[0] for label in found.views} == {"case", "published"}
    assert sum(place in story.held["gamma"] for place in story.erased) == 2


def test_act_that_waited_is_in_no_record_once_it_is_carried_out(story: Story) -> None:
    found = story.found["before", AUTHOR]
    assert (found.office, found.office_in_backup) == (set(), set())
