"""Who is removed gets nothing more at once, however slowly its own node answers."""

from pathlib import Path
from time import monotonic
from typing import Any, Final

import grpc
import pytest

from registry.api.v1 import replication_pb2 as pb
from registry.api.v1.replication_pb2_grpc import ReplicationServiceStub
from registry.application.membership.cuts import cut_here
from registry.application.membership.proposals import endorse_pending, share
from registry.application.membership.rosters import Change, adopt, endorse, propose
from registry_cli.federation import LocalNode
from tests.integration.federation_world import channel_as_member, found, until
from tests.integration.lying_peer import LyingPeer, Script, lying

_LONGEST_S: Final = 3.0
_SILENT: Final = Script((), (), are_proposals_kept_waiting=True)


def removing_gamma(tmp_path: Path, alpha: LocalNode, signers: list[LocalNode]) -> Path:
    """A version without gamma that nobody has adopted."""
    file = tmp_path / "2.roster"
    cut = cut_here(alpha.folder, "gamma", "removed")
    file.write_bytes(propose(alpha.folder, Change(remove={"gamma": cut})))
    for node in signers:
        endorse(node.folder, file)
    return file


async def until_asked(peer: LyingPeer) -> None:
    async def is_asked() -> bool:
        return "ExchangeProposals" in peer.asked_rosters

    await until(is_asked, "gamma keeps a question for proposals waiting")


async def ends_in_time(stream: Any, since: float) -> None:
    try:
        async for _ in stream:
            pass
    except grpc.aio.AioRpcError as error:
        assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED  # noqa: PT017
    assert monotonic() - since < _LONGEST_S


@pytest.mark.parametrize("is_by_file", [True, False], ids=["adopted", "endorsed_pending"])
async def test_stream_of_a_removed_member_that_never_answers_ends_within_seconds(
    tmp_path: Path, *, is_by_file: bool
) -> None:
    alpha, beta, gamma = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    file = removing_gamma(tmp_path, alpha, [beta, alpha] if is_by_file else [beta])
    name = "" if is_by_file else share(alpha.folder, file).name
    alpha.start()
    try:
        await alpha.wait_until_open()
        async with lying(gamma, alpha, _SILENT) as peer, channel_as_member(alpha, gamma) as channel:
            await until_asked(peer)
            asked = ReplicationServiceStub(channel)
            stream: Any = aiter(asked.WatchHeads(pb.WatchHeadsRequest(), timeout=60))
            assert (await anext(stream)).HasField("caught_up")
            since = monotonic()
            if is_by_file:
                adopt(alpha.folder, file)
            else:
                endorse_pending(alpha.folder, name)
            await ends_in_time(stream, since)
            with pytest.raises(grpc.aio.AioRpcError):
                await asked.GetRoster(pb.GetRosterRequest(version=1), timeout=10)
    finally:
        alpha.stop()
