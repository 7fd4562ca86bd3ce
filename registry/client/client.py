"""`RegistryClient`: the typed async client of a node, over mutual TLS 1.3.

Every call has a deadline. Recording is repeated with the same request id while the node is not
reachable, which is safe: a node records a request once. Errors are those of `registry.errors`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.api.v1 import (  # noqa: E402
    admin_pb2,
    admin_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    cases_pb2,
    cases_pb2_grpc,
)
from registry.client.acting import ActingClient  # noqa: E402
from registry.client.asking import AskingClient  # noqa: E402
from registry.client.attachments import AttachmentClient  # noqa: E402
from registry.client.casework import CaseworkClient, Filter  # noqa: E402
from registry.client.confidentiality import ConfidentialityClient  # noqa: E402
from registry.client.content_conversion import audience_to_proto, content_to_proto  # noqa: E402
from registry.client.desk import DeskClient, done_or_waiting, source_to_proto  # noqa: E402
from registry.client.detention import DetentionClient  # noqa: E402
from registry.client.errors import translate  # noqa: E402
from registry.client.intents import IntentClient  # noqa: E402
from registry.client.knowledge import KnowledgeClient  # noqa: E402
from registry.client.links import LinkClient  # noqa: E402
from registry.client.meetings import MeetingClient  # noqa: E402
from registry.client.practices import PracticeClient  # noqa: E402
from registry.client.profile import ClientProfile  # noqa: E402
from registry.client.reprisals import ReprisalClient  # noqa: E402
from registry.client.standing import NodeStatus, PeerStatus, read_peer, read_status  # noqa: E402
from registry.client.statements import StatementClient  # noqa: E402
from registry.client.values import (  # noqa: E402
    CaseSummary,
    Disagreement,
    History,
    NodeDigest,
    Receipt,
    TimelineItem,
    read_disagreement,
    read_event,
    read_item,
    read_place,
    read_receipt,
    read_summary,
)
from registry.client.watch import WatchClient  # noqa: E402
from registry.domain.audience import DEFAULT_AUDIENCE, AudienceChoice  # noqa: E402
from registry.domain.content import ActContent, CaseOpened, SourceIdentity  # noqa: E402
from registry.domain.identifiers import CaseId  # noqa: E402
from registry.errors import TryLater  # noqa: E402

T = TypeVar("T")
_MESSAGE_MAX_BYTES: Final = 16 * 2**20
_CONNECTING_MS: Final = 10_000
DIGEST_TIMEOUT_S: Final = 300.0
_PAGE: Final = 200
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 2.0


def situation(state: str) -> cases_pb2.CaseSelector:
    """Names the situation of a State (ISO 3166 alpha-3)."""
    return cases_pb2.CaseSelector(situation_of=state)


def case(case_id: CaseId) -> cases_pb2.CaseSelector:
    """Names a case by its id."""
    return cases_pb2.CaseSelector(case_id=case_id)


class RegistryClient:
    """A connection to one node; use it as an async context manager."""

    def __init__(
        self, profile: ClientProfile, *, timeout_s: float = 10.0, patience_s: float = 30.0
    ) -> None:
        """Opens nothing yet.

        Args:
            profile: who calls whom.
            timeout_s: deadline of one call.
            patience_s: how long recording is tried again while the node is not reachable.
        """
        self.address = profile.description.address
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        credentials = grpc.ssl_channel_credentials(
            root_certificates=profile.node_certificate,
            private_key=profile.key,
            certificate_chain=profile.certificate,
        )
        self._channel = grpc.aio.secure_channel(
            self.address, credentials, options=_options(profile.description.server_name)
        )
        self._cases: cases_pb2_grpc.CaseServiceAsyncStub = cases_pb2_grpc.CaseServiceStub(
            self._channel
        )
        self._audit: audit_pb2_grpc.AuditServiceAsyncStub = audit_pb2_grpc.AuditServiceStub(
            self._channel
        )
        self._admin: admin_pb2_grpc.AdminServiceAsyncStub = admin_pb2_grpc.AdminServiceStub(
            self._channel
        )
        self.desk = DeskClient(self._channel, self._call, self._patient_call)
        self.attachments = AttachmentClient(
            self._channel, self._call, self._patient_call, self.address
        )
        self.casework = CaseworkClient(self._channel, self._call)
        self.acting = ActingClient(self._channel, self._call)
        self.knowledge = KnowledgeClient(self._channel, self._call)
        self.links = LinkClient(self._channel, self._call, self._patient_call)
        self.detention = DetentionClient(self._channel, self._call)
        self.intents = IntentClient(self._channel, self._call, self._patient_call)
        self.practices = PracticeClient(self._channel, self._call)
        self.reprisals = ReprisalClient(self._channel, self._call, self.address)
        self.statements = StatementClient(self._channel, self._call)
        self.meetings = MeetingClient(self._channel, self._call, self.address)
        self.asking = AskingClient(self._channel, self._call, self._patient_call)
        self.watch = WatchClient(self._channel, self.address)
        self.confidentiality = ConfidentialityClient(self._channel, self._call, self._patient_call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._channel.close()

    # --- cases --------------------------------------------------------------------------------

    async def open_case(
        self,
        request_id: str,
        content: CaseOpened,
        *,
        audience: AudienceChoice = DEFAULT_AUDIENCE,
        is_shared: bool = False,
    ) -> Receipt:
        """Opens a case; the same request id gives the same case."""
        request = cases_pb2.OpenCaseRequest(
            request_id=request_id,
            content=content_to_proto(content).case_opened,
            audience=audience_to_proto(audience),
            scope=_scope(is_shared=is_shared),
        )
        response = await self._patiently(lambda: self._call(self._cases.OpenCase, request))
        return read_receipt(response.receipt)

    async def record(  # noqa: PLR0913 - each is one thing that may be said of an event
        self,
        request_id: str,
        selector: cases_pb2.CaseSelector,
        content: ActContent,
        *,
        audience: AudienceChoice = DEFAULT_AUDIENCE,
        not_before_ms: int = 0,
        confirmed_person_ids: tuple[str, ...] = (),
        source: SourceIdentity | None = None,
        upload_ids: tuple[str, ...] = (),
        is_shared: bool = False,
    ) -> Receipt:
        """Records one event; answers when it is on the node's disk.

        Args:
            request_id: 1 to 200 characters; repeating it records nothing twice.
            selector: see `case` and `situation`.
            content: what happened.
            audience: who may hold the content.
            not_before_ms: embargo: nobody is sent the content before; 0 = at once.
            confirmed_person_ids: persons that words of the text do not mean.
            source: who the information came from; it stays at this node.
            upload_ids: files of the event, see `attachments.upload`.
            is_shared: whether all clients of the node share the request id, as imports do.

        Raises:
            NeedsApproval: it waits for a second person; asking again tells what became of it.
        """
        request = cases_pb2.RecordEventRequest(
            request_id=request_id,
            case=selector,
            content=content_to_proto(content),
            audience=audience_to_proto(audience),
            not_before_ms=not_before_ms,
            confirmed_person_ids=confirmed_person_ids,
            source_identity=source_to_proto(source),
            upload_ids=upload_ids,
            scope=_scope(is_shared=is_shared),
        )
        response = await self._patiently(lambda: self._call(self._cases.RecordEvent, request))
        return done_or_waiting(response)

    async def get_case(self, selector: cases_pb2.CaseSelector) -> CaseSummary:
        """Reads one case."""
        request = cases_pb2.GetCaseRequest(case=selector)
        return read_summary((await self._call(self._cases.GetCase, request)).case)

    async def disagreements(self, selector: cases_pb2.CaseSelector) -> tuple[Disagreement, ...]:
        """On what the mechanisms differ in a case."""
        request = cases_pb2.GetCaseRequest(case=selector)
        answer = await self._call(self._cases.GetCase, request)
        return tuple(map(read_disagreement, answer.disagreements))

    async def list_cases(
        self, *, state: str = "", mechanism: str = "", wanted: Filter | None = None
    ) -> AsyncIterator[CaseSummary]:
        """Lists cases, newest activity first, page by page."""
        token = ""
        while True:
            request = cases_pb2.ListCasesRequest(
                page_size=_PAGE,
                page_token=token,
                state=state,
                mechanism=mechanism,
                filter=None if wanted is None else wanted.to_proto(),
            )
            page = await self._call(self._cases.ListCases, request)
            for summary in page.cases:
                yield read_summary(summary)
            token = page.next_page_token
            if not token:
                return

    async def history(
        self, selector: cases_pb2.CaseSelector, *, with_linked: bool = False
    ) -> History:
        """Reads a whole history; with the events of all cases that links join with it, if asked.

        Raises:
            HistoryChanged: it changed between two pages; ask again.
        """
        events = []
        token = ""
        while True:
            request = cases_pb2.GetHistoryRequest(
                case=selector, page_size=_PAGE, page_token=token, with_linked=with_linked
            )
            page = await self._call(self._cases.GetHistory, request)
            events += [read_event(event) for event in page.events]
            token = page.next_page_token
            if not token:
                vector = tuple(read_place(place) for place in page.vector)
                return History(CaseId(page.case_id), tuple(events), page.digest, vector)

    async def timeline(self, selector: cases_pb2.CaseSelector) -> tuple[TimelineItem, ...]:
        """Reads a whole timeline.

        Raises:
            HistoryChanged: it changed between two pages; ask again.
        """
        items: list[TimelineItem] = []
        token = ""
        while True:
            request = cases_pb2.GetTimelineRequest(case=selector, page_size=_PAGE, page_token=token)
            page = await self._call(self._cases.GetTimeline, request)
            items += [read_item(item) for item in page.items]
            token = page.next_page_token
            if not token:
                return tuple(items)

    # --- audit --------------------------------------------------------------------------------

    async def checkpoint(self, origin: str = "") -> bytes:
        """Returns the largest signed note of a log; empty = the node's own."""
        request = audit_pb2.GetCheckpointRequest(origin=origin)
        return (await self._call(self._audit.GetCheckpoint, request)).checkpoint

    async def watch_checkpoints(self, *, timeout_s: float) -> AsyncIterator[bytes]:
        """Streams signed notes as logs grow, for at most `timeout_s`."""
        call = self._audit.WatchCheckpoints(audit_pb2.WatchCheckpointsRequest(), timeout=timeout_s)
        try:
            async for response in call:
                yield response.checkpoint
        except grpc.aio.AioRpcError as error:
            raise translate(error, self.address) from error
        finally:
            call.cancel()

    async def inclusion_proof(self, origin: str, index: int) -> bytes:
        """Returns InclusionEvidence bytes; `registry.log.proof` verifies them with the roster."""
        request = audit_pb2.GetInclusionProofRequest(origin=origin, index=index)
        return (await self._call(self._audit.GetInclusionProof, request)).evidence

    async def fault_proof(self, origin: str = "") -> bytes:
        """Returns the FaultProof bytes that freeze a log, for `registry.log.fault_verdict`.

        Raises:
            NotFound: none is held.
        """
        request = audit_pb2.GetFaultProofRequest(origin=origin)
        return (await self._call(self._audit.GetFaultProof, request)).proof

    async def node_digest(self) -> NodeDigest:
        """Returns the digest over all cases with the vector it stands for.

        The node reads every entry for it: it may take a minute for a million of them.
        """
        request = audit_pb2.GetNodeDigestRequest()
        response = await self._call(self._audit.GetNodeDigest, request, DIGEST_TIMEOUT_S)
        vector = tuple(read_place(place) for place in response.vector)
        return NodeDigest(response.digest, response.case_count, vector)

    # --- admin --------------------------------------------------------------------------------

    async def node_status(self) -> NodeStatus:
        """Returns what the node is and how it stands."""
        return read_status(
            await self._call(self._admin.GetNodeStatus, admin_pb2.GetNodeStatusRequest())
        )

    async def peers(self) -> tuple[PeerStatus, ...]:
        """Lists how replication with the other members stands."""
        found: list[PeerStatus] = []
        token = ""
        while True:
            request = admin_pb2.ListPeersRequest(page_size=_PAGE, page_token=token)
            page = await self._call(self._admin.ListPeers, request)
            found += [read_peer(peer) for peer in page.peers]
            token = page.next_page_token
            if not token:
                return tuple(found)

    # --- inside -------------------------------------------------------------------------------

    async def _call(
        self,
        method: Callable[..., Awaitable[T]],
        request: Any,  # noqa: ANN401 - each method has its own message
        timeout_s: float = 0.0,
    ) -> T:
        """Makes a call; its deadline is the client's, or a longer one."""
        try:
            return await method(request, timeout=max(timeout_s, self._timeout_s))
        except grpc.aio.AioRpcError as error:
            raise translate(error, self.address) from error

    async def _patient_call(self, method: Callable[..., Awaitable[T]], request: Any) -> T:  # noqa: ANN401 - as above
        """Makes a call that is safe to repeat."""
        return await self._patiently(lambda: self._call(method, request))

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries again while the node is not reachable, a little longer apart each time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return await attempt()
            except TryLater:
                if loop.time() + wait_s > deadline:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _scope(*, is_shared: bool) -> cases_pb2.RequestScope.ValueType:
    return cases_pb2.REQUEST_SCOPE_NODE if is_shared else cases_pb2.REQUEST_SCOPE_CLIENT


def _options(server_name: str) -> list[tuple[str, Any]]:
    return [
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.max_receive_message_length", _MESSAGE_MAX_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_MAX_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # Whatever it is called, this is how long a connection may take, TLS and all: not a backoff.
        ("grpc.min_reconnect_backoff_ms", _CONNECTING_MS),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.enable_retries", 0),
    ]
