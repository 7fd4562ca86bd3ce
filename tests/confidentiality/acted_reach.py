"""What a client is told of who has acted, whatever is asked for: what it must see, and may not."""

from collections.abc import Callable, Collection, Iterable

from registry.client import RegistryClient
from registry.client.acting import Question
from registry.domain.acting import ACTING_KINDS
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.scanning import Scan


async def acted_at(
    slug: str, client_of: Callable[[str], RegistryClient], events: Collection[PlannedEvent]
) -> str:
    """Every reference and every name is asked for, also what this node may not know."""
    answers = []
    async with client_of(slug) as client:
        for event in {each.number: each for each in events}.values():
            questions = [Question(reference=event.content.references[0], limit=100)]
            questions += [Question(name=each.name, limit=100) for each in event.content.persons]
            answers += [await client.acting.has_anyone_acted(each) for each in questions]
    return repr(answers)


def check_acted(told: str, inside: Iterable[PlannedEvent], outside: Iterable[PlannedEvent]) -> None:
    """Titles of acts and names of persons are told inside the audience, and nothing outside."""
    events = list(inside)
    acts = [each for each in events if each.content.kind in ACTING_KINDS]
    titles = [secret for each in acts for secret in each.of_text if "title" in secret[0]]
    seen = Scan([*titles, *(each.of_names[0] for each in events if each.content.persons)])
    assert {each.label for each in seen.in_pieces("answers", [told.encode()])} == seen.labels
    others = [secret for each in outside for secret in each.of_content]
    sources = [secret for each in events for secret in each.of_source]
    assert Scan([*others, *sources]).in_pieces("answers", [told.encode()]) == set()
