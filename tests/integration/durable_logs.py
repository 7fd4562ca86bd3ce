"""What stands on the disk of a stopped node."""

from registry_cli.federation import LocalNode
from tests.integration.parts_world import open_registry


def leaves_of(node: LocalNode, origin: str) -> list[bytes]:
    """The leaf hashes of a log in the folder of a stopped node."""
    registry = open_registry(node)
    try:
        member, state = registry.log(origin)
        return [registry.store.leaf_hash(member.log_id, index) for index in range(state.size)]
    finally:
        registry.close()
