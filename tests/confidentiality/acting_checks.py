"""What the rooms of acting together tell, to the audience of each content alone."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from registry.client import RegistryClient, case
from registry.domain.content import (
    DefinitionAgreed,
    DetentionRecorded,
    IntentDeclared,
    PracticeShared,
)
from registry.domain.identifiers import CaseId
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.scanning import Scan
from tests.integration.federation_world import until

ACTING: Final = (IntentDeclared, PracticeShared, DefinitionAgreed)


async def acting_told(
    slug: str,
    client_of: Callable[[str], RegistryClient],
    events: Collection[PlannedEvent],
    cases: Mapping[str, CaseId],
) -> str:
    """Every intent, practice and definition that a node lists, once it lists all of `events`."""
    wanted = {each.number for each in events if isinstance(each.content, ACTING)}
    found: list[Any] = []
    async with client_of(slug) as client:

        async def are_listed() -> bool:
            found[:] = [each async for each in client.intents.list_intents()]
            found.extend([each async for each in client.practices.list_practices()])
            found.extend([each async for each in client.practices.list_definitions()])
            return len(found) >= len(wanted)

        await until(are_listed, f"{slug} lists what it holds")
        fitting = [await client.practices.practices_for(case(each)) for each in cases.values()]
    return repr((found, fitting))


def check_acting(
    slug: str, told: str, inside: Collection[PlannedEvent], outside: Collection[PlannedEvent]
) -> None:
    """Own words of each kind are seen; nothing of others, no source, and nobody's name is."""
    mine = [event for event in inside if isinstance(event.content, ACTING)]
    assert {type(event.content) for event in mine} == set(ACTING)
    pieces = [told.encode()]
    titles = Scan(
        secret
        for event in mine
        for secret in event.of_text
        if secret[0].endswith(_shown(event.content))
    )
    assert {each.label for each in titles.in_pieces(slug, pieces)} == titles.labels
    unseen = Scan(
        [secret for event in outside for secret in event.of_content]
        + [secret for event in (*inside, *outside) for secret in event.of_source]
        + [secret for event in (*inside, *outside) for secret in event.of_names]
    )
    assert unseen.in_pieces(slug, pieces) == set()


def _shown(content: object) -> str:
    """Of a definition its words are shown, of the others their title."""
    return "own words" if isinstance(content, DefinitionAgreed) else "title"


async def detentions_told(
    slug: str, client_of: Callable[[str], RegistryClient], cases: Mapping[str, CaseId]
) -> str:
    """Every detention that a node lists, by itself and by case, and what was not tried."""
    async with client_of(slug) as client:
        asked = [case(each) for each in cases.values()]
        files = [await client.detention.of_case(each) for each in asked]
        untried = [await client.detention.untried(each) for each in asked]
        held = [each async for each in client.detention.detentions(with_released=True)]
    return repr((files, untried, held))


def check_detentions(
    slug: str, told: str, inside: Collection[PlannedEvent], outside: Collection[PlannedEvent]
) -> None:
    """The titles of detentions are seen; nothing of others, and no source is."""
    mine = [event for event in inside if isinstance(event.content, DetentionRecorded)]
    pieces = [told.encode()]
    seen = Scan(secret for event in mine for secret in event.of_text if "title" in secret[0])
    assert seen.labels
    assert {each.label for each in seen.in_pieces(slug, pieces)} == seen.labels
    unseen = Scan(
        [secret for event in outside for secret in event.of_content]
        + [secret for event in (*inside, *outside) for secret in event.of_source]
    )
    assert unseen.in_pieces(slug, pieces) == set()
