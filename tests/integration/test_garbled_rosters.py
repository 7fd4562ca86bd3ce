"""A member that answers questions about rosters with bytes that are no message."""

from pathlib import Path

from tests.integration.federation_world import client_of, found, until
from tests.integration.lying_peer import Script, lying

_GARBLED = Script((), (), raw_heads=(), roster_version=2, are_rosters_garbled=True)


async def test_garbled_rosters_and_proposals_do_not_end_the_node(tmp_path: Path) -> None:
    liar, victim = found(tmp_path, "liar", "victim")
    victim.start()
    try:
        await victim.wait_until_open()
        async with lying(liar, victim, _GARBLED) as peer:

            async def has_asked_for_both() -> bool:
                return peer.asked_rosters == {"GetRoster", "ExchangeProposals"}

            await until(has_asked_for_both, "the victim asks for a roster and for proposals")
            async with client_of(victim) as client:
                assert (await client.node_status()).roster_version == 1
                assert (await client.peers())[0].is_connected
        assert victim.process is not None
        assert victim.process.poll() is None
    finally:
        victim.kill()
