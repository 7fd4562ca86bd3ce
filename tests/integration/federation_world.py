"""What integration tests are made of: real nodes on loopback, raw channels, waiting for facts."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.request import urlopen

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
from google.rpc import error_details_pb2, status_pb2  # noqa: E402

from registry.application.certificates import server_name  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.key_care.key_files import read_private  # noqa: E402
from registry.client import RegistryClient, load_profile  # noqa: E402
from registry.domain.content import CaseOpened, StatementIssued  # noqa: E402
from registry.errors import PeerUnavailable, TryLater  # noqa: E402
from registry_cli.federation import LocalNode, Mechanism, found_federation  # noqa: E402

PATIENCE_S: Final = 90.0
_LOOK_AGAIN_S: Final = 0.02


def client_of(node: LocalNode, *, patience_s: float = 30.0) -> RegistryClient:
    return RegistryClient(load_profile(node.profile), patience_s=patience_s)


def found(
    folder: Path, *slugs: str, name: str = "testing", without_inbound: Collection[str] = ()
) -> list[LocalNode]:
    """Founds a registry under a folder; nothing is started."""
    folder.mkdir(parents=True, exist_ok=True)
    mechanisms = [
        Mechanism(slug, f"The {slug} mechanism (invented)", slug not in without_inbound)
        for slug in slugs
    ]
    return found_federation(folder, name, mechanisms)[1]


def start_all(nodes: list[LocalNode]) -> None:
    for node in nodes:
        node.start()

    async def wait() -> None:
        for node in nodes:
            await node.wait_until_open()

    asyncio.run(wait())


def stop_all(nodes: list[LocalNode]) -> None:
    for node in nodes:
        if node.process is not None:
            node.process.terminate()
    for node in nodes:
        node.stop()


async def until(fact: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for a fact; fails with its name if it does not come true."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            if await fact():
                return
        except TryLater:
            pass
        assert monotonic() < deadline, f"did not happen within {PATIENCE_S} s: {what}"
        await asyncio.sleep(_LOOK_AGAIN_S)


async def sizes_at(node: LocalNode) -> dict[str, int]:
    """How many entries of each mechanism's log a node holds."""
    async with client_of(node) as client:
        status = await client.node_status()
    return {log.mechanism: log.size for log in status.logs}


def scraped(node: LocalNode) -> str:
    """What a node tells whoever scrapes it; it was started with a port of metrics."""
    lines = [json.loads(line) for line in node.log_file.read_text().splitlines()]
    port = [line["metrics_port"] for line in lines if line["event"] == "node_started"][-1]
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


async def until_equal(nodes: list[LocalNode], *, case_count: int) -> bytes:
    """Waits until all nodes hold as many cases under one digest; returns it."""

    async def are_equal() -> bool:
        found = set()
        for node in nodes:
            async with client_of(node) as client:
                found.add(await client.node_digest())
        return len(found) == 1 and found.pop().case_count == case_count

    await until(are_equal, f"{len(nodes)} nodes with {case_count} cases under one digest")
    async with client_of(nodes[0]) as client:
        return (await client.node_digest()).digest


async def until_refused(node: LocalNode, peer: str, reason: str) -> str:
    """Waits until a node says why it refuses a peer; returns its words."""
    words = ""

    async def is_refused() -> bool:
        nonlocal words
        async with client_of(node) as client:
            peers = {status.mechanism: status for status in await client.peers()}
        words = peers[peer].last_error
        return words.startswith(f"{reason}:")

    try:
        await until(is_refused, f"{peer} is refused for {reason}")
    except AssertionError as error:
        msg = f"{error}; last words: {words!r}"
        raise PeerUnavailable(msg) from error
    return words


def opened(title: str, *, state: str = "XXA") -> CaseOpened:
    return CaseOpened(
        title=title, acting_body="test.desk", basis="own_act", is_invented=True, states=(state,)
    )


def statement(title: str, *, summary: str = "") -> StatementIssued:
    return StatementIssued(
        title=title, summary=summary, acting_body="test.desk", basis="own_act", is_invented=True
    )


# --- raw channels ---------------------------------------------------------------------------------


def node_certificate(node: LocalNode) -> bytes:
    return (NodeFolder(node.folder).tls / "node.crt").read_bytes()


def member_key(node: LocalNode) -> bytes:
    return read_private(NodeFolder(node.folder).keys / "tls.key")


def channel_as_member(node: LocalNode, member: LocalNode) -> grpc.aio.Channel:
    """A channel to a node with a member's own TLS key."""
    return channel(node, member_key(member), node_certificate(member))


def channel_as_client(node: LocalNode, profile: Path | None = None) -> grpc.aio.Channel:
    """A channel to a node with a client's certificate."""
    loaded = load_profile(profile or node.profile)
    return channel(node, loaded.key, loaded.certificate)


def channel(node: LocalNode, key: bytes, certificate: bytes) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=node_certificate(node), private_key=key, certificate_chain=certificate
    )
    name = server_name(node.mechanism.slug)
    return grpc.aio.secure_channel(
        node.address,
        credentials,
        options=[
            ("grpc.ssl_target_name_override", name),
            ("grpc.max_send_message_length", 64 * 2**20),
            # Another caller's key must not ride on a connection that is open already.
            ("grpc.use_local_subchannel_pool", 1),
        ],
    )


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The stable reason in the rich error; empty if there is none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            told = error_details_pb2.ErrorInfo()
            assert status.details[0].Unpack(told)
            assert status.message == error.details()
            assert told.domain == "intermechanisms-registry"
            return str(told.reason)
    return ""
