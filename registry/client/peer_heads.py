"""Asks another member's node which checkpoint of a log it holds in full; for members, not clients.

The profile is that of a member: its node's certificate and key in the place of a client's.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeVar

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.api.v1 import replication_pb2, replication_pb2_grpc  # noqa: E402
from registry.client.errors import translate  # noqa: E402
from registry.client.profile import ClientProfile  # noqa: E402
from registry.errors import PeerUnavailable  # noqa: E402

TIMEOUT_S: Final = 10.0
T = TypeVar("T")


async def held_checkpoints(
    profile: ClientProfile, *, timeout_s: float = TIMEOUT_S
) -> dict[bytes, bytes]:
    """Returns the notes of all logs of which the node holds something, by the 32 bytes of their id.

    Nobody has verified them yet.

    Raises:
        PeerUnavailable, NotAllowed, UnknownCaller: see `held_checkpoint`.
    """
    async with aclosing(_heads(profile, timeout_s)) as heads:
        return {bytes(h.log_id): bytes(h.checkpoint) async for h in heads if h.checkpoint}


async def held_checkpoint(
    profile: ClientProfile, log_id: bytes, *, timeout_s: float = TIMEOUT_S
) -> bytes:
    """Returns the note of the largest checkpoint of a log that the node holds in full.

    Args:
        profile: who asks whom.
        log_id: 32 bytes.
        timeout_s: how long to wait for the whole answer.

    Returns:
        A C2SP signed note that nobody has verified yet; empty = the node holds nothing of it.

    Raises:
        PeerUnavailable: it does not answer to the end, or has not the certificate of the roster.
        NotAllowed, UnknownCaller: it does not know the caller as a member.
    """
    async with aclosing(_heads(profile, timeout_s)) as heads:
        async for head in heads:
            if head.log_id == log_id:
                return bytes(head.checkpoint)
    return b""


async def _heads(
    profile: ClientProfile, timeout_s: float
) -> AsyncGenerator[replication_pb2.Head, None]:
    """The heads that a node shows, up to its word that these are all."""
    description = profile.description
    credentials = grpc.ssl_channel_credentials(
        root_certificates=profile.node_certificate,
        private_key=profile.key,
        certificate_chain=profile.certificate,
    )
    options = [("grpc.ssl_target_name_override", description.server_name)]
    async with grpc.aio.secure_channel(
        description.address, credentials, options=options
    ) as channel:
        stub: replication_pb2_grpc.ReplicationServiceAsyncStub = (
            replication_pb2_grpc.ReplicationServiceStub(channel)
        )
        call = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=timeout_s)
        try:
            async for response in call:
                if _decoded(response, description.address).HasField("caught_up"):
                    return
                yield response.head
        except grpc.aio.AioRpcError as error:
            raise translate(error, description.address) from error
        finally:
            call.cancel()
    msg = f"the node at {description.address} ended its answer before all heads were told"
    raise PeerUnavailable(msg)


def _decoded(response: T | None, address: str) -> T:
    """Refuses None, which grpc gives for bytes that are no message, whatever its types say."""
    if response is None:
        msg = f"the node at {address} sent bytes that are no message"
        raise PeerUnavailable(msg)
    return response
