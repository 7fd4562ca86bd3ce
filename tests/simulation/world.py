"""A federation: its nodes, its network, its clients, and the observer."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from registry.domain.identifiers import CaseId, RequestKey, Slug
from registry.errors import RegistryError
from registry.log.author import draft_event
from registry.log.entry import ALL_MEMBERS
from registry.log.roster import Member
from registry.store.values import AppendRequest
from tests.simulation.cast import roster_of
from tests.simulation.checks import Checks
from tests.simulation.disk import Disk
from tests.simulation.liar import BEFORE, Liar
from tests.simulation.network import Call, Network
from tests.simulation.node import SimNode
from tests.simulation.scheduler import Scheduler

KIND: Final = 5
CASES: Final = 4
_STARTED_MS: Final = (1_000, 8_000)


class World:
    """All of one run."""

    def __init__(
        self, seed: int, count: int, folder: Path, *, lie: str = "", keeps_lines: bool = False
    ) -> None:
        self.seed = seed
        self.scheduler = Scheduler(seed, keeps_lines=keeps_lines)
        self.network = Network(self.scheduler)
        self.roster = roster_of(count)
        self.checks = Checks(self)
        self.folder = folder
        members = list(self.roster.members)
        self.liars: dict[Slug, Liar] = {}
        if lie:
            own = members.pop()
            self.liars[own.slug] = Liar(self, own, lie)
            self.checks.logs[own.log_id].is_of_liar = True
            self.checks.logs[own.log_id].parted_at = BEFORE
        self.nodes = [
            SimNode(self, member, member.slug, Disk(folder, member.slug)) for member in members
        ]
        self.at = {node.own.slug: node for node in self.nodes}
        """Who answers at an honest member's address."""
        self._retired: list[str] = []
        self._waiting: dict[Slug, int] = dict.fromkeys(self.at, 0)
        self._numbered = 0
        self._done: dict[tuple[Slug, int], bool] = {}

    def found(self) -> None:
        """Makes the guards of nodes that hold nothing yet."""
        for node in self.nodes:
            node.make_empty()
        for liar in self.liars.values():
            liar.start()

    def honest_nodes(self) -> list[SimNode]:
        """Those that stand at their members' addresses."""
        return list(self.at.values())

    def is_honest(self, slug: Slug) -> bool:
        return slug not in self.liars

    def is_retired(self, node: SimNode) -> bool:
        return node.host in self._retired

    def retire(self, node: SimNode) -> None:
        """A copy that must never start again."""
        node.stop()
        self._retired.append(node.host)

    def restart_later(self, node: SimNode) -> None:
        self.scheduler.after(self.scheduler.random.randint(*_STARTED_MS), node.start)

    def host_of(self, slug: Slug) -> str:
        """Which host stands at a member's address."""
        return self.at[slug].host if slug in self.at else self.liars[slug].host

    # --- calls ----------------------------------------------------------------------------------

    def call(
        self,
        node: SimNode,
        member: Member,
        name: str,
        on_message: Callable[..., None],
        on_end: Callable[..., None],
    ) -> Call:
        host = self.host_of(member.slug)
        return Call(self.network, node.host, host, name, on_message=on_message, on_end=on_end)

    def serving(self, member: Member, serve: Callable[[Any], None]) -> Callable[[Call], None]:
        """What happens when a request arrives at a member's address."""

        def arrive(call: Call) -> None:
            if member.slug in self.liars:
                serve(self.liars[member.slug])
                return
            node = self.at[member.slug]
            if not node.is_up:
                call.break_off("UNAVAILABLE: nobody listens")
                return
            node.guarded(lambda: serve(node))()

        return arrive

    # --- clients --------------------------------------------------------------------------------

    def new_number(self) -> int:
        """Numbers what clients ask for."""
        self._numbered += 1
        return self._numbered

    def ask_to_record(self, slug: Slug, number: int, at: SimNode | None = None) -> None:
        """A client has an event, and asks until it is told where it stands.

        `at` is the host that it asks; None = whoever stands at the member's address.
        """
        self._waiting[slug] += 1
        self._try(slug, number, at)

    def waiting_requests(self) -> dict[Slug, int]:
        return self._waiting

    def _try(self, slug: Slug, number: int, at: SimNode | None) -> None:
        node = self.at[slug] if at is None or self.is_retired(at) else at
        if node.is_up:
            node.guarded(lambda: self._append(node, slug, number))()
        if (slug, number) not in self._done:
            wait_ms = self.scheduler.random.randint(500, 4_000)
            self.scheduler.after(wait_ms, lambda: self._try(slug, number, at))

    def _append(self, node: SimNode, slug: Slug, number: int) -> None:
        request = self._request(node, number)
        try:
            appended = node.append(request)
        except RegistryError as error:
            self.scheduler.count(f"appends refused: {error.reason}")
            reason = node.store.read_only_reason() or ""
            if reason.startswith("an append failed"):
                # The operator does what the text says.
                self.scheduler.count("appends that stopped a log")
                node.stop()
                self.restart_later(node)
            return
        self.scheduler.note(f"{node.host} recorded {number} at {appended.index}")
        self.checks.acknowledged(node, request.draft.request_id, appended)
        self._done[slug, number] = True
        self._waiting[slug] -= 1

    def _request(self, node: SimNode, number: int) -> AppendRequest:
        text = f"{self.seed} {node.own.slug} {number}".encode()
        draft = draft_event(
            log_id=node.own.log_id,
            case_id=CaseId(bytes([number % CASES + 1]) * 16),
            kind=KIND,
            time_ms=node.now_ms(),
            parts=(),
            audience=ALL_MEMBERS,
            request_id=RequestKey(sha256(text).digest()[:16]),
        )
        return AppendRequest(draft, sha256(text).digest())

    # --- copies ---------------------------------------------------------------------------------

    def clone(self, node: SimNode) -> SimNode:
        """A second host with the same disk, keys and all."""
        twin = SimNode(self, node.own, f"{node.host}'", Disk(self.folder, f"{node.host}+"))
        twin.disk.write(node.disk.read())
        for state in node.store.log_states() if node.is_up else ():
            self.checks.held[twin.host, state.log_id] = 0
        self.checks.logs[node.own.log_id].is_at_risk = True
        self.nodes.append(twin)
        return twin


def shuffled(world: World, items: Sequence[Any]) -> list[Any]:
    found = list(items)
    world.scheduler.random.shuffle(found)
    return found
