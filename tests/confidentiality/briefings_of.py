"""Briefings that a node makes for some readers, and what may and may not stand in them."""

from collections.abc import Collection
from typing import Final

from registry.client import RegistryClient
from registry.client.meetings import BriefingOrder
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.scanning import Scan

READERS: Final = (("alpha",), ("beta", "delta"), ("alpha", "beta", "gamma", "delta", "epsilon"))


async def briefings_at(client: RegistryClient, readers: tuple[str, ...]) -> list[bytes]:
    """One of everything that the node holds, in the forms that are text."""
    order = BriefingOrder(readers, case_limit=500)
    return [await client.meetings.briefing(order, form) for form in ("md", "html")]


def scans_of(
    events: Collection[PlannedEvent], maker: str, readers: tuple[str, ...]
) -> tuple[Scan, Scan]:
    """What a briefing tells for certain, and what it never tells.

    Consents stay at the author's node: no other node may use a name for them.
    """
    meant = [each for each in events if {*readers, maker} <= each.audience]
    titles = Scan(each for event in meant for each in event.of_text if "title" in each[0])
    never = Scan(
        secret
        for event in events
        for secret in (*event.of_content, *event.of_source)
        if event not in meant
        or secret in event.of_source
        or (secret in event.of_names and event.author != maker)
    )
    return titles, never
