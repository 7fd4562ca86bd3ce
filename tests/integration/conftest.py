"""One federation for all integration tests that do not disturb each other."""

from collections.abc import Iterator

import pytest

from registry_cli.federation import LocalNode
from tests.integration.federation_world import found, start_all, stop_all


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    """Three running nodes: alpha, beta, gamma. Tests add to them and stop none."""
    nodes = found(tmp_path_factory.mktemp("shared"), "alpha", "beta", "gamma")
    try:
        start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


@pytest.fixture
def alpha(federation: list[LocalNode]) -> LocalNode:
    return federation[0]


@pytest.fixture
def beta(federation: list[LocalNode]) -> LocalNode:
    return federation[1]


@pytest.fixture
def gamma(federation: list[LocalNode]) -> LocalNode:
    return federation[2]
