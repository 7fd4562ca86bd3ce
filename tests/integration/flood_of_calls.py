"""A process that floods a node with calls: PROFILE_FOLDER CONNECTIONS AT_ONCE SECONDS.

Prints when it has begun, and at the end a JSON object: calls by outcome.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from time import monotonic

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.api.v1 import admin_pb2, admin_pb2_grpc  # noqa: E402
from registry.client import load_profile  # noqa: E402


async def main(profile_folder: str, connections: int, at_once: int, seconds: float) -> None:
    """Keeps so many calls open on each connection."""
    profile = load_profile(Path(profile_folder))
    outcomes: Counter[str] = Counter()
    ends = monotonic() + seconds

    async def flood(stub: "admin_pb2_grpc.AdminServiceAsyncStub") -> None:
        while monotonic() < ends:
            try:
                await stub.GetNodeStatus(admin_pb2.GetNodeStatusRequest(), timeout=60)
                outcomes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                outcomes[error.code().name] += 1

    credentials = grpc.ssl_channel_credentials(
        profile.node_certificate, profile.key, profile.certificate
    )
    options = [
        ("grpc.ssl_target_name_override", profile.description.server_name),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    channels = [
        grpc.aio.secure_channel(profile.description.address, credentials, options=options)
        for _ in range(connections)
    ]
    stubs = [admin_pb2_grpc.AdminServiceStub(channel) for channel in channels]
    await asyncio.gather(*(channel.channel_ready() for channel in channels))
    print("flooding", flush=True)  # noqa: T201
    await asyncio.gather(*(flood(stub) for stub in stubs for _ in range(at_once)))
    print(json.dumps(outcomes))  # noqa: T201
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    folder, connections, at_once, seconds = sys.argv[1:]
    asyncio.run(main(folder, int(connections), int(at_once), float(seconds)))
