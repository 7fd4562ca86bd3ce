"""Random forks, proofs and orders: every node ends a log at one size, and no honest log ends.

Each seed makes an author that signs several histories, and an honest author whose old keys were
found. Nodes get all proofs and all rotations in orders of their own. The count that `make test`
runs is promise 4's; SOAK_FORKS asks for another.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Any, Final, NamedTuple, cast

from registry.errors import EntryError
from registry.log.fault_proof import (
    FaultProof,
    decode_fault_proof,
    encode_fault_proof,
    invalid_entry,
    two_entries,
    two_histories,
)
from registry.log.fault_verdict import Verdict, newest_generation, verify_fault_proof
from registry.log.log_keys import keys_of_member
from registry.store.freezes import FreezeChange, drop_retired, keep_proof
from registry.store.rows import insert_logs, read_state
from registry.store.schema import MIGRATIONS
from registry.store.values import KeptProof
from tests.counts import tell
from tests.faults.two_faced import (
    KEYS,
    LOG,
    ROSTER,
    TwoFaced,
    entries_proof,
    forked,
    histories_proof,
    versions_of,
    written,
)
from tests.unit.log.log_world import ORIGIN, REGISTRY, sample_member

SEEDS: Final = int(os.environ.get("SOAK_FORKS", "100"))
FIRST: Final = int(os.environ.get("SOAK_SEED", "0"))
ORDERS: Final = 3
TRIES: Final = 4


class Counts(NamedTuple):
    """What was reached, to be printed."""

    proofs: int = 0
    accusations: int = 0
    refused: int = 0
    lifted: int = 0


class Node:
    """Where one node keeps proofs: the tables and statements of the store, nothing else."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.row_factory = sqlite3.Row
        self._cursor = cast("Any", self._connection.cursor())
        self._cursor.execute(MIGRATIONS[0][0])
        self._cursor.execute(MIGRATIONS[3][0])
        insert_logs(self._cursor, [ORIGIN])
        self._known = 0
        self.lifted = 0

    def take(self, data: bytes, verdict: Verdict) -> None:
        if verdict.generation >= self._known:
            proof = KeptProof(LOG, verdict.generation, verdict.frozen_at, verdict.reason, data)
            self._change(keep_proof(proof))

    def learn(self, rotations: Sequence[bytes]) -> None:
        keys = keys_of_member(REGISTRY, sample_member(1)).learn(rotations)
        self._known = max(self._known, newest_generation(keys))
        before = self.frozen_at
        self._change(drop_retired(self._known))
        self.lifted += before is not None and self.frozen_at != before

    @property
    def frozen_at(self) -> int | None:
        return read_state(self._cursor, LOG).frozen_at

    def _change(self, change: FreezeChange) -> None:
        change(self._cursor, 1, LOG)

    def close(self) -> None:
        self._connection.close()


def judged(data: bytes) -> Verdict | None:
    try:
        return verify_fault_proof(data, ROSTER, versions_of)
    except EntryError:
        return None


def first_difference(one: TwoFaced, other: TwoFaced) -> int | None:
    """Where two histories part, found by looking at them; None = one begins the other."""
    pairs = zip(one.entries, other.entries, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), None)


def histories_of(random: Random) -> list[TwoFaced]:
    """Two to four histories of one author; all keys that count at their ends are the same."""
    places = sorted(random.sample(range(1, 6), random.randrange(3)))
    found = [written(random.randrange(8, 16), rotations=places)]
    while len(found) < random.randrange(2, 5):
        before = random.choice(found)
        at = random.randrange(max(places, default=0) + 1, len(before.entries))
        found.append(forked(before, at, at + random.randrange(1, 6), f"{len(found)}"))
    return found


def proofs_of(random: Random, histories: Sequence[TwoFaced]) -> Iterator[bytes]:
    """Proofs of every two that contradict each other: the smallest, and some that are larger."""
    for one, other in combinations(histories, 2):
        parted = first_difference(one, other)
        if parted is None:
            continue
        shorter = min(len(one.entries), len(other.entries))
        yield histories_proof(one, other, parted + 1)
        yield histories_proof(one, other, random.randint(parted + 1, shorter))
        yield entries_proof(one, other, random.randrange(parted, shorter))


def orders_of(random: Random, acts: Sequence[Callable[[Node], None]]) -> Iterator[Node]:
    """Nodes that went through the same acts, each in an order of its own."""
    for _ in range(ORDERS):
        node = Node()
        for act in random.sample(acts, len(acts)):
            act(node)
        yield node


def taking(data: bytes) -> Callable[[Node], None]:
    verdict = judged(data)
    return lambda node: None if verdict is None else node.take(data, verdict)


def check_author_with_many_histories(random: Random) -> Counts:
    """All nodes end its log where the first two histories part, whatever they learn first."""
    histories = histories_of(random)
    proofs = [*proofs_of(random, histories)]
    assert all(judged(data) is not None for data in proofs)
    acts = [taking(data) for data in proofs]
    acts += [lambda node, each=each: node.learn(each.rotations()) for each in histories]  # type: ignore[misc] # a default
    parted = [first_difference(*pair) for pair in combinations(histories, 2)]
    expected = min((at for at in parted if at is not None), default=None)
    for node in orders_of(random, acts):
        assert node.frozen_at == expected
        node.close()
    return Counts(proofs=len(proofs))


def accusations(random: Random, honest: TwoFaced) -> Iterator[bytes]:
    """What somebody makes up who has all that the author showed, and its old keys."""
    old = range(len(honest.rotated_at))
    size = len(honest.entries)
    for _ in range(TRIES):
        at = random.randrange(1, size)
        end = random.randrange(at, size) + 1
        by = KEYS[random.choice(old)] if old else KEYS[-1]
        other = honest.fork_at(random.randrange(at))
        while len(other.entries) < end:
            other.entries.append(other.make(f"forged {random.random()}", by=by))
        shown = honest.rotations()[: random.randrange(len(honest.rotated_at) + 1)]
        theirs = other.prefix(at, end, by=by)._replace(rotations=shown)
        ours = honest.prefix(at, random.randrange(at, size) + 1)
        named = random.choice([at - 1, 0, at, size])
        yield two_histories(ORIGIN, at, ours, theirs)
        yield two_histories(ORIGIN, at, ours, honest.prefix(at, size))
        place = random.randrange(len(other.entries))
        yield two_entries(ORIGIN, place, (honest.entries[place], other.entries[place]), shown)
        earlier = random.choice([None, *range(place)])
        yield invalid_entry(ORIGIN, honest.invalid(place, size, earlier))
        forged = other.invalid(place, end, earlier, by=by)._replace(rotations=shown)
        yield invalid_entry(ORIGIN, forged)
        sound = decode_fault_proof(two_histories(ORIGIN, at, ours, theirs))
        yield encode_fault_proof(FaultProof(sound.origin, named, sound.fault))


def check_honest_author(random: Random) -> Counts:
    """Nobody ends its log, once its rotations are known; nor while it has had only one key."""
    places = sorted(random.sample(range(2, 9), random.randrange(4)))
    honest = written(random.randrange(10, 15), rotations=places)
    proofs = [*accusations(random, honest)]
    believed = [verdict for data in proofs if (verdict := judged(data)) is not None]
    assert all(verdict.generation < len(places) for verdict in believed)
    acts = [*map(taking, proofs), lambda node: node.learn(honest.rotations())]
    lifted = 0
    for node in orders_of(random, acts):
        assert node.frozen_at is None, "an honest log was frozen"
        lifted += node.lifted
        node.close()
    return Counts(accusations=len(proofs), refused=len(proofs) - len(believed), lifted=lifted)


def test_forks_end_at_one_size_on_every_node_and_honest_logs_nowhere() -> None:
    total = Counts()
    for seed in range(FIRST, FIRST + SEEDS):
        for check in (check_author_with_many_histories, check_honest_author):
            found = check(Random(f"{check.__name__} {seed}"))
            total = Counts(*map(sum, zip(total, found, strict=True)))
    assert total.proofs > SEEDS
    assert total.lifted > 0, "no node met an old key before its rotation"
    tell(
        f"promise 4: {SEEDS} seeds, {ORDERS} orders each: {total.proofs} proofs of forks, "
        f"{total.accusations} accusations of honest authors, {total.refused} refused at "
        f"once, {total.lifted} freezes by old keys lifted, 0 false ones left"
    )
