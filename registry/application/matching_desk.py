"""Results of private matchings, for those who work with this node: read, and told to the other."""

from dataclasses import dataclass

from registry.application.asking_limits import AskingLimits, Counted
from registry.application.desk import Desk
from registry.application.matching import Matching, MatchingResult, Steps
from registry.application.preview import AnswerPreview
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.audience import named
from registry.domain.content import (
    ActContent,
    MatchingReturned,
    PeerAnswered,
    encode_content,
)
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry.store.values import Appended
from registry.views.case_file import HistoryEntry
from registry.views.questions import answers_in


@dataclass(frozen=True, slots=True)
class TellCommand:
    """Asks to let the other side learn a result: of the question at (origin, index)."""

    request_id: str
    origin: str
    index: int
    content: MatchingReturned


class MatchingDesk:
    """Reads results and tells them; for any thread."""

    def __init__(self, registry: Registry, desk: Desk, matching: Matching) -> None:
        self._registry = registry
        self._desk = desk
        self._matching = matching
        self._recording = Counted(registry, desk, AskingLimits())

    def result(self, client: Client, origin: str, index: int) -> MatchingResult:
        """Tells what came of the matching that a question began; the read is kept.

        Raises:
            NotFound: no such question is here, or not for this client, or no secret of it.
            InvalidContent: the other side sent no points of the group.
            TryLater: content is closed.
        """
        case_id, steps = self._steps(client, origin, index)
        found = self._matching.result(client, steps)
        # That nothing is held by both is content of a sealed event, too.
        self._desk.note_read(client, "GetMatching", case_id, max(1, len(found.held_by_both or ())))
        return found

    def tell(self, client: Client, command: TellCommand) -> Appended:
        """Lets who agreed learn what both hold.

        Raises:
            NotFound, InvalidContent, TryLater: as `result`.
            RuleViolation: matching is off here, this node did not ask, nobody has agreed, or a name
                may no longer take part.
            RequestError, Overloaded: see `Registry.record`.
        """
        case_id, steps = self._steps(client, command.origin, command.index)
        prepared = self._registry.recording.prepare(
            self._record_of(client, case_id, steps, command)
        )
        return self._recording.carry_out(client, prepared, [])

    def preview(self, client: Client, command: TellCommand) -> AnswerPreview:
        """Tells exactly what `tell` would send, and to whom. Sends nothing; the read is kept.

        Raises:
            NotFound, InvalidContent, TryLater, RuleViolation: as `tell`, but for what recording it
                would refuse: that is told in the answer.
        """
        case_id, steps = self._steps(client, command.origin, command.index)
        record = self._record_of(client, case_id, steps, command)
        names = self._matching.result(client, steps).held_by_both or ()
        self._desk.note_read(client, "PreviewTelling", case_id, max(1, len(names)))
        preview = self._registry.preview(record)
        return AnswerPreview(encode_content(record.content).decode(), preview, names)

    def _record_of(
        self, client: Client, case_id: CaseId, steps: Steps, command: TellCommand
    ) -> RecordCommand:
        content = self._matching.returned(client, steps, command.content)
        answer = steps.answer
        assert answer is not None  # noqa: S101 - `returned` refuses otherwise
        return RecordCommand(
            request_id=command.request_id,
            scope=client.name,
            case_id=case_id,
            content=content,
            audience=named(answer.mechanism),
            is_confirmed_asking=True,
        )

    def _steps(self, client: Client, origin: str, index: int) -> tuple[CaseId, Steps]:
        require_open(self._registry.store)
        case_id = self._desk.require_event(client, origin, index)
        history = self._registry.history(case_id)
        place = (origin or self._registry.own.origin, index)
        question = next((e for e in history.events if (e.origin, e.index) == place), None)
        if question is None:
            msg = f"{place[0]} has no question {index} here"
            raise NotFound(msg)
        agreed = [
            each
            for each in answers_in(history).get(place, ())
            if isinstance(each.content, PeerAnswered) and each.content.returned_points
        ]
        answer = agreed[-1] if agreed else None
        returned = [
            each
            for each in history.events
            if isinstance(each.content, MatchingReturned)
            and each.mechanism == question.mechanism
            and _is_about(each.content, answer)
        ]
        return case_id, Steps(case_id, question, answer, returned[-1] if returned else None)


def _is_about(content: ActContent, event: HistoryEntry | None) -> bool:
    about = content.about
    return (
        about is not None
        and event is not None
        and (about.origin, about.index) == (event.origin, event.index)
    )
