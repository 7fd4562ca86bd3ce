"""Bundles, given and taken: twice, out of order, for another member, of another registry."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.application.bundles.reading import look_through
from registry.domain.identifiers import LogId, RegistryId, log_id_of
from registry.errors import (
    BundleForAnother,
    BundleGap,
    FolderError,
    InvalidRequest,
    MalformedBundle,
    NotFound,
)
from registry.log.bundle import (
    BundleEntries,
    BundleHead,
    BundleHeader,
    BundleRoster,
    BundleSealed,
    Record,
)
from registry.peer_errors import (
    RosterOfAnotherRegistry,
)
from tests.unit.application import bundle_world
from tests.unit.application.bundle_world import (
    EMBARGOED,
    ERASED,
    FILE,
    FOR_GAMMA,
    LATER_MS,
    RUN,
    WIDENED,
    WITH_FILE,
    Bundles,
    export,
    held_by,
    records_of,
    rewritten,
    take,
)
from tests.unit.application.federation_in_process import (
    found_federation,
    open_node,
)

ALPHA = log_id_of("invented.example/alpha/1")
BETA = log_id_of("invented.example/beta/1")
FIRST = 12
ALL = 20


@pytest.fixture
def beta(bundles: Bundles, tmp_path: Path) -> Path:
    return bundles.fresh(tmp_path / "beta")


def part(index: int, ordinal: int = 0, log_id: LogId = ALPHA) -> tuple[LogId, int, int]:
    return log_id, index, ordinal


def test_bundle_brings_the_logs_and_the_content_that_its_recipient_may_have(
    bundles: Bundles, beta: Path
) -> None:
    report = take(beta, bundles.first)

    assert report.stopped is None
    assert (report.entries, report.rosters_adopted) == (FIRST, 0)
    held = held_by(beta)
    assert held.size(ALPHA) == FIRST
    mine = {index for log_id, index, _ in held.parts if log_id == ALPHA}
    assert mine == set(range(FIRST)) - {WIDENED, EMBARGOED, FOR_GAMMA}
    assert held.parts[part(WITH_FILE, 1)].large_bytes == len(FILE)
    assert report.parts_stored == FIRST - 3 + 1
    # beta may have the embargoed part later: it is asked for when there are peers.
    assert held.wanted == 1


def test_taken_twice_it_changes_nothing(bundles: Bundles, beta: Path) -> None:
    take(beta, bundles.first)
    before = held_by(beta)

    again = take(beta, bundles.first)

    assert (again.entries, again.parts_stored, again.parts_left) == (0, 0, 0)
    assert again.parts_held == FIRST - 3 + 1 + 3  # and those of beta itself
    assert held_by(beta) == before


def test_second_before_the_first_says_which_is_missing_and_stores_nothing(
    bundles: Bundles, beta: Path
) -> None:
    before = held_by(beta)

    with pytest.raises(BundleGap, match=f"from {FIRST} on and comes after 0, .*nothing was stored"):
        take(beta, bundles.second)
    assert held_by(beta) == before

    take(beta, bundles.first)
    report = take(beta, bundles.second)

    assert (report.stopped, report.entries) == (None, ALL - FIRST)
    held = held_by(beta)
    assert held.size(ALPHA) == ALL
    assert part(WIDENED) in held.parts, "widened since the first bundle"
    assert part(ERASED) not in held.parts


def test_parts_and_whole_lead_to_the_same(bundles: Bundles, beta: Path, tmp_path: Path) -> None:
    other = bundles.fresh(tmp_path / "other")
    for file in (bundles.first, bundles.second):
        take(beta, file)
    take(other, bundles.whole)
    for file in (bundles.first, bundles.second, bundles.whole):
        take(other, file)

    assert held_by(other) == held_by(beta)


def test_erased_content_of_an_older_bundle_is_never_stored_again(
    bundles: Bundles, beta: Path
) -> None:
    take(beta, bundles.whole)
    take(beta, bundles.first)

    assert part(ERASED) not in held_by(beta).parts


def test_embargo_is_kept_by_giver_and_taker(bundles: Bundles, beta: Path, tmp_path: Path) -> None:
    opened = tmp_path / "opened.bundle"
    export(bundles.folder / "alpha", opened, to="beta", now_ms=LATER_MS)

    early = take(beta, opened)
    assert early.parts_left == 1
    assert part(EMBARGOED) not in held_by(beta).parts

    late = take(beta, opened, now_ms=LATER_MS)
    assert (late.parts_left, late.parts_stored) == (0, 1)
    assert part(EMBARGOED) in held_by(beta).parts


def test_content_of_earlier_entries_is_given_when_it_is_asked_for(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    take(beta, bundles.bare)
    assert {p for p in held_by(beta).parts if p[0] == ALPHA} == set()

    file = tmp_path / "all.bundle"
    told = export(bundles.folder / "alpha", file, to="beta", since=bundles.bare, has_all_parts=True)
    assert told.entries == 0
    report = take(beta, file)

    assert report.parts_stored == told.parts - 3  # beta's own are held
    assert part(WITH_FILE, 1) in held_by(beta).parts


def test_bundle_without_recipient_has_no_content(bundles: Bundles, beta: Path) -> None:
    assert not any(isinstance(each, BundleSealed) for each in records_of(bundles.bare))
    report = take(beta, bundles.bare)

    assert (report.entries, report.parts_stored, report.parts_sealed) == (ALL, 0, 0)


def test_bundle_for_another_changes_nothing_unless_its_entries_are_taken_alone(
    bundles: Bundles, tmp_path: Path
) -> None:
    gamma = bundles.fresh(tmp_path / "gamma", "gamma")
    before = held_by(gamma)

    with pytest.raises(BundleForAnother, match="sealed to beta, and this is the node of gamma"):
        take(gamma, bundles.whole)
    assert held_by(gamma) == before

    report = take(gamma, bundles.whole, has_parts=False)
    assert (report.entries, report.parts_stored) == (ALL + 3, 0)
    assert report.parts_sealed == look_through(bundles.whole).sealed_parts


def test_bundle_sealed_to_a_key_that_is_not_here_is_told(bundles: Bundles, beta: Path) -> None:
    key = beta / "keys" / "hpke.key"
    key.write_text("7f" * 32 + "\n")

    with pytest.raises(BundleForAnother, match="a key that this folder does not hold"):
        take(beta, bundles.first)


def test_bundle_of_another_registry_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    found_federation(tmp_path / "others")

    with pytest.raises(RosterOfAnotherRegistry, match="this bundle belongs to invented"):
        take(tmp_path / "others" / "beta", bundles.first)


def test_running_node_is_not_touched(bundles: Bundles, beta: Path) -> None:
    node = open_node(beta.parent, "beta")
    try:
        with pytest.raises(FolderError, match="in use by a running node"):
            take(beta, bundles.first)
    finally:
        node.registry.close()


def test_file_that_is_there_is_not_written_over(bundles: Bundles) -> None:
    with pytest.raises(InvalidRequest, match="exists"):
        export(bundles.folder / "alpha", bundles.first, to="beta")


@pytest.mark.parametrize(
    ("slug", "error"), [("alpha", InvalidRequest), ("nobody", NotFound)], ids=["self", "nobody"]
)
def test_content_is_sealed_to_another_member_or_not_at_all(
    bundles: Bundles, tmp_path: Path, slug: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        export(bundles.folder / "alpha", tmp_path / "x.bundle", to=slug)
    assert list(tmp_path.iterdir()) == []


def test_preview_writes_nothing(bundles: Bundles) -> None:
    before = sorted(bundles.folder.iterdir())
    told = export(bundles.folder / "alpha", None, to="beta")

    assert (told.entries, told.parts) == (ALL + 3, look_through(bundles.whole).sealed_parts)
    assert sorted(bundles.folder.iterdir()) == before


def test_sealed_records_tell_size_classes_only(bundles: Bundles) -> None:
    sizes = {
        len(each.sealed) for each in records_of(bundles.whole) if isinstance(each, BundleSealed)
    }

    assert {size % 2**16 for size in sizes} == {32 + 16}  # enc and tag
    # A file of two chunks has the class of two chunks; both records have one size.
    assert len(sizes) == 2


def test_contents_are_told_without_any_key(bundles: Bundles) -> None:
    contents = look_through(bundles.second)

    assert contents.roster.version == 1
    assert contents.recipient_id == 2
    assert [(log.origin, log.start, log.size) for log in contents.logs] == [
        ("invented.example/alpha/1", FIRST, ALL),
        ("invented.example/beta/1", 3, 3),
    ]
    assert contents.entries == ALL - FIRST


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        look_through(tmp_path / "none")


def without(kind: type[Record]) -> Callable[[list[Record]], list[Record]]:
    def change(records: list[Record]) -> list[Record]:
        found = next(each for each in records if isinstance(each, kind))
        return [each for each in records if each is not found]

    return change


LIES: dict[str, Callable[[list[Any]], list[Record]]] = {
    "no header": lambda records: records[1:],
    "no roster": without(BundleRoster),
    "a run left out": without(BundleEntries),
    "no head": without(BundleHead),
    "the same log twice": lambda records: [*records[:3], records[2], *records[3:]],
    "no recipient": lambda records: [replace(records[0], recipient_id=None), *records[1:]],
    "a recipient that nobody knows": lambda records: [
        replace(records[0], recipient_id=9),
        *records[1:],
    ],
    "another roster version": lambda records: [replace(records[0], roster_version=2), *records[1:]],
    "a roster twice": lambda records: [*records[:2], *records[1:]],
    "another registry id": lambda records: [
        BundleHeader(RegistryId(bytes(32)), 1, records[0].recipient_id),
        *records[1:],
    ],
}


@pytest.mark.parametrize("lie", LIES)
def test_bundle_that_contradicts_itself_is_refused_before_anything_is_stored(
    bundles: Bundles, beta: Path, tmp_path: Path, lie: str
) -> None:
    file = rewritten(bundles.first, tmp_path / "lie.bundle", LIES[lie])
    before = held_by(beta)

    with pytest.raises(MalformedBundle):
        take(beta, file)
    assert held_by(beta) == before


def test_runs_are_small_enough_to_be_several(bundles: Bundles) -> None:
    runs = [each for each in records_of(bundles.first) if isinstance(each, BundleEntries)]

    assert max(len(run.entries) for run in runs) == RUN
    assert len(runs) > 3


def test_run_of_many_entries_is_taken_as_a_few_are(
    bundles: Bundles, beta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are verified in two halves, side by side."""
    monkeypatch.setattr(bundle_world, "RUN", 500)
    export(bundles.folder / "alpha", tmp_path / "long.bundle", to="beta")
    runs = [
        each for each in records_of(tmp_path / "long.bundle") if isinstance(each, BundleEntries)
    ]
    assert [len(run.entries) for run in runs] == [ALL, 3]

    report = take(beta, tmp_path / "long.bundle")

    assert (report.stopped, report.entries) == (None, ALL)
