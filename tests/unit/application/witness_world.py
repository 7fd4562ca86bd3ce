"""What tests of witnessing are made of: logs that grow, what a node signs and is shown."""

import shutil
from pathlib import Path

from registry.application.cosignature_book import Verdict
from registry.application.folder import NodeFolder
from registry.application.membership.founding import load_signer
from registry.domain.identifiers import LogId
from registry.log.checkpoint import Checkpoint
from registry.log.cosignature import Cosignature, cosign, cosignature_notes
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    opening,
)


def grow(nodes: Nodes, author: str = "alpha", count: int = 1) -> LogId:
    """An author records events, and everybody mirrors them."""
    for _ in range(count):
        nodes[author].record(opening())
    nodes.carry_all()
    return nodes[author].log_id


def cosigned_by(node: Node, *log_ids: LogId) -> list[Cosignature]:
    """What a round of the node does: cosign, store."""
    made = node.registry.witness.cosign(log_ids)
    node.registry.store.cosignatures.put(made).result()
    node.registry.witness.stored(made)
    return made


def verdicts(node: Node, *cosignatures: Cosignature) -> list[Verdict]:
    shown = node.registry.witness.take(cosignature_notes(cosignatures))
    accepted = [each for each, verdict in shown if each and verdict is Verdict.ACCEPTED]
    node.registry.store.cosignatures.put(accepted).result()
    return [verdict for _, verdict in shown]


def made_by(
    folder: Path, witness: str, checkpoint: Checkpoint, *, time_s: int = 1_700_000_000
) -> Cosignature:
    """What a witness could sign with its key, if it did not care."""
    node_folder = NodeFolder(folder / witness)
    signer = load_signer(node_folder, "cosigner")
    return cosign(checkpoint, witness=node_folder.origin, signer=signer, time_s=time_s)


def checkpoint_of(node: Node, log_id: LogId, size: int) -> Checkpoint:
    store = node.registry.store
    return Checkpoint(store.log_state(log_id).origin, size, store.root_at(log_id, size))


def set_back(folder: Path, saved: Path, *, with_guard: bool = False) -> None:
    """Restores a node's database, and its guards as in a snapshot of the whole machine."""
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(saved / "log.db", folder / "log.db")
    if with_guard:
        shutil.rmtree(folder / "guard")
        shutil.copytree(saved / "guard", folder / "guard")
