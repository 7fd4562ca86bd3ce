"""Worlds of three nodes in one process, with their desks open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.confidentiality.names_world import SLUGS, World, open_world
from tests.unit.application.federation_in_process import found_federation


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("names")
    found_federation(folder, SLUGS)
    with open_world(folder) as world:
        yield world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found_federation(tmp_path, SLUGS)
    with open_world(tmp_path) as world:
        yield world
