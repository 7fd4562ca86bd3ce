"""Recording: from what somebody asks for to a draft that the writer can sign.

Everything that may be refused is refused here, before anything is signed: the rules of the kind are
judged at the author's node and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.application.request_keys import RequestKeys
from registry.domain.content import ActContent, encode_content, media_type_of
from registry.domain.decisions import CaseFacts, check_new_event
from registry.domain.identifiers import (
    CASE_ID_SIZE_BYTES,
    CaseId,
    LeafHash,
    Origin,
    log_id_of,
)
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, RequestError
from registry.log.author import PartDraft, draft_event
from registry.log.commitment import SALT_SIZE_BYTES
from registry.log.entry import ALL_MEMBERS, Audience
from registry.store.values import AppendRequest
from registry.views.case_file import Reader, visible_entries
from registry.views.case_list import SituationNames

REQUEST_ID_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class RecordCommand:
    """Asks for one event in the own log.

    Attributes:
        request_id: chosen by the caller, 1 to 200 characters.
        scope: who shares the request id: a client's name, or empty for the whole node.
        case_id: the case; None opens a new one under a random id.
        content: what happened.
        mechanisms: slugs of those that may hold the content; empty = every member.
    """

    request_id: str
    scope: str
    case_id: CaseId | None
    content: ActContent
    mechanisms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an event stands."""

    case_id: CaseId
    origin: Origin
    index: int
    leaf_hash: LeafHash
    was_recorded_before: bool
    time_ms: int


class Recording:
    """Makes append requests for one node's own log; for any thread."""

    def __init__(
        self,
        reader: Reader,
        situations: SituationNames,
        requests: RequestKeys,
        *,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store = reader.store
        self._roster = reader.roster
        self._own = reader.roster.member_by_id(reader.member_id)
        self._situations = situations
        self._requests = requests
        self._now_ms = now_ms
        self._random_bytes = random_bytes

    def prepare(self, command: RecordCommand) -> AppendRequest:
        """Checks a command against the rules and commits to its content.

        Raises:
            InvalidRequest: the request id, the audience or the case is malformed.
            RuleViolation, NotFound: the rules of the kind forbid it here.
        """
        if not 1 <= len(command.request_id) <= REQUEST_ID_MAX:
            msg = f"a request id has 1 to {REQUEST_ID_MAX} characters"
            raise InvalidRequest(msg)
        audience = self._audience(command.mechanisms)
        kind = command.content.kind
        request_key = self._requests.key_of(command.scope, command.request_id)
        content = encode_content(command.content)
        try:
            self._check(command, audience)
        except RequestError:
            # A repetition is answered from the log whatever the rules say today.
            if not self._store.has_request(request_key):
                raise
        draft = draft_event(
            log_id=self._own.log_id,
            case_id=command.case_id or CaseId(self._random_bytes(CASE_ID_SIZE_BYTES)),
            kind=kind if audience.is_all else EventKind.SEALED,
            time_ms=self._now_ms(),
            parts=(
                PartDraft(
                    salt=self._random_bytes(SALT_SIZE_BYTES),
                    media_type=media_type_of(kind),
                    content=content,
                ),
            ),
            audience=audience,
            request_id=request_key,
        )
        digest = self._requests.digest_of(kind, audience, command.case_id, content)
        return AppendRequest(draft=draft, request_digest=digest)

    def _audience(self, mechanisms: tuple[str, ...]) -> Audience:
        if not mechanisms:
            return ALL_MEMBERS
        members = {self._roster.member_by_slug(slug).id for slug in mechanisms} | {self._own.id}
        return Audience(is_all=False, member_ids=tuple(sorted(members)))

    def _check(self, command: RecordCommand, audience: Audience) -> None:
        case_id = command.case_id
        is_situation = case_id is not None and self._situations.state_of(case_id) is not None
        check_new_event(
            command.content,
            is_for_all=audience.is_all,
            case=CaseFacts(
                exists=case_id is None or is_situation or self._store.has_case(case_id),
                is_new=case_id is None,
                is_situation=is_situation,
                holds_event=lambda origin, index: self._holds(case_id, origin, index),
            ),
        )

    def _holds(self, case_id: CaseId | None, origin: str, index: int) -> bool:
        if case_id is None:
            return False
        log_id = log_id_of(origin)
        states = {state.log_id: state for state in self._store.log_states()}
        entries = visible_entries(self._store, states, case_id)
        return any(e.log_id == log_id and e.index == index for e in entries)
