"""Statements told by several mechanisms in one case, recorded only as far as the rules allow."""

from typing import Any, Final

from registry.domain.acts import Act
from registry.domain.content import ActContent, read_content
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.decisions import check_new_event
from registry.domain.rules import CaseFacts, KnownEvent
from registry.domain.statements import Place, Statement, statements_of
from registry.domain.vocabulary import EventKind

K = EventKind
TEXTS = (
    StatementText(language="en", text="We are concerned (invented)."),
    StatementText(language="fr", text="Nous sommes pr\xe9occup\xe9s (invent\xe9)."),
    StatementText(language="es", text="Nos preocupa (inventado)."),
)
HASH = frozen_hash(TEXTS)
OWN: Final[dict[str, Any]] = {
    "title": "A joint statement (invented)",
    "acting_body": "test.desk",
    "basis": "own_act",
}


def origin(mechanism: str, epoch: int = 1) -> str:
    return f"testing.example/{mechanism}/{epoch}"


class Case:
    """One case as a node sees it that holds all of it; hidden acts are not readable."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.hidden: set[Place] = set()

    def readable(self) -> list[Act]:
        return [act for act in self.acts if act.place not in self.hidden]

    def says(
        self, mechanism: str, kind: EventKind, about: Place | None = None, **fields: Any
    ) -> Place:
        """Records what a node without any rules would."""
        epoch = fields.pop("epoch", 1)
        log = origin(mechanism, epoch)
        index = sum(act.origin == log for act in self.acts)
        self.acts.append(Act(log, index, mechanism, made(kind, about, **fields), {}))
        return log, index

    def records(
        self,
        mechanism: str,
        kind: EventKind,
        about: Place | None = None,
        *,
        is_for_all: bool = False,
        **fields: Any,
    ) -> Place:
        """Records what the rules allow."""
        content = made(kind, about, **fields)
        check_new_event(content, is_for_all=is_for_all, case=self.facts(mechanism))
        return self.says(mechanism, kind, about, **fields)

    def facts(self, mechanism: str) -> CaseFacts:
        known = {
            act.place: KnownEvent(None, None)
            if act.place in self.hidden
            else KnownEvent(act.content.kind, act.content)
            for act in self.acts
        }
        return CaseFacts(
            exists=True,
            is_new=False,
            is_situation=False,
            own_origin=origin(mechanism),
            event_at=lambda log, index: known.get((log, index)),
            own_acts=lambda: [a.content for a in self.readable() if a.mechanism == mechanism],
            acts=self.readable,
        )

    def drafts(self, about: Place | None = None, **fields: Any) -> Place:
        """A draft of alpha that two of beta, gamma and delta must sign."""
        given: dict[str, Any] = {
            "texts": TEXTS,
            "invited": ["beta", "gamma", "delta"],
            "needed_signatures": 2,
        }
        return self.records("alpha", K.STATEMENT_DRAFTED, about, **(given | fields))

    def signs(self, mechanism: str, place: Place, **fields: Any) -> Place:
        return self.records(mechanism, K.STATEMENT_COSIGNED, place, **{"text_hash": HASH, **fields})

    def issues(self, draft: Place, *signed: Place, **fields: Any) -> Place:
        given: dict[str, Any] = {"texts": TEXTS, "cosignatures": [pointer(each) for each in signed]}
        return self.records("alpha", K.STATEMENT_ISSUED, draft, is_for_all=True, **(given | fields))

    def withdraws(self, mechanism: str, place: Place, **fields: Any) -> Place:
        return self.records(mechanism, K.STATEMENT_WITHDRAWN, place, **fields)

    def statements(self) -> tuple[Statement, ...]:
        return statements_of(self.readable())

    def at(self, place: Place) -> Statement:
        (found,) = [each for each in self.statements() if place in each.places]
        return found

    def states(self, place: Place) -> dict[str, str]:
        return {each.mechanism: each.state for each in self.at(place).signatures}


def made(kind: EventKind, about: Place | None, **fields: Any) -> ActContent:
    named = None if about is None else pointer(about)
    return read_content(kind, {**OWN, "about": named, **fields})


def pointer(place: Place) -> dict[str, Any]:
    return {"origin": place[0], "index": place[1]}
