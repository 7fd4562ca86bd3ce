"""Promises 6 and 14: content reaches its audience, and no file, log, backup or message of others.

Five real nodes with a tap between each two; forty events with random audiences and a unique token
in every field. Every scan first shows that it sees: tokens in what an audience member was sent,
ciphertext and wrapped keys on the disk of whoever holds them.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import permutations
from typing import Final

import pytest

from registry.application.exporting import ExportPurpose
from registry.application.folder import NodeFolder
from registry.client import RegistryClient, case
from registry.domain.audience import EVERYONE
from registry.domain.content import NamedPerson, SourceIdentity
from registry.domain.identifiers import CaseId
from registry.errors import MalformedBundle, RegistryError
from registry.log.bundle_content import BundleChunk
from tests.confidentiality.acted_reach import acted_at, check_acted
from tests.confidentiality.acting_checks import (
    acting_told,
    check_acting,
    check_detentions,
    detentions_told,
)
from tests.confidentiality.briefings_of import READERS, briefings_at, scans_of
from tests.confidentiality.bundles_of import bundles_of_a_copy, opened_by
from tests.confidentiality.canaries import PlannedEvent, open_cases, plan, record_event
from tests.confidentiality.downloads import download_all
from tests.confidentiality.reach_world import World
from tests.confidentiality.reprisal_paths import Told, check_told, reprisals_in, told_at
from tests.confidentiality.scanning import Found, Scan, back_up, deleted_files_of, files_of
from tests.confidentiality.tapped_federation import Federation, Place, tapped
from tests.integration.federation_world import statement

SLUGS: Final = ("alpha", "beta", "gamma", "delta", "epsilon")
GIVERS: Final = ("alpha", "gamma")
"""Who makes bundles for all others."""
EVENTS: Final = 40
SEED: Final = 20260301
REFUSED_NAME: Final = "refused-71d5c80f2ab94e6c-ø-90b1e2d3c4f5a6b7"
"""Stands in requests that the node refuses: stored nowhere, and no error is logged with it."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("reach")
    with tapped(folder, *SLUGS) as federation:
        cases, events, given = asyncio.run(record_all(federation))
        files = {}
        for slug, node in federation.nodes.items():
            copy = back_up(federation.database(slug), folder / f"{slug}.backup.db")
            assert node.process is not None
            files[slug] = [*files_of(node.folder), copy, *deleted_files_of(node.process.pid)]
        held = {slug: federation.held(slug) for slug in SLUGS}
        bundles = {
            (giver, recipient): bundle
            for giver in GIVERS
            for recipient, bundle in bundles_of_a_copy(
                federation.nodes[giver].folder,
                folder / f"{giver}.copy",
                [slug for slug in SLUGS if slug != giver],
            ).items()
        }
        yield World(federation, events, cases, held, files, given, bundles)


async def record_all(
    federation: Federation,
) -> tuple[dict[str, CaseId], dict[Place, PlannedEvent], dict[tuple[str, str], set[Place]]]:
    async with AsyncExitStack() as stack:
        clients = {slug: await stack.enter_async_context(federation.client(slug)) for slug in SLUGS}
        cases = await open_cases(clients)
        await federation.until_holding(
            {slug: {(federation.log_id(author), 0, 0) for author in SLUGS} for slug in SLUGS}
        )
        events = {}
        for event in plan(SLUGS, count=EVENTS, seed=SEED):
            index = await record_event(clients[event.author], event, cases[event.case_of])
            for ordinal in range(2 if event.file else 1):
                events[federation.log_id(event.author), index, ordinal] = event
        for slug, client in clients.items():
            await ask_what_is_refused(client, cases[slug])
        await federation.until_holding(
            {slug: {p for p, event in events.items() if slug in event.audience} for slug in SLUGS}
        )
        given = await ask_for_everything(federation, events)
    return cases, events, given


async def ask_for_everything(
    federation: Federation, events: dict[Place, PlannedEvent]
) -> dict[tuple[str, str], set[Place]]:
    """Every member asks every other for every part, by the commitments that all can see."""
    known: dict[Place, bytes] = {}
    for author in SLUGS:
        reader = SLUGS[SLUGS.index(author) - 1]
        known |= await federation.commitments(author, reader)
    asked = {place: known[place] for place in events}
    return {
        (peer, curious): await federation.given(peer, curious, asked)
        for peer, curious in permutations(SLUGS, 2)
    }


async def ask_what_is_refused(client: RegistryClient, case_id: CaseId) -> None:
    """Refused for want of a case, of consent, and of sense; each request holds a token."""
    unnamed = statement(REFUSED_NAME)
    person = NamedPerson(person_id="0f" * 16, name=REFUSED_NAME)
    naming = unnamed.model_copy(update={"persons": (person,)})
    too_long = unnamed.model_copy(update={"summary": REFUSED_NAME * 1000})
    for number, (selector, content) in enumerate(
        (
            (case(CaseId(b"0" * 16)), unnamed),
            (case(case_id), naming),
            (case(case_id), too_long),
        )
    ):
        with pytest.raises(RegistryError) as refusal:
            await client.record(f"refused {number}", selector, content, audience=EVERYONE)
        assert REFUSED_NAME not in str(refusal.value)


def labels(found: set[Found]) -> set[str]:
    return {each.label for each in found}


def test_plan_has_every_size_of_audience_and_persons_in_them(world: World) -> None:
    assert len({event.number for event in world.events.values()}) == EVENTS
    with_file = [each for each in world.events.values() if each.file]
    assert {event.is_large for event in with_file} == {True, False}
    assert {len(event.audience) for event in with_file if event.is_large} & {2, 3, 4}
    assert {len(event.audience) for event in world.events.values()} == {1, 2, 3, 4, 5}
    assert {event.author for event in world.events.values()} == set(SLUGS)
    named = [event for event in world.events.values() if event.content.persons]
    assert len({len(event.audience) for event in named}) >= 4
    assert any(event.choice == EVERYONE for event in named)


def test_nodes_hold_exactly_what_they_may(world: World) -> None:
    for slug in SLUGS:
        held = world.held[slug].keys() & world.events.keys()
        assert held == world.inside(slug).keys(), slug


def test_member_who_asks_for_everything_is_given_what_it_may_have(world: World) -> None:
    for (peer, curious), given in world.given.items():
        assert given <= world.inside(curious).keys() & world.inside(peer).keys()
        # The author gives everything that may go; a relay holds no consent and gives no names.
        from_author = {p for p, e in world.inside(curious).items() if e.author == peer}
        assert from_author <= given


def test_messages_show_content_to_its_audience_and_to_nobody_else(world: World) -> None:
    for slug in SLUGS:
        pieces = world.federation.taps.received_by(slug)
        others = [e for e in world.inside(slug).values() if e.author != slug]
        seen = Scan(secret for event in others for secret in event.of_content)
        assert labels(seen.in_pieces(slug, pieces)) == seen.labels, f"{slug} received its content"

        unseen = Scan(secret for e in world.outside(slug).values() for secret in e.of_content)
        assert unseen.labels
        assert unseen.in_pieces(slug, pieces) == set()


def test_nobody_is_sent_a_source_a_key_or_anything_as_it_is_stored(world: World) -> None:
    never = Scan(
        [secret for event in world.events.values() for secret in event.of_source]
        + [secret for slug in SLUGS for secret in world.stored_of(slug)]
        + [each for slug in SLUGS for each in world.hidden_of(slug) if each[0].endswith(" key")]
    )
    for slug in SLUGS:
        assert never.in_pieces(slug, world.federation.taps.received_by(slug)) == set()


def test_salts_are_sent_to_the_audience_and_to_nobody_else(world: World) -> None:
    salts = {place: rows.salt for slug in SLUGS for place, rows in world.held[slug].items()}
    for slug in SLUGS:
        pieces = world.federation.taps.received_by(slug)
        mine = Scan(
            (f"salt {event.number}.{place[2]}", salts[place])
            for place, event in world.inside(slug).items()
            if event.author != slug
        )
        assert labels(mine.in_pieces(slug, pieces)) == mine.labels
        others = Scan(
            (f"salt {event.number}.{place[2]}", salts[place])
            for place, event in world.outside(slug).items()
        )
        assert others.in_pieces(slug, pieces) == set()


def test_bundle_shows_nothing_to_whoever_finds_it(world: World) -> None:
    secret = Scan(
        [each for event in world.events.values() for each in (*event.of_content, *event.of_source)]
        + [each for slug in SLUGS for each in world.hidden_of(slug)]
        + [each for slug in SLUGS for each in world.stored_of(slug)]
    )
    for (giver, recipient), bundle in world.bundles.items():
        assert secret.in_pieces(f"{giver} to {recipient}", [bundle]) == set()


def test_bundle_holds_for_its_recipient_what_it_may_have_and_opens_for_nobody_else(
    world: World,
) -> None:
    for (giver, recipient), bundle in world.bundles.items():
        found = opened_by(folder_of(world, recipient), bundle)
        places = {(each.log_id, each.index, each.ordinal) for each in found}
        assert places & world.events.keys() == world.given[giver, recipient]
        pieces = [each.data if isinstance(each, BundleChunk) else each.content for each in found]
        whole = [b"".join(pieces), *(each.media_type.encode() for each in found)]
        outside = Scan(s for e in world.outside(recipient).values() for s in e.of_content)
        assert outside.in_pieces(recipient, whole) == set()
        mine = {place: world.events[place] for place in world.given[giver, recipient]}
        seen = Scan(
            secret
            for event in mine.values()
            for secret in event.of_content
            if "title" in secret[0] or " file bytes " in secret[0]
        )
        assert labels(seen.in_pieces(recipient, whole)) == seen.labels
        for other in SLUGS:
            if other != recipient:
                with pytest.raises(MalformedBundle):
                    opened_by(folder_of(world, other), bundle)


def folder_of(world: World, slug: str) -> NodeFolder:
    return NodeFolder(world.federation.nodes[slug].folder)


def test_no_file_shows_content_a_source_a_data_key_or_a_salt(world: World) -> None:
    secret = Scan(
        [each for event in world.events.values() for each in (*event.of_content, *event.of_source)]
        + [each for slug in SLUGS for each in world.hidden_of(slug)]
        + [("a refused request", REFUSED_NAME.encode())]
    )
    for slug in SLUGS:
        assert secret.in_files(world.files[slug]) == set()


def test_ciphertext_and_wrapped_keys_lie_at_their_holder_and_nowhere_else(world: World) -> None:
    everything = Scan(secret for slug in SLUGS for secret in world.stored_of(slug))
    for holder in SLUGS:
        own = {label for label, _ in world.stored_of(holder)}
        backup = [file for file in world.files[holder] if file.name.endswith(".backup.db")]
        live = [file for file in world.files[holder] if file not in backup]
        assert labels(everything.in_files(live)) == own, f"on the disk of {holder}"
        assert labels(everything.in_files(backup)) == own, f"in a backup of {holder}"


def test_metrics_show_no_content_source_key_salt_ciphertext_or_case(world: World) -> None:
    secret = Scan(
        [each for event in world.events.values() for each in (*event.of_content, *event.of_source)]
        + [each for slug in SLUGS for each in (*world.hidden_of(slug), *world.stored_of(slug))]
        # Of an id of 16 bytes a half is found by chance: its hexadecimal digits are searched for.
        + [(f"case of {slug}", case_id.hex().encode()) for slug, case_id in world.cases.items()]
        + [("a refused request", REFUSED_NAME.encode())]
    )
    for slug in SLUGS:
        told = world.federation.metrics(slug)
        # The control: the page is whole and the scan sees what stands in its labels.
        lines = [f'registry_log_entries{{log="testing/{each}/1"}}' for each in SLUGS]
        seen = Scan((line, line.encode()) for line in lines)
        assert labels(seen.in_pieces(slug, [told.encode()])) == seen.labels
        title = next(iter(world.events.values())).of_text[0][1].decode()
        leaking = f'{told}registry_case{{title="{title}"}} 1\n'
        assert secret.in_pieces(slug, [leaking.encode()])
        assert secret.in_pieces(slug, [told.encode()]) == set()


def test_source_is_told_to_the_client_of_its_own_node(world: World) -> None:
    """The control: what is found nowhere else was kept."""
    place, event = next((p, e) for p, e in world.events.items() if not p[2])
    told = asyncio.run(source_at(world, event.author, place[1]))
    assert (told.name, told.contact, told.note) == tuple(token for _, token in event.source)


async def source_at(world: World, slug: str, index: int) -> SourceIdentity:
    async with world.federation.client(slug) as client:
        return await client.desk.source(index)


def test_files_are_downloaded_at_audience_nodes_and_not_found_at_others(world: World) -> None:
    asyncio.run(download_all(world.federation, world.events))


def test_histories_tell_the_content_to_the_clients_of_its_audience_alone(world: World) -> None:
    for slug in SLUGS:
        told = [asyncio.run(history_at(world, slug)).encode()]
        seen = Scan(secret for e in world.inside(slug).values() for secret in e.of_text)
        assert labels(seen.in_pieces(slug, told)) == seen.labels
        unseen = Scan(
            [secret for event in world.outside(slug).values() for secret in event.of_content]
            + [secret for event in world.events.values() for secret in event.of_source]
        )
        assert unseen.in_pieces(slug, told) == set()


async def history_at(world: World, slug: str) -> str:
    async with world.federation.client(slug) as client:
        histories = [await client.history(case(case_id)) for case_id in world.cases.values()]
        timelines = [await client.timeline(case(case_id)) for case_id in world.cases.values()]
        known = [await client.knowledge.by_time(case(c), 2**50) for c in world.cases.values()]
        return repr((histories, timelines, known))


def test_detentions_tell_the_content_to_the_clients_of_its_audience_alone(world: World) -> None:
    for slug in SLUGS:
        inside, outside = world.inside(slug).values(), world.outside(slug).values()
        told = asyncio.run(detentions_told(slug, world.federation.client, world.cases))
        check_detentions(slug, told, inside, outside)


def test_lists_of_acting_together_tell_the_content_to_its_audience_alone(world: World) -> None:
    for slug in SLUGS:
        inside, outside = world.inside(slug).values(), world.outside(slug).values()
        told = asyncio.run(acting_told(slug, world.federation.client, inside, world.cases))
        check_acting(slug, told, inside, outside)


def test_reprisals_alerts_and_registers_tell_it_to_the_audience_alone(world: World) -> None:
    events = list({event.number: event for event in world.events.values()}.values())
    assert any(event.choice == EVERYONE for event in reprisals_in(events))
    for slug in SLUGS:
        check_told(slug, asyncio.run(reprisals_at(world, slug, events)), events)


async def reprisals_at(world: World, slug: str, events: list[PlannedEvent]) -> Told:
    async with world.federation.client(slug) as client:
        expected = sum(slug in event.audience for event in reprisals_in(events))
        return await told_at(client, expected)


def test_who_has_acted_is_told_inside_the_audience_alone(world: World) -> None:
    for slug in SLUGS:
        told = asyncio.run(acted_at(slug, world.federation.client, world.events.values()))
        check_acted(told, world.inside(slug).values(), world.outside(slug).values())


@pytest.mark.parametrize(("purpose", "use"), [("public", "names_in_public"), ("state", "")])
def test_exports_hold_what_is_for_all_and_names_with_that_consent_alone(
    world: World, purpose: ExportPurpose, use: str
) -> None:
    everyone = [event for event in world.events.values() if event.choice == EVERYONE]
    for slug in SLUGS:
        told = [asyncio.run(exports_at(world, slug, purpose)).encode()]
        titles = Scan(each for event in everyone for each in event.of_text if "title" in each[0])
        assert labels(titles.in_pieces(slug, told)) == titles.labels
        # Consents stay at the author's node: no other node may use a name for them.
        never = Scan(
            secret
            for event in world.events.values()
            for secret in (*event.of_text, *event.of_source)
            if event.choice != EVERYONE
            or secret in event.of_source
            or (secret in event.of_names and (event.author != slug or not use))
        )
        assert never.in_pieces(slug, told) == set()
        names = Scan(each for e in everyone if e.author == slug for each in e.of_names)
        assert labels(names.in_pieces(slug, told)) == (names.labels if use else set())


async def exports_at(world: World, slug: str, purpose: ExportPurpose) -> str:
    async with world.federation.client(slug) as client:
        exports = [
            await client.confidentiality.export(case(case_id), purpose)
            for case_id in world.cases.values()
        ]
        return repr(exports)


def test_briefings_tell_what_all_who_read_them_may_hold_and_nothing_else(world: World) -> None:
    asyncio.run(brief_all(world))


async def brief_all(world: World) -> None:
    for maker in SLUGS:
        async with world.federation.client(maker) as client:
            for readers in READERS:
                told = await briefings_at(client, readers)
                titles, never = scans_of(tuple(world.events.values()), maker, readers)
                assert labels(titles.in_pieces(maker, told)) == titles.labels
                assert never.in_pieces(maker, told) == set()
