"""A node on the other side of the world: a handshake takes longer there than any backoff."""

import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

from registry.client import RegistryClient, load_profile
from registry_cli.federation import LocalNode

DELAY_S = 0.15
"""One way: a handshake of TLS 1.3 needs the way there and back before it is done."""


@contextmanager
def far_away(address: str) -> Iterator[str]:
    """An address at which a node is heard, each way, after the delay."""
    host, _, port = address.rpartition(":")
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

        def carry(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65_536):
                    time.sleep(DELAY_S)
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    near = opened.enter_context(listener.accept()[0])
                    far = opened.enter_context(socket.create_connection((host, int(port))))
                    for pair in ((near, far), (far, near)):
                        Thread(target=carry, args=pair, daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


async def test_first_call_to_a_far_node_succeeds(alpha: LocalNode, tmp_path: Path) -> None:
    profile = tmp_path / "far"
    shutil.copytree(alpha.profile, profile)
    with far_away(alpha.address) as address:
        described = json.loads((profile / "profile.json").read_text())
        (profile / "profile.json").write_text(json.dumps({**described, "address": address}))
        async with RegistryClient(load_profile(profile)) as client:
            assert (await client.node_status()).mechanism == "alpha"
