"""Linking: proposals that cases belong together, answers to them, and how they stand."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from registry.application.lists import Ask, Lists
from registry.application.recording import REQUEST_ID_MAX
from registry.application.request_keys import RequestKeys
from registry.application.situation_links import SituationLinks
from registry.domain.identifiers import CaseId, LogId, log_id_of
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, NotFound, RequestError, RuleViolation
from registry.log.author import draft_event
from registry.log.entry import ALL_MEMBERS
from registry.log.links import LINK_KINDS, Link, LinkAnswer, LinkProposal, encode_link
from registry.log.merkle import leaf_hash
from registry.store.values import AppendRequest, read_header
from registry.views.case_file import Reader
from registry.views.linking import CaseLink, Links

_PAGE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class LinkCommand:
    """Asks for one event on a link; `scope` as in RecordCommand."""

    request_id: str
    scope: str


class Linking:
    """Makes append requests on links, and reads links."""

    def __init__(
        self,
        reader: Reader,
        situation_links: SituationLinks,
        lists: Lists,
        requests: RequestKeys,
    ) -> None:
        self._reader = reader
        self._store = reader.store
        self._own = reader.roster.member_by_id(reader.member_id)
        self._logs_before = reader.roster.logs_before()
        self._logs = frozenset({self._own.log_id, *self._logs_before.get(self._own.log_id, ())})
        self._situation_links = situation_links
        self._lists = lists
        self._requests = requests

    def propose(self, command: LinkCommand, case_id: CaseId, other: CaseId) -> AppendRequest:
        """Prepares a proposal.

        Raises:
            InvalidRequest: the request id is malformed.
            RuleViolation: rules `link_of_two_cases`, `link_by_who_took_part`, `link_once` and
                `link_of_public_or_sealed`.
        """
        return self._checked(
            command,
            EventKind.CASE_LINK_PROPOSED,
            case_id,
            LinkProposal(other),
            lambda: self._check_proposal(case_id, other),
        )

    def answer(
        self, command: LinkCommand, origin: str, index: int, *, accepts: bool
    ) -> AppendRequest:
        """Prepares an answer to a proposal of another mechanism.

        Raises:
            InvalidRequest: the request id is malformed.
            NotFound: there is no such proposal.
            RuleViolation: rules `link_answered_by_another`, `link_by_who_took_part`, `link_ended`,
                `link_answered_once` and `link_of_public_or_sealed`.

        An acceptance is for the second case; a refusal is also for the first one, by who took
        part in that one alone.
        """
        link = self.at(origin, index)
        kind = EventKind.CASE_LINK_ACCEPTED if accepts else EventKind.CASE_LINK_DECLINED
        case_id = link.other_case_id
        logs = self._logs
        if (
            not accepts
            and not self._took_part(case_id, logs)
            and self._took_part(link.case_id, logs)
        ):
            case_id = link.case_id
        return self._checked(
            command,
            kind,
            case_id,
            self._naming(link),
            lambda: self._check_answer(link, case_id, accepts=accepts),
        )

    def end(self, command: LinkCommand, origin: str, index: int) -> AppendRequest:
        """Prepares the end of a link.

        Raises:
            InvalidRequest: the request id is malformed.
            NotFound: there is no such proposal.
            RuleViolation: rules `link_ended_by_its_own` and `link_ended`.
        """
        link = self.at(origin, index)
        is_author = link.log_id in self._logs
        return self._checked(
            command,
            EventKind.CASE_UNLINKED,
            link.case_id if is_author else link.other_case_id,
            self._naming(link),
            lambda: self._check_end(link),
        )

    def at(self, origin: str, index: int) -> CaseLink:
        """The link that was proposed at a place.

        Raises:
            NotFound: there is no proposal that counts.
        """
        link = self._links().at(log_id_of(origin), index)
        if link is None:
            msg = f"{origin} has no proposal of a link at {index} here"
            raise NotFound(msg)
        return link

    def of_case(self, case_id: CaseId) -> list[CaseLink]:
        """The proposals from and to a case."""
        links = self._links()
        found = [links.at(*place) for place in self._proposed(case_id)]
        known = {(each.log_id, each.index): each for each in links.of_case(case_id)}
        known |= {(each.log_id, each.index): each for each in found if each is not None}
        return sorted(known.values(), key=lambda each: (each.time_ms, each.log_id, each.index))

    def joined(self, case_id: CaseId, may_see: Callable[[CaseId], bool]) -> tuple[CaseId, ...]:
        """The cases that links in effect join with one, itself included."""
        return self._links().joined(case_id, may_see)

    # --- inside ---------------------------------------------------------------------------------

    def _proposed(self, case_id: CaseId) -> Iterator[tuple[LogId, int]]:
        """Where links from and to a case were proposed, of which some may be void by now."""
        ask = Ask(_PAGE_LIMIT, facets=(("case", (case_id.hex(),)),))
        while True:
            page = self._lists.links(ask)
            for row in page.rows:
                yield log_id_of(row.origin), row.index
            if not page.next_token:
                return
            ask = replace(ask, token=page.next_token)

    def _links(self) -> Links:
        states = {state.log_id: state for state in self._store.log_states()}
        return Links(self._store, states, self._logs_before)

    def _checked(
        self,
        command: LinkCommand,
        kind: EventKind,
        case_id: CaseId,
        link: Link,
        check: Callable[[], None],
    ) -> AppendRequest:
        if not 1 <= len(command.request_id) <= REQUEST_ID_MAX:
            msg = f"a request id has 1 to {REQUEST_ID_MAX} characters"
            raise InvalidRequest(msg)
        key = self._requests.key_of(command.scope, command.request_id)
        try:
            check()
        except RequestError:
            # A repetition is answered from the log whatever the rules say today.
            if not self._store.has_request(key):
                raise
        control = encode_link(link)
        draft = draft_event(
            log_id=self._own.log_id,
            case_id=case_id,
            kind=kind,
            time_ms=self._reader.now_ms(),
            parts=(),
            audience=ALL_MEMBERS,
            request_id=key,
            control=control,
        )
        digest = self._requests.digest_of(kind, ALL_MEMBERS, case_id, control)
        return AppendRequest(draft=draft, request_digest=digest)

    def _naming(self, link: CaseLink) -> LinkAnswer:
        (entry,) = self._store.entries(link.log_id, link.index, link.index + 1)
        return LinkAnswer(link.log_id, link.index, leaf_hash(entry))

    def _check_proposal(self, case_id: CaseId, other: CaseId) -> None:
        if case_id == other:
            _refuse("other_case", "link_of_two_cases", "a case is not linked with itself")
        self._check_took_part(case_id, "case", {self._own.log_id})
        self._situation_links.check_link(case_id, other)
        for link in self._links().of_case(case_id):
            is_same = {link.case_id, link.other_case_id} == {case_id, other}
            if is_same and link.is_in_effect:
                _refuse("other_case", "link_once", "these cases are linked already")

    def _check_answer(self, link: CaseLink, case_id: CaseId, *, accepts: bool) -> None:
        own = self._logs
        if link.log_id in own:
            _refuse("proposal", "link_answered_by_another", "it is a proposal of this mechanism")
        if link.is_closed or (accepts and own & set(link.ended_by)):
            _refuse("proposal", "link_ended", "the proposal was ended, or its acceptance, for good")
        if own & set(link.accepted_by if accepts else link.declined_by):
            _refuse("accepts", "link_answered_once", "this mechanism has answered so already")
        self._check_took_part(case_id, "proposal", own)
        if accepts:
            self._situation_links.check_link(link.case_id, link.other_case_id)

    def _check_end(self, link: CaseLink) -> None:
        own = self._logs
        if link.is_closed or own & (set(link.ended_by) - set(link.declined_by)):
            _refuse("proposal", "link_ended", "the link was ended already")
        if not own & {link.log_id, *link.accepted_by}:
            text = "this mechanism neither proposed nor accepted the link: decline it instead"
            _refuse("proposal", "link_ended_by_its_own", text)

    def _check_took_part(self, case_id: CaseId, field: str, logs: AbstractSet[LogId]) -> None:
        if not self._took_part(case_id, logs):
            text = "this mechanism has recorded nothing in the case that it speaks for"
            _refuse(field, "link_by_who_took_part", text)

    def _took_part(self, case_id: CaseId, logs: AbstractSet[LogId]) -> bool:
        """Whether one of these logs recorded anything but links in a case, as far as it counts."""
        ends = {log_id: self._store.log_state(log_id).valid_size for log_id in logs}
        return any(
            read_header(each.entry).kind not in LINK_KINDS
            for each in self._store.case_entries(case_id)
            if each.index < ends.get(each.log_id, 0)
        )


def _refuse(field: str, rule: str, text: str) -> None:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule=rule)
