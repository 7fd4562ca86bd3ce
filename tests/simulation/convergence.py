"""Whether a healed federation has become one again, and why not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from registry.domain.identifiers import RootHash
from registry.log.entry import signed_message, split_entry
from registry.log.signing import verify
from registry.store.values import LogState
from registry.views.case_file import Reader
from registry.views.node_digest import read_node_digest
from tests.simulation.cast import keys_of
from tests.simulation.endings import wrong_endings

if TYPE_CHECKING:
    from tests.simulation.node import SimNode
    from tests.simulation.world import World


def differences(world: "World") -> list[str]:
    """All that is not as it must be after healing; empty = converged."""
    nodes = world.honest_nodes()
    down = [node.host for node in nodes if not node.is_up]
    if down:
        return [f"{', '.join(down)} are down"]
    found = [*_different_logs(world, nodes), *_closed_logs(world, nodes), *_waiting(world)]
    found += wrong_endings(world, nodes)
    return found or [*_lost(world, nodes), *_different_digests(world, nodes)]


def _different_logs(world: "World", nodes: list["SimNode"]) -> Iterator[str]:
    states_of = [{state.log_id: state for state in node.store.log_states()} for node in nodes]
    for log_id, log in world.checks.logs.items():
        states = [states[log_id] for states in states_of]
        places = {_place(node, state) for node, state in zip(nodes, states, strict=True)}
        if len(places) == 1 and (log.is_at_risk or log.is_of_liar or states[0].size == log.size):
            continue
        yield f"log {log_id.hex()[:6]} of {log.size}: {sorted(size for size, _ in places)}"


def _place(node: "SimNode", state: LogState) -> tuple[int, RootHash]:
    """How much of a log counts, and what it is."""
    size = state.valid_size
    root = state.root if size == state.size else node.store.root_at(state.log_id, size)
    return size, root


def _closed_logs(world: "World", nodes: list["SimNode"]) -> Iterator[str]:
    for node in nodes:
        reason, log = node.store.read_only_reason(), world.checks.logs[node.own.log_id]
        if reason is None:
            continue
        is_frozen = node.store.log_state(node.own.log_id).frozen_at is not None
        # A log that lost what nobody else holds stays closed; one that has forked is frozen.
        may_stay = is_frozen or (log.is_at_risk and "forked" not in reason)
        if "starting" in reason or not may_stay:
            yield f"{node.host} is closed: {reason}"


def _waiting(world: "World") -> Iterator[str]:
    for slug, count in world.waiting_requests().items():
        if count and world.at[slug].store.read_only_reason() is None:
            yield f"{count} clients of {slug} wait beside an open log"


def _lost(world: "World", nodes: list["SimNode"]) -> Iterator[str]:
    """Acknowledged events that are not at every node."""
    for (log_id, request), (index, leaf) in world.checks.acked.items():
        log = world.checks.logs[log_id]
        if log.is_at_risk:
            continue
        for node in nodes:
            if node.store.leaf_hash(log_id, index) != leaf:
                yield f"acknowledged event {request.hex()[:6]} is not at {node.host}"


def _different_digests(world: "World", nodes: list["SimNode"]) -> Iterator[str]:
    if any(log.may_be_contradicted for log in world.checks.logs.values()):
        return
    digests = [
        read_node_digest(Reader(node.store, node.roster, node.own.id, node.now_ms))
        for node in nodes
    ]
    if len({(digest.digest, digest.vector) for digest in digests}) > 1:
        yield "equal logs and different digests"


def wrong_entries(world: "World") -> list[str]:
    """Entries that an honest node holds as valid and that their author did not sign."""
    found = []
    for node in world.honest_nodes():
        for member in world.roster.writers():
            size = node.store.log_state(member.log_id).valid_size
            for index, entry in enumerate(node.store.entries(member.log_id, 0, size)):
                header, signature = split_entry(entry)
                if not verify(keys_of(member).at(index), signed_message(header), signature):
                    found.append(f"{node.host} holds event {index} of {member.slug}")
    return found
