"""One federation of four mechanisms for all stories."""

from collections.abc import Iterator

import pytest

from registry_cli.federation import LocalNode
from tests.e2e.story_world import MECHANISMS
from tests.integration.federation_world import found, start_all, stop_all


@pytest.fixture(scope="session")
def mechanisms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LocalNode]]:
    """Running nodes by slug. Stories add to them, each about a State of its own."""
    nodes = found(tmp_path_factory.mktemp("stories"), *MECHANISMS)
    try:
        start_all(nodes)
        yield {node.mechanism.slug: node for node in nodes}
    finally:
        stop_all(nodes)
