"""Promise 7: erased content is gone from every node, and no restored backup brings it back.

The whole story is told once, by the module's fixture, and each test reads one page of it:
    before      four holders have the content; backups of two of their databases are made
    erased      gamma is away; alpha, the author, erases; beta and delta follow
    returned    gamma comes back
    restored    delta's and alpha's databases are replaced by the backups, and they start again
    rolled back gamma's whole folder, journal and guard included, is what it was before
Every page keeps what a scan of every file found, the node's log, its guard and a backup included.
"""

import asyncio
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest

from registry.client import case
from registry.client.confidentiality import ErasureStatus, PartToErase
from registry.domain.audience import EVERYONE, named
from registry.domain.content import StatementIssued
from tests.confidentiality.scanning import Found, Scan, back_up, deleted_files_of, files_of, windows
from tests.confidentiality.tapped_federation import AtRest, Federation, Place, tapped
from tests.integration.federation_world import (
    opened,
    until,
)
from tests.integration.parts_world import open_registry

AUTHOR: Final = "alpha"
HOLDERS: Final = ("alpha", "beta", "gamma", "delta")
OUTSIDE: Final = "epsilon"
ERASED: Final = 6
KEPT: Final = 4
NARROW: Final = (1, 2, ERASED + 1)
"""These are for beta alone until the audience is widened to all holders."""
FOR_ALL: Final = 3
WITH_FILE: Final = 2
"""A large file belongs to it: three chunks, for an audience that is widened later."""
FILE: Final = Random(7).randbytes(600_000)
LONG: Final = 4
"""Its ciphertext fills several pages of a database."""


@dataclass
class Story:
    """What was found on each page: by page and node."""

    federation: Federation
    folder: Path
    erased: list[Place] = field(default_factory=list)
    kept: list[Place] = field(default_factory=list)
    commitments: dict[Place, bytes] = field(default_factory=dict)
    held: dict[str, dict[Place, AtRest]] = field(default_factory=dict)
    found: dict[tuple[str, str], set[Found]] = field(default_factory=dict)
    in_views: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    statuses: dict[str, ErasureStatus] = field(default_factory=dict)
    given_by_peers: dict[str, set[Place]] = field(default_factory=dict)
    erasure_index: int = -1

    def scan_of(self, places: list[Place]) -> Scan:
        """Everything that any node ever stored of some parts, and their tokens, keys and salts."""
        return Scan(
            [
                secret
                for slug in HOLDERS
                for place in places
                for secret in (
                    *self.held[slug][place].stored(f"{slug} {place[1]}.{place[2]}"),
                    *self.held[slug][place].hidden(f"{slug} {place[1]}.{place[2]}"),
                )
            ]
            + [(f"token {place[1]}", token_of(place[1]).encode()) for place in places]
            + [("the file", each) for each in windows(FILE)]
        )

    def look(self, page: str, *slugs: str) -> None:
        """Scans every file of nodes, a backup made of each now, and the views, decrypted."""
        scan = self.scan_of(self.erased)
        for slug in slugs:
            node = self.federation.nodes[slug]
            copy = back_up(self.federation.database(slug), self.folder / f"{slug}.{page}.db")
            deleted = [] if node.process is None else deleted_files_of(node.process.pid)
            self.found[page, slug] = scan.in_files([*files_of(node.folder), copy, *deleted])
            if node.process is not None:
                self.in_views[page, slug] = scan.labels_in(self.federation.pages(slug, "views"))


def token_of(number: int) -> str:
    return f"erased-{number:04}-5c1a77e0b9d24f68ø{number:04}-e3f1a2b4c5d6"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("erasure")
    with tapped(folder / "nodes", *HOLDERS, OUTSIDE) as federation:
        story = Story(federation, folder)
        asyncio.run(before(story))
        federation.nodes["gamma"].stop()
        shutil.copytree(federation.nodes["gamma"].folder, folder / "gamma as it was")
        asyncio.run(erase(story))
        federation.start("gamma")
        asyncio.run(gamma_returned(story))
        roll_back(story, "gamma")
        restore(story, "delta")
        restore(story, "alpha")
        yield story


async def before(story: Story) -> None:
    federation, log_id = story.federation, story.federation.log_id(AUTHOR)
    async with federation.client(AUTHOR) as client:
        opening = await client.open_case("case", opened(token_of(0)))
        story.erased.append((log_id, 0, 0))
        sent = await client.attachments.upload("file", io.BytesIO(FILE), file_name="scan.pdf")
        for number in range(1, 1 + ERASED + KEPT):
            others = named(*(HOLDERS[1:2] if number in NARROW else HOLDERS[1:]))
            receipt = await client.record(
                f"event {number}",
                case(opening.case_id),
                StatementIssued(
                    acting_body="test.desk",
                    basis="own_act",
                    is_invented=True,
                    title=token_of(number),
                    summary=token_of(number) * (300 if number == LONG else 1),
                ),
                audience=EVERYONE if number == FOR_ALL else others,
                upload_ids=(sent.upload_id,) if number == WITH_FILE else (),
            )
            assert receipt.index == number
            (story.erased if number <= ERASED else story.kept).append((log_id, number, 0))
        story.erased.append((log_id, WITH_FILE, 1))
        for number in NARROW:
            await client.confidentiality.widen(f"widen {number}", number, named(*HOLDERS[2:]))
    parts = {*story.erased, *story.kept}
    await federation.until_holding(dict.fromkeys(HOLDERS, parts))
    await federation.until_holding({OUTSIDE: {(log_id, 0, 0), (log_id, FOR_ALL, 0)}})

    async def is_listed() -> bool:
        return all(
            token_of(0).partition("ø")[0].encode() in federation.pages(slug, "views")
            for slug in HOLDERS
        )

    await until(is_listed, "every holder lists the case by its title")
    story.commitments = await federation.commitments(AUTHOR, OUTSIDE)
    story.held = {slug: federation.held(slug) for slug in HOLDERS}
    story.look("before", *HOLDERS)
    for slug in ("alpha", "delta"):
        back_up(federation.database(slug), story.folder / f"{slug}.old.db")


async def erase(story: Story) -> None:
    federation = story.federation
    async with federation.client(AUTHOR) as client:
        erasure = await client.confidentiality.erase(
            "erase", [PartToErase(place[1], place[2]) for place in story.erased]
        )
        assert erasure.receipt is not None
        story.erasure_index = erasure.receipt.index
    online = [slug for slug in (*HOLDERS, OUTSIDE) if slug != "gamma"]
    story.statuses["erased"] = await confirmed_by(story, {"beta", "delta", OUTSIDE})
    story.look("erased", *online)
    story.look("erased", "gamma")


async def until_forgotten(story: Story) -> None:
    """Waits until no list of cases tells an erased title: it is folded a little later."""
    scan = story.scan_of(story.erased)

    async def is_so() -> bool:
        pages = [story.federation.pages(slug, "views") for slug in (*HOLDERS, OUTSIDE)]
        return not any(scan.labels_in(each) for each in pages)

    await until(is_so, "no list of cases tells an erased title")


async def gamma_returned(story: Story) -> None:
    story.statuses["returned"] = await confirmed_by(story, {"beta", "gamma", "delta", OUTSIDE})
    await until_forgotten(story)
    story.look("returned", *HOLDERS, OUTSIDE)


def restore(story: Story, slug: str) -> None:
    """Puts the old database in the place of the new one and starts the node again.

    The guard and the tombstone journal stay, as a restore from a backup leaves them; the read
    models, which no backup holds, are gone; see test_restored_views.py for those that stayed.
    """
    federation = story.federation
    federation.nodes[slug].stop()
    database = federation.database(slug)
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    for file in federation.nodes[slug].folder.glob("views.db*"):
        file.unlink()
    database.write_bytes((story.folder / f"{slug}.old.db").read_bytes())
    story.look(f"{slug} put back", slug)
    # What a start does first, and all that it can do while no peer is there.
    open_registry(federation.nodes[slug]).close()
    story.look(f"{slug} opened", slug)
    federation.start(slug)
    asyncio.run(caught_up(story, slug))
    story.look(f"{slug} restored", *HOLDERS, OUTSIDE)


def roll_back(story: Story, slug: str) -> None:
    """Puts a whole folder back as it was, as a snapshot of a virtual machine does."""
    node = story.federation.nodes[slug]
    node.stop()
    shutil.rmtree(node.folder)
    shutil.copytree(story.folder / f"{slug} as it was", node.folder)
    story.look(f"{slug} put back", slug)
    story.federation.start(slug)
    asyncio.run(caught_up(story, slug))
    story.look(f"{slug} restored", *HOLDERS, OUTSIDE)


async def caught_up(story: Story, slug: str) -> None:
    """Waits until a restored node holds the erasure again, and what was not erased."""
    federation = story.federation

    async def is_so() -> bool:
        async with federation.client(slug) as client:
            status = await client.confidentiality.erasure_status(
                story.erasure_index, origin=f"testing/{AUTHOR}/1"
            )
        return all(each.is_confirmed for each in status.confirmations)

    await until(is_so, f"{slug} knows of the erasure again, and of all its receipts")
    await federation.until_holding({slug: set(story.kept)})
    await until_forgotten(story)
    asked = {place: story.commitments[place] for place in (*story.erased, *story.kept)}
    for peer in set(HOLDERS) - {slug}:
        story.given_by_peers[f"{peer} to {slug}"] = await federation.given(peer, slug, asked)


async def confirmed_by(story: Story, slugs: set[str]) -> ErasureStatus:
    async with story.federation.client(AUTHOR) as client:

        async def is_so() -> bool:
            status = await client.confidentiality.erasure_status(story.erasure_index)
            return slugs <= {each.mechanism for each in status.confirmations if each.is_confirmed}

        await until(is_so, f"{sorted(slugs)} confirm the erasure")
        return await client.confidentiality.erasure_status(story.erasure_index)


def labels(found: set[Found]) -> set[str]:
    return {each.label for each in found}


def test_scan_finds_each_part_at_each_holder_before_the_erasure(story: Story) -> None:
    for slug in HOLDERS:
        stored = {
            label
            for place in story.erased
            for label, _ in story.held[slug][place].stored(f"{slug} {place[1]}.{place[2]}")
        }
        assert labels(story.found["before", slug]) == stored
        # The lists hold titles, and the search the words of every text of the typed contents.
        assert story.in_views["before", slug] == {f"token {number}" for number in range(7)}


def test_erased_content_is_gone_from_every_file_of_every_node_online(story: Story) -> None:
    for slug in ("alpha", "beta", "delta", OUTSIDE):
        assert story.found["erased", slug] == set(), slug


def test_node_that_is_away_still_holds_it_and_is_told_of_as_not_reached(story: Story) -> None:
    assert labels(story.found["erased", "gamma"]) == labels(story.found["before", "gamma"])
    status = {each.mechanism: each for each in story.statuses["erased"].confirmations}
    assert {name: each.is_confirmed for name, each in status.items()} == {
        "beta": True,
        "gamma": False,
        "delta": True,
        OUTSIDE: True,
    }
    assert status["gamma"].confirmed_ms == 0


def test_node_that_was_away_erases_when_it_returns_and_receipts_are_complete(story: Story) -> None:
    for slug in (*HOLDERS, OUTSIDE):
        assert story.found["returned", slug] == set(), slug
    confirmations = story.statuses["returned"].confirmations
    assert {each.mechanism for each in confirmations} == {*HOLDERS[1:], OUTSIDE}
    assert all(each.is_confirmed and each.confirmed_ms for each in confirmations)


def test_list_of_cases_has_forgotten_an_erased_title(story: Story) -> None:
    for slug in (*HOLDERS, OUTSIDE):
        assert story.in_views["returned", slug] == set(), slug


@pytest.mark.parametrize("slug", ["gamma", "delta", "alpha"])
def test_restored_node_brings_nothing_back(story: Story, slug: str) -> None:
    assert labels(story.found[f"{slug} put back", slug]) == labels(story.found["before", slug])
    for each in (*HOLDERS, OUTSIDE):
        assert story.found[f"{slug} restored", each] == set(), each
        assert story.in_views[f"{slug} restored", each] == set(), each


@pytest.mark.parametrize("slug", ["delta", "alpha"])
def test_restored_database_is_erased_before_anything_is_served(story: Story, slug: str) -> None:
    assert story.found[f"{slug} opened", slug] == set()


@pytest.mark.parametrize("slug", ["gamma", "delta", "alpha"])
def test_no_peer_gives_an_erased_part_to_a_restored_node(story: Story, slug: str) -> None:
    for peer in set(HOLDERS) - {slug}:
        assert story.given_by_peers[f"{peer} to {slug}"] == set(story.kept)


def test_what_was_not_erased_is_left_at_every_holder(story: Story) -> None:
    for slug in HOLDERS:
        assert set(story.kept) <= story.federation.places(slug)
        assert not set(story.erased) & story.federation.places(slug)
