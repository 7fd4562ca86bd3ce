"""Where logs end that their authors forked: at one place, which a proof shows to anybody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from registry.domain.identifiers import LogId
from registry.errors import RegistryError
from registry.log.fault_verdict import verify_fault_proof
from registry.store.values import LogState
from tests.simulation.checks import History

if TYPE_CHECKING:
    from tests.simulation.node import SimNode
    from tests.simulation.world import World


def wrong_endings(world: "World", nodes: list["SimNode"]) -> Iterator[str]:
    """Logs that do not end alike everywhere, or without a proof, or at the wrong place."""
    for log_id, log in world.checks.logs.items():
        states = [node.store.log_state(log_id) for node in nodes]
        ends = {state.frozen_at for state in states}
        if ends == {None}:
            continue
        name = log_id.hex()[:6]
        if len(ends) > 1:
            yield f"log {name} ends at {[state.frozen_at for state in states]}"
            continue
        yield from (f"log {name}: {each}" for each in _wrong_end(states[0], log))
        for node in nodes:
            yield from _unproven(world, node, log_id)


def _wrong_end(state: LogState, log: History) -> Iterator[str]:
    """Where histories part that were published is known here, whoever still holds them."""
    end = state.frozen_at or 0
    if log.parted_at is None or end < log.parted_at:
        yield f"it ends at {end}, its histories part at {log.parted_at}"
    if state.size < end:
        yield f"it ends at {end}, {state.size} entries are held"


def _unproven(world: "World", node: "SimNode", log_id: LogId) -> Iterator[str]:
    """The proof is judged as a stranger would, by the roster alone."""
    end = node.store.log_state(log_id).frozen_at
    kept = [each for each in node.faults.kept() if each.log_id == log_id]
    try:
        verdicts = [
            verify_fault_proof(each.proof, world.roster, lambda _: range(1, 2)) for each in kept
        ]
    except RegistryError as error:
        yield f"{node.host} keeps a proof that does not hold: {error}"
        return
    if not any((verdict.log_id, verdict.frozen_at) == (log_id, end) for verdict in verdicts):
        yield f"{node.host} has no proof that log {log_id.hex()[:6]} ends at {end}"


def count_endings(world: "World") -> None:
    """Counts what became of the forks of a federation that is one again."""
    for log_id, log in world.checks.logs.items():
        is_frozen = world.honest_nodes()[0].store.log_state(log_id).frozen_at is not None
        if is_frozen:
            kind = "liars" if log.is_of_liar else "forks"
            world.scheduler.count(f"{kind} frozen at one place everywhere, with proof")
        elif log.has_forked:
            world.scheduler.count("forks of which one history is left: nobody can tell")
