"""What stories are told with: who takes part, what a node sees of a case, who holds its content."""

from typing import Final

from registry.client import History, HistoryEvent, case
from registry.client.values import Receipt
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry_cli.federation import LocalNode
from tests.integration.federation_world import client_of, until

UN: Final = "un"
IACHR: Final = "iachr"
COE: Final = "coe-commissioner"
OBSERVATORY: Final = "observatory"
MECHANISMS: Final = (UN, IACHR, COE, OBSERVATORY)


async def read_case(node: LocalNode, case_id: CaseId, *, events: int) -> History:
    """The history of a case at a node, once it holds so many events and all that it may read."""
    found: list[History] = []
    async with client_of(node) as client:

        async def is_here() -> bool:
            try:
                history = await client.history(case(case_id))
            except NotFound:
                return False
            found[:] = [history]
            states = {event.content_state for event in history.events}
            return len(history.events) == events and "not_here" not in states

        await until(is_here, f"{node.mechanism.slug} has {events} events of the case")
    return found[0]


def event_of(history: History, receipt: Receipt) -> HistoryEvent:
    """The event that a receipt is for."""
    (found,) = (
        event
        for event in history.events
        if (event.origin, event.index) == (receipt.origin, receipt.index)
    )
    return found


def kinds(history: History) -> list[str]:
    return [event.kind for event in history.events]
