"""Control events in the own log: erase content, widen an audience, confirm an erasure; the status.

Only the log that holds an event can widen its audience; that log, or a later one of the same
member, erases its content. What may be refused is refused here, before anything is signed; every
node judges the rest (registry/log/control.py). To widen is to publish: the names in the content are
judged for everybody who may then hold it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from registry.application.consents import ConsentDesk
from registry.application.recording import REQUEST_ID_MAX, Recording
from registry.application.request_keys import RequestKeys
from registry.application.reviving import refuse_reviving
from registry.application.stored_content import judged_content
from registry.domain.asking import refuse_plain_recording
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId, Commitment, LogId, RequestKey
from registry.domain.release import Release, refuse_release
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, NotFound, RequestError, RuleViolation
from registry.log.author import EventDraft, draft_event
from registry.log.control import (
    TARGETS_MAX,
    AudienceWidened,
    ContentErased,
    ErasureReceipt,
    PartTarget,
    encode_control,
    read_control,
    union,
)
from registry.log.entry import ALL_MEMBERS, Audience, Header
from registry.log.merkle import leaf_hash
from registry.log.roster import Member
from registry.store.audiences import audience_of
from registry.store.values import AppendRequest, UnconfirmedErasure, read_header
from registry.views.case_file import Reader


@dataclass(frozen=True, slots=True)
class ErasureTarget:
    """One part of an own event; no commitment = whatever stands there."""

    index: int
    ordinal: int
    commitment: Commitment | None = None


@dataclass(frozen=True, slots=True)
class EraseCommand:
    """Asks to erase parts of own events, all of one case; see RecordCommand for the rest.

    `origin` names the log that holds them: the own one, if it is empty, or a former one.
    """

    request_id: str
    scope: str
    targets: tuple[ErasureTarget, ...]
    origin: str = ""


@dataclass(frozen=True, slots=True)
class WidenCommand:
    """Asks to let more mechanisms hold the content of an own event; no slugs = every member."""

    request_id: str
    scope: str
    index: int
    mechanisms: tuple[str, ...]


class Widening(NamedTuple):
    """An event and its audience.

    Attributes:
        header: of the event.
        before: everybody who may hold its content now.
        after: everybody who may from then on.
        left: the parts that are not erased, by their places.
    """

    header: Header
    before: Audience
    after: Audience
    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How one mechanism stands to an erasure; None = no receipt is held here.

    A member that takes part no more (`Member.is_active`) will send none any more.
    """

    member: Member
    confirmed_ms: int | None


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """Who has confirmed an erasure, of those that may have held the content."""

    erased_ms: int
    confirmations: tuple[Confirmation, ...]


class ControlRequests:
    """Makes append requests of control events for one node's own log; for any thread."""

    def __init__(
        self,
        reader: Reader,
        recording: Recording,
        consents: ConsentDesk,
        requests: RequestKeys,
    ) -> None:
        self._store = reader.store
        self._roster = reader.roster
        self._own = reader.roster.member_by_id(reader.member_id)
        self._recording = recording
        self._consents = consents
        self._requests = requests
        self._now_ms = reader.now_ms

    def erase(self, command: EraseCommand) -> AppendRequest:
        """Prepares a content_erased event.

        Raises:
            InvalidRequest: the request id or the list of targets is malformed.
            NotFound: there is no such log, no such part, or another commitment stands there.
            RuleViolation: the parts belong to several cases, only some of them count, all are
                erased already, or a consent would stand again.
            TryLater: content is closed, so that nobody can tell.
        """
        if not 1 <= len(command.targets) <= TARGETS_MAX:
            msg = f"an erasure names 1 to {TARGETS_MAX} parts, this one {len(command.targets)}"
            raise InvalidRequest(msg)
        if len({(t.index, t.ordinal) for t in command.targets}) < len(command.targets):
            msg = "an erasure names each part once"
            raise InvalidRequest(msg)
        writer = self.own_log(command.origin)
        headers = {t.index: self._own_header(writer, t.index) for t in command.targets}
        targets = tuple(self._target(headers[t.index], t) for t in command.targets)
        key, case_id = self._key(command), headers[targets[0].index].case_id
        try:
            self._check_erasure(headers, targets)
        except RequestError:
            if not self._store.has_request(key):
                raise
        control = encode_control(ContentErased(targets))
        return self._request(command, EventKind.CONTENT_ERASED, case_id, control)

    def widen(self, command: WidenCommand) -> AppendRequest:
        """Prepares an audience_widened event.

        Raises:
            InvalidRequest: the request id is malformed, or the content is never for all members.
            NotFound: there is no such event, or no content of it is left to widen.
            RuleViolation: everybody named may hold the content already, it cannot be read here, or
                a name would leave with it that may not.
            TryLater: content is closed.
        """
        header = self._own_header(self._own, command.index)
        audience = self._asked_audience(command)
        try:
            release = self.judge_widening(self.widening(command))
            refuse_release(Release(persons=release.persons))
            if release.refusals:
                msg = f"{release.refusals[0]}; if the words mean somebody else, record it anew"
                raise RuleViolation(msg)
        except RequestError:
            if not self._store.has_request(self._key(command)):
                raise
        leaf = self._store.leaf_hash(self._own.log_id, command.index)
        control = encode_control(AudienceWidened(command.index, leaf, audience))
        return self._request(command, EventKind.AUDIENCE_WIDENED, header.case_id, control)

    def widening(self, command: WidenCommand) -> Widening:
        """Tells what a widening is of, and of whom it makes a holder; judges nothing.

        Raises:
            NotFound: there is no such event or mechanism, or no content of it is left to widen.
        """
        header = self._own_header(self._own, command.index)
        audience = self._asked_audience(command)
        place = (header.log_id, header.index)
        erased = self._store.tombstones({place})
        left = tuple(n for n in range(len(header.parts)) if (*place, n) not in erased)
        if not left:
            msg = f"event {header.index} has no content that is left to widen"
            raise NotFound(msg)
        before = audience_of(self._store, header)
        return Widening(header, before, union(before, audience), left)

    def content_of(self, asked: Widening) -> ActContent:
        """The typed content of what would be widened; raises as `judged_content`."""
        return judged_content(self._store, asked.header.log_id, asked.header.index)

    def judge_widening(self, asked: Widening) -> Release:
        """Judges which names may leave with a widening.

        Raises:
            InvalidRequest, RuleViolation: nothing may: nobody is new, or as `judge_wider`.
            TryLater: content is closed.
        """
        header = asked.header
        if asked.after == asked.before:
            msg = f"all of these may hold the content of event {header.index} already"
            raise RuleViolation(msg)
        content = self.content_of(asked)
        refuse_plain_recording(content.kind)
        return self._recording.judge_wider(content, header.case_id, asked.after)

    def receipt(self, erasure: UnconfirmedErasure) -> AppendRequest | None:
        """Prepares the receipt of an erasure; None if this node was never to hold the content."""
        (entry,) = self._store.entries(erasure.log_id, erasure.index, erasure.index + 1)
        header = read_header(entry)
        if not self._audience_of_erasure(header).admits(self._own.id):
            return None
        control = encode_control(ErasureReceipt(erasure.log_id, erasure.index, leaf_hash(entry)))
        request_id = f"erasure receipt {erasure.log_id.hex()} {erasure.index}"
        command = EraseCommand(request_id, "", ())
        return self._request(command, EventKind.ERASURE_RECEIPT, header.case_id, control)

    def status(self, log_id: LogId, index: int) -> ErasureStatus:
        """Tells who has confirmed an erasure.

        Raises:
            NotFound: there is no such erasure.
        """
        place = (log_id, index)
        state = self._store.log_state(log_id)
        is_known = index < state.valid_size and place in self._store.effective_control({place})
        entries = self._store.entries(log_id, index, index + 1) if is_known else []
        header = read_header(entries[0]) if entries else None
        if header is None or header.kind != EventKind.CONTENT_ERASED:
            msg = f"{state.origin} has no erasure {index} here"
            raise NotFound(msg)
        confirmed = self._confirmed(log_id, index, leaf_hash(entries[0]))
        audience = self._audience_of_erasure(header)
        return ErasureStatus(
            erased_ms=header.time_ms,
            confirmations=tuple(
                Confirmation(member, confirmed.get(member.log_id))
                # Who was removed, or whose log was ended, may have held it all the same.
                for member in self._roster.members
                if member.log_id != log_id and audience.admits(member.id)
            ),
        )

    def own_log(self, origin: str) -> Member:
        """Finds the own log, if the origin is empty, or a former one, as its writer.

        Raises:
            NotFound: this mechanism never wrote such a log.
        """
        for writer in self._own.as_writers():
            if writer.origin == (origin or self._own.origin):
                return writer
        msg = f"{self._own.slug} writes no log {origin[:80]!r}, and wrote none before"
        raise NotFound(msg)

    # --- inside ---------------------------------------------------------------------------------

    def _own_header(self, writer: Member, index: int) -> Header:
        entries = self._store.entries(writer.log_id, index, index + 1) if index >= 0 else []
        if not entries:
            msg = f"{writer.origin} has no event {index}"
            raise NotFound(msg)
        return read_header(entries[0])

    def _target(self, header: Header, target: ErasureTarget) -> PartTarget:
        if not 0 <= target.ordinal < len(header.parts):
            msg = f"event {header.index} has no part {target.ordinal}"
            raise NotFound(msg)
        commitment = header.parts[target.ordinal].commitment
        if target.commitment not in (None, commitment):
            msg = f"part {target.ordinal} of event {header.index} has another commitment"
            raise NotFound(msg)
        return PartTarget(header.log_id, header.index, target.ordinal, commitment)

    def _check_erasure(self, headers: Mapping[int, Header], targets: Sequence[PartTarget]) -> None:
        if len({header.case_id for header in headers.values()}) > 1:
            msg = "an erasure names parts of one case"
            raise RuleViolation(msg)
        end = self._store.log_state(targets[0].log_id).valid_size
        if len({index < end for index in headers}) > 1:
            # Past its end others may hold another log: there all of it would be without effect.
            msg = (
                "an erasure names events that count, or events past the end of their log, not both"
            )
            raise RuleViolation(msg)
        known = self._store.tombstones({(t.log_id, t.index) for t in targets})
        erased = [known.get((t.log_id, t.index, t.ordinal)) for t in targets]
        if all(stone is not None and stone.by_index is not None for stone in erased):
            msg = "all of this is erased already"
            raise RuleViolation(msg)
        left = [t for t, stone in zip(targets, erased, strict=True) if stone is None]
        refuse_reviving(self._store, self._consents, headers, left)

    def _asked_audience(self, command: WidenCommand) -> Audience:
        if not command.mechanisms:
            return ALL_MEMBERS
        ids = {self._roster.member_by_slug(slug).id for slug in command.mechanisms}
        return Audience(is_all=False, member_ids=tuple(sorted(ids)))

    def _audience_of_erasure(self, header: Header) -> Audience:
        """Everybody who may have held one of the parts that an erasure names."""
        control = read_control(header)
        audience = Audience(is_all=False, member_ids=())
        if isinstance(control, ContentErased):
            for log_id, index in dict.fromkeys(target[:2] for target in control.targets):
                (entry,) = self._store.entries(log_id, index, index + 1)
                audience = union(audience_of(self._store, read_header(entry)), audience)
        return audience

    def _confirmed(self, log_id: LogId, index: int, leaf: bytes) -> dict[LogId, int]:
        """When which log confirmed: receipts that name exactly this entry, and are not void."""
        found: dict[LogId, int] = {}
        for held in self._store.erasure_receipts(log_id, index):
            if held.index >= self._store.log_state(held.log_id).valid_size:
                continue
            (entry,) = self._store.entries(held.log_id, held.index, held.index + 1)
            control = read_control(read_header(entry))
            if isinstance(control, ErasureReceipt) and control.leaf_hash == leaf:
                found[held.log_id] = held.time_ms
        return found

    def _key(self, command: EraseCommand | WidenCommand) -> RequestKey:
        if not 1 <= len(command.request_id) <= REQUEST_ID_MAX:
            msg = f"a request id has 1 to {REQUEST_ID_MAX} characters"
            raise InvalidRequest(msg)
        return self._requests.key_of(command.scope, command.request_id)

    def _request(
        self, command: EraseCommand | WidenCommand, kind: EventKind, case_id: CaseId, control: bytes
    ) -> AppendRequest:
        draft: EventDraft = draft_event(
            log_id=self._own.log_id,
            case_id=case_id,
            kind=kind,
            time_ms=self._now_ms(),
            parts=(),
            audience=ALL_MEMBERS,
            request_id=self._requests.key_of(command.scope, command.request_id),
            control=control,
        )
        digest = self._requests.digest_of(kind, ALL_MEMBERS, case_id, control)
        return AppendRequest(draft=draft, request_digest=digest)
