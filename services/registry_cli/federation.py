"""A federation of nodes on this machine, for the demo and the benchmark.

Founded through the same steps as a real one; each node is a process of its own on loopback. Ends
only the processes that it started.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.membership.founding import endorse, found, init_node
from registry.application.membership.joining import join
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import RegistryClient, load_profile
from registry.domain.identifiers import RegistryId
from registry.errors import PeerUnavailable, TryLater
from registry.log.roster import decode_signed_roster, registry_id_of

CLIENT_NAME: Final = "desk"
_ONE_PERSON: Final = Policy(two_people_to_publish=False, two_people_to_erase=False)
"""There is one person at each node of such a federation."""
_START_TIMEOUT_S: Final = 20.0
_STOP_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A founding member: slug, the name that people read, whether its peers can call it."""

    slug: str
    display_name: str
    is_inbound: bool = True


class NodeProcess(Protocol):
    """What is asked of the process of a node; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit status, or that of the signal that ended it, below 0; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its exit status; raises subprocess.TimeoutExpired after so many seconds."""

    def send_signal(self, sig: int) -> None:
        """Sends it a signal, if it runs."""

    def terminate(self) -> None:
        """Asks it to end."""

    def kill(self) -> None:
        """Ends it at once."""


@dataclass(slots=True)
class LocalNode:
    """One node's folder and, while it runs, its process."""

    mechanism: Mechanism
    folder: Path
    address: str
    process: NodeProcess | None = None
    launcher: tuple[str, ...] = ()
    """What starts the process in surroundings of its own, such as `ip netns exec NAME`."""

    @property
    def profile(self) -> Path:
        """Folder of the client profile that talks to this node."""
        return self.folder / "clients" / CLIENT_NAME

    @property
    def log_file(self) -> Path:
        """The node's structured log."""
        return self.folder / "node.log"

    def start(self) -> None:
        """Starts the process; `wait_until_open` tells when it serves."""
        self.process = self.open_process()

    def open_process(self) -> NodeProcess:
        """Makes the process, in an interpreter of its own; what it prints goes to `log_file`."""
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*self.launcher, sys.executable, "-m", "registry_node", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def kill(self) -> None:
        """Ends the process at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Asks the process to end, and insists after a while."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    async def wait_until_open(self) -> float:
        """Waits until the node takes events; returns how long that took, in seconds.

        Raises:
            PeerUnavailable: it ended, or did not open in time; its log says why.
        """
        started = monotonic()
        while monotonic() - started < _START_TIMEOUT_S:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                async with RegistryClient(load_profile(self.profile)) as client:
                    status = await client.node_status()
                if status.is_open:
                    return monotonic() - started
            except TryLater:
                pass
            await asyncio.sleep(_POLL_S)
        msg = f"the node of {self.mechanism.slug} did not open; see {self.log_file}"
        raise PeerUnavailable(msg)


def found_federation(
    folder: Path,
    registry_name: str,
    mechanisms: Sequence[Mechanism],
    addresses: Sequence[str] = (),
) -> tuple[RegistryId, list[LocalNode]]:
    """Founds a registry: keys, member files, genesis roster, endorsements, one client each.

    The client is a publisher, and one person is enough to publish and to erase: a real node asks
    for two unless its policy.json says otherwise.

    Args:
        folder: a new folder; each node gets a folder of its slug inside.
        registry_name: first element of every origin.
        mechanisms: the founders, two or more.
        addresses: `host:port` of each; none = free ports on loopback.

    Returns:
        The registry id and the nodes, not started.
    """
    nodes = [
        LocalNode(mechanism, folder / mechanism.slug, address)
        for mechanism, address in zip(
            mechanisms, addresses or free_addresses(len(mechanisms)), strict=True
        )
    ]
    members = [
        init_node(
            node.folder,
            registry_name=registry_name,
            mechanism=node.mechanism.slug,
            display_name=node.mechanism.display_name,
            address=node.address,
            is_inbound=node.mechanism.is_inbound,
        )
        for node in nodes
    ]
    roster_file = folder / "genesis.roster"
    roster_file.write_bytes(found(members))
    registry_id = registry_id_of(decode_signed_roster(roster_file.read_bytes()).roster)
    for node in nodes:
        endorse(node.folder, roster_file)
    for node in nodes:
        join(node.folder, roster_file, registry_id)
        write_policy(NodeFolder(node.folder), _ONE_PERSON)
        add_client(node.folder, CLIENT_NAME, node.profile, Role.PUBLISHER)
    return registry_id, nodes


@asynccontextmanager
async def running(nodes: Sequence[LocalNode]) -> AsyncIterator[None]:
    """Starts all nodes, waits until they are open, and stops what was started at the end."""
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            await node.wait_until_open()
        yield
    finally:
        await asyncio.to_thread(_stop_all, nodes)


def _stop_all(nodes: Sequence[LocalNode]) -> None:
    for node in nodes:
        if node.process is not None:
            node.process.terminate()
    for node in nodes:
        node.stop()


def free_addresses(count: int) -> list[str]:
    """Finds addresses on loopback where nobody listens now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()
