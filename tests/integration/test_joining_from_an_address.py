"""Who joins later knows a registry id and one address; nothing else of what answers is believed."""

from functools import partial
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.joining import join_given, tls_of
from registry.application.membership.rosters import Change, load_roster
from registry.client.peer_rosters import GivenRosters, fetch_rosters
from registry.domain.identifiers import RegistryId
from registry.errors import PeerUnavailable, RosterError
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import found
from tests.integration.test_roster_changes import change, fourth


def asked(node: LocalNode, address: str) -> GivenRosters:
    key, certificate = tls_of(node.folder)
    return fetch_rosters(address, key=key, certificate=certificate)


async def test_rosters_are_fetched_and_only_those_of_the_id_from_a_members_node(
    tmp_path: Path,
) -> None:
    alpha, beta, spare = found(tmp_path / "nodes", "alpha", "beta", "spare")
    strangers = found(tmp_path / "strangers", "alpha", "delta", name="testing")
    delta = fourth(tmp_path / "delta", spare.address)
    registry_id = load_roster(NodeFolder(alpha.folder)).registry_id
    async with running([alpha, beta, *strangers]):
        with pytest.raises(PeerUnavailable, match="does it know this member yet"):
            asked(delta, alpha.address)
    joining = Change(add=[delta.folder / "delta.member"])
    change(tmp_path, "2.roster", [alpha, beta, spare], joining)
    async with running([alpha, beta, *strangers]):
        given = asked(delta, beta.address)
        assert len(given.signed) == 2
        for stranger in strangers:
            with pytest.raises(PeerUnavailable):
                asked(delta, stranger.address)
        with pytest.raises(PeerUnavailable, match="nobody answers"):
            asked(delta, spare.address)
    joins = partial(join_given, delta.folder, given.signed)
    with pytest.raises(RosterError, match="expected"):
        joins(RegistryId(b"o" * 32), given_by=given.given_by)
    with pytest.raises(RosterError, match="not the node of a member"):
        joins(registry_id, given_by=b"another certificate")
    assert joins(registry_id, given_by=given.given_by) == load_roster(NodeFolder(alpha.folder))
