"""Stored cosignatures: of each log and witness the largest, over a restart."""

from pathlib import Path

import pytest

from registry.domain.identifiers import Origin, RootHash
from registry.errors import NotFound
from registry.log.checkpoint import Checkpoint
from registry.log.cosignature import Cosignature, cosign
from registry.log.signing import Ed25519Signer
from tests.storage.storage_world import OTHER, OWN, PEER, open_store


def made(origin: Origin, size: int, *, by: Origin = OWN, root: bytes = b"r") -> Cosignature:
    checkpoint = Checkpoint(origin, size, RootHash(root * 32))
    return cosign(checkpoint, witness=by, signer=Ed25519Signer(b"s" * 32), time_s=1)


def test_largest_of_each_log_and_witness_is_kept_over_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.cosignatures.put([made(PEER, 3), made(PEER, 2, by=OTHER), made(OTHER, 5)]).result()
    store.cosignatures.put([made(PEER, 4), made(OTHER, 4)]).result()
    store.close()

    store = open_store(tmp_path)
    assert set(store.cosignatures.all()) == {
        made(PEER, 4),
        made(PEER, 2, by=OTHER),
        made(OTHER, 5),
    }
    store.close()


def test_log_that_is_not_known_is_refused_with_all_that_came_along(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(NotFound):
        store.cosignatures.put([made(PEER, 3), made(Origin("test/nobody/1"), 1)]).result()

    assert store.cosignatures.all() == []
    store.close()
