"""Bundles that were cut, flipped, put together anew or taken in any order: right, or a clear error.

A file whose digest does not fit changes nothing. One that a liar wrote, with a digest that fits,
brings at most runs that the authors signed, and content that they committed to.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from registry.domain.identifiers import LogId
from registry.errors import BundleGap, RegistryError
from registry.log.bundle import (
    BundleEntries,
    BundleHead,
    BundleRoster,
    BundleSealed,
    Record,
    encode_record,
    read_bundle,
)
from tests.counts import tell
from tests.unit.application.bundle_world import (
    Bundles,
    Held,
    held_by,
    make_bundles,
    rewritten,
    take,
)
from tests.unit.application.federation_in_process import open_node

DAMAGED: Final = 300
LIES: Final = 60
ORDERS: Final = 4
SEED: Final = 20261126


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return make_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def truth(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> "Truth":
    return Truth(bundles.fresh(tmp_path_factory.mktemp("truth") / "alpha", "alpha"))


class Truth:
    """What the authors wrote: the root at every size, and every part."""

    def __init__(self, alpha: Path) -> None:
        self.held: Held = held_by(alpha)
        self.roots: dict[tuple[LogId, int], bytes] = {}
        node = open_node(alpha.parent, alpha.name, opens_log=False)
        store = node.registry.store
        for log_id, (size, _) in self.held.logs.items():
            for each in range(size + 1):
                self.roots[log_id, each] = store.root_at(log_id, each)
        node.registry.close()

    def check(self, found: Held, before: Held) -> None:
        for log_id, (size, root) in found.logs.items():
            assert size >= before.size(log_id)
            assert self.roots[log_id, size] == root
        for place, part in found.parts.items():
            true = self.held.parts.get(place)
            # What alpha has erased since was true when it was given.
            assert true is None or true == part
        assert found.rosters == before.rosters


def damage(data: bytes, random: Random) -> tuple[str, bytes]:
    kind = random.choice(("cut", "flip", "flip", "insert", "drop", "append", "zero"))
    at = random.randrange(len(data))
    if random.random() < 0.3:
        at = random.randrange(min(len(data), 3000))  # where the small records are
    end = min(at + random.randrange(1, 60), len(data))
    if kind == "cut":
        return kind, data[:at]
    if kind == "flip":
        return kind, data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    if kind == "insert":
        return kind, data[:at] + random.randbytes(end - at) + data[at:]
    if kind == "drop":
        return kind, data[:at] + data[end:]
    if kind == "append":
        return kind, data + random.randbytes(end - at)
    changed = data[:at] + bytes(end - at) + data[end:]
    return kind, changed if changed != data else data[:-1]


def test_damaged_bundle_is_refused_and_changes_nothing(bundles: Bundles, tmp_path: Path) -> None:
    random, reasons = Random(SEED), Counter[str]()
    beta = bundles.fresh(tmp_path / "beta")
    before, files = held_by(beta), files_of(beta)
    whole = [file.read_bytes() for file in (bundles.first, bundles.bare)]
    for _ in range(DAMAGED):
        kind, data = damage(random.choice(whole), random)
        file = tmp_path / "damaged.bundle"
        file.write_bytes(data)
        with pytest.raises(RegistryError) as refusal:
            take(beta, file)
        reasons[f"{kind}: {refusal.value.reason}"] += 1
    assert files_of(beta) == files
    assert held_by(beta) == before
    tell(f"{DAMAGED} damaged bundles, all refused: {dict(sorted(reasons.items()))}")
    assert {reason.partition(": ")[2] for reason in reasons} >= {
        "malformed_bundle",
        "truncated_stream",
    }


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_bundle_that_is_cut_at_any_border_of_its_records_is_refused(bundles: Bundles) -> None:
    data = bundles.bare.read_bytes()
    borders, at = {18}, 18
    for record in read_bundle(io.BytesIO(data).read):
        at += 4 + len(encode_record(record))
        borders.add(at)
    assert at == len(data)
    cuts = {border + off for border in borders for off in (-1, 0, 1)} - {len(data), len(data) + 1}
    for cut in sorted(cuts):
        with pytest.raises(RegistryError):
            list(read_bundle(io.BytesIO(data[:cut]).read))
    tell(f"{len(cuts)} cuts at borders, all refused")


def test_what_a_liar_writes_brings_nothing_that_its_author_did_not_sign(
    bundles: Bundles, truth: Truth, tmp_path: Path
) -> None:
    random, outcomes = Random(SEED), Counter[str]()
    begun = bundles.fresh(tmp_path / "begun")
    take(begun, bundles.first)
    starts = {"from nothing": (bundles.folder / "beta", bundles.whole)}
    starts["after the first"] = (begun, bundles.whole)
    states = {
        name: held_by(Bundles(folder.parent).fresh(tmp_path / name, folder.name))
        for name, (folder, _) in starts.items()
    }
    for number in range(LIES):
        name = random.choice(list(starts))
        folder, bundle = starts[name]
        file = rewritten(bundle, tmp_path / "lie.bundle", lambda records: lie(records, random))
        target = Bundles(folder.parent).fresh(tmp_path / f"{number}", folder.name)
        files = files_of(target)
        try:
            report = take(target, file)
        except RegistryError as error:
            outcomes[f"refused: {error.reason}"] += 1
            is_same = files_of(target) == files or held_by(target) == states[name]
            assert is_same, "refused, and changed something"
        else:
            stopped = report.stopped
            fault = report.first_fault
            what = stopped.reason if stopped else fault.reason if fault else "harmless"
            outcomes[f"taken as far as it is true: {what}"] += 1
            after = held_by(target)
            truth.check(after, states[name])
            assert report.entries == sum(
                size - states[name].size(log_id) for log_id, (size, _) in after.logs.items()
            )
            assert not after.frozen, "nobody honest is frozen by what another wrote"
    tell(f"{LIES} lies: {dict(sorted(outcomes.items()))}")
    assert len(outcomes) >= 5


def lie(records: list[Record], random: Random) -> Sequence[Record]:
    """Changes one thing that a digest does not show."""
    place = random.randrange(len(records))
    kind = random.choice(("drop", "double", "swap", "inside", "inside", "inside"))
    if kind == "drop":
        return [*records[:place], *records[place + 1 :]]
    if kind == "double":
        return [*records[: place + 1], *records[place:]]
    if kind == "swap":
        other = random.randrange(len(records))
        records[place], records[other] = records[other], records[place]
        return records
    place = random.choice(
        [i for i, each in enumerate(records) if not isinstance(each, BundleRoster)]
    )
    records[place] = changed(records[place], random)
    return records


def changed(record: Record, random: Random) -> Record:
    match record:
        case BundleHead(_, note, _, start):
            choices: list[Record] = [
                replace(record, note=flipped(note, random)),
                replace(record, start=start + random.choice((1, 3))),
                replace(record, log_id=LogId(flipped(record.log_id, random))),
                replace(record, rotations=(note,)),
            ]
            return random.choice(choices)
        case BundleEntries(start, entries, path):
            return random.choice(
                [
                    replace(record, entries=_one_flipped(entries, random)),
                    replace(record, entries=_one_flipped(entries, random)),
                    replace(record, entries=tuple(reversed(entries))),
                    replace(record, entries=entries[:-1]),
                    replace(record, entries=(*entries, entries[-1])),
                    replace(record, start=start + 1),
                    replace(record, path=_one_flipped(path or (b"x",), random)),
                ]
            )
        case BundleSealed(count, sealed):
            return random.choice(
                [
                    replace(record, sealed=flipped(sealed, random)),
                    replace(record, sealed=sealed[: random.randrange(len(sealed))]),
                    replace(record, part_count=count + 1),
                ]
            )
        case _:
            return record


def _one_flipped(values: tuple[Any, ...], random: Random) -> tuple[bytes, ...]:
    at = random.randrange(len(values))
    return (*values[:at], flipped(values[at], random), *values[at + 1 :])


def flipped(value: bytes, random: Random) -> bytes:
    at = random.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << random.randrange(8)]) + value[at + 1 :]


def test_bundles_in_any_order_are_taken_or_name_what_comes_first(
    bundles: Bundles, truth: Truth, tmp_path: Path
) -> None:
    random, gaps, taken = Random(SEED), 0, 0
    alpha = next(log_id for log_id in truth.held.logs if truth.held.size(log_id) == 20)
    whole = bundles.fresh(tmp_path / "whole")
    take(whole, bundles.whole)
    ends = held_by(whole)
    for number in range(ORDERS):
        beta = bundles.fresh(tmp_path / f"order {number}")
        held = 0
        files = [bundles.first, bundles.second, bundles.bare, bundles.first, bundles.second]
        random.shuffle(files)
        for file in (*files, bundles.first, bundles.second, bundles.whole):
            if file == bundles.second and held < 12:
                with pytest.raises(BundleGap):
                    take(beta, file)
                gaps += 1
            else:
                assert take(beta, file).stopped is None
                held = max(held, 12 if file == bundles.first else 20)
                taken += 1
        after = held_by(beta)
        assert after == ends
        assert after.size(alpha) == 20
    tell(f"{ORDERS} orders: {taken} bundles taken, {gaps} that came too early")
    assert gaps
