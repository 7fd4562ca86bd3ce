"""The demo's federation at work: imports, a stage for one invented case, proof.

Everything goes the way users go: the founding ceremony, client certificates, gRPC, the import with
its mappings. Prints nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

from registry.application.verification import Progress, VerificationReport, verify_folder
from registry.client import (
    History,
    NodeDigest,
    NodeStatus,
    Receipt,
    RegistryClient,
    case,
    load_profile,
    situation,
)
from registry.domain.content import LegalReviewIssued, PartialDate
from registry.domain.identifiers import CaseId, RegistryId
from registry.domain.register_mapping import load_mapping, sample_register
from registry.errors import PeerUnavailable
from registry_cli.federation import LocalNode, found_federation, running
from registry_cli.importing import ImportReport, import_register
from registry_cli.story import Stage
from registry_cli.story.cast import COE, MECHANISMS, ODIHR, UN
from registry_cli.story.stage import TIMEOUT_S

REGISTRY_NAME: Final = "demo.registry.example"
REGISTERS: Final = {
    UN.slug: ("un_treaty_bodies", "upr_defenders"),
    COE.slug: ("coe_commissioner",),
}
"""Which registers belong to which node; those of one node are imported one after the other."""
_KILLED: Final = UN.slug
_KILLED_DURING: Final = "un_treaty_bodies"
_POLL_S: Final = 0.02
ODIHR_OPINION: Final = LegalReviewIssued(
    acting_body="osce.odihr",
    basis="public_record",
    source="legislationline.org, OSCE/ODIHR",
    references=("NGO-POL/303/2017",),
    states=("POL",),
    instrument="osce.opinion",
    issued_date=PartialDate(value="2017-08-22"),
    law_title=(
        "Draft Act on the National Freedom Institute - Centre for the Development of Civil Society"
    ),
)
"""A fact: OSCE/ODIHR, Warsaw, 22 August 2017, Opinion-Nr. NGO-POL/303/2017."""

T = TypeVar("T")
AddBar = Callable[[str, int], Callable[[int, int], None]]


@dataclass(frozen=True, slots=True)
class RegisterImported:
    """What became of a register, and at which node."""

    mechanism: str
    report: ImportReport


@dataclass(frozen=True, slots=True)
class Crash:
    """A node that was killed: after how many rows, and how long until it took events again."""

    mechanism: str
    rows_done: int
    recovery_s: float


class Demonstration:
    """A running federation with one client at each node."""

    def __init__(
        self, registry_id: RegistryId, nodes: list[LocalNode], clients: dict[str, RegistryClient]
    ) -> None:
        self.registry_id = registry_id
        self.nodes = nodes
        self._clients = clients

    async def import_registers(
        self, add_bar: AddBar, *, with_kill: bool
    ) -> tuple[list[RegisterImported], Crash | None]:
        """Imports each register into the node it belongs to, all nodes at once.

        Args:
            add_bar: makes a progress bar of a label and a total.
            with_kill: whether a node gets SIGKILL in the middle and is started again.
        """
        halfway: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as tasks:
            crash = tasks.create_task(self._kill_and_restart(halfway)) if with_kill else None
            imported = [
                tasks.create_task(self._import_into(slug, add_bar, halfway)) for slug in REGISTERS
            ]
        reports = [report for task in imported for report in task.result()]
        return reports, crash.result() if crash is not None else None

    async def record_opinion(self) -> Receipt:
        """Records the real public opinion at ODIHR's node."""
        client = self._clients[ODIHR.slug]
        return await client.record("demo:opinion", situation("POL"), ODIHR_OPINION)

    def stage(self, now_ms: Callable[[], int], folder: Path) -> Stage:
        """The nodes as a stage for the story of an invented case.

        Args:
            now_ms: the time, milliseconds UTC.
            folder: where files of the story are written.
        """
        return Stage(self._clients, now_ms, folder)

    async def wait_until_equal(self) -> float:
        """Waits until every node holds everything and has folded it; returns the time, seconds.

        Raises:
            PeerUnavailable: it took too long; the text says what is missing where.
        """
        started = monotonic()
        while True:
            statuses = await self._from_each(lambda client: client.node_status())
            missing = _missing(list(statuses.values()))
            if not missing:
                return monotonic() - started
            if monotonic() - started > TIMEOUT_S:
                msg = f"after {TIMEOUT_S:.0f} s still missing: {'; '.join(missing)}"
                raise PeerUnavailable(msg)
            await asyncio.sleep(_POLL_S)

    async def situation_at(self, mechanism: str, state: str) -> History:
        """Reads a State's situation file as one node sees it."""
        return await self._clients[mechanism].history(situation(state))

    async def case_at(self, mechanism: str, case_id: CaseId) -> History:
        """Reads a case as one node sees it."""
        return await self._clients[mechanism].history(case(case_id))

    async def digests(self) -> dict[str, NodeDigest]:
        """Reads every node's digest over all its cases."""
        return await self._from_each(lambda client: client.node_digest())

    async def verify(self, progress: Progress) -> dict[str, VerificationReport]:
        """Verifies every log in every node's folder, beside the running nodes."""
        found = {}
        for node in self.nodes:
            found[node.mechanism.slug] = await asyncio.to_thread(
                verify_folder, node.folder, progress
            )
        return found

    # --- inside -------------------------------------------------------------------------------

    async def _import_into(
        self, mechanism: str, add_bar: AddBar, halfway: asyncio.Future[int]
    ) -> list[RegisterImported]:
        return [
            await self._import(mechanism, name, add_bar, halfway) for name in REGISTERS[mechanism]
        ]

    async def _import(
        self, mechanism: str, name: str, add_bar: AddBar, halfway: asyncio.Future[int]
    ) -> RegisterImported:
        mapping = load_mapping(name)
        bar = add_bar(name, 1)

        def progress(done: int, total: int) -> None:
            bar(done, total)
            if name == _KILLED_DURING and done >= total // 2 and not halfway.done():
                halfway.set_result(done)

        report = await import_register(
            self._clients[mechanism], mapping, sample_register(mapping), progress
        )
        return RegisterImported(mechanism, report)

    async def _kill_and_restart(self, halfway: asyncio.Future[int]) -> Crash:
        """Kills the importing node while calls are on their way, and starts it again."""
        (node,) = (each for each in self.nodes if each.mechanism.slug == _KILLED)
        rows_done = await halfway
        await asyncio.to_thread(node.kill)
        started = monotonic()
        node.start()
        await node.wait_until_open()
        return Crash(_KILLED, rows_done, monotonic() - started)

    async def _from_each(self, ask: Callable[[RegistryClient], Awaitable[T]]) -> dict[str, T]:
        """Asks every node at once; answers by mechanism."""
        answers = await asyncio.gather(*(ask(client) for client in self._clients.values()))
        return dict(zip(self._clients, answers, strict=True))


@asynccontextmanager
async def demonstrating(folder: Path) -> AsyncIterator[Demonstration]:
    """Founds a federation in a new folder, runs it, and stops it at the end."""
    registry_id, nodes = found_federation(folder, REGISTRY_NAME, MECHANISMS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(nodes))
        clients = {}
        for node in nodes:
            client = RegistryClient(load_profile(node.profile), patience_s=TIMEOUT_S)
            clients[node.mechanism.slug] = await stack.enter_async_context(client)
        yield Demonstration(registry_id, nodes, clients)


def _missing(statuses: Sequence[NodeStatus]) -> list[str]:
    """Tells in words what keeps nodes from being equal; empty if nothing does."""
    sizes = {log.mechanism: log.size for s in statuses for log in s.logs if log.origin == s.origin}
    missing = []
    for status in statuses:
        for log in status.logs:
            if log.size != sizes[log.mechanism] or log.parts_wanted:
                words = f"{log.size} of {sizes[log.mechanism]} entries, {log.parts_wanted} parts"
                missing.append(f"{status.mechanism} holds of {log.mechanism} {words} to fetch")
        if status.projection_lag:
            missing.append(f"{status.mechanism} has {status.projection_lag} entries to fold")
    return missing
