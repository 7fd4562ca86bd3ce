"""Four mechanisms make one statement in three languages; a fifth one learns of it at its time.

The author drafts it for three others. Two of them sign in time, two people at the author's desk
issue it for a time, all nodes show it within a second of that time, and the third one joins later.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Final

import pytest

from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.casework import EventPlace
from registry.client.statements import (
    Recordable,
    ShownStatement,
    cosignature_of,
    issue_of,
    withdrawal_of,
)
from registry.domain.audience import DEFAULT_AUDIENCE, EVERYONE
from registry.domain.content import StatementDrafted
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.identifiers import CaseId
from registry.errors import NeedsApproval, NotFound, RuleViolation
from tests.counts import tell
from tests.integration.federation_world import client_of, found, opened, start_all, stop_all, until

AUTHOR: Final = "un"
SIGNERS: Final = ("iachr", "achpr", "coe")
OUTSIDER: Final = "osce"
SLUGS: Final = (AUTHOR, *SIGNERS, OUTSIDER)
TEXTS: Final = (
    StatementText(language="en", text="We call for her release (invented).\n"),
    StatementText(language="fr", text="Nous demandons sa lib\xe9ration (invent\xe9).\n"),
    StatementText(language="es", text="Pedimos su liberaci\xf3n (inventado).\n"),
)
TITLE: Final = "Joint statement on an invented arrest"
_RELEASE_AFTER_MS: Final = 4_000
_RELEASED_WITHIN_MS: Final = 1_000


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[dict[str, RegistryClient]]:
    """A client at each of five nodes, and at the author's a second person."""
    nodes = found(tmp_path, *SLUGS)
    folder = NodeFolder(nodes[0].folder)
    write_policy(folder, Policy())
    add_client(nodes[0].folder, "second-person", tmp_path / "second", Role.PUBLISHER)
    try:
        await asyncio.to_thread(start_all, nodes)
        async with AsyncExitStack() as stack:
            opened_clients = {
                node.mechanism.slug: await stack.enter_async_context(client_of(node))
                for node in nodes
            }
            second = RegistryClient(load_profile(tmp_path / "second"))
            opened_clients["second"] = await stack.enter_async_context(second)
            yield opened_clients
    finally:
        await asyncio.to_thread(stop_all, nodes)


async def shown(
    client: RegistryClient, event: EventPlace, enough: Callable[[ShownStatement], bool]
) -> ShownStatement:
    """The statement as a node shows it, once it shows enough."""
    last: list[ShownStatement] = []

    async def is_enough() -> bool:
        try:
            last[:] = [await client.statements.show(event)]
        except NotFound:
            return False
        return enough(last[0])

    await until(is_enough, "the statement is shown so")
    return last[0]


def states(found_statement: ShownStatement) -> dict[str, str]:
    return {each.mechanism: each.state for each in found_statement.statement.signatures}


async def recorded(
    client: RegistryClient,
    request_id: str,
    case_id: CaseId,
    act: Recordable,
    not_before_ms: int = 0,
) -> EventPlace:
    receipt = await client.record(
        request_id, case(case_id), act.content, audience=act.audience, not_before_ms=not_before_ms
    )
    return EventPlace(receipt.origin, receipt.index)


async def draft(clients: dict[str, RegistryClient]) -> tuple[CaseId, EventPlace]:
    author = clients[AUTHOR]
    content = StatementDrafted(
        title=TITLE,
        acting_body="un.sr-defenders",
        basis="own_act",
        is_invented=True,
        texts=TEXTS,
        invited=SIGNERS,
        needed_signatures=2,
    )
    case_id = (
        await author.open_case("story", opened("An arrest (invented)"), audience=EVERYONE)
    ).case_id
    act = Recordable(content, DEFAULT_AUDIENCE)
    return case_id, await recorded(author, "draft", case_id, act)


async def sign(
    clients: dict[str, RegistryClient], slug: str, event: EventPlace, date: str = "2026-12-01"
) -> None:
    read = await shown(clients[slug], event, lambda _: True)
    assert read.texts == TEXTS
    text_hash = frozen_hash(read.texts)
    act = cosignature_of(read, body=f"test.{slug}", date=date, text_hash=text_hash)
    await recorded(clients[slug], f"sign {slug}", read.statement.case_id, act)


async def issue(
    clients: dict[str, RegistryClient], case_id: CaseId, ready: ShownStatement
) -> tuple[int, EventPlace]:
    """Two people issue it; returns its time and its place."""
    opens_ms = time.time_ns() // 1_000_000 + _RELEASE_AFTER_MS
    act = issue_of(ready, date="2026-12-02")
    with pytest.raises(NeedsApproval) as waiting:
        await recorded(clients[AUTHOR], "issue", case_id, act, not_before_ms=opens_ms)
    receipt = await clients["second"].desk.approve(waiting.value.act_id)
    return opens_ms, EventPlace(receipt.origin, receipt.index)


async def released_ms(client: RegistryClient, case_id: CaseId, issued: EventPlace) -> int:
    """When a node shows the words of the issued statement to who watches its case."""
    steps = client.watch.history(case(case_id), timeout_s=30)
    async with aclosing(steps):
        async for step in steps:
            event = step.event
            if (
                event is not None
                and (event.origin, event.index) == (issued.origin, issued.index)
                and event.content is not None
            ):
                return time.time_ns() // 1_000_000
    msg = "the statement was never shown"
    raise AssertionError(msg)


async def test_four_mechanisms_issue_one_statement_that_all_nodes_show_at_its_time(
    clients: dict[str, RegistryClient],
) -> None:
    author, outsider = clients[AUTHOR], clients[OUTSIDER]
    case_id, event = await draft(clients)
    await sign(clients, "iachr", event)
    early = await shown(author, event, lambda each: states(each) == {"iachr": "signed"})
    with pytest.raises(RuleViolation, match="1 of 2 needed mechanisms"):
        await recorded(author, "too early", case_id, issue_of(early, date="2026-12-02"))
    await sign(clients, "achpr", event)
    ready = await shown(author, event, lambda each: each.statement.status == "ready")
    assert ready.statement.missing == ("coe",)

    opens_ms, issued = await issue(clients, case_id, ready)
    others = [slug for slug in SLUGS if slug != AUTHOR]
    await until(lambda: knows(outsider, case_id, issued), "the outsider knows that there is one")
    for place in (event, issued):
        with pytest.raises(NotFound):
            await outsider.statements.show(place)
    times = await asyncio.gather(*(released_ms(clients[slug], case_id, issued) for slug in others))
    late_ms = [each - opens_ms for each in times]
    tell(
        f"joint statement: {len(SLUGS)} nodes, {len(TEXTS)} languages, shown after its time by "
        f"{', '.join(f'{slug} {ms} ms' for slug, ms in zip(others, late_ms, strict=True))}; "
        f"spread {max(times) - min(times)} ms"
    )
    assert all(0 <= ms < _RELEASED_WITHIN_MS for ms in late_ms), late_ms

    await sign(clients, "coe", issued, "2026-12-03")
    everybody = {"iachr", "achpr", "coe"}
    for slug in SLUGS:
        read = await shown(clients[slug], issued, lambda each: states(each).keys() == everybody)
        in_time = "named" if slug == OUTSIDER else "signed"
        assert states(read) == {"iachr": in_time, "achpr": in_time, "coe": "late"}
        assert (read.texts, read.statement.status) == (TEXTS, "issued")
        assert read.statement.text_hash == frozen_hash(TEXTS)
        assert read.statement.release_ms == opens_ms
    await withdraw_one(clients, case_id, issued)


async def knows(client: RegistryClient, case_id: CaseId, issued: EventPlace) -> bool:
    """Whether a node shows the event, sealed."""
    try:
        history = await client.history(case(case_id))
    except NotFound:
        return False
    states = {(e.origin, e.index): e.content_state for e in history.events}
    return states.get((issued.origin, issued.index)) == "embargoed"


async def withdraw_one(
    clients: dict[str, RegistryClient], case_id: CaseId, issued: EventPlace
) -> None:
    """A signature that is withdrawn afterwards is shown so everywhere; the statement stands."""
    read = await clients["iachr"].statements.show(issued)
    act = withdrawal_of(read, own="iachr", body="test.iachr", date="2026-12-05")
    await recorded(clients["iachr"], "withdraw", case_id, act)
    for slug in (AUTHOR, OUTSIDER):
        read = await shown(clients[slug], issued, lambda each: states(each)["iachr"] == "withdrawn")
        assert read.statement.status == "issued"

        async def is_listed(client: RegistryClient = clients[slug]) -> bool:
            rows = [each async for each in client.statements.list_statements()]
            return [(r.status, r.standing, len(r.languages)) for r in rows] == [("issued", 2, 3)]

        listed: Callable[[], Awaitable[bool]] = is_listed
        await until(listed, f"{slug} lists one statement with two standing signatures")
