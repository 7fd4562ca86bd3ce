"""The world of the reach of content: what was recorded where, and what each node holds of it."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.identifiers import CaseId
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.tapped_federation import AtRest, Federation, Place


@dataclass
class World:
    """What was recorded where, and what each node holds of it."""

    federation: Federation
    events: dict[Place, PlannedEvent]
    cases: dict[str, CaseId]
    held: dict[str, dict[Place, AtRest]]
    files: dict[str, list[Path]]
    given: dict[tuple[str, str], set[Place]]
    bundles: dict[tuple[str, str], bytes]

    def outside(self, slug: str) -> dict[Place, PlannedEvent]:
        return {place: each for place, each in self.events.items() if slug not in each.audience}

    def inside(self, slug: str) -> dict[Place, PlannedEvent]:
        return {place: each for place, each in self.events.items() if slug in each.audience}

    def stored_of(self, slug: str) -> list[tuple[str, bytes]]:
        """Ciphertext and wrapped keys as one node stores them."""
        return [
            secret
            for place, event in self.inside(slug).items()
            for secret in self.held[slug][place].stored(f"{slug}: event {event.number}.{place[2]}")
        ]

    def hidden_of(self, slug: str) -> list[tuple[str, bytes]]:
        """Data keys and salts as one node's key opens them."""
        return [
            secret
            for place, event in self.inside(slug).items()
            for secret in self.held[slug][place].hidden(f"{slug}: event {event.number}.{place[2]}")
        ]
