"""What a bundle may show that is true to its digest and still wrong, and rosters that it brings."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.application.bundles.sealing import ContentSealer
from registry.application.folder import NodeFolder
from registry.application.membership.founding import load_signer
from registry.application.membership.rosters import Change, adopt, endorse, load_roster, propose
from registry.domain.identifiers import LogId, MemberId, log_id_of
from registry.errors import LogDiverged, LogReadOnly
from registry.log.bundle import BundleEntries, BundleHead, BundleRoster, BundleSealed, Record
from registry.log.bundle_content import BundleChunk, BundlePart, Content
from registry.log.member import Cut
from registry.peer_errors import (
    RosterForked,
    RosterSkipped,
)
from registry.store.chunks import CHUNK_BYTES
from tests.faults.honest_peer import HonestPeer
from tests.unit.application.bundle_world import (
    FOR_GAMMA,
    WITH_FILE,
    Bundles,
    export,
    held_by,
    records_of,
    rewritten,
    take,
)
from tests.unit.application.federation_in_process import Node, init, open_node, statement

ALPHA = log_id_of("invented.example/alpha/1")
BETA = log_id_of("invented.example/beta/1")
ALL = 20
MOVED = Change(addresses={"beta": "b.example:7443"})
BOTH = ("alpha", "gamma")


@pytest.fixture
def beta(bundles: Bundles, tmp_path: Path) -> Path:
    return bundles.fresh(tmp_path / "beta")


def write_on(folder: Path, count: int, text: str = "written on") -> Path:
    """Lets a node write some events more."""
    node = open_node(folder.parent, folder.name)
    case = node.registry.store.changes(0, 1)[0].case_id
    for number in range(count):
        node.record(statement(f"{text} {number}"), case, request_id=f"{text} {number}")
    node.registry.close()
    return folder


def forked(bundles: Bundles, tmp_path: Path, count: int, text: str) -> Path:
    """A bundle of alpha as a copy of it went on alone."""
    copy = tmp_path / text / "alpha"
    shutil.copytree(bundles.folder / "alpha", copy)
    export(write_on(copy, count, text), tmp_path / f"{text}.bundle", to="beta")
    return tmp_path / f"{text}.bundle"


@pytest.mark.parametrize(
    ("count", "other_count", "reason"),
    [(2, 2, "log_diverged"), (2, 1, "log_diverged"), (2, 3, "root_mismatch")],
    ids=["as long", "shorter", "longer"],
)
def test_other_history_of_a_log_is_named_and_the_other_logs_are_taken(
    bundles: Bundles, beta: Path, tmp_path: Path, count: int, other_count: int, reason: str
) -> None:
    take(beta, forked(bundles, tmp_path, count, "one"))
    before = held_by(beta)
    other = forked(bundles, tmp_path, other_count, "two")

    report = take(beta, rewritten(other, tmp_path / "sorted.bundle", lambda records: records))

    assert report.stopped is None
    fault = report.first_fault
    assert fault is not None
    assert (fault.origin, fault.reason) == ("invented.example/alpha/1", reason)
    after = held_by(beta)
    assert after.logs == before.logs
    assert [log.origin for log in report.logs] == [
        "invented.example/alpha/1",
        "invented.example/beta/1",
    ]


def with_log(peer: HonestPeer, bounds: list[int]) -> Callable[[list[Record]], list[Record]]:
    """Puts what an author wrote in the place of its log in a bundle without content."""

    def change(records: list[Record]) -> list[Record]:
        size = len(peer.entries)
        rosters = [each for each in records if not isinstance(each, BundleHead | BundleEntries)]
        runs = [
            BundleEntries(start, tuple(peer.entries[start:end]), peer.path(end, size))
            for start, end in zip(bounds, [*bounds[1:], size], strict=True)
        ]
        return [*rosters, BundleHead(ALPHA, peer.note_at(size), (), 0), *runs]

    return change


def alpha_in_memory(bundles: Bundles) -> HonestPeer:
    """alpha with its key and its log, free to write what no node would."""
    folder = NodeFolder(bundles.folder / "alpha")
    entries = [
        entry
        for record in records_of(bundles.bare)[:10]
        if isinstance(record, BundleEntries)
        for entry in record.entries
    ][:ALL]
    roster = load_roster(folder)
    return HonestPeer(folder.origin, roster.registry_id, load_signer(folder, "log"), entries)


def test_author_that_signed_a_bad_entry_is_frozen_there_as_by_a_peer(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    alpha = alpha_in_memory(bundles)
    bad = bytearray(alpha.make_entry("bad", index=ALL))
    bad[-1] ^= 1
    alpha.add(bytes(bad))
    alpha.write("after it")
    file = rewritten(bundles.bare, tmp_path / "bad.bundle", with_log(alpha, [0, 15]))

    report = take(beta, file)

    assert report.stopped is None
    fault = report.first_fault
    assert fault is not None
    assert (fault.reason, fault.after) == ("bad_entry_signature", ALL)
    held = held_by(beta)
    assert (held.size(ALPHA), held.frozen) == (ALL, {ALPHA: ALL})
    again = take(beta, bundles.whole)
    assert (again.stopped, again.entries) == (None, 0)


def sealed(bundles: Bundles, *contents: Content) -> Callable[[list[Record]], list[Record]]:
    """Puts other content into a bundle for beta, as anybody can who has the roster."""
    roster = load_roster(NodeFolder(bundles.folder / "beta"))
    sealer = ContentSealer(roster.registry_id, roster.member_by_slug("beta"))

    def change(records: list[Record]) -> list[Record]:
        kept = [each for each in records if not isinstance(each, BundleSealed)]
        return [*kept, *(BundleSealed(1, sealer.seal(each, 2**16)) for each in contents)]

    return change


def invented(index: int, ordinal: int = 0, log_id: LogId = ALPHA) -> BundlePart:
    return BundlePart(log_id, index, ordinal, bytes(32), "text/plain", b"invented")


def chunk(number: int, size: int = 2 * CHUNK_BYTES, **changed: Any) -> BundleChunk:
    first = BundleChunk(
        ALPHA, WITH_FILE, 1, bytes(32), "application/pdf", size, number, bytes(CHUNK_BYTES)
    )
    return replace(first, **changed)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ([(invented(1),)], "commitment_mismatch"),
        ([(invented(1, ordinal=1),)], "unrequested_part"),
        ([chunk(0), chunk(1)], "commitment_mismatch"),
        ([chunk(0), chunk(1, salt=b"s" * 32)], "misplaced_chunk"),
        ([chunk(0, data=b"short")], "misplaced_chunk"),
        ([chunk(0, size=2**40)], "commitment_mismatch"),
        ([chunk(0, salt=b"")], "commitment_mismatch"),
    ],
    ids=[
        "other content",
        "no such part",
        "another file",
        "another salt midway",
        "short chunk",
        "larger than its class",
        "no salt",
    ],
)
def test_content_that_its_author_did_not_commit_to_is_refused_and_nothing_of_it_stays(
    bundles: Bundles, beta: Path, tmp_path: Path, contents: list[Any], reason: str
) -> None:
    given = [each if isinstance(each, BundleChunk) else tuple(each) for each in contents]
    file = rewritten(bundles.whole, tmp_path / "lie.bundle", sealed(bundles, *given))

    report = take(beta, file)

    assert report.stopped is not None
    assert report.stopped.reason == reason
    assert report.entries == ALL, "the logs were right, and stay"
    assert {place for place in held_by(beta).parts if place[0] == ALPHA} == set()


def test_content_of_entries_that_are_not_here_is_left(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    other = log_id_of("invented.example/gamma/1")
    given = (invented(3, log_id=other), invented(0, log_id=LogId(bytes(32))))
    lone = sealed(bundles, given, chunk(1), (), (invented(FOR_GAMMA),))

    report = take(beta, rewritten(bundles.whole, tmp_path / "left.bundle", lone))

    assert (report.stopped, report.parts_left, report.parts_stored) == (None, 3, 0)


def test_nothing_stays_of_a_file_that_is_not_complete(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    begun = sealed(bundles, chunk(0), chunk(0), (invented(FOR_GAMMA),), chunk(0))

    report = take(beta, rewritten(bundles.whole, tmp_path / "begun.bundle", begun))

    assert (report.stopped, report.parts_left, report.parts_stored) == (None, 4, 0)
    node = opened(beta)
    try:
        assert node.registry.store.large_parts.incoming((ALPHA, WITH_FILE, 1)) is None
    finally:
        node.registry.close()


# --- the own log ----------------------------------------------------------------------------------


def opened(folder: Path) -> Node:
    return open_node(folder.parent, folder.name, opens_log=False)


def test_own_log_comes_back_from_a_bundle_after_a_restore(bundles: Bundles, tmp_path: Path) -> None:
    alpha, old = tmp_path / "alpha", tmp_path / "old"
    for copy in (alpha, old):
        shutil.copytree(bundles.folder / "alpha", copy)
    write_on(alpha, 3)
    export(alpha, tmp_path / "later.bundle", to="beta")
    beta = bundles.fresh(tmp_path / "beta")
    take(beta, tmp_path / "later.bundle")
    export(beta, tmp_path / "back.bundle", to="alpha")
    shutil.copytree(old, tmp_path / "restored" / "alpha")

    report = take(tmp_path / "restored" / "alpha", tmp_path / "back.bundle")

    assert (report.stopped, report.first_fault) == (None, None)
    held = held_by(tmp_path / "restored" / "alpha")
    assert held.logs == held_by(alpha).logs
    node = open_node(tmp_path / "restored", "alpha")
    node.registry.close()


def test_own_log_that_forked_takes_nothing_more(bundles: Bundles, tmp_path: Path) -> None:
    """Two copies of alpha ran; a bundle of beta shows what the other one wrote."""
    beta = bundles.fresh(tmp_path / "beta")
    take(beta, forked(bundles, tmp_path, 2, "one"))
    export(beta, tmp_path / "back.bundle", to="alpha")
    mine = tmp_path / "mine" / "alpha"
    shutil.copytree(bundles.folder / "alpha", mine)
    write_on(mine, 2, "mine")

    report = take(mine, tmp_path / "back.bundle")

    assert report.first_fault is not None
    assert report.first_fault.reason == LogDiverged.reason
    node = opened(mine)
    try:
        assert node.registry.store.log_state(ALPHA).frozen_at == ALL, "where the two part"
        with pytest.raises(LogReadOnly):
            node.registry.open_log()
    finally:
        node.registry.close()


# --- rosters --------------------------------------------------------------------------------------


def next_roster(
    folder: Path, change: Change, name: str, adopting: Sequence[str], *, base: str = "alpha"
) -> None:
    """Makes the next version after that of `base`, with two signatures."""
    file = folder / name
    file.write_bytes(propose(folder / base, change))
    for mechanism in ("alpha", "gamma") if base == "alpha" else ("beta", "gamma"):
        endorse(folder / mechanism, file)
    for mechanism in adopting:
        adopt(folder / mechanism, file)


@pytest.fixture
def folder(bundles: Bundles, tmp_path: Path) -> Path:
    for mechanism in ("alpha", "beta", "gamma"):
        bundles.fresh(tmp_path / mechanism, mechanism)
    return tmp_path


def test_newer_rosters_are_adopted_first_and_then_the_logs_of_who_joined(folder: Path) -> None:
    member = init(folder, "delta")
    next_roster(folder, Change(add=[member]), "2.roster", ())
    endorse(folder / "beta", folder / "2.roster")
    adopt(folder / "alpha", folder / "2.roster")
    write_on(folder / "alpha", 1)
    export(folder / "alpha", folder / "new.bundle", to="beta")

    report = take(folder / "beta", folder / "new.bundle")

    assert (report.roster_version, report.rosters_adopted, report.stopped) == (2, 1, None)
    held = held_by(folder / "beta")
    assert (held.rosters, held.size(ALPHA)) == (2, ALL + 1)
    assert log_id_of("invented.example/delta/1") in held.logs
    again = take(folder / "beta", folder / "new.bundle")
    assert (again.rosters_adopted, again.entries) == (0, 0)


def test_older_rosters_than_ours_are_nothing_new(bundles: Bundles, folder: Path) -> None:
    next_roster(folder, MOVED, "2.roster", ("beta",))

    report = take(folder / "beta", bundles.whole)

    assert (report.roster_version, report.rosters_adopted, report.entries) == (2, 0, ALL)


def test_another_roster_of_the_same_number_is_a_fork_and_changes_nothing(folder: Path) -> None:
    """alpha and beta each have a version 2, which members may sign who forgot the other."""
    next_roster(folder, MOVED, "2.roster", ("alpha",))
    for kept in (folder / "gamma" / "roster").glob("2.endorsed*"):
        kept.unlink()
    named = Change(names={"beta": "Beta (invented)"})
    next_roster(folder, named, "other.roster", ("beta",), base="beta")
    export(folder / "alpha", folder / "fork.bundle", to="beta")
    before = held_by(folder / "beta")

    with pytest.raises(RosterForked):
        take(folder / "beta", folder / "fork.bundle")
    assert held_by(folder / "beta") == before


def test_roster_that_is_too_new_without_those_between_is_refused(folder: Path) -> None:
    next_roster(folder, MOVED, "2.roster", BOTH)
    next_roster(folder, Change(names={"beta": "Beta (invented)"}), "3.roster", BOTH)
    export(folder / "alpha", folder / "new.bundle", to="beta")
    rosters = [r for r in records_of(folder / "new.bundle") if isinstance(r, BundleRoster)]
    gap = rewritten(
        folder / "new.bundle",
        folder / "gap.bundle",
        lambda records: [each for each in records if each != rosters[1]],
    )
    before = held_by(folder / "beta")

    with pytest.raises(RosterSkipped):
        take(folder / "beta", gap)
    assert held_by(folder / "beta") == before

    report = take(folder / "beta", folder / "new.bundle")
    assert (report.roster_version, report.rosters_adopted) == (3, 2)


def test_log_of_a_removed_member_is_taken_up_to_its_cut(folder: Path) -> None:
    """What lies past the cut is void: a run that goes on is taken as far as the cut."""
    node = opened(folder / "alpha")
    root = node.registry.store.root_at(ALPHA, 10)
    node.registry.close()
    file = folder / "2.roster"
    file.write_bytes(propose(folder / "gamma", Change(remove={"alpha": Cut(10, root, "left")})))
    for mechanism in ("beta", "gamma"):
        endorse(folder / mechanism, file)
    adopt(folder / "beta", file)
    export(folder / "alpha", folder / "old.bundle", to="beta")

    report = take(folder / "beta", folder / "old.bundle")

    assert (report.stopped, report.first_fault) == (None, None)
    held = held_by(folder / "beta")
    assert (held.size(ALPHA), held.frozen) == (10, {ALPHA: 10})
    assert MemberId(1) not in {
        m.id for m in load_roster(NodeFolder(folder / "beta")).active_members()
    }
