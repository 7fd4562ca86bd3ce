"""What a carrier may do to a bundle: files prepared on it, and bytes that change while it is read."""

import stat
from pathlib import Path

import pytest

from registry.errors import InvalidRequest
from tests.unit.application.bundle_world import Bundles, export

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
