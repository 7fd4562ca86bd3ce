"""Recording: from what somebody asks for to a draft that the writer can sign.

Everything that may be refused is refused here, before anything is signed: the rules of the kind are
judged at the author's node and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from registry.application.attachments import attached_uploads, commitments, described
from registry.application.case_facts import facts_of
from registry.application.consent_folds import NO_CONSENTS
from registry.application.consents import ConsentDesk
from registry.application.request_keys import RequestKeys
from registry.application.situation_links import SituationLinks
from registry.domain.asking import refuse_plain_recording
from registry.domain.audience import (
    DEFAULT_AUDIENCE,
    EVERYONE,
    AudienceChoice,
    named,
    resolve_audience,
)
from registry.domain.content import ActContent, ConsentWithdrawn, encode_content, media_type_of
from registry.domain.decisions import check_new_event
from registry.domain.embargo import check_embargo, is_embargoed
from registry.domain.identifiers import (
    CASE_ID_SIZE_BYTES,
    CaseId,
    LeafHash,
    LogId,
    Origin,
)
from registry.domain.mechanisms import Profiles, shipped_profiles
from registry.domain.release import (
    NO_NAMES,
    KnownPersons,
    Release,
    judge_persons,
    judge_text,
    judge_withdrawal,
    refuse_release,
    uses_of_act,
    uses_of_audience,
)
from registry.domain.statement_rules import check_among_invited, check_opens_with
from registry.domain.vocabulary import EventKind, is_publishing
from registry.errors import InvalidRequest, RequestError, RuleViolation
from registry.log.author import PartDraft, draft_event
from registry.log.commitment import SALT_SIZE_BYTES
from registry.log.entry import ALL_MEMBERS, Audience
from registry.store.uploads import Upload
from registry.store.values import AppendRequest, UploadRef, read_header
from registry.views.case_file import Reader
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
        audience: who may hold the content.
        not_before_ms: nobody is sent the content before; 0 = at once.
        attachments: finished uploads that become further parts of the event.
        confirmed_person_ids: persons that words of the text do not mean, as an officer confirmed.
        is_confirmed_asking: whether a question or an answer comes by its own calls.
        is_handing_on: whether a withdrawal goes to its audience alone, since its holders know.
    """

    request_id: str
    scope: str
    case_id: CaseId | None
    content: ActContent
    audience: AudienceChoice = DEFAULT_AUDIENCE
    not_before_ms: int = 0
    attachments: tuple[UploadRef, ...] = ()
    confirmed_person_ids: tuple[str, ...] = ()
    is_confirmed_asking: bool = False
    is_handing_on: bool = False


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
        consents: ConsentDesk,
        situations: SituationNames,
        requests: RequestKeys,
        *,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        profiles: Profiles | None = None,
    ) -> None:
        self._reader = reader
        self._profiles = profiles or shipped_profiles()
        self._store = reader.store
        self._consents = consents
        self._roster = reader.roster
        self._own = reader.roster.member_by_id(reader.member_id)
        self._situations = situations
        self.situation_links = SituationLinks(reader, self._own.log_id, situations)
        self._requests = requests
        self._now_ms = now_ms
        self._random_bytes = random_bytes

    def prepare(self, command: RecordCommand) -> AppendRequest:
        """Checks a command against the rules and commits to its content.

        Raises:
            InvalidRequest: the request id, the audience, the case or the embargo is malformed.
            RuleViolation, NotFound: the rules of the kind forbid it here.
        """
        if not 1 <= len(command.request_id) <= REQUEST_ID_MAX:
            msg = f"a request id has 1 to {REQUEST_ID_MAX} characters"
            raise InvalidRequest(msg)
        choice = resolve_audience(
            command.audience, command.content, self._profiles, author=self._own.slug
        )
        audience = self._audience(choice)
        kind = command.content.kind
        request_key = self._requests.key_of(command.scope, command.request_id)
        asked = encode_content(command.content)
        uploads: tuple[Upload, ...] = ()
        try:
            if command.attachments or command.content.attachments:
                command, uploads = self.with_attachments(command)
            self.check(command, audience)
            release = self.judge(command, choice)
            if release is not NO_NAMES:
                refuse_release(release)
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
                    content=encode_content(command.content) if uploads else asked,
                    not_before_ms=command.not_before_ms,
                ),
            ),
            audience=self.final_audience(command, audience),
            request_id=request_key,
        )
        # Over what was asked: a repetition finds no uploads any more, but names the same ones.
        if command.attachments:
            asked += b"".join([ref.upload_id for ref in command.attachments])
        digest = self._requests.digest_of(
            kind, audience, command.case_id, asked, not_before_ms=command.not_before_ms
        )
        if uploads:
            further = commitments(uploads, command.not_before_ms)
            draft = draft._replace(commitments=(*draft.commitments, *further))
        return AppendRequest(draft, digest, tuple([upload.ref for upload in uploads]))

    def with_attachments(self, command: RecordCommand) -> tuple[RecordCommand, tuple[Upload, ...]]:
        """Says in the content what was uploaded for it.

        Raises:
            NotFound, InvalidRequest: see `attached_uploads`; or the content says so itself.
        """
        if command.content.attachments:
            msg = "attachments: name the uploads instead, the node describes them"
            raise InvalidRequest(msg)
        if not command.attachments:
            return command, ()
        uploads = attached_uploads(self._store, command.attachments)
        content = command.content.model_copy(update={"attachments": described(uploads)})
        return replace(command, content=content), uploads

    def judge(self, command: RecordCommand, choice: AudienceChoice) -> Release:
        """Judges which names may leave with an event; `choice` is the resolved audience."""
        content, case_id = command.content, command.case_id
        case = NO_CONSENTS if case_id is None else self._consents.of_case(case_id)
        known = case.with_record(self._own.log_id, content, self._seen)
        if not known.names:
            return NO_NAMES
        return self._release(content, choice, known, command.confirmed_person_ids)

    def judge_wider(self, content: ActContent, case_id: CaseId, audience: Audience) -> Release:
        """Judges which names may leave with an own event that is recorded already.

        Args:
            content: of the event.
            case_id: its case.
            audience: everybody who may hold the content from then on.

        Raises:
            InvalidRequest: content of this kind is never for all members.
            RuleViolation: it concerns a draft that is for others.
            TryLater: content is closed.
        """
        slugs = self._slugs(audience)
        choice = resolve_audience(
            EVERYONE if audience.is_all else named(*slugs),
            content,
            self._profiles,
            author=self._own.slug,
        )
        case = facts_of(self._reader, self._own, self._situations, case_id)
        check_among_invited(content, case, holders=None if audience.is_all else slugs)
        # What is recorded counts as it is known: to widen a consent gives no consent.
        return self._release(content, choice, self._consents.of_case(case_id).known)

    def _release(
        self,
        content: ActContent,
        choice: AudienceChoice,
        known: KnownPersons,
        confirmed: tuple[str, ...] = (),
    ) -> Release:
        if isinstance(content, ConsentWithdrawn):
            return Release(names_in_text=judge_withdrawal(content, known, confirmed))
        of_audience = uses_of_audience(choice, self._own.slug)
        uses = (*of_audience, *uses_of_act(content))
        return Release(
            persons=judge_persons(content, uses, self._own.log_id, known),
            names_in_text=judge_text(
                content,
                uses if of_audience else (),
                self._own.log_id,
                known,
                confirmed,
            ),
        )

    def _seen(self) -> dict[LogId, int]:
        return {state.log_id: state.size - 1 for state in self._store.log_states()}

    def final_audience(self, command: RecordCommand, audience: Audience) -> Audience:
        """The audience that is signed: a withdrawal goes to everyone who may hold the names."""
        content = command.content
        if not isinstance(content, ConsentWithdrawn) or command.case_id is None:
            return audience
        if command.is_handing_on:
            return audience
        holders = self._consents.withdrawal_audience(command.case_id, content.person_id)
        member_ids = tuple(sorted({*audience.member_ids, *holders}))
        return Audience(is_all=False, member_ids=member_ids)

    def resolve(self, command: RecordCommand) -> tuple[AudienceChoice, Audience]:
        """The audience of a command, as a choice and as what its header will say."""
        choice = resolve_audience(
            command.audience, command.content, self._profiles, author=self._own.slug
        )
        return choice, self.final_audience(command, self._audience(choice))

    def publishes(self, content: ActContent, audience: Audience) -> bool:
        """Whether an act becomes public with an audience: of all, or of all others by name.

        What a public record says was public before; what others reported was not.
        """
        return (
            content.basis != "public_record"
            and is_publishing(content.kind)
            and (audience.is_all or self._admits_all_others(audience))
        )

    def check(self, command: RecordCommand, audience: Audience) -> None:
        """Applies the rules of the kind and of the embargo; see `prepare`."""
        if isinstance(command.content, ConsentWithdrawn):
            _check_withdrawal(command)
        check_embargo(command.not_before_ms, now_ms=self._now_ms())
        self._check(command, audience)

    def _admits_all_others(self, audience: Audience) -> bool:
        others = [each.id for each in self._roster.active_members() if each.id != self._own.id]
        return bool(others) and all(audience.admits(each) for each in others)

    def _slugs(self, audience: Audience) -> tuple[str, ...]:
        return tuple(each.slug for each in self._roster.members if audience.admits(each.id))

    def _audience(self, choice: AudienceChoice) -> Audience:
        if choice.kind == "all":
            return ALL_MEMBERS
        members = {self._roster.member_by_slug(slug).id for slug in choice.mechanisms}
        members.add(self._own.id)
        return Audience(is_all=False, member_ids=tuple(sorted(members)))

    def _check(self, command: RecordCommand, audience: Audience) -> None:
        if not command.is_confirmed_asking:
            refuse_plain_recording(command.content.kind)
        case = facts_of(self._reader, self._own, self._situations, command.case_id)
        check_new_event(command.content, is_for_all=audience.is_all, case=case)
        if not audience.is_all:
            check_among_invited(command.content, case, holders=self._slugs(audience))
        elif (about := command.content.about) is not None and about.origin == self._own.origin:
            entries = self._store.entries(self._own.log_id, about.index, about.index + 1)
            opens_ms = [p.not_before_ms for e in entries for p in read_header(e).parts[:1]]
            if is_embargoed(max(opens_ms, default=0), now_ms=self._now_ms()):
                check_opens_with(command.content, command.not_before_ms, opens_ms[0])
        # A withdrawal stops uses at once, whatever else would have to be mended first.
        may_wait = not isinstance(command.content, ConsentWithdrawn)
        if command.case_id is not None and not audience.is_all and may_wait:
            self.situation_links.check_sealed_event(command.case_id)


def _check_withdrawal(command: RecordCommand) -> None:
    if command.not_before_ms:
        msg = "a withdrawal stops every use at once: it takes no embargo"
        raise RuleViolation(msg)
    if command.attachments:
        msg = (
            "attachments: a withdrawal takes none, since it goes to everyone who may hold the "
            "names; record the file with an event of its own"
        )
        raise RuleViolation(msg)
