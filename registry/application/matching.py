"""Private matching at one node: what it sends of its names, and what both hold in the end.

Off unless the operator turned it on. A person starts it, as a question to one mechanism, and a
person there agrees to it; each side's secret stays at its node and is forgotten with time. The
group and the limits stand in registry.domain.matching and docs/private-matching.md.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, NoReturn

from registry.application.desk import Desk
from registry.application.kept_matchings import KEPT_MS
from registry.application.matching_names import OwnNames, names_of, write_names
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.domain.asking import confirmation_of
from registry.domain.content import EventPointer, MatchingReturned, PeerAnswered, PeersAsked
from registry.domain.identifiers import CaseId
from registry.domain.matching import (
    NONCE_SIZE_BYTES,
    MatchedName,
    blinded_again,
    blinded_list,
    held_by_both,
    new_secret,
    normal_form,
    read_points,
    write_points,
)
from registry.errors import NotFound, RuleViolation
from registry.store.matching_book import MatchingRow
from registry.views.case_file import HistoryEntry


class Steps(NamedTuple):
    """The events of one matching that this node can read, and their case."""

    case_id: CaseId
    question: HistoryEntry
    answer: HistoryEntry | None
    returned: HistoryEntry | None


@dataclass(frozen=True, slots=True)
class MatchingResult:
    """How a matching stands at one side.

    Attributes:
        state: asked (nobody agreed yet), agreed (the other side did, and who asked knows the
            result) or returned (both know it).
        peer: slug of the other side.
        names_sent: how many names of this side took part and still may.
        held_by_both: those of them that the other holds too; None = this side cannot tell yet.
    """

    state: Literal["asked", "agreed", "returned"]
    peer: str
    names_sent: int
    held_by_both: tuple[MatchedName, ...] | None


class Matching:
    """Starts, agrees to and reads matchings; for any thread."""

    def __init__(
        self,
        registry: Registry,
        desk: Desk,
        *,
        is_on: bool,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._registry = registry
        self._desk = desk
        self._kept = desk.matchings
        self._is_on = is_on
        self._random_bytes = random_bytes
        own = registry.own
        self._own = own.slug
        self._names = OwnNames(
            registry.store, registry.consents, own.log_id, now_ms=registry.clock_ms
        )
        self.forget_old()

    def forget_old(self) -> None:
        """Forgets the secrets whose time has passed: at the start, and with what is asked."""
        self._kept.forget()

    def begin(
        self, client: Client, case_id: CaseId, question: PeersAsked
    ) -> tuple[PeersAsked, tuple[MatchedName, ...]]:
        """Puts the points of a case's names into a question, and keeps how they came about.

        Returns:
            The question with the points, and the names that they stand for.

        Raises:
            RuleViolation: matching is off here, several are asked, or no name may take part.
            TryLater: content is closed.
        """
        self._require_on()
        if len(question.mechanisms) != 1:
            _refuse("mechanisms", "matching_of_two", "a matching is between two mechanisms")
        (peer,) = question.mechanisms
        # Counted before anything is read: what is erased meanwhile is seen.
        erased = self._kept.erased_count(case_id, is_asker=True)
        names = self._of_case(client, case_id, peer)
        if not names:
            text = f"no organisation of this case, and no person whose consent covers {peer}"
            _refuse("persons", "matching_needs_names", text)
        nonce = self._random_bytes(NONCE_SIZE_BYTES)
        row = self._row(nonce, names, case_id, erased)
        points = blinded_list(row.secret, nonce, names)
        asked = question.model_copy(
            update={
                "matching_nonce": write_points([nonce])[0],
                "matching_points": write_points(points),
            }
        )
        self._kept.keep(
            row._replace(
                confirmation=confirmation_of(case_id, asked), content=asked.model_dump_json()
            )
        )
        return asked, names

    def previewed(
        self, client: Client, case_id: CaseId, question: PeersAsked, confirmation: str
    ) -> PeersAsked:
        """The question with points that a preview showed.

        Raises:
            RuleViolation: matching is off here, or the preview was of another question, or of names
                of which one may no longer take part.
        """
        self._require_on()
        row = self._kept.book.of_confirmation(confirmation) if confirmation else None
        asked = PeersAsked.model_validate_json(row.content) if row and row.content else None
        if row is None or asked is None or without_points(asked) != question:
            text = "this is not what the preview showed; look at it again"
            _refuse("confirmation", "asked_as_previewed", text)
        if names_of(row.names) != self._of_case(client, case_id, asked.mechanisms[0]):
            text = "the names that take part have changed; look at it again"
            _refuse("confirmation", "asked_as_previewed", text)
        return asked

    def agree(
        self, client: Client, asked: HistoryEntry, answer: PeerAnswered
    ) -> tuple[PeerAnswered, tuple[MatchedName, ...]]:
        """Puts into an answer the asker's points, multiplied, and those of all own names.

        While the names are the same the points are, so that a preview shows what is sent.

        Returns:
            The answer with the points, and the own names that take part.

        Raises:
            RuleViolation: matching is off here, nothing is to be matched, the answer is not yes, or
                too many names would take part.
            InvalidContent: the question holds no points of the group.
            TryLater: content is closed.
        """
        self._require_on()
        question = asked.content
        if not isinstance(question, PeersAsked) or not question.matching_nonce:
            _refuse("about", "matching_was_asked", "this question asks for no matching")
        if answer.answer != "yes":
            _refuse("answer", "matching_is_a_yes", "who agrees to a matching answers yes")
        (nonce,) = read_points([question.matching_nonce])
        erased = self._kept.erased_count(asked.case_id, is_asker=False)
        names = self._names.for_peer(asked.mechanism, lambda each: self._desk.may_see(client, each))
        key = _key_of_asked(nonce, asked, names)
        # Other names have another secret: what was answered before keeps the one of its own.
        row = self._kept.book.of_key(key) or self._row(key, names, asked.case_id, erased)
        # Before it is kept: points that are none leave nothing behind.
        returned = blinded_again(row.secret, read_points(question.matching_points))
        points = blinded_list(row.secret, nonce, names)
        self._kept.keep(row._replace(confirmation=_standing_for(points)))
        agreed = answer.model_copy(
            update={
                "matching_points": write_points(points),
                "returned_points": write_points(returned),
            }
        )
        return agreed, names

    def returned(self, client: Client, steps: Steps, content: MatchingReturned) -> MatchingReturned:
        """Puts the answerer's points, multiplied, into what lets it learn the result.

        Raises:
            NotFound: this side's secret is no longer kept.
            RuleViolation: matching is off here, this node did not ask, nobody agreed yet, or a name
                may no longer take part.
            InvalidContent: the answer holds no points of the group.
        """
        self._require_on()
        answer = None if steps.answer is None else steps.answer.content
        if steps.question.mechanism != self._own or not isinstance(answer, PeerAnswered):
            _refuse("about", "matching_is_agreed", "nobody has agreed to a matching of this node")
        row = self._row_of(steps)
        place = steps.answer
        assert place is not None  # noqa: S101 - its content was read
        permitted = _forms(self._of_case(client, steps.case_id, place.mechanism))
        if not _forms(names_of(row.names)) <= permitted:
            text = "a name of these may no longer take part, so that nothing is told"
            _refuse("persons", "matching_needs_names", text)
        points = blinded_again(row.secret, read_points(answer.matching_points))
        about = EventPointer(origin=place.origin, index=place.index)
        return content.model_copy(update={"about": about, "returned_points": write_points(points)})

    def result(self, client: Client, steps: Steps) -> MatchingResult:
        """Tells how a matching stands at this side: of the cases that the client may know of.

        A name whose consent was withdrawn since, or that nothing here holds any more, is left out.

        Raises:
            NotFound: it is none, or this side's secret is no longer kept.
            InvalidContent: the other side sent no points of the group, or not as many as it should.
        """
        row = self._row_of(steps)
        asked, names = steps.question, self._readable(client, steps, row)
        question = asked.content
        assert isinstance(question, PeersAsked)  # noqa: S101 - `_row_of` has read it
        is_asker = asked.mechanism == self._own
        told = MatchingResult(
            state="returned" if steps.returned else "agreed" if steps.answer else "asked",
            peer=question.mechanisms[0] if is_asker else asked.mechanism,
            names_sent=len(names),
            held_by_both=None,
        )
        answer = None if steps.answer is None else steps.answer.content
        if not isinstance(answer, PeerAnswered):
            return told
        if is_asker:
            own, own_returned = question.matching_points, answer.returned_points
            shared = blinded_again(row.secret, read_points(answer.matching_points))
        else:
            back = None if steps.returned is None else steps.returned.content
            if not isinstance(back, MatchingReturned):
                return told
            own, own_returned = answer.matching_points, back.returned_points
            shared = blinded_again(row.secret, read_points(question.matching_points))
        found = held_by_both(
            names,
            secret=row.secret,
            nonce=read_points([question.matching_nonce])[0],
            own_points=read_points(own),
            own_returned=read_points(own_returned),
            other_shared=shared,
        )
        return replace(told, held_by_both=found)

    # --- inside ---------------------------------------------------------------------------------

    def _require_on(self) -> None:
        if not self._is_on:
            _refuse("", "matching_is_on", "private matching is off at this node, see its settings")

    def _of_case(self, client: Client, case_id: CaseId, peer: str) -> tuple[MatchedName, ...]:
        return self._names.of_case(peer, case_id) if self._desk.may_see(client, case_id) else ()

    def _readable(self, client: Client, steps: Steps, row: MatchingRow) -> tuple[MatchedName, ...]:
        """The names that took part, of cases that a client may know of, and that still may."""
        took_part, asked = _forms(names_of(row.names)), steps.question
        question = asked.content
        if asked.mechanism == self._own and isinstance(question, PeersAsked):
            here = self._of_case(client, steps.case_id, question.mechanisms[0])
        else:
            here = self._names.for_peer(
                asked.mechanism, lambda each: self._desk.may_see(client, each)
            )
        return tuple(each for each in here if _forms([each]) <= took_part)

    def _row(
        self, key: bytes, names: tuple[MatchedName, ...], case_id: CaseId, erased: int
    ) -> MatchingRow:
        secret = new_secret(self._random_bytes)
        now_ms = self._registry.clock_ms()
        return MatchingRow(key, now_ms, secret, write_names(names), case_id, erased)

    def _row_of(self, steps: Steps) -> MatchingRow:
        question = steps.question.content
        row = None
        answer = None if steps.answer is None else steps.answer.content
        if isinstance(question, PeersAsked) and question.matching_nonce:
            if steps.question.mechanism == self._own:
                row = self._kept.book.of_key(read_points([question.matching_nonce])[0])
            elif isinstance(answer, PeerAnswered):
                own_points = read_points(answer.matching_points)
                row = self._kept.book.of_confirmation(_standing_for(own_points))
        if row is None or row.made_ms < self._registry.clock_ms() - KEPT_MS:
            msg = "no secret of such a matching is kept here: none was begun, or it is too old"
            raise NotFound(msg)
        return row


def without_points(question: PeersAsked) -> PeersAsked:
    """The question as an officer asks it."""
    return question.model_copy(update={"matching_nonce": "", "matching_points": ()})


def _key_of_asked(nonce: bytes, asked: HistoryEntry, names: tuple[MatchedName, ...]) -> bytes:
    """Who asks chooses the nonce: alone it must name no row of the asked node."""
    told = f"{asked.origin}#{asked.index}\n{write_names(names)}"
    return hashlib.sha256(nonce + told.encode()).digest()


def _standing_for(points: tuple[bytes, ...]) -> str:
    """What stands for the points that an answer sends; no preview has such a confirmation."""
    return f"answer {hashlib.sha256(b''.join(points)).hexdigest()}"


def _forms(names: Iterable[MatchedName]) -> frozenset[tuple[str, str]]:
    """Names as they are compared: their spelling may have changed since."""
    return frozenset((each.kind, normal_form(each.name)) for each in names)


def _refuse(field: str, rule: str, text: str) -> NoReturn:
    msg = f"{field}: {text}" if field else text
    raise RuleViolation(msg, field=field, rule=rule)
