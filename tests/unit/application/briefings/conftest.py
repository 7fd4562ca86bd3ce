"""The founded federation of the tests of the application, for briefings."""

from tests.unit.application.conftest import ceremony, folder, node, nodes

__all__ = ["ceremony", "folder", "node", "nodes"]
