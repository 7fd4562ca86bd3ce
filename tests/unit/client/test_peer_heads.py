"""What a member learns of the log that a node holds: a head, nothing, or that it was not told."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Final

import pytest

from registry.api.v1 import replication_pb2 as pb
from registry.client import peer_heads
from registry.client.profile import ClientProfile, ProfileDescription
from registry.errors import PeerUnavailable

LOG: Final = bytes(32)
EVIDENCE: Final = pb.WatchHeadsResponse(evidence=b"a proof about another log")
OTHER: Final = pb.WatchHeadsResponse(head=pb.Head(log_id=b"another log", checkpoint=b"other"))
OWN: Final = pb.WatchHeadsResponse(head=pb.Head(log_id=LOG, checkpoint=b"note"))
CAUGHT_UP: Final = pb.WatchHeadsResponse(caught_up=pb.CaughtUp(roster_version=1))
PROFILE: Final = ClientProfile(
    description=ProfileDescription(
        name="un", address="127.0.0.1:7", server_name="au.example", mechanism="au"
    ),
    key=b"k",
    certificate=b"c",
    node_certificate=b"n",
)


class FakeCall:
    """A stream that ends after what it has."""

    def __init__(self, *responses: pb.WatchHeadsResponse) -> None:
        self._responses = responses
        self.is_cancelled = False

    async def __aiter__(self) -> AsyncIterator[pb.WatchHeadsResponse]:
        for response in self._responses:
            yield response

    def cancel(self) -> None:
        self.is_cancelled = True


async def ask(monkeypatch: pytest.MonkeyPatch, *responses: pb.WatchHeadsResponse) -> bytes:
    """Asks a node that answers with these."""
    call = FakeCall(*responses)
    stub = SimpleNamespace(WatchHeads=lambda _request, **_: call)
    service = SimpleNamespace(ReplicationServiceStub=lambda _channel: stub)
    monkeypatch.setattr(peer_heads, "replication_pb2_grpc", service)
    try:
        return await peer_heads.held_checkpoint(PROFILE, LOG)
    finally:
        assert call.is_cancelled


async def test_head_is_found_behind_proofs_and_other_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ask(monkeypatch, EVIDENCE, OTHER, OWN, CAUGHT_UP) == b"note"


async def test_nothing_is_held_only_if_all_heads_were_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ask(monkeypatch, EVIDENCE, OTHER, CAUGHT_UP, OWN) == b""
    with pytest.raises(PeerUnavailable, match="before all heads were told"):
        await ask(monkeypatch, EVIDENCE, OTHER)
