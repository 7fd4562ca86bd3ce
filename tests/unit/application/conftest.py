"""One founding for all tests of this folder; each test works on its own copy of the folders."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.identifiers import RegistryId
from tests.unit.application.bundle_world import Bundles, make_bundles
from tests.unit.application.federation_in_process import (
    Ceremony,
    Node,
    Nodes,
    found_federation,
    open_federation,
)
from tests.unit.application.founders import draft_founding


@pytest.fixture(scope="session")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    """A founding of alpha, beta and gamma, never opened."""
    return found_federation(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def folder(ceremony: Ceremony, tmp_path: Path) -> Path:
    """Fresh copies of the founded folders."""
    copy = tmp_path / "federation"
    shutil.copytree(ceremony.roster_file.parent, copy)
    return copy


@pytest.fixture
def registry_id(ceremony: Ceremony) -> RegistryId:
    return ceremony.registry_id


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    """All three nodes, open."""
    with open_federation(folder) as opened:
        yield opened


@pytest.fixture
def node(nodes: Nodes) -> Node:
    """The node that a test works with, alpha."""
    return nodes["alpha"]


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two founders, alpha and beta, with a genesis roster that nobody has signed."""
    return draft_founding(tmp_path_factory.mktemp("drafted"))


@pytest.fixture
def founders(drafted: Path, tmp_path: Path) -> Path:
    """Fresh copies of the two founders' folders."""
    copy = tmp_path / "founders"
    shutil.copytree(drafted, copy)
    return copy


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """Bundles of an invented federation, with the folders that they came from."""
    return make_bundles(tmp_path_factory.mktemp("bundles"))
