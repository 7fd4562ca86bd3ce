"""What the lists, alerts and registers of reprisals tell at one node, scanned for canaries."""

from typing import NamedTuple

from registry.client import RegistryClient
from registry.domain.audience import EVERYONE
from registry.domain.content import ReprisalAlleged
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.scanning import Scan
from tests.integration.federation_world import until


class Told(NamedTuple):
    """What one node's client was told: by the lists, and by the register for the public."""

    lists: bytes
    register: bytes


async def told_at(client: RegistryClient, expected: int) -> Told:
    """Asks for everything once so many reprisals are listed."""
    calls = client.reprisals

    async def are_listed() -> bool:
        return len([each async for each in calls.list_reprisals()]) >= expected

    await until(are_listed, f"{expected} reprisals are listed")
    lists = [
        [each async for each in calls.list_reprisals()],
        [each async for each in calls.impunity()],
        [each async for each in calls.alerts()],
    ]
    steps = []
    async for step in calls.watch_alerts(timeout_s=20):
        steps.append(step)
        if step.is_caught_up:
            break
    register = await calls.register("achpr", is_public=True)
    return Told(repr((lists, steps)).encode(), repr(register).encode())


def reprisals_in(events: list[PlannedEvent]) -> list[PlannedEvent]:
    return [each for each in events if isinstance(each.content, ReprisalAlleged)]


def check_told(slug: str, told: Told, events: list[PlannedEvent]) -> None:
    """No token of an event outside its audience; no name; no source."""
    inside = [each for each in reprisals_in(events) if slug in each.audience]
    titles = Scan(t for each in inside for t in each.of_text if t[0].endswith(" title"))
    assert {found.label for found in titles.in_pieces(slug, [told.lists])} == titles.labels
    never = Scan(
        secret
        for event in events
        for secret in (
            *(event.of_content if slug not in event.audience else event.of_names),
            *event.of_source,
        )
    )
    assert never.in_pieces(slug, [told.lists]) == set()
    public = [each for each in reprisals_in(events) if each.choice == EVERYONE]
    entries = Scan(t for each in public for t in each.of_text if t[0].endswith(" title"))
    assert {found.label for found in entries.in_pieces(slug, [told.register])} == entries.labels
    # Consents stay at the author's node: no other node may use a name for them.
    withheld = Scan(
        secret
        for event in events
        for secret in (*event.of_content, *event.of_source)
        if event.choice != EVERYONE
        or secret in event.of_source
        or (secret in event.of_names and event.author != slug)
    )
    assert withheld.in_pieces(slug, [told.register]) == set()
