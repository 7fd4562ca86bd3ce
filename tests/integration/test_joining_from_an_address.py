"""Who joins later knows a registry id and one address; nothing else of what answers is believed."""

from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.founding import join_signed
from registry.application.rosters import Change, load_roster
from registry.domain.identifiers import RegistryId
from registry.errors import InvalidRequest, PeerUnavailable, RosterError
from registry_cli.federation import running
from registry_cli.roster_fetching import fetch_rosters
from tests.integration.federation_world import found
from tests.integration.test_roster_changes import change, fourth


async def test_rosters_are_fetched_and_only_those_of_the_id_from_a_members_node(
    tmp_path: Path,
) -> None:
    alpha, beta, spare = found(tmp_path / "nodes", "alpha", "beta", "spare")
    strangers = found(tmp_path / "strangers", "alpha", "delta", name="testing")
    delta = fourth(tmp_path / "delta", spare.address)
    registry_id = load_roster(NodeFolder(alpha.folder)).registry_id
    async with running([alpha, beta, *strangers]):
        with pytest.raises(PeerUnavailable, match="does it know this member yet"):
            fetch_rosters(delta.folder, alpha.address, registry_id)
    joining = Change(add=[delta.folder / "delta.member"])
    change(tmp_path, "2.roster", [alpha, beta, spare], joining)
    async with running([alpha, beta, *strangers]):
        signed = fetch_rosters(delta.folder, beta.address, registry_id)
        assert len(signed) == 2
        with pytest.raises(RosterError, match="expected"):
            fetch_rosters(delta.folder, beta.address, RegistryId(b"o" * 32))
        for stranger in strangers:
            with pytest.raises(PeerUnavailable):
                fetch_rosters(delta.folder, stranger.address, registry_id)
        with pytest.raises(PeerUnavailable, match="nobody answers"):
            fetch_rosters(delta.folder, spare.address, registry_id)
        with pytest.raises(InvalidRequest):
            fetch_rosters(delta.folder, "no address", registry_id)
    roster = join_signed(delta.folder, signed, registry_id)
    assert roster == load_roster(NodeFolder(alpha.folder))
