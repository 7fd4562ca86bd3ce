"""Has anyone acted? What this node holds of who has acted on a matter, ranked with reasons.

Rules it keeps:
1. A reference and a name find cases wherever and whenever they are; State, theme and period rank
   them, and find by themselves the cases with an act that agrees with all of them.
2. Cases that the caller may not know of are left out as if they were not there.
3. A name that came in another mechanism's log is used no more once its person has withdrawn.
4. What is shown is noted before it is returned, as lists do; what is asked for is kept nowhere.
"""

from dataclasses import dataclass, field
from typing import Final

from registry.application.acting_search import ASKED_MATTER, ActingAct, MatchedCase, Search
from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.acting import Overlap, Procedure, nature_of, overlaps_of
from registry.domain.matters import Asked
from registry.domain.mechanisms import Profiles
from registry.domain.names import fold_name
from registry.errors import InvalidRequest

__all__ = ["METHOD", "Acting", "ActingAct", "Answer", "MatchedCase", "Question"]

METHOD: Final = "HasAnyoneActed"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; at least one of reference, name, States, themes and period.

    Attributes:
        reference: in any spelling; empty = not by reference.
        name: of a person or an organisation; empty = not by name.
        asked: the circumstances.
        planned_instrument: what the asker means to do; empty = not said.
        planned_body: which body means to; empty = the only one that can, or not said.
        limit: cases at most.
    """

    reference: str = ""
    name: str = ""
    asked: Asked = field(default_factory=Asked)
    planned_instrument: str = ""
    planned_body: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """Cases by rank, whether there are more, and where bodies meet; none = none known here."""

    cases: tuple[MatchedCase, ...]
    has_more: bool
    overlaps: tuple[Overlap, ...]


class Acting:
    """Answers for the clients of one node; for any thread."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def answer(self, client: Client, question: Question) -> Answer:
        """Tells what is known here of who has acted.

        Raises:
            InvalidRequest: nothing is asked, or no profile knows the planned instrument.
            TryLater: content is closed.
        """
        registry, asked = self._registry, question.asked
        planned = _planned(question, registry.profiles)
        require_open(registry.store)
        search = Search(
            registry.models, registry.profiles, registry.consents, self._desk.hidden_from(client)
        )
        if question.reference:
            search.find_reference(question.reference)
        if question.name:
            search.find_name(question.name)
        search.find_circumstances(asked, question.limit)
        cases, has_more = search.cases(asked, question.limit)
        self._desk.note_rows(client, METHOD, search.rows_of(cases))
        overlaps = overlaps_of([*search.procedures(cases), *planned])
        return Answer(tuple(cases), has_more, overlaps)


def _planned(question: Question, profiles: Profiles) -> tuple[Procedure, ...]:
    """What the asker means to do, as a procedure on the matter; none = it was not said.

    Raises:
        InvalidRequest: nothing is asked, or no profile knows the instrument.
    """
    if question.name and not fold_name(question.name).tokens:
        msg = "name: a name has letters"
        raise InvalidRequest(msg)
    if not (question.reference or question.name or any(question.asked)):
        msg = "ask by a reference, a name, States, themes or a period: nothing of it was given"
        raise InvalidRequest(msg)
    code = question.planned_instrument
    if not code:
        return ()
    instrument, profile = profiles.instrument(code), profiles.of_instrument(code)
    if instrument is None or profile is None:
        msg = f"planned_instrument: no profile knows {code[:80]!r}"
        raise InvalidRequest(msg)
    body = question.planned_body
    if not body and len(profile.bodies) == 1:
        (body,) = profile.bodies
    nature = nature_of(instrument.event_kind, code, body, profiles)
    return (Procedure(ASKED_MATTER, body, nature, is_planned=True),)
