"""A federation in which a mechanism has begun a new epoch: its log of before counts up to a cut."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from registry.application.membership.epochs import begin_epoch
from registry.application.membership.rosters import Change, adopt
from registry.domain.identifiers import LogId
from registry.log.member import Cut
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    carry_entries,
    carry_parts,
    open_node,
)
from tests.unit.application.test_rosters import THREE, draft, signed_by

WHY = "its keys were stolen"


@contextmanager
def opened(
    folder: Path, names: Sequence[str] = THREE, *, fenced: Sequence[str] = ()
) -> Iterator[Nodes]:
    """Opens some of the nodes; their logs take events, but for those behind their fence."""
    with ExitStack() as stack:
        nodes = {}
        for name in names:
            nodes[name] = open_node(folder, name, opens_log=name not in fenced)
            stack.callback(nodes[name].registry.close)
        yield Nodes(nodes)


def cut_of(node: Node, size: int | None = None) -> Cut:
    """Where the own log of a node ends; no size = with all that is in it."""
    state = node.registry.store.log_state(node.log_id)
    if size is None:
        return Cut(state.size, state.root, WHY)
    return Cut(size, node.registry.store.root_at(node.log_id, size), WHY)


def begin(folder: Path, name: str, cut: Cut, *, by: str = "beta", version: int = 2) -> None:
    """All members adopt a roster that begins a new epoch of one of them."""
    others = [each for each in THREE if each != name]
    change = Change(new_epochs={name: (begin_epoch(folder / name, has_all_keys_new=False), cut)})
    file = signed_by(folder, draft(folder, f"{version}.roster", change, by=by), *others)
    for each in THREE:
        adopt(folder / each, file)


def carry(source: Node, target: Node, log_id: LogId) -> None:
    """Carries a log and its parts."""
    assert carry_entries(source, target, log_id) is None
    carry_parts(source, target, log_id)
