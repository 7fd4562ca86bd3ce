"""Questions to peers for those who work with this node: previewed, asked, answered, listed.

A question is an event in a case for the mechanisms that are asked and nobody else, an answer one
for who asked; so both sides hold both, signed, and every other member a sealed header. What is sent
is what the preview showed: who asks confirms it by its hash. Names go with a question by consent
alone. Nothing here answers: an answer comes from a client of this node, in whose name it is kept.

Limits: what an officer and the node ask, and what one member is answered, within a day; and of each
asking member the oldest open questions alone are shown and answered, the others wait.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from registry.application.asking_limits import AskingLimits, Counted
from registry.application.asking_turns import Turns
from registry.application.desk import Desk
from registry.application.lists import Ask, Listed
from registry.application.matching import Matching
from registry.application.preview import AnswerPreview, Preview
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.asking import check_answer, check_question, confirmation_of
from registry.domain.audience import named
from registry.domain.content import PeerAnswered, PeersAsked, encode_content
from registry.domain.identifiers import CaseId, RequestKey
from registry.domain.matching import MatchedName
from registry.errors import InvalidRequest, NotFound, RuleViolation
from registry.store.asking_book import Action, BookEntry
from registry.store.values import Appended
from registry.views.acts import Place
from registry.views.case_file import HistoryEntry, PartState
from registry.views.questions import answers_in, unanswered_by


@dataclass(frozen=True, slots=True)
class QuestionCommand:
    """Asks for a question; see `RecordCommand` for the fields."""

    request_id: str
    case_id: CaseId
    content: PeersAsked
    confirmed_person_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerCommand:
    """Asks for an answer; `content.about` names the question."""

    request_id: str
    content: PeerAnswered
    confirmed_person_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionPreview:
    """What a question would let leave.

    Attributes:
        text: exactly what is sent to those that are asked.
        confirmation: what stands for it when it is asked.
        preview: what else is told, and why it would be refused.
        matching_names: of a private matching: the names that take part, and are not sent.
    """

    text: str
    confirmation: str
    preview: Preview
    matching_names: tuple[MatchedName, ...] = ()


class _Case(NamedTuple):
    """The events of a case, and the answers to its questions, by place."""

    events: dict[Place, HistoryEntry]
    answers: dict[Place, tuple[HistoryEntry, ...]]


class Told(NamedTuple):
    """A question or an answer, and which client of this node it is from (empty = not from here)."""

    event: HistoryEntry
    officer: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers, in the order of record.

    Attributes:
        question: the question.
        answers: all of them; the last one of a mechanism counts.
        open_at: slugs of those that have not answered.
        is_held_back: whether it waits behind older open questions of the same mechanism.
    """

    question: Told
    answers: tuple[Told, ...]
    open_at: tuple[str, ...]
    is_held_back: bool


class AskingDesk:
    """Lets clients ask peers and answer them; for any thread."""

    def __init__(
        self,
        registry: Registry,
        desk: Desk,
        matching: Matching,
        limits: AskingLimits | None = None,
    ) -> None:
        self._registry = registry
        self._desk = desk
        self._matching = matching
        limits = limits or AskingLimits()
        self._own = registry.own.slug
        self._counted = Counted(registry, desk, limits)
        self._turns = Turns(registry, limits)

    def preview(
        self, client: Client, command: QuestionCommand, *, matches: bool = False
    ) -> QuestionPreview:
        """Tells exactly what a question would send, and to whom. Sends nothing.

        With `matches` the question begins a private matching, see `Matching.begin`.

        Raises:
            NotFound: no such case is here, or not for this client; or no such mechanism.
            InvalidRequest, RuleViolation: nobody, or nothing, is asked.
        """
        self._check(client, command)
        names: tuple[MatchedName, ...] = ()
        if matches:
            content, names = self._matching.begin(client, command.case_id, command.content)
            command = replace(command, content=content)
            self._desk.note_read(client, "PreviewQuestion", command.case_id, len(names))
        preview = self._registry.preview(self._record_of(client, command))
        refusals = preview.refusals
        try:
            self._counted.refuse_too_many(self._entries(client, command, RequestKey(b"")))
        except RuleViolation as error:
            refusals = (*refusals, str(error))
        return QuestionPreview(
            text=encode_content(command.content).decode(),
            confirmation=confirmation_of(command.case_id, command.content),
            preview=replace(preview, refusals=refusals),
            matching_names=names,
        )

    def ask(
        self,
        client: Client,
        command: QuestionCommand,
        confirmation: str,
        *,
        matches: bool = False,
    ) -> Appended:
        """Asks, once it is on disk here; it goes to those that are asked like other content.

        Args:
            client: the officer.
            command: what is asked.
            confirmation: of the preview.
            matches: whether it begins the matching that was previewed.

        Raises:
            NotFound, InvalidRequest: as `preview`.
            RuleViolation: it is not what was previewed, names somebody without consent, or is one
                too many today.
            RequestError, Overloaded: see `Registry.record`.
        """
        self._check(client, command)
        self._matching.forget_old()
        if matches:
            content = self._matching.previewed(
                client, command.case_id, command.content, confirmation
            )
            command = replace(command, content=content)
        if confirmation != confirmation_of(command.case_id, command.content):
            msg = "confirmation: this is not what the preview showed; look at it again"
            raise RuleViolation(msg, field="confirmation", rule="asked_as_previewed")
        prepared = self._registry.recording.prepare(self._record_of(client, command))
        entries = self._entries(client, command, prepared.draft.request_id)
        return self._counted.carry_out(client, prepared, entries)

    def answer(self, client: Client, command: AnswerCommand, *, matches: bool = False) -> Appended:
        """Answers another mechanism's question, in the name of a person at this node.

        With `matches` it agrees to a private matching, see `Matching.agree`.

        Raises:
            NotFound: no such question is here, or not for this client.
            RuleViolation: it is no question to this mechanism, it waits behind others, or this is
                one answer too many today.
            RequestError, Overloaded: see `Registry.record`.
        """
        asked, record, _ = self._answer_of(client, command, matches=matches)
        prepared = self._registry.recording.prepare(record)
        key = prepared.draft.request_id
        entries = self._answered(client, asked.mechanism, key, matches=matches)
        return self._counted.carry_out(client, prepared, entries)

    def preview_answer(
        self, client: Client, command: AnswerCommand, *, matches: bool = False
    ) -> AnswerPreview:
        """Tells exactly what an answer would send, and to whom. Sends nothing.

        Raises:
            NotFound, RuleViolation: as `answer`, but for what recording it would refuse: that is
                told in the answer.
        """
        asked, record, names = self._answer_of(client, command, matches=matches)
        self._desk.note_read(client, "PreviewAnswer", asked.case_id, len(names))
        preview = self._registry.preview(record)
        refusals = preview.refusals
        entries = self._answered(client, asked.mechanism, RequestKey(b""), matches=matches)
        try:
            self._counted.refuse_too_many(entries)
        except RuleViolation as error:
            refusals = (*refusals, str(error))
        text = encode_content(record.content).decode()
        return AnswerPreview(text, replace(preview, refusals=refusals), names)

    def questions(
        self,
        client: Client,
        ask: Ask,
        which: Literal["received", "sent"],
        *,
        only_open: bool = False,
        shows_content: bool = True,
    ) -> Listed[Question]:
        """Lists questions to this mechanism, or of it, newest first.

        Args:
            client: who asks; cases that are hidden from it are left out.
            ask: the page.
            which: those that were received, or sent.
            only_open: those alone that this mechanism, or anybody that was asked, has not answered;
                of those received without what is held back, so that a page may be short or empty.
            shows_content: whether whoever asks reads what was asked; it is noted then.

        Raises:
            TryLater: content is closed.
        """
        lists, asked = self._desk.lists_for(client, ask, "ListQuestions")
        lists = lists if shows_content else self._registry.lists
        facets: list[tuple[str, tuple[str, ...]]] = [
            ("asked" if which == "received" else "mechanism", (self._own,))
        ]
        if only_open:
            everybody = tuple(sorted(member.slug for member in self._registry.roster.members))
            facets.append(("open_at", (self._own,) if which == "received" else everybody))
        page = lists.questions(replace(asked, facets=(*asked.facets, *facets)))
        turns = {
            each: self._turns.first_open(each) for each in {row.mechanism for row in page.rows}
        }
        rows = [
            row
            for row in page.rows
            # A flood costs a look at its rows, and not at its cases.
            if not (which == "received" and only_open)
            or not self._turns.must_wait((row.origin, row.index), turns[row.mechanism])
        ]
        cases = {each: self._case(each) for each in {row.case_id for row in rows}}
        found = [
            self._question(client, event, case.answers.get(place, ()), turns[row.mechanism])
            for row in rows
            for case, place in ((cases[row.case_id], (row.origin, row.index)),)
            if (event := case.events.get(place)) is not None
        ]
        return Listed(tuple(found), page.next_token)

    # --- inside ---------------------------------------------------------------------------------

    def _check(self, client: Client, command: QuestionCommand) -> None:
        self._desk.require_case(client, command.case_id)
        check_question(command.content, self._own)
        _refuse_points(command.content.matching_points, command.content.matching_nonce)
        active = {member.slug for member in self._registry.roster.active_members()}
        for slug in command.content.mechanisms:
            if slug not in active:
                msg = f"mechanisms: no mechanism {slug} takes part"
                raise NotFound(msg)

    def _record_of(self, client: Client, command: QuestionCommand) -> RecordCommand:
        return RecordCommand(
            request_id=command.request_id,
            scope=client.name,
            case_id=command.case_id,
            content=command.content,
            audience=named(*command.content.mechanisms),
            confirmed_person_ids=command.confirmed_person_ids,
            is_confirmed_asking=True,
        )

    def _answer_of(
        self, client: Client, command: AnswerCommand, *, matches: bool
    ) -> tuple[HistoryEntry, RecordCommand, tuple[MatchedName, ...]]:
        """The question, what answers it, and the names that take part in a matching."""
        require_open(self._registry.store)
        self._matching.forget_old()
        about = command.content.about
        if about is None:
            msg = "an answer names the question that it is about"
            raise InvalidRequest(msg)
        case_id = self._desk.require_event(client, about.origin, about.index)
        place = (about.origin, about.index)
        case = self._case(case_id)
        asked = case.events.get(place)
        if asked is None or asked.content_state is PartState.NOT_HERE:
            msg = f"{about.origin} has no question {about.index} here, or not yet"
            raise NotFound(msg)
        check_answer(asked.content, asked.mechanism, self._own, command.content)
        self._turns.refuse_out_of_turn(asked, case.answers.get(place, ()))
        content = command.content
        names: tuple[MatchedName, ...] = ()
        _refuse_points(content.matching_points, content.returned_points)
        if matches:
            content, names = self._matching.agree(client, asked, content)
        record = RecordCommand(
            request_id=command.request_id,
            scope=client.name,
            case_id=case_id,
            content=content,
            audience=named(asked.mechanism),
            confirmed_person_ids=command.confirmed_person_ids,
            is_confirmed_asking=True,
        )
        return asked, record, names

    def _answered(
        self, client: Client, asker: str, key: RequestKey, *, matches: bool
    ) -> list[BookEntry]:
        actions: tuple[Action, ...] = ("answered", "matched") if matches else ("answered",)
        now = self._registry.clock_ms()
        return [BookEntry(key, asker, now, client.name, action) for action in actions]

    def _entries(
        self, client: Client, command: QuestionCommand, key: RequestKey
    ) -> list[BookEntry]:
        now = self._registry.clock_ms()
        actions: tuple[Action, ...] = ("asked",)
        if command.content.matching_points:
            actions = ("asked", "matched")
        return [
            BookEntry(key, slug, now, client.name, action)
            for slug in command.content.mechanisms
            for action in actions
        ]

    def _case(self, case_id: CaseId) -> _Case:
        history = self._registry.history(case_id)
        events: dict[Place, HistoryEntry] = {
            (event.origin, event.index): event for event in history.events
        }
        return _Case(events, answers_in(history))

    def _question(
        self,
        client: Client,
        event: HistoryEntry,
        answers: tuple[HistoryEntry, ...],
        first_open: frozenset[Place],
    ) -> Question:
        content = event.content
        still_open = unanswered_by(content, answers) if isinstance(content, PeersAsked) else ()
        waits = self._turns.must_wait((event.origin, event.index), first_open)
        return Question(
            question=self._told(client, event),
            answers=tuple(self._told(client, each) for each in answers),
            open_at=still_open,
            is_held_back=self._own in still_open and waits,
        )

    def _told(self, client: Client, event: HistoryEntry) -> Told:
        if event.mechanism != self._own:
            return Told(event, "")
        try:
            return Told(event, self._desk.act(client, event.index)[0].officer)
        except NotFound:
            return Told(event, "")


def _refuse_points(*points: object) -> None:
    """Points are made by the node: what else they could hold nobody would see."""
    if any(points):
        msg = "matching_points: the node makes the points of a matching"
        raise InvalidRequest(msg)
