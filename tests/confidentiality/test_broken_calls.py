"""Promises 6 to 8, broken in what mechanisms tell each other: questions, intents, drafts ...

The same lies are told by each call alone: a name is not judged, an audience is signed that nobody
chose, sharing takes no heed of it, what was erased is taken again, a source is sent. The check of
the property sees each in one written plan, and then passes on the software as it is.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

import pytest

from registry.application import recording
from registry.application.matching_names import OwnNames
from registry.application.recording import RecordCommand, Recording
from registry.domain.audience import AudienceChoice, named, resolve_audience
from registry.domain.content import ActContent
from registry.domain.matching import MatchedName
from registry.domain.release import NO_NAMES
from registry.domain.vocabulary import EventKind
from registry.store import erasing
from tests.confidentiality.name_checks import check_plan
from tests.confidentiality.names_plans import BETA, NOBODY, SHARE, Act, Plan
from tests.confidentiality.names_world import World
from tests.confidentiality.test_broken_variants import Breaking, audience_ignored

_HELD: Final = tuple(Act("name", slug, NOBODY, persons=(0,)) for slug in ("alpha", "beta"))
_PERMITTED: Final = tuple(
    Act("consent", author, NOBODY, persons=(0,), use=SHARE, mechanisms=(other,))
    for author, other in (("alpha", "beta"), ("beta", "alpha"))
)
_ASK: Final = Act("ask", "alpha", BETA)
_INTEND: Final = Act("intend", "alpha", BETA)
_DRAFT: Final = Act("draft", "alpha", BETA)
_MATCH: Final = (
    Act("ask", "alpha", BETA, matches=True),
    Act("answer", "beta", NOBODY, matches=True),
    Act("tell", "alpha", NOBODY),
)


class Variant(NamedTuple):
    """One lie, the plan in which the check sees it, and what that then says."""

    breaks: Breaking
    plan: Plan
    sees: str


def name_not_judged(kind: EventKind) -> Breaking:
    """Recording and its preview let every name pass in events of a kind."""

    def breaks(patch: pytest.MonkeyPatch, _world: World) -> None:
        honest = Recording._release

        def judges(self: Recording, content: ActContent, *rest: Any) -> Any:
            return NO_NAMES if content.kind is kind else honest(self, content, *rest)

        patch.setattr(Recording, "_release", judges)

    return breaks


def told_to_others(kind: EventKind) -> Breaking:
    """The audience that is signed has one mechanism more than was chosen."""

    def breaks(patch: pytest.MonkeyPatch, _world: World) -> None:
        def resolves(choice: AudienceChoice, content: ActContent, *rest: Any, **more: Any) -> Any:
            found = resolve_audience(choice, content, *rest, **more)
            return named(*{*found.mechanisms, "gamma"}) if content.kind is kind else found

        patch.setattr(recording, "resolve_audience", resolves)
        # What concerns a draft is judged once more, by those whom it invites.
        patch.setattr(recording, "check_among_invited", lambda *_args, **_more: None)

    return breaks


def source_sent(kind: EventKind) -> Breaking:
    """The source of a case stands in what is recorded of a kind."""

    def breaks(patch: pytest.MonkeyPatch, world: World) -> None:
        honest = Recording.prepare

        def tells(self: Recording, command: RecordCommand) -> Any:
            content = command.content
            if content.kind is kind:
                source = f"source-of-{world.count:08}-who-told"
                told = content.model_copy(update={"summary": source})
                command = RecordCommand(
                    command.request_id,
                    command.scope,
                    command.case_id,
                    told,
                    command.audience,
                    is_confirmed_asking=command.is_confirmed_asking,
                )
            return honest(self, command)

        patch.setattr(Recording, "prepare", tells)

    return breaks


def tombstone_dropped(patch: pytest.MonkeyPatch, world: World) -> None:
    """Takes out both guards of every node: the look before storing, and the triggers."""
    patch.setattr(erasing, "without_erased", lambda _cursor, _numbers, given: list(given))
    for slug in world.nodes:
        with closing(sqlite3.connect(world.folder / slug / "log.db")) as database:
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for (name,) in database.execute(triggers).fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.commit()


def matching_ignores_consent(patch: pytest.MonkeyPatch, _world: World) -> None:
    def every_name(_self: OwnNames, _case: object, content: ActContent, _peer: str) -> Any:
        return (MatchedName("person", person.name) for person in content.persons)

    patch.setattr(OwnNames, "_names_in", every_name)


CALLS: Final[Mapping[str, tuple[EventKind, Plan]]] = {
    "question": (EventKind.PEERS_ASKED, (_ASK,)),
    "answer": (EventKind.PEER_ANSWERED, (_ASK, Act("answer", "beta", NOBODY))),
    "result": (EventKind.MATCHING_RETURNED, (*_PERMITTED, *_HELD, *_MATCH)),
    "intent": (EventKind.INTENT_DECLARED, (_INTEND,)),
    "reply": (EventKind.INTENT_ANSWERED, (_INTEND, Act("reply", "beta", NOBODY))),
    "withdrawn intent": (EventKind.INTENT_WITHDRAWN, (_INTEND, Act("retract", "alpha", NOBODY))),
    "practice": (
        EventKind.PRACTICE_SHARED,
        (Act("name", "alpha", BETA, kind=EventKind.PRACTICE_SHARED),),
    ),
    "definition": (
        EventKind.DEFINITION_AGREED,
        (Act("name", "alpha", BETA, kind=EventKind.DEFINITION_AGREED),),
    ),
    "draft": (EventKind.STATEMENT_DRAFTED, (_DRAFT,)),
    "signature": (EventKind.STATEMENT_COSIGNED, (_DRAFT, Act("cosign", "beta", NOBODY))),
}
"""The last act of each plan is the call."""


def _variants() -> Iterator[tuple[str, Variant]]:
    for call, (kind, plan) in CALLS.items():
        *before, last = plan
        # What permits person 0 permits nothing of person 1.
        known = Act("name", last.author, NOBODY, persons=(1,))
        naming = (*before, known, last._replace(in_text=(1,)))
        erased = (*plan, Act("erase", last.author, NOBODY))
        yield (
            f"consent ignored by a {call}",
            Variant(name_not_judged(kind), naming, "without consent"),
        )
        yield f"{call} told to others", Variant(told_to_others(kind), plan, "for others")
        yield (
            f"audience ignored of a {call}",
            Variant(audience_ignored, plan, "not in the audience"),
        )
        yield (
            f"tombstone of a {call} dropped",
            Variant(tombstone_dropped, erased, "erased, and there"),
        )
        yield f"source sent by a {call}", Variant(source_sent(kind), plan, "a source left")


VARIANTS: Final[Mapping[str, Variant]] = {
    "consent ignored by matchings": Variant(
        matching_ignores_consent, (*_HELD, *_MATCH), "without consent"
    ),
    "consent ignored by an issue": Variant(
        name_not_judged(EventKind.STATEMENT_ISSUED),
        (_HELD[0], _DRAFT, Act("issue", "alpha", NOBODY, in_text=(0,))),
        "without consent",
    ),
    **dict(_variants()),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_broken_call_is_seen_and_the_software_as_it_is_passes(
    shared_world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variant = VARIANTS[name]
    with monkeypatch.context() as patch:
        variant.breaks(patch, shared_world)
        with pytest.raises(AssertionError, match=variant.sees):
            check_plan(shared_world, variant.plan, Counter())

    check_plan(shared_world, variant.plan, Counter())
