"""An embargo over the network: sealed on the other node, then opened by itself at its time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc
import pytest

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.client import HistoryEvent, case
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId, log_id_of
from registry.errors import InvalidRequest, NotFound
from registry.log.entry import decode_header, split_entry
from registry.log.proof import decode_inclusion_evidence
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_member,
    client_of,
    found,
    opened,
    reason_of,
    start_all,
    statement,
    stop_all,
    until,
)

CANARY: Final = "canary-embargo-4c1d"
_EMBARGO_MS: Final = 6_000


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[LocalNode, LocalNode]]:
    alpha, beta = found(tmp_path, "alpha", "beta")
    try:
        start_all([alpha, beta])
        yield alpha, beta
    finally:
        stop_all([alpha, beta])


async def last_event(node: LocalNode, case_id: CaseId) -> HistoryEvent:
    async with client_of(node) as client:
        return (await client.history(case(case_id))).events[-1]


async def ask_as(member: LocalNode, node: LocalNode, event: HistoryEvent) -> str:
    """Asks for the sealed part as another member's node; returns the reason of the refusal."""
    async with client_of(node) as client:
        evidence = decode_inclusion_evidence(
            await client.inclusion_proof(event.origin, event.index)
        )
    part_id = replication_pb2.PartId(
        log_id=log_id_of(event.origin),
        index=event.index,
        ordinal=0,
        commitment=decode_header(split_entry(evidence.entry)[0]).parts[0].commitment,
    )
    async with channel_as_member(node, member) as channel:
        stub = replication_pb2_grpc.ReplicationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in stub.GetParts(
                replication_pb2.GetPartsRequest(part_ids=[part_id]), timeout=5
            ):
                pass
    return reason_of(refused.value)


async def test_sealed_event_opens_on_the_other_node_at_its_time(
    pair: tuple[LocalNode, LocalNode],
) -> None:
    alpha, beta = pair
    opens_ms = time.time_ns() // 1_000_000 + _EMBARGO_MS
    async with client_of(alpha) as client:
        case_id = (await client.open_case("one", opened("One (invented)"))).case_id
        await client.record(
            "two",
            case(case_id),
            statement("Sealed", summary=CANARY),
            audience=EVERYONE,
            not_before_ms=opens_ms,
        )
        with pytest.raises(InvalidRequest, match="ends in the future"):
            await client.record("three", case(case_id), statement("Late"), not_before_ms=1)
    assert (await last_event(alpha, case_id)).content_state == "present"

    async def is_sealed() -> bool:
        try:
            return (await last_event(beta, case_id)).content_state == "embargoed"
        except NotFound:
            return False

    await until(is_sealed, "beta shows the event as sealed")
    event = await last_event(beta, case_id)
    assert event.content is None
    assert event.not_before_ms == opens_ms
    assert await ask_as(beta, alpha, event) == "not_found"

    async def is_open() -> bool:
        return (await last_event(beta, case_id)).content_state == "present"

    await until(is_open, "beta shows the content")
    shown_ms = time.time_ns() // 1_000_000
    assert opens_ms <= shown_ms < opens_ms + 4_000
    assert CANARY in str((await last_event(beta, case_id)).content)
