"""What clients of a node read of a case, by every call that reads, and what may stand in it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Final

from registry.application.acting import Question
from registry.application.detention_desk import DetentionDesk
from registry.application.known_history import ByTime
from registry.application.lists import Ask
from registry.domain.vocabulary import EventKind
from registry.errors import NotFound
from registry.views.case_list import fold_case
from tests.confidentiality.names_calls import OFFICER, Calls
from tests.confidentiality.names_cases import Case, Done, Key, Memory
from tests.confidentiality.names_plans import SHARE
from tests.confidentiality.names_world import World
from tests.unit.application.federation_in_process import Node

TODAY: Final = date(2026, 3, 1)
_EVER_MS: Final = 2**50
_ASKED_EVERY: Final = 4
_OF_DESKS: Final = frozenset(
    {
        EventKind.PRACTICE_SHARED,
        EventKind.DEFINITION_AGREED,
        EventKind.DETENTION_RECORDED,
        EventKind.DETENTION_CHANGED,
        EventKind.PERSON_RELEASED,
    }
)
_SEARCHED_EVERY: Final = 8
"""Names of all cases are compared in a search: it is dear."""


def check_reads(
    world: World, case: Case, node: Node, held: frozenset[Key]
) -> Iterator[tuple[str, str]]:
    """A client reads what its node holds and no more; gives each way of reading and its answer."""
    slug = node.registry.own.slug
    here = [each for each in case.done if each.key in held]
    names = {person for each in here for person in case.names_in(repr(each.content))}
    answers = list(_of_case(case, node))
    # The desks are dear to ask: of what they tell in every case, of all else in some.
    if any(map(_is_told_by_desks, here)) or not case.number % _ASKED_EVERY:
        answers += _by_desks(case, world.calls[slug], here)
    for where, text in answers:
        case.check_words(f"{where} at {slug}", text, slug)
        assert case.names_in(text) <= names, f"{where} at {slug} names who stands in nothing here"
        yield where, text
    for done in here:
        if done.act.what == "ask" and done.act.matches:
            memory = Memory(case.done, held)
            yield "matching", _check_matching(case, world.calls[slug], memory, done)


def _is_told_by_desks(done: Done) -> bool:
    is_call = done.act.what not in {"name", "open", "consent", "withdraw"}
    return is_call or len(done.keys) > 1 or done.act.kind in _OF_DESKS


def _of_case(case: Case, node: Node) -> Iterator[tuple[str, str]]:
    registry = node.registry
    history = registry.history(case.case_id)
    yield "history", repr(history)
    yield "timeline", repr(registry.timeline(history))
    yield "known", repr(registry.known_history(case.case_id, ByTime(_EVER_MS)))
    # Every row of every list that this case has a row in.
    yield "lists", repr(fold_case(history, registry.situations, registry.profiles).documents)


def _by_desks(case: Case, calls: Calls, here: list[Done]) -> Iterator[tuple[str, str]]:
    while calls.node.registry.projector.advance().is_behind:
        pass
    case_id = case.case_id
    asked = Ask(100, facets=(("case", (case_id.hex(),)),))
    yield "questions", repr(calls.asking.questions(OFFICER, asked, "received"))
    yield "questions", repr(calls.asking.questions(OFFICER, asked, "sent"))
    yield "intents", repr(calls.intents.listed(OFFICER, asked, TODAY))
    yield "practices", repr(calls.practices.practices_for(OFFICER, Ask(100), case_id))
    yield "definitions", repr(calls.practices.definitions(OFFICER, Ask(100)))
    detentions = DetentionDesk(calls.node.registry, calls.desk)
    yield "detentions", repr(detentions.detentions(OFFICER, case_id))
    yield "detentions", repr(detentions.untried(OFFICER, case_id))
    for done in here:
        if len(done.keys) > 1:
            yield "file", _file(calls.node, done)
        if done.act.what in {"draft", "issue"}:
            origin = case.nodes[done.act.author].registry.own.origin
            yield "statement", repr(calls.statements.read(OFFICER, origin, done.key[1]))
    if not case.number % _SEARCHED_EVERY:
        yield "acted", repr(calls.acting.answer(OFFICER, Question(name=case.name(0))))


def _file(node: Node, done: Done) -> str:
    registry = node.registry
    try:
        _, part = registry.attachments.locate(*done.keys[1], now_ms=registry.clock_ms())
    except NotFound:
        return ""
    return part.content.decode()


def _check_matching(case: Case, calls: Calls, memory: Memory, asked: Done) -> str:
    """What a matching tells is held by both, and its person permits that the other knows."""
    told = ""
    origin = case.nodes[asked.act.author].registry.own.origin
    with suppress(NotFound):
        result = calls.matching.result(OFFICER, origin, asked.key[1])
        told = repr(result)
        for person in case.names_in(told):
            assert memory.permits(person, SHARE, calls.slug, result.peer), (
                f"{calls.slug} is told that {result.peer} holds person {person}"
            )
    return told
