"""What a carrier may do to a bundle, and a supervisor to an import.

A carrier may hold files that were prepared on it, and give other bytes the second time; a
supervisor starts the node whenever nobody holds its folder.
"""

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from registry.application.bundles import importing
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import Change, adopt, adopt_bytes, endorse, propose
from registry.errors import FolderError, InvalidRequest, MalformedBundle
from tests.unit.application.bundle_world import Bundles, export, held_by, take

UNFINISHED = "out.bundle.unfinished"


def test_link_that_was_put_on_the_carrier_is_not_followed(bundles: Bundles, quick: Path) -> None:
    target = quick / "elsewhere"
    target.write_bytes(b"as it was")
    (quick / UNFINISHED).symlink_to(target)

    export(bundles.folder / "alpha", quick / "out.bundle")

    assert target.read_bytes() == b"as it was"
    assert (quick / "out.bundle").read_bytes() == bundles.bare.read_bytes()
    assert not (quick / "out.bundle").is_symlink()


def test_file_that_was_put_on_the_carrier_gives_no_mode(bundles: Bundles, quick: Path) -> None:
    prepared = quick / UNFINISHED
    prepared.write_bytes(b"open to all")
    prepared.chmod(0o666)
    with prepared.open("rb") as reader:  # whoever has it open sees nothing of the bundle
        export(bundles.folder / "alpha", quick / "out.bundle")
        assert reader.read() == b"open to all"

    assert stat.S_IMODE((quick / "out.bundle").stat().st_mode) == 0o600


def test_folder_in_its_place_is_told(bundles: Bundles, quick: Path) -> None:
    (quick / UNFINISHED).mkdir()

    with pytest.raises(InvalidRequest, match="cannot be written"):
        export(bundles.folder / "alpha", quick / "out.bundle")


def test_carrier_that_gives_another_bundle_the_second_time_stops_the_import(
    bundles: Bundles, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is whole, and begins after what is held: nobody is accused for that."""
    beta, stick = bundles.fresh(quick / "beta"), quick / "stick.bundle"
    shutil.copy(bundles.first, stick)
    before, check = held_by(beta), importing.check_no_gap

    def check_and_change(*given: Any) -> None:
        check(*given)
        shutil.copy(bundles.second, stick)

    monkeypatch.setattr(importing, "check_no_gap", check_and_change)
    report = take(beta, stick)

    assert isinstance(report.stopped, MalformedBundle)
    assert report.first_fault is None
    assert held_by(beta) == before


def test_no_node_starts_while_rosters_of_a_bundle_are_adopted(
    bundles: Bundles, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mechanism in ("alpha", "beta", "gamma"):
        bundles.fresh(quick / mechanism, mechanism)
    roster = quick / "2.roster"
    roster.write_bytes(propose(quick / "alpha", Change(addresses={"beta": "b.example:7443"})))
    for mechanism in ("alpha", "gamma"):
        endorse(quick / mechanism, roster)
    adopt(quick / "alpha", roster)
    export(quick / "alpha", quick / "new.bundle", to="beta")
    adopted = []

    def adopt_watched(folder: NodeFolder, data: bytes) -> None:
        with pytest.raises(FolderError, match="in use"), folder.held():
            pass
        adopted.append(adopt_bytes(folder, data))

    monkeypatch.setattr(importing, "adopt_bytes", adopt_watched)
    report = take(quick / "beta", quick / "new.bundle")

    assert (len(adopted), report.rosters_adopted, report.roster_version) == (1, 1, 2)
