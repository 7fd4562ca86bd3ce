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


def test_link_that_was_put_on_the_carrier_is_not_followed(bundles: Bundles, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"as it was")
    (tmp_path / UNFINISHED).symlink_to(target)

    export(bundles.folder / "alpha", tmp_path / "out.bundle")

    assert target.read_bytes() == b"as it was"
    assert (tmp_path / "out.bundle").read_bytes() == bundles.bare.read_bytes()
    assert not (tmp_path / "out.bundle").is_symlink()


def test_file_that_was_put_on_the_carrier_gives_no_mode(bundles: Bundles, tmp_path: Path) -> None:
    prepared = tmp_path / UNFINISHED
    prepared.write_bytes(b"open to all")
    prepared.chmod(0o666)
    with prepared.open("rb") as reader:  # whoever has it open sees nothing of the bundle
        export(bundles.folder / "alpha", tmp_path / "out.bundle")
        assert reader.read() == b"open to all"

    assert stat.S_IMODE((tmp_path / "out.bundle").stat().st_mode) == 0o600


def test_folder_in_its_place_is_told(bundles: Bundles, tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).mkdir()

    with pytest.raises(InvalidRequest, match="cannot be written"):
        export(bundles.folder / "alpha", tmp_path / "out.bundle")


def test_carrier_that_gives_another_bundle_the_second_time_stops_the_import(
    bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is whole, and begins after what is held: nobody is accused for that."""
    beta, stick = bundles.fresh(tmp_path / "beta"), tmp_path / "stick.bundle"
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
    bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mechanism in ("alpha", "beta", "gamma"):
        bundles.fresh(tmp_path / mechanism, mechanism)
    roster = tmp_path / "2.roster"
    roster.write_bytes(propose(tmp_path / "alpha", Change(addresses={"beta": "b.example:7443"})))
    for mechanism in ("alpha", "gamma"):
        endorse(tmp_path / mechanism, roster)
    adopt(tmp_path / "alpha", roster)
    export(tmp_path / "alpha", tmp_path / "new.bundle", to="beta")
    adopted = []

    def adopt_watched(folder: NodeFolder, data: bytes) -> None:
        with pytest.raises(FolderError, match="in use"), folder.held():
            pass
        adopted.append(adopt_bytes(folder, data))

    monkeypatch.setattr(importing, "adopt_bytes", adopt_watched)
    report = take(tmp_path / "beta", tmp_path / "new.bundle")

    assert (len(adopted), report.rosters_adopted, report.roster_version) == (1, 1, 2)
