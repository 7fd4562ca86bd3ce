"""The place of a whole fold: the last change that can be read, found without reading all."""

import random

import pytest

from registry.domain.identifiers import LogId
from registry.store.values import PartChange
from registry.views.projector import _last_id
from tests.storage.storage_world import case


@pytest.mark.parametrize("seed", range(50))
def test_last_change_is_found_in_leaps_wherever_it_stands(seed: int) -> None:
    rng = random.Random(seed)
    ids = sorted(rng.sample(range(1, 400), rng.choice([0, 1, 2, 30, 300])))
    asked = 0

    def changes(after: int, limit: int) -> list[PartChange]:
        nonlocal asked
        asked += 1
        return [PartChange(n, LogId(b""), 0, 0, case(0)) for n in ids if n > after][:limit]

    assert _last_id(changes) == (ids[-1] if ids else 0)
    assert asked < 40
