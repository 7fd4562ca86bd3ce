"""A desk of four mechanisms at work: recording for everyone, and waiting until others see it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from registry.client import RegistryClient, case
from registry.client.casework import EventPlace
from registry.client.values import Receipt
from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.content import SourceIdentity
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.errors import NotFound
from registry_cli.federation import LocalNode
from tests.integration.federation_world import client_of, opened, until

_numbers = iter(range(10**6))


async def opens(node: LocalNode, title: str, **changed: Any) -> CaseId:
    """Opens an invented case."""
    content = opened(title).model_copy(update=changed)
    async with client_of(node) as client:
        receipt = await client.open_case(f"case-{next(_numbers)}", content, audience=EVERYONE)
    return receipt.case_id


async def does(
    node: LocalNode,
    case_id: CaseId,
    kind: EventKind,
    *,
    audience: AudienceChoice = EVERYONE,
    told_by: SourceIdentity | None = None,
    **changed: Any,
) -> Receipt:
    """Records an invented act, made of the example of its kind.

    The case, and what the act is about, may still be on their way to the node.
    """
    content = example_of(kind, **changed)
    request_id = f"act-{next(_numbers)}"
    done: list[Receipt] = []
    async with client_of(node) as client:

        async def is_recorded() -> bool:
            try:
                receipt = await client.record(
                    request_id, case(case_id), content, audience=audience, source=told_by
                )
                done.append(receipt)
            except NotFound:
                return False
            return True

        await until(is_recorded, f"{node.mechanism.slug} knows what {kind.name} is about")
    return done[0]


def at(receipt: Receipt) -> dict[str, Any]:
    """The pointer to what was recorded."""
    return {"origin": receipt.origin, "index": receipt.index}


def place(receipt: Receipt) -> EventPlace:
    return EventPlace(receipt.origin, receipt.index)


async def listed(
    node: LocalNode,
    read: Callable[[RegistryClient], AsyncIterator[Any]],
    enough: Callable[[list[Any]], bool],
) -> list[Any]:
    """Reads a list until it shows what it must: lists follow what was recorded in a moment."""
    found: list[Any] = []
    async with client_of(node) as client:

        async def is_enough() -> bool:
            found[:] = [each async for each in read(client)]
            return enough(found)

        try:
            await until(is_enough, "the list shows it")
        except AssertionError as error:
            msg = f"{error}: {found}"
            raise AssertionError(msg) from error
    return found
