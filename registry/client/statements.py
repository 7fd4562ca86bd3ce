"""Joint statements, reached as `client.statements`; and what is recorded of one that was read.

The acts are recorded as any other, by `RegistryClient.record`; the node judges them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import grpc

from registry.api.v1 import casework_pb2, statements_pb2, statements_pb2_grpc
from registry.client.casework import PAGE_ROWS, EventPlace, Filter
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.content import ActContent, EventPointer, read_content
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.identifiers import CaseId
from registry.domain.statements import STANDING
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_PlaceField: TypeAlias = Literal["issued", "superseded_by", "replaces"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One mechanism's signature; `state` as `registry.api.v1.Signature` says."""

    mechanism: str
    event: EventPlace
    state: str
    date: str
    recorded_ms: int
    withdrawn_date: str


@dataclass(frozen=True, slots=True)
class Statement:
    """How a statement stands; see `registry.api.v1.Statement`. Times in milliseconds UTC."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    body: str
    instrument: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    status: str
    is_sealed: bool
    text_hash: str
    languages: tuple[str, ...]
    invited: tuple[str, ...]
    needed: int
    signatures: tuple[Signature, ...]
    standing: int
    issued: EventPlace | None
    release_ms: int
    superseded_by: EventPlace | None
    replaces: EventPlace | None
    corrections: int
    withdrawn_date: str
    is_invented: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """Those invited whose signature does not stand."""
        standing = {each.mechanism for each in self.signatures if each.state in STANDING}
        return tuple(each for each in self.invited if each not in standing)


@dataclass(frozen=True, slots=True)
class Correction:
    """What was corrected, with the texts that it has of its own."""

    event: EventPlace
    date: str
    correction: str
    texts: tuple[StatementText, ...]
    text_hash: str


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A statement with its words."""

    statement: Statement
    texts: tuple[StatementText, ...]
    corrections: tuple[Correction, ...]


class Recordable(NamedTuple):
    """An act that can be recorded: its content, and who may hold that."""

    content: ActContent
    audience: AudienceChoice


class StatementClient:
    """The calls; lists come page by page as they are read."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: statements_pb2_grpc.StatementServiceAsyncStub = (
            statements_pb2_grpc.StatementServiceStub(channel)
        )
        self._call = call

    async def list_statements(self, wanted: Filter | None = None) -> AsyncIterator[Statement]:
        """Lists statements by their own dates, newest first."""
        request = statements_pb2.ListStatementsRequest(
            page_size=PAGE_ROWS, filter=(wanted or Filter()).to_proto()
        )
        while True:
            page = await self._call(self._stub.ListStatements, request)
            for each in page.statements:
                yield _read(each)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def show(self, event: EventPlace) -> ShownStatement:
        """Reads a statement by its draft, its issue or a correction; no origin = the own log.

        Raises:
            NotFound: there is none that can be read here.
        """
        request = statements_pb2.GetStatementRequest(
            event=casework_pb2.EventPlace(origin=event.origin, index=event.index)
        )
        answer = await self._call(self._stub.GetStatement, request)
        corrections = tuple(
            Correction(
                EventPlace(each.event.origin, each.event.index),
                each.date,
                each.correction,
                _texts(each.texts),
                each.text_hash,
            )
            for each in answer.corrections
        )
        return ShownStatement(_read(answer.statement), _texts(answer.texts), corrections)


def cosignature_of(shown: ShownStatement, *, body: str, date: str, text_hash: str) -> Recordable:
    """The signature of a statement as it was read.

    Args:
        shown: the statement.
        body: code of the body that signs.
        date: when, as far as it is known.
        text_hash: of what whoever signs has read, all 64 digits: others can be made to begin alike.

    Raises:
        InvalidRequest: the texts that were read have another hash.
    """
    frozen = frozen_hash(shown.texts)
    if frozen != shown.statement.text_hash or not frozen or text_hash.lower() != frozen:
        msg = f"these are other texts than those read: their hash is {frozen or 'none'}"
        raise InvalidRequest(msg)
    content = read_content(
        EventKind.STATEMENT_COSIGNED,
        _own(shown.statement, body) | {"cosigned_date": date, "text_hash": frozen},
    )
    return Recordable(content, audience_of(shown.statement))


def issue_of(shown: ShownStatement, *, date: str) -> Recordable:
    """The issue of a draft with all signatures that stand."""
    of = shown.statement
    further = {
        "issued_date": date,
        "instrument": of.instrument,
        "states": of.states,
        "themes": of.themes,
        "texts": shown.texts,
        "cosignatures": tuple(_pointer(s.event) for s in of.signatures if s.state == "signed"),
    }
    content = read_content(EventKind.STATEMENT_ISSUED, _own(of, of.body) | further)
    return Recordable(content, EVERYONE)


def correction_of(
    shown: ShownStatement, *, date: str, correction: str, texts: tuple[StatementText, ...] = ()
) -> Recordable:
    """A correction of an own statement."""
    of = shown.statement
    further = {"corrected_date": date, "correction": correction, "texts": texts}
    content = read_content(EventKind.STATEMENT_CORRECTED, _own(of, of.body) | further)
    return Recordable(content, audience_of(of))


def withdrawal_of(shown: ShownStatement, *, own: str, body: str, date: str) -> Recordable:
    """The withdrawal of an own statement, or of the own signature of another's.

    Args:
        shown: the statement.
        own: slug of the mechanism that withdraws.
        body: code of the body that withdraws; empty = the statement's, if it is an own one.
        date: when, as far as it is known.

    Raises:
        InvalidRequest: it is another's, and the mechanism's signature does not stand.
    """
    of = shown.statement
    if of.mechanism == own:
        fields = _own(of, body or of.body)
    else:
        mine = [s for s in of.signatures if s.mechanism == own and s.state in STANDING]
        if not mine:
            msg = f"{own} has no signature here that stands, and is not its author"
            raise InvalidRequest(msg)
        fields = _own(of, body) | {"about": _pointer(mine[0].event)}
    content = read_content(EventKind.STATEMENT_WITHDRAWN, fields | {"withdrawn_date": date})
    return Recordable(content, audience_of(of))


def audience_of(statement: Statement) -> AudienceChoice:
    """Who may hold what is said of a statement: until it is issued, those who hold its draft."""
    if statement.issued is not None or not statement.invited:
        return EVERYONE
    return named(statement.mechanism, *statement.invited)


def _own(of: Statement, body: str) -> dict[str, Any]:
    return {
        "title": of.title,
        "acting_body": body,
        "basis": "own_act",
        "is_invented": of.is_invented,
        "about": _pointer(of.issued or of.event),
    }


def _pointer(place: EventPlace) -> EventPointer:
    return EventPointer(origin=place.origin, index=place.index)


def _texts(versions: Sequence[statements_pb2.LanguageVersion]) -> tuple[StatementText, ...]:
    return tuple(StatementText(language=each.language, text=each.text) for each in versions)


def _place(message: statements_pb2.Statement, name: _PlaceField) -> EventPlace | None:
    if not message.HasField(name):
        return None
    found = getattr(message, name)
    return EventPlace(found.origin, found.index)


def _read(message: statements_pb2.Statement) -> Statement:
    return Statement(
        case_id=CaseId(message.case_id),
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        instrument=message.instrument,
        date=message.date,
        recorded_ms=message.recorded_ms,
        title=message.title,
        states=tuple(message.states),
        themes=tuple(message.themes),
        status=message.status,
        is_sealed=message.is_sealed,
        text_hash=message.text_hash,
        languages=tuple(message.languages),
        invited=tuple(message.invited),
        needed=message.needed,
        signatures=tuple(
            Signature(
                each.mechanism,
                EventPlace(each.event.origin, each.event.index),
                each.state,
                each.date,
                each.recorded_ms,
                each.withdrawn_date,
            )
            for each in message.signatures
        ),
        standing=message.standing,
        issued=_place(message, "issued"),
        release_ms=message.release_ms,
        superseded_by=_place(message, "superseded_by"),
        replaces=_place(message, "replaces"),
        corrections=message.corrections,
        withdrawn_date=message.withdrawn_date,
        is_invented=message.is_invented,
    )
