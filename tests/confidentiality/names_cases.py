"""One case of a plan: what was done in it, in which words, and what the design permits of it.

`Memory` is written from the design and shares no code with what it judges: it keeps every act in
the order in which it was done and answers who may be told a name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import (
    ActContent,
    CaseOpened,
    CommunicationSent,
    ConsentRecorded,
    ConsentWithdrawn,
    NamedPerson,
    ReprisalAlleged,
    StatementIssued,
)
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.log.entry import Header
from registry.store.values import HeldPart
from tests.confidentiality.names_plans import PUBLIC, SHARE, STATE, Act
from tests.unit.application.federation_in_process import Nodes

OWN: Final[dict[str, Any]] = {"acting_body": "a", "basis": "own_act", "is_invented": True}
_OF_REGISTER: Final[dict[str, Any]] = {
    "basis": "public_record",
    "source": "an invented register",
    "about": None,
    "attachments": (),
}
"""A register tells every kind of event without what came before it."""
_CHANGED: Final[Mapping[EventKind, dict[str, Any]]] = {
    EventKind.STATEMENT_DRAFTED: {"invited": ()},
    EventKind.CASE_MARKED_EMBLEMATIC: {"is_taken_back": False},
}
"""What else an example says that follows from what came before it."""
_ALSO_IN: Final = {
    EventKind.PRACTICE_SHARED: ("practice",),
    EventKind.DEFINITION_AGREED: ("definition",),
}
"""Fields whose words are shown in the place of a summary."""
_WORD: Final = re.compile(r"word(\d{6})x(\d{2})")
Key = tuple[LogId, int, int]


class Done(NamedTuple):
    """An act that was recorded: its first part, who may hold that, and what it says."""

    act: Act
    key: Key
    header: Header
    content: ActContent
    number: int

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of its content and of its file, if it has one."""
        return tuple((*self.key[:2], ordinal) for ordinal in range(len(self.header.parts)))


@dataclass
class Case:
    """One case as a plan left it; persons' names, sources and words are its own."""

    nodes: Nodes
    case_id: CaseId
    number: int
    done: list[Done] = field(default_factory=list)
    erased: list[tuple[Done, list[HeldPart]]] = field(default_factory=list)
    """With its parts as a node may hold them that has not heard of the erasure yet."""
    begins: Mapping[LogId, int] = field(default_factory=dict)
    """How long each log was before."""

    def name(self, person: int) -> str:
        return f"{('Xanthippe', 'Ysolde')[person]} Vermilion{self.number:06}{'ab'[person]}"

    def person(self, number: int) -> NamedPerson:
        return NamedPerson(
            person_id=f"{self.number:030x}{number:02x}", name=self.name(number), role="defender"
        )

    @property
    def source(self) -> str:
        return f"source-of-{self.number:08}-who-told"

    def word(self, number: int) -> str:
        """Stands in what an act says, and in its file."""
        return f"word{self.number:06}x{number:02}"

    def words(self, act: Act, number: int) -> dict[str, Any]:
        """Of an act that stands at a place of its plan: who it names, and a word of its own."""
        word = self.word(number)
        names = (self.name(each) for each in act.in_text)
        return {
            "title": f"Of {word}",
            "summary": " and ".join([f"It concerns {word}", *names]),
            "persons": tuple(self.person(each) for each in act.persons),
        }

    def content(self, act: Act, number: int) -> Any:
        """What RecordEvent is given: a consent, a withdrawal, or an event of any kind."""
        words = self.words(act, number)
        if act.what == "open":
            return CaseOpened(**OWN, **words)
        if act.what == "consent":
            return ConsentRecorded(
                **OWN,
                **words,
                use=act.use,  # type: ignore[arg-type] # one of the literals
                mechanisms=act.mechanisms if act.use == SHARE else (),
                is_informed_of_risk=True,
                agrees=act.is_given,
            )
        if act.what == "withdraw":
            who = words.pop("persons")[0].person_id
            return ConsentWithdrawn(**OWN, **words, person_id=who, uses=act.uses)  # type: ignore[arg-type] # of the literals
        if act.kind is not None:
            words |= dict.fromkeys(_ALSO_IN.get(act.kind, ()), words["summary"])
            return example_of(act.kind, **words, **_OF_REGISTER, **_CHANGED.get(act.kind, {}))
        # Half of the cases are about reprisals, so that registers have entries.
        told = ReprisalAlleged if self.number % 2 else StatementIssued
        kind = CommunicationSent if act.to_state else told
        return kind(**OWN, **words)

    def newest(
        self, *what: str, author: str = "", holder: str = "", is_narrow: bool = False
    ) -> Done | None:
        """The last act of some sort: by an author, or that somebody else may hold.

        With `is_narrow` those alone that are not for everyone.
        """
        return next(
            (
                each
                for each in reversed(self.done)
                if each.act.what in what
                and (not author or each.act.author == author)
                and not (is_narrow and each.act.audience is None)
                and (not holder or (each.act.author != holder and self.is_for(each, holder)))
            ),
            None,
        )

    def is_for(self, done: Done, slug: str) -> bool:
        """Whether a member may hold what an act says."""
        if done.act.what == "withdraw":
            # Whom a withdrawal goes to follows from who may hold the names.
            return bool(done.header.audience.admits(self.nodes[slug].registry.own.id))
        return done.act.audience is None or slug in {done.act.author, *done.act.audience}

    def names_in(self, text: str) -> set[int]:
        return {number for number in (0, 1) if self.name(number) in text}

    def told_in(self, text: str) -> set[int]:
        """The places of the acts of which a text has the own word."""
        found = {(int(case), int(number)) for case, number in _WORD.findall(text)}
        return {number for case, number in found if case == self.number}

    def check_words(self, where: str, text: str, *readers: str) -> None:
        """Every act of which a text tells is one that all its readers may hold.

        Without readers it is for everybody, and tells of acts for everyone alone.
        """
        gone = {done.number for done, _ in self.erased}
        may = {
            each.number
            for each in self.done
            if all(self.is_for(each, slug) for slug in readers)
            and (readers or each.header.audience.is_all or each.act.audience is None)
        }
        told = self.told_in(text)
        assert not told & gone, f"{where} tells of what was erased"
        assert told <= may, f"{where} tells {readers} of acts {told - may}, which are for others"


def choice_of(act: Act) -> AudienceChoice:
    """The audience that is asked for."""
    if act.audience is None:
        return EVERYONE
    others = tuple(sorted(act.audience - {act.author}))
    return named(*others) if others else OWN_ONLY


class Memory:
    """What one node may do with names, from the acts whose content it holds, in their order."""

    def __init__(self, done: Iterable[Done], held: frozenset[Key]) -> None:
        self._acts = [(each.act, each.key) for each in done if each.key in held]

    def knows(self, person: int) -> bool:
        """Whether the node has ever been told that somebody of this name is in the case."""
        return any(person in act.persons and act.what != "withdraw" for act, _ in self._acts)

    def has_taken_back(self, person: int) -> bool:
        """Whether somebody whose name is known withdrew, or refused, any use of it."""
        return self.knows(person) and any(
            person in act.persons
            and (act.what == "withdraw" or (act.what == "consent" and not act.is_given))
            for act, _ in self._acts
        )

    def permits(self, person: int, use: str, author: str, *recipients: str) -> bool:
        """Whether a name may be used as an act of a mechanism names it; the default is no."""
        covered: set[str] | None = None
        for act, _ in self._acts:
            if person not in act.persons:
                continue
            if act.what == "withdraw" and use in (act.uses or (PUBLIC, STATE, SHARE)):
                covered = None
            elif act.what == "consent" and act.author == author and act.use == use:
                covered = {*(covered or ()), *act.mechanisms} if act.is_given else None
        if use != SHARE:
            return covered is not None
        return covered is not None and bool(recipients) and set(recipients) <= covered
