"""The mirror where the network plays no part: a busy store, and an author with two histories."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported
from structlog.testing import capture_logs  # noqa: E402

from registry.application.fault_proofs import BadEntry  # noqa: E402
from registry.application.intake import EntryRun, LogIntake  # noqa: E402
from registry.application.membership.founding import load_signer  # noqa: E402
from registry.errors import LogDiverged, Overloaded, RootMismatch  # noqa: E402
from registry.replication.effects import FetchEntries  # noqa: E402
from registry.replication.entry_checks import EntryFault  # noqa: E402
from registry.replication.messages import Blame, FetchFailed, Message  # noqa: E402
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


@pytest.fixture
def author(nodes: Nodes) -> HonestPeer:
    """beta, whose key is at hand: it writes two histories."""
    registry = nodes["beta"].registry
    signer = load_signer(registry.folder, "log")
    peer = HonestPeer(registry.own.origin, registry.registry_id, signer)
    for number in range(HELD):
        peer.write(f"event {number}")
    return peer


FAULT: Final = EntryFault(0, "bad_entry_signature", "invented")


def fetched_bad(author: HonestPeer, under: int = 1, at: int = 0) -> Fetched:
    """What a fetch brings of an author whose first entry is not signed."""
    branch = author.fork_at(0)
    branch.add(author.entries[0][:-64] + bytes(64))
    bad = BadEntry(at, branch.entries[0], (), branch.note_at(1), ())
    return Fetched(0, 0, FAULT, under, bad)


async def test_fault_that_cannot_be_proven_freezes_nothing_and_blames_nobody(
    nodes: Nodes, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror, told = mirror_of(alpha), list[Message]()
    monkeypatch.setattr(mirror._bringing, "_tell", told.append)
    effect = FetchEntries(beta.registry.own.slug, beta.log_id, 1)

    fetched = fetched_bad(author, at=1)  # what is before it is not held
    await mirror._bringing._settle(effect, beta.registry.own, fetched)

    assert alpha.registry.store.log_state(beta.log_id).frozen_at is None
    assert isinstance(told[-1], FetchFailed)
    assert told[-1].blame is Blame.NOBODY
    assert mirror.refusals == {}


async def test_fault_proven_with_a_key_that_was_replaced_freezes_nothing(
    nodes: Nodes, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror = mirror_of(alpha)
    monkeypatch.setattr(mirror._faults._steps, "_shown_generation", lambda _: 1)
    effect = FetchEntries(beta.registry.own.slug, beta.log_id, 1)

    await mirror._bringing._settle(effect, beta.registry.own, fetched_bad(author))

    assert alpha.registry.store.log_state(beta.log_id).frozen_at is None


async def test_fault_under_a_note_of_a_retired_key_freezes_nothing(
    nodes: Nodes, author: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    mirror, store = mirror_of(alpha), alpha.registry.store
    monkeypatch.setattr(mirror.session, "is_retired", lambda _, size: size == 7)
    effect = FetchEntries(beta.registry.own.slug, beta.log_id, 1)

    await mirror._bringing._settle(effect, beta.registry.own, fetched_bad(author, 7))
    assert store.log_state(beta.log_id).frozen_at is None
    await mirror._bringing._settle(effect, beta.registry.own, fetched_bad(author, 8))
    assert store.log_state(beta.log_id).frozen_at == 0
    assert mirror.refusals[FAULT.reason] == 2


# --- an author with two histories -----------------------------------------------------------------


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
