"""As an officer of the Inter-American Commission I must explain, years later, why we granted a
measure on that day: I read the case as we knew it then, and so can everybody else.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from typer.testing import CliRunner

from registry.client import LogPlace, RegistryClient, case
from registry.client.knowledge import KnownHistory
from registry.client.values import Receipt
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.e2e.story_world import COE, IACHR, OBSERVATORY, UN, kinds, read_case
from tests.integration.casework_world import at, does, opens
from tests.integration.federation_world import client_of, start_all

RUNNER: Final = CliRunner()


@pytest.fixture
def nodes(mechanisms: dict[str, LocalNode]) -> Iterator[dict[str, LocalNode]]:
    """The nodes; this story cuts the line between them, and all run again at its end."""
    try:
        yield mechanisms
    finally:
        start_all([node for node in mechanisms.values() if node.process is None])


async def test_case_is_read_as_it_was_known_when_the_measure_was_granted(
    nodes: dict[str, LocalNode],
) -> None:
    un, iachr, observatory = nodes[UN], nodes[IACHR], nodes[OBSERVATORY]
    beside = (nodes[IACHR], nodes[COE])
    others = (nodes[UN], nodes[OBSERVATORY])

    # The United Nations writes to the State, and all of us read it.
    case_id = await opens(un, "A ferryman held (invented)")
    letter = await does(un, case_id, K.COMMUNICATION_SENT, sent_date="2024-03-01")
    for node in nodes.values():
        await read_case(node, case_id, events=2)

    # The line between us and Geneva is cut. There, the reply of the State comes in.
    for node in beside:
        node.stop()
    reply = await does(un, case_id, K.REPLY_RECEIVED, about=at(letter))
    await read_case(observatory, case_id, events=3)
    for node in others:
        node.stop()

    # Here, we grant a measure without having seen it.
    await start(beside)
    measure = await does(iachr, case_id, K.MEASURE_GRANTED, about=at(letter))
    await start(others)
    for node in nodes.values():
        await read_case(node, case_id, events=4)

    # Whoever asks, at whichever node, is told what we knew: the letter, and not the reply.
    known = [await asked_at(node, case_id, measure) for node in nodes.values()]
    for each in known:
        assert kinds(each.history) == ["case_opened", "communication_sent"]
        assert each.unknown_count == 2
    assert len({each.history.digest for each in known}) == 1
    event = f"{measure.origin}#{measure.index}"
    words = ("case", "known", case_id.hex(), "--when-recording", event)
    told = await asyncio.to_thread(
        RUNNER.invoke, app, [*words, "--profile", str(observatory.profile)]
    )
    assert "Communication sent" in told.output
    assert "Reply received" not in told.output
    assert "2 more events are held here" in told.output

    # On that day there was more than we knew.
    async with client_of(observatory) as client:
        ours = await client.knowledge.by_time(case(case_id), measure.time_ms, IACHR)
        theirs = await client.knowledge.by_time(case(case_id), measure.time_ms, UN)
        anybody = await client.knowledge.by_time(case(case_id), measure.time_ms)
        before = await client.knowledge.by_time(case(case_id), letter.time_ms - 1)
    assert kinds(ours.history) == ["case_opened", "communication_sent", "measure_granted"]
    assert kinds(theirs.history) == ["case_opened", "communication_sent", "reply_received"]
    assert len(anybody.history.events) == 4
    assert kinds(before.history) == ["case_opened"]

    await check_vector(un, case_id, known[0])

    # Whatever is recorded later, what was known on that day stays what it was.
    closed = await does(un, case_id, K.CASE_CLOSED, about=at(reply), outcome="resolved")
    lifted = await does(iachr, case_id, K.MEASURE_LIFTED, about=at(measure))
    for node in nodes.values():
        await read_case(node, case_id, events=6)
        after = await asked_at(node, case_id, measure)
        assert after.history.digest == known[0].history.digest
        assert after.history.vector == known[0].history.vector
        assert after.unknown_count == 4
        async with client_of(node) as client:
            once_more = await client.knowledge.by_time(case(case_id), measure.time_ms, IACHR)
        assert once_more.history.digest == ours.history.digest
    assert closed.case_id == lifted.case_id


async def check_vector(node: LocalNode, case_id: CaseId, known: KnownHistory) -> None:
    """The answer stands for checkpoints: with these, anybody gets the same, with others none."""
    vector = known.history.vector
    forged = LogPlace(vector[0].origin, vector[0].size, b"\x01" * 32)
    async with client_of(node) as client:
        again = await client.knowledge.at_vector(case(case_id), *vector)
        with pytest.raises(InvalidRequest, match="other entries"):
            await client.knowledge.at_vector(case(case_id), forged)
    assert again == known


async def asked_at(node: LocalNode, case_id: CaseId, act: Receipt) -> KnownHistory:
    client: RegistryClient
    async with client_of(node) as client:
        return await client.knowledge.when_recording(case(case_id), act.origin, act.index)


async def start(nodes: Sequence[LocalNode]) -> None:
    for node in nodes:
        node.start()
    for node in nodes:
        await node.wait_until_open()
