"""AdminService: what this node is and how replication stands. For clients of this node."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import version
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import admin_pb2, admin_pb2_grpc
from registry.application.membership.rosters import is_due
from registry.application.registry import Registry
from registry.domain.identifiers import LogId
from registry.log.roster import Member
from registry.store.values import LogState
from registry_node.callers import current_client
from registry_node.mirror import Mirror
from registry_node.paging import page_size, read_place, write_place
from registry_node.scrubbing import Scrub, ScrubReport

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_ON_THEIR_WAY: Final = "no_inbound: neither node takes calls; events travel through other members"


def _scrub(report: ScrubReport) -> admin_pb2.ScrubStatus:
    return admin_pb2.ScrubStatus(
        finished_ms=report.finished_ms,
        found=report.found,
        repaired=report.repaired,
        left=report.left,
    )


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """Reports; changes nothing."""

    def __init__(self, registry: Registry, mirror: Mirror, scrub: Scrub) -> None:
        self._registry = registry
        self._mirror = mirror
        self._scrub = scrub

    async def GetNodeStatus(  # noqa: N802 - the name of the RPC
        self, request: admin_pb2.GetNodeStatusRequest, context: Context
    ) -> admin_pb2.GetNodeStatusResponse:
        """Tells what this node is and how it stands."""
        current_client()
        status = await asyncio.to_thread(self._status)
        # The mirror lives on this loop, so its view is read here.
        sync = self._mirror.first_sync
        status.is_first_sync = sync.is_under_way
        status.heads_compared_with = sync.compared_with
        status.heads_needed = sync.needed
        status.entries_behind = sync.entries_behind
        for slug, roster_hash in sorted(self._mirror.rosters.forks.items()):
            status.roster_forks.add(mechanism=slug, roster_hash=roster_hash)
        return status

    async def ListPeers(  # noqa: N802
        self, request: admin_pb2.ListPeersRequest, context: Context
    ) -> admin_pb2.ListPeersResponse:
        """Lists the other members that take part."""
        current_client()
        members = sorted(
            (m for m in self._registry.roster.active_members() if m.id != self._registry.own.id),
            key=lambda member: member.slug,
        )
        start = read_place(request.page_token, sealed_by="peers")
        end = start + page_size(request.page_size)
        page = members[start:end]
        states = await asyncio.to_thread(self._states, page)
        # The mirror lives on this loop, so its view is read here.
        peers = [self._peer(member, states[member.log_id]) for member in page]
        token = write_place(end, sealed_by="peers") if end < len(members) else ""
        return admin_pb2.ListPeersResponse(peers=peers, next_page_token=token)

    def _status(self) -> admin_pb2.GetNodeStatusResponse:
        registry = self._registry
        reason = registry.store.read_only_reason()
        proven = {each.log_id for each in registry.faults.kept()}
        return admin_pb2.GetNodeStatusResponse(
            registry_name=registry.roster.registry_name,
            registry_id=registry.registry_id,
            mechanism=registry.own.slug,
            origin=registry.own.origin,
            roster_version=registry.roster.version,
            mode=admin_pb2.LOG_MODE_READ_ONLY if reason else admin_pb2.LOG_MODE_OPEN,
            mode_detail=reason or "",
            software_version=version("intermechanisms-registry"),
            logs=[self._log(writer, proven) for writer in registry.roster.writers()],
            projection_lag=registry.projector.lag(),
            roster_expiry_ms=registry.roster.advisory_expiry_ms,
            is_roster_due=is_due(registry.roster, registry.clock_ms()),
            scrub=_scrub(self._scrub.report),
        )

    def _log(self, member: Member, proven: AbstractSet[LogId]) -> admin_pb2.LogStatus:
        state = self._registry.store.log_state(member.log_id)
        book = self._registry.witness.book
        return admin_pb2.LogStatus(
            origin=member.origin,
            mechanism=member.slug,
            size=state.size,
            parts_wanted=self._registry.parts_missing(state),
            frozen_at=state.frozen_at,
            frozen_reason=state.frozen_reason or "",
            has_fault_proof=member.log_id in proven,
            witnesses=[
                admin_pb2.LogWitness(mechanism=each.mechanism, size=each.size, time_s=each.time_s)
                for each in book.sizes(member.log_id)
            ],
            witnessed_by=book.witnessed(member.log_id, _size_that_counts(state)).count,
        )

    def _states(self, members: Sequence[Member]) -> dict[LogId, LogState]:
        store = self._registry.store
        return {member.log_id: store.log_state(member.log_id) for member in members}

    def _peer(self, member: Member, state: LogState) -> admin_pb2.PeerStatus:
        status = self._mirror.status_of(member)
        book = self._registry.witness.book
        count, total = book.witnessed(member.log_id, _size_that_counts(state))
        return admin_pb2.PeerStatus(
            mechanism=member.slug,
            display_name=member.display_name,
            address=member.address,
            is_connected=status.is_connected,
            is_caught_up=status.is_caught_up and not self._mirror.first_sync.is_under_way,
            last_error=_ON_THEIR_WAY if self._is_out_of_reach(member) else status.last_error,
            size_held=state.size,
            size_offered=status.offered_size,
            held_back=self._mirror.why_held_back(member.log_id),
            frozen_at=state.frozen_at,
            frozen_reason=state.frozen_reason or "",
            last_heard_ms=self._mirror.last_heard_ms(member.slug),
            witnessed_by=count,
            witnesses=total,
        )

    def _is_out_of_reach(self, member: Member) -> bool:
        return not (member.takes_calls or self._registry.own.takes_calls)


def _size_that_counts(state: LogState) -> int:
    """The entries of a log that are held under a checkpoint, without those that are void.

    Of an empty log there is nothing to cosign: nobody has witnessed it.
    """
    ends = state.noted_size if state.frozen_at is None else min(state.noted_size, state.frozen_at)
    return max(ends, 1)
