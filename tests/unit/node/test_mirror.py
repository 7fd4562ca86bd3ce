"""The mirror where the network plays no part: a busy store, and an author with two histories."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported
from structlog.testing import capture_logs  # noqa: E402

from registry.application.intake import EntryRun, LogIntake  # noqa: E402
from registry.application.membership.founding import load_signer  # noqa: E402
from registry.errors import LogDiverged, Overloaded, RootMismatch  # noqa: E402
from registry.replication.effects import FetchEntries  # noqa: E402
from registry.replication.entry_checks import EntryFault  # noqa: E402
from registry_node import fetching  # noqa: E402
from registry_node.fetching import Fetched  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from registry_node.mirror import Mirror  # noqa: E402
from registry_node.settings import NodeSettings  # noqa: E402
from tests.faults.honest_peer import HonestPeer  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    Nodes,
    found_federation,
    open_federation,
)

HELD: Final = 3


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        yield nodes


def mirror_of(node: Node) -> Mirror:
    settings = NodeSettings(folder=node.registry.folder.path)
    return Mirror(node.registry, HeadHub(), settings, uniform=lambda low, _high: low)


def full_twice(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which finds no room the first two times."""
    left = [Overloaded("full"), Overloaded("full")]

    def wrapped(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return call(*arguments)

    return wrapped


async def test_busy_store_ends_a_stream_of_heads_and_not_the_node(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror = mirror_of(alpha)
    monkeypatch.setattr(alpha.registry.store, "log_states", full_twice(lambda: ()))

    assert await mirror._watch(beta.registry.own) == "overloaded: full"


async def test_freeze_for_an_authors_fault_is_made_though_the_store_had_no_room_at_first(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror, store = mirror_of(alpha), alpha.registry.store
    monkeypatch.setattr(fetching, "_NO_ROOM_S", 0.001)
    monkeypatch.setattr(store, "freeze", full_twice(store.freeze))
    effect = FetchEntries(beta.registry.own.slug, beta.log_id, 1)
    fault = EntryFault(0, "bad_entry_signature", "invented")

    await mirror._bringing._settle(effect, beta.registry.own, Fetched(0, 0, fault))

    assert store.log_state(beta.log_id).frozen_at == 0


async def test_fault_under_a_note_of_a_retired_key_freezes_nothing(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror, store = mirror_of(alpha), alpha.registry.store
    monkeypatch.setattr(mirror.session, "is_retired", lambda _, size: size == 7)
    effect = FetchEntries(beta.registry.own.slug, beta.log_id, 1)
    fault = EntryFault(0, "bad_entry_signature", "invented")

    await mirror._bringing._settle(effect, beta.registry.own, Fetched(0, 0, fault, 7))
    assert store.log_state(beta.log_id).frozen_at is None
    await mirror._bringing._settle(effect, beta.registry.own, Fetched(0, 0, fault, 8))
    assert store.log_state(beta.log_id).frozen_at == 0


# --- an author with two histories -----------------------------------------------------------------


@pytest.fixture
def author(nodes: Nodes) -> HonestPeer:
    """beta, whose key is at hand: it writes two histories."""
    registry = nodes["beta"].registry
    signer = load_signer(registry.folder, "log")
    peer = HonestPeer(registry.own.origin, registry.registry_id, signer)
    for number in range(HELD):
        peer.write(f"event {number}")
    return peer


def intake_at(node: Node, author: HonestPeer) -> LogIntake:
    """What node holds: all that the author has written up to now."""
    member = node.registry.roster.member_by_log(author.log_id)
    intake = LogIntake(node.registry, member)
    head = intake.prove_head(author.note_at(HELD), offered_size=HELD)
    intake.take(EntryRun(0, author.entries, ()), head).result()
    return intake


def test_both_sides_of_a_contradiction_are_logged_by_size_and_root_alone(
    nodes: Nodes, author: HonestPeer
) -> None:
    intake, branch = intake_at(nodes["alpha"], author), author.fork_at(HELD - 1)
    branch.write("another history")
    branch.write("and on")
    expected = {
        "event": "log_contradicted",
        "log_level": "error",
        "log": author.origin,
        "held_size": HELD,
        "held_root": author.range_at(HELD).root().hex(),
    }
    with capture_logs() as logs, pytest.raises(LogDiverged):
        intake.prove_head(branch.note_at(HELD), offered_size=0)
    root = branch.range_at(HELD).root().hex()
    assert logs == [{**expected, "signed_size": HELD, "signed_root": root}]

    head = intake.prove_head(branch.note_at(HELD + 1), offered_size=HELD + 1)
    with capture_logs() as logs, pytest.raises(RootMismatch):
        intake.take(EntryRun(HELD, branch.entries[HELD:], ()), head)
    root = branch.range_at(HELD + 1).root().hex()
    assert logs == [{**expected, "signed_size": HELD + 1, "signed_root": root}]
