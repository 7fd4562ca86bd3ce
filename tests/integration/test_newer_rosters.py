"""A roster is fetched when something needs it, and two of one version are noticed."""

from pathlib import Path

from registry.application.membership.rosters import Change, adopt, endorse, propose
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import client_of, found, sizes_at, until
from tests.integration.lying_peer import Script, lying, read_log
from tests.integration.test_lying_peers import record
from tests.integration.test_roster_changes import under

EVENTS = 3


def proposed(file: Path, node: LocalNode, wanted: Change, signers: list[LocalNode]) -> Path:
    """A version as some have signed it; nobody has adopted it."""
    file.write_bytes(propose(node.folder, wanted))
    for signer in signers:
        endorse(signer.folder, file)
    return file


async def test_entry_under_a_roster_that_its_giver_never_told_of_has_the_roster_fetched(
    tmp_path: Path,
) -> None:
    alpha, beta = found(tmp_path / "nodes", "alpha", "beta")
    wanted = Change(names={"beta": "Another name (invented)"})
    second = proposed(tmp_path / "2.roster", alpha, wanted, [alpha, beta])
    adopt(alpha.folder, second)
    record(alpha, EVENTS)
    log = read_log(alpha)
    script = Script(
        heads=((log.log_id, log.note),),
        entries=log.messages,
        roster_version=1,
        rosters=((2, second.read_bytes()),),
    )
    beta.start()
    try:
        await beta.wait_until_open()
        async with lying(alpha, beta, script):

            async def holds_all() -> bool:
                return (await sizes_at(beta))["alpha"] == EVENTS

            await until(lambda: under(beta, 2), "beta is under the roster of the entries")
            await until(holds_all, "and holds them")
    finally:
        beta.kill()


async def test_two_rosters_of_one_version_are_told_of_at_both_nodes_and_none_is_replaced(
    tmp_path: Path,
) -> None:
    """Gamma's folder was restored from a backup that knew of no endorsement."""
    alpha, beta, gamma = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    other = Change(names={"gamma": "Another name (invented)"})
    adopt(alpha.folder, proposed(tmp_path / "a", alpha, Change(threshold=3), [alpha, beta, gamma]))
    for node in (beta, gamma):
        (node.folder / "roster" / "2.endorsed").unlink()
    adopt(beta.folder, proposed(tmp_path / "b", beta, other, [beta, gamma]))
    async with running([alpha, beta]):
        for node, peer in ((alpha, "beta"), (beta, "alpha")):

            async def is_told(node: LocalNode = node, peer: str = peer) -> bool:
                async with client_of(node) as client:
                    forks = (await client.node_status()).roster_forks
                return [fork.mechanism for fork in forks] == [peer]

            await until(is_told, f"{node.mechanism.slug} tells of the fork")
            assert await under(node, 2)
            assert "roster_forked" in node.log_file.read_text()
    assert (tmp_path / "a").read_bytes() == (alpha.folder / "roster" / "2.roster").read_bytes()
    assert (tmp_path / "b").read_bytes() == (beta.folder / "roster" / "2.roster").read_bytes()
