"""A node takes another TLS key under a new roster, without a restart and without a lost event."""

from dataclasses import replace
from pathlib import Path

from registry.application.clients import refresh_profile
from registry.application.folder import NodeFolder
from registry.application.key_care.tls_renewal import settle_certificate, stage_certificate
from registry.application.membership.rosters import Change, load_roster
from registry_cli.federation import running
from tests.integration.federation_world import client_of, found
from tests.integration.test_life_of_a_federation import Federation


async def test_certificate_is_renewed_under_a_stream_of_events(tmp_path: Path) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    life, alpha = Federation(tmp_path, nodes), nodes[0]
    folder = NodeFolder(alpha.folder)
    before = (folder.tls / "node.crt").read_bytes(), (folder.keys / "tls.key").read_bytes()
    async with running(nodes):
        await life.opens()
        process = alpha.process
        certificate = stage_certificate(alpha.folder)
        assert stage_certificate(alpha.folder) == certificate
        settle_certificate(folder, load_roster(folder).member_by_slug("alpha"))
        assert (folder.tls / "node.crt").read_bytes() == before[0], "not before the roster says so"
        refresh_profile(alpha.folder, alpha.profile, alpha.address)
        async with life.recording("alpha", "beta"):
            change = Change(certificates={"alpha": certificate})
            await life.decide(change, "alpha", "beta", "gamma")
        await life.are_equal("alpha", "beta", "gamma")
        assert alpha.process is process
        assert process is not None
        assert process.poll() is None
        async with client_of(alpha) as client:
            status = await client.node_status()
        assert status.logs[0].size + status.logs[1].size == life.recorded + 1
    after = (folder.tls / "node.crt").read_bytes(), (folder.keys / "tls.key").read_bytes()
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert not (folder.keys / "next_tls.key").exists()


def test_change_that_was_cut_off_between_key_and_certificate_goes_on(tmp_path: Path) -> None:
    alpha, _ = found(tmp_path / "nodes", "alpha", "beta")
    folder = NodeFolder(alpha.folder)
    certificate = stage_certificate(alpha.folder)
    own = load_roster(folder).member_by_slug("alpha")
    pinned = replace(own, tls_certificate=certificate)
    (folder.keys / "next_tls.key").replace(folder.keys / "tls.key")
    for _ in range(2):
        settle_certificate(folder, pinned)

    assert not (folder.tls / "next_node.crt").exists()
    assert stage_certificate(alpha.folder) != certificate
