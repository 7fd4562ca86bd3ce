"""Content goes to its audience only, and from outside absence and prohibition look the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.domain.identifiers import LogId, log_id_of
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_member,
    client_of,
    found,
    reason_of,
    sizes_at,
    start_all,
    stop_all,
    until,
)
from tests.integration.parts_world import (
    CANARY,
    Secret,
    bytes_of,
    copy_commitment,
    held_content,
    record_secret,
    write_parts,
)


@dataclass(frozen=True)
class Theft:
    """alpha shared a secret with beta; gamma has copied its commitment into its own log."""

    alpha: LocalNode
    beta: LocalNode
    gamma: LocalNode
    secret: Secret
    gamma_log: LogId
    copied_at: int


@pytest.fixture(scope="module")
def theft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theft]:
    nodes = found(tmp_path_factory.mktemp("theft"), "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    secret = record_secret(alpha, ("beta",))
    copied_at = copy_commitment(gamma, secret)
    try:
        start_all(nodes)
        yield Theft(alpha, beta, gamma, secret, log_id_of("testing/gamma/1"), copied_at)
    finally:
        stop_all(nodes)


@pytest.fixture
async def shared(theft: Theft) -> Theft:
    """Every node holds every entry, and beta the content."""

    async def is_shared() -> bool:
        async with client_of(theft.beta) as client:
            logs = {log.mechanism: log for log in (await client.node_status()).logs}
        sizes = [await sizes_at(node) for node in (theft.alpha, theft.beta, theft.gamma)]
        return sizes == 3 * [{"alpha": 2, "beta": 0, "gamma": 1}] and not logs["alpha"].parts_wanted

    await until(is_shared, "all entries everywhere and the content at beta")
    return theft


async def ask(holder: LocalNode, member: LocalNode, *parts: replication_pb2.PartId) -> list[bytes]:
    async with channel_as_member(holder, member) as channel:
        stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
        call = stub.GetParts(replication_pb2.GetPartsRequest(part_ids=parts), timeout=60)
        return [part.content async for message in call for part in message.parts]


async def refusal(
    holder: LocalNode, member: LocalNode, *parts: replication_pb2.PartId
) -> tuple[str, str, str]:
    """What a member sees that is given nothing: code, text and reason."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(holder, member, *parts)
    error = refused.value
    return error.code().name, error.details() or "", reason_of(error)


def changed(part: replication_pb2.PartId, **fields: Any) -> replication_pb2.PartId:
    other = replication_pb2.PartId()
    other.CopyFrom(part)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


async def test_audience_gets_the_content_from_the_author_and_from_each_other(shared: Theft) -> None:
    part = shared.secret.part_id()
    (from_author,) = await ask(shared.alpha, shared.beta, part)
    (from_audience,) = await ask(shared.beta, shared.alpha, part)
    assert CANARY.encode() in from_author
    assert from_author == from_audience


async def test_member_outside_the_audience_and_thief_see_what_absence_looks_like(
    shared: Theft,
) -> None:
    part = shared.secret.part_id()
    attempts = {
        "absent": changed(part, index=999),
        "prohibited": part,
        "copied into its own log": changed(part, log_id=shared.gamma_log, index=shared.copied_at),
        "own log at the secret's place": changed(part, log_id=shared.gamma_log),
        "wrong commitment": changed(part, commitment=b"c" * 32),
        "no commitment": changed(part, commitment=b""),
        "wrong ordinal": changed(part, ordinal=1),
        "largest ordinal": changed(part, ordinal=2**32 - 1),
        "wrong index": changed(part, index=0),
        "largest index": changed(part, index=2**64 - 1),
        "unknown log": changed(part, log_id=b"u" * 32),
    }
    for holder in (shared.alpha, shared.beta):
        seen = {
            name: await refusal(holder, shared.gamma, attempt) for name, attempt in attempts.items()
        }
        together = await refusal(holder, shared.gamma, *attempts.values())
        absent = seen["absent"]
        assert absent[0] == "NOT_FOUND"
        assert absent[2] == "not_found"
        assert seen == dict.fromkeys(attempts, absent)
        assert together == absent


async def test_audience_gets_nothing_under_a_wrong_name_either(shared: Theft) -> None:
    part = shared.secret.part_id()
    for wrong in (
        changed(part, commitment=b"c" * 32),
        changed(part, ordinal=1),
        changed(part, index=0),
        changed(part, log_id=shared.gamma_log, index=shared.copied_at),
    ):
        assert (await refusal(shared.alpha, shared.beta, wrong))[0] == "NOT_FOUND"


async def test_own_content_comes_back_from_its_audience_after_the_database_was_lost(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path, "alpha", "beta", "gamma")
    alpha, beta, _ = nodes
    secret = record_secret(alpha, ("beta",))

    async def is_complete(holder: LocalNode) -> bool:
        async with client_of(holder) as client:
            logs = {log.mechanism: log for log in (await client.node_status()).logs}
        return logs["alpha"].size == secret.index + 1 and not logs["alpha"].parts_wanted

    try:
        for node in nodes:
            node.start()
        await until(lambda: is_complete(beta), "beta holds what alpha shared")
        stop_all([alpha])
        for file in alpha.folder.glob("*.db*"):
            file.unlink()
        alpha.start()
        await alpha.wait_until_open()
        await until(lambda: is_complete(alpha), "alpha's own content is back")
    finally:
        stop_all(nodes)
    assert CANARY.encode() in held_content(alpha, secret)
    assert CANARY.encode() not in bytes_of(alpha)


async def test_content_goes_over_in_messages_of_about_a_mebibyte_and_large_parts_in_chunks(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path, "alpha", "beta")
    alpha, beta = nodes
    contents = [bytes([number]) * 200_000 for number in range(8)]
    *parts, large = write_parts(alpha, [*contents, b"x" * 400_000])

    async def is_complete() -> bool:
        async with client_of(beta) as client:
            logs = {log.mechanism: log for log in (await client.node_status()).logs}
        return logs["alpha"].size == 1 and not logs["alpha"].parts_wanted

    try:
        for node in nodes:
            node.start()
        await until(is_complete, "beta holds the content")
        for holder, member in ((alpha, beta), (beta, alpha)):
            async with channel_as_member(holder, member) as channel:
                stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
                asked = replication_pb2.GetPartsRequest(part_ids=[*parts, large])
                messages = [message async for message in stub.GetParts(asked, timeout=60)]
                chunked = replication_pb2.GetPartChunksRequest(part_id=large)
                chunks = [chunk async for chunk in stub.GetPartChunks(chunked, timeout=60)]
            # 200,000 bytes show the size class of a quarter of a mebibyte.
            assert [len(message.parts) for message in messages] == [4, 4]
            assert [part.content for message in messages for part in message.parts] == contents
            # What is larger comes in chunks only, and says what it is once.
            assert b"".join(chunk.data for chunk in chunks) == b"x" * 400_000
            assert [chunk.size for chunk in chunks] == [400_000, 0]
    finally:
        stop_all(nodes)


async def test_content_is_in_clear_in_no_byte_on_any_disk(shared: Theft) -> None:
    canary = CANARY.encode()
    (held,) = await ask(shared.alpha, shared.beta, shared.secret.part_id())
    assert canary in held
    for node in (shared.alpha, shared.beta, shared.gamma):
        assert canary not in bytes_of(node)
        assert canary not in node.log_file.read_bytes()
