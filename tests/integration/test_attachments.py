"""Files of events over real nodes: whole, resumable, for their audience alone, sealed on disk."""

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import grpc
import pytest

from registry.api.v1 import attachments_pb2 as pb
from registry.client import case
from registry.domain.audience import named
from registry_cli.federation import LocalNode
from tests.integration.attachment_world import (
    CHUNK,
    MARK,
    begin_request,
    downloaded,
    event_with_file,
    invented_file,
    peak_memory_mib,
    record_file,
    stub_of,
    until_file_is_here,
)
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    found,
    reason_of,
    start_all,
    statement,
    stop_all,
    until,
)
from tests.integration.parts_world import bytes_of

MIB = 2**20


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[LocalNode]]:
    made = found(tmp_path, "alpha", "beta", "gamma")
    try:
        start_all(made)
        yield made
    finally:
        stop_all(made)


async def test_largest_file_goes_round_in_bounded_time_and_memory(
    nodes: list[LocalNode], record_testsuite_property: Callable[[str, object], None]
) -> None:
    alpha, beta, _ = nodes
    content = invented_file(64 * MIB)
    before = [peak_memory_mib(node) for node in (alpha, beta)]
    started = perf_counter()
    async with client_of(alpha) as client:
        case_id, _ = await record_file(client, content)
    recorded = perf_counter()
    event = await until_file_is_here(beta, case_id)
    carried = perf_counter()

    assert await downloaded(beta, event) == content
    grown = [peak_memory_mib(node) - was for node, was in zip((alpha, beta), before, strict=True)]
    record_testsuite_property("upload_and_record_s", round(recorded - started, 2))
    record_testsuite_property("to_the_other_node_s", round(carried - recorded, 2))
    record_testsuite_property("memory_grown_mib", [round(each, 1) for each in grown])
    # Caches of the databases' connections (16 MiB each, the lists have theirs) and chunks on their
    # way; several copies of the whole file would be more.
    assert max(grown) < 176
    assert carried - started < 60


async def test_file_is_in_no_folder_in_clear_and_at_no_node_outside_the_audience(
    nodes: list[LocalNode],
) -> None:
    alpha, beta, gamma = nodes
    large, small = invented_file(3 * CHUNK + 17), invented_file(1_000, seed=2)
    ids = []
    async with client_of(alpha) as client:
        for label, content in (("large", large), ("small", small)):
            case_id, _ = await record_file(
                client, content, audience=named("beta"), label=label, name=f"{label}-canary.pdf"
            )
            ids.append(case_id)
        # One more that stays an upload.
        await client.attachments.upload("waits", io.BytesIO(large), file_name="waits-canary.pdf")
    for case_id, content in zip(ids, (large, small), strict=True):
        event = await until_file_is_here(beta, case_id)
        assert await downloaded(beta, event) == content
        assert await event_with_file(gamma, case_id) is None

    async with client_of(gamma) as client:
        for origin, index in (("testing/alpha/1", 1), ("testing/alpha/1", 3)):
            with pytest.raises(Exception, match="no such attachment"):
                await client.attachments.download(origin, index, 1, io.BytesIO())
    assert MARK in large
    stop_all(nodes)
    for node in nodes:
        on_disk = bytes_of(node)
        for secret in (MARK, b"-canary.pdf", large[-16:], small[100:116]):
            assert secret not in on_disk, node.mechanism.slug


async def test_upload_goes_on_after_its_node_was_killed(nodes: list[LocalNode]) -> None:
    alpha = nodes[0]
    content = invented_file(5 * CHUNK + 100)
    async with channel_as_client(alpha) as channel:
        stub = stub_of(channel)
        begun = await stub.BeginUpload(begin_request(content), timeout=60)
        for number in range(3):
            at = number * CHUNK
            await stub.UploadChunk(
                pb.UploadChunkRequest(
                    upload_id=begun.upload_id, offset=at, data=content[at : at + CHUNK]
                ),
                timeout=60,
            )
    alpha.kill()
    alpha.start()
    await alpha.wait_until_open()

    async with channel_as_client(alpha) as channel:
        again = await stub_of(channel).BeginUpload(begin_request(content), timeout=60)
    assert (again.upload_id, again.received_bytes) == (begun.upload_id, 3 * CHUNK)
    steps: list[int] = []
    async with client_of(alpha) as client:
        sent = await client.attachments.upload(
            "raw upload",
            io.BytesIO(content),
            file_name="report.pdf",
            media_type="application/pdf",
            on_progress=lambda done, _: steps.append(done),
        )
    assert sent.upload_id == begun.upload_id
    assert steps == [4 * CHUNK, 5 * CHUNK, len(content)]


async def test_transfer_goes_on_after_the_receiver_was_killed(nodes: list[LocalNode]) -> None:
    alpha, beta, gamma = nodes
    gamma.stop()
    content = invented_file(40 * MIB)
    async with client_of(alpha) as client:
        case_id, _ = await record_file(client, content)
    database = beta.folder

    def stored_bytes() -> int:
        return sum(file.stat().st_size for file in database.rglob("*.db*"))

    async def is_under_way() -> bool:
        return stored_bytes() > 4 * MIB

    await until(is_under_way, "some chunks are at beta")
    beta.kill()
    with closing(sqlite3.connect(beta.folder / "log.db")) as connection:
        tables = ("incoming_parts", "part_chunks")
        coming, chunks = (
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
        )
    assert coming == 1
    assert 0 < chunks < len(content) // CHUNK
    beta.start()
    await beta.wait_until_open()
    event = await until_file_is_here(beta, case_id)

    assert await downloaded(beta, event) == content


async def test_wrong_digest_discards_the_upload_and_says_so(nodes: list[LocalNode]) -> None:
    content = invented_file(CHUNK + 5)
    async with channel_as_client(nodes[0]) as channel:
        stub = stub_of(channel)
        begun = await stub.BeginUpload(begin_request(content, sha256=b"w" * 32), timeout=60)
        first = pb.UploadChunkRequest(upload_id=begun.upload_id, offset=0, data=content[:CHUNK])
        await stub.UploadChunk(first, timeout=60)
        last = pb.UploadChunkRequest(upload_id=begun.upload_id, offset=CHUNK, data=content[CHUNK:])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.UploadChunk(last, timeout=60)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason_of(refused.value) == "digest_mismatch"
        with pytest.raises(grpc.aio.AioRpcError) as gone:
            await stub.UploadChunk(first, timeout=60)
        assert gone.value.code() is grpc.StatusCode.NOT_FOUND


async def test_recording_again_after_the_upload_was_used_records_nothing_twice(
    nodes: list[LocalNode],
) -> None:
    async with client_of(nodes[0]) as client:
        case_id, index = await record_file(client, invented_file(2 * CHUNK))
        again_id, again = await record_file(client, invented_file(2 * CHUNK))
        assert (again_id, again) == (case_id, index)
        sent = await client.attachments.upload(
            "another", io.BytesIO(b"other bytes"), file_name="other.txt"
        )
        with pytest.raises(Exception, match="request id"):
            await client.record(
                "event of file",
                case(case_id),
                statement("With a file"),
                upload_ids=(sent.upload_id,),
            )


async def test_download_starts_where_it_was_cut(nodes: list[LocalNode]) -> None:
    content = invented_file(3 * CHUNK + 9)
    async with client_of(nodes[0]) as client:
        _, index = await record_file(client, content)
        rest = [
            (offset, data)
            async for _, offset, data in client.attachments.chunks("", index, 1, offset=2 * CHUNK)
        ]
    assert b"".join(data for _, data in rest) == content[2 * CHUNK :]
    assert [offset for offset, _ in rest] == [2 * CHUNK, 3 * CHUNK]
