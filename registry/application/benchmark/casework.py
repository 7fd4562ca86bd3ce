"""Invented casework for `registry bench --casework`: cases with acts of many kinds."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from registry.application.benchmark.invented import command
from registry.application.benchmark.invented_names import organisation_name, person_name
from registry.application.registry import Registry
from registry.domain.audience import OWN_ONLY
from registry.domain.content import ActContent
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.states import state_codes
from registry.domain.vocabulary import EventKind, known_themes
from registry.store.values import Appended

K = EventKind
_GROUP: Final = 250
_STATES: Final = 60
SEQUENCE: Final[Sequence[tuple[EventKind, str, int | None]]] = (
    (K.CASE_OPENED, "", None),
    (K.SUBMISSION_RECEIVED, "", None),
    (K.COMMUNICATION_SENT, "un.ua", None),
    (K.REPLY_RECEIVED, "", 2),
    (K.COMMUNICATION_SENT, "un.al", None),
    (K.STATEMENT_ISSUED, "un.press", None),
    (K.RECOMMENDATION_MADE, "un.recommendation", None),
    (K.RECOMMENDATION_RESPONSE, "", 6),
    (K.FOLLOWUP_ASSESSED, "tb.assessment", 6),
    (K.FOLLOWUP_INFORMATION, "", 6),
    (K.OPINION_ADOPTED, "wgad.opinion", None),
    (K.DETENTION_RECORDED, "", None),
    (K.PERSON_RELEASED, "", 11),
    (K.LAW_PROPOSED, "", None),
    (K.LEGAL_REVIEW_ISSUED, "osce.opinion", None),
    (K.NOTE_ADDED, "", None),
    (K.DOCUMENT_PUBLISHED, "coe.memorandum", None),
    (K.MEETING_HELD, "", None),
    (K.COMMUNICATION_SENT, "coe.letter", None),
    (K.CASE_STATUS_CHANGED, "", None),
)
"""What happens in each case: kind, instrument, and the place in this list of what it is about."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Casework:
    """What was recorded, and words and names to search for."""

    events: int
    cases: int
    state: str
    theme: str
    reference: str
    word: str
    name: str
    common_name: str
    long_name: str


def fill_casework(
    folder: Path,
    *,
    cases: int,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    progress: Progress,
) -> Casework:
    """Records `len(SEQUENCE)` events in each of so many cases; folds nothing.

    Args:
        folder: of a node that has joined and is not running.
        cases: how many.
        now_ms: the clock.
        random_bytes: the source of case ids and salts.
        progress: called with (events recorded, events in all).

    Raises:
        FolderError, StorageError: as `Registry.open` and `Registry.record`.
    """
    registry = Registry.open(folder, now_ms=now_ms, random_bytes=random_bytes)
    total = cases * len(SEQUENCE)
    try:
        registry.open_log()
        for start in range(0, cases, _GROUP):
            _record_group(registry, range(start, min(start + _GROUP, cases)))
            progress(min(start + _GROUP, cases) * len(SEQUENCE), total)
    finally:
        registry.close()
    return Casework(
        events=total,
        cases=cases,
        state=_state(7),
        theme=known_themes()[7],
        reference=f"ua {_state(7)} 007/2024",
        word=_word(7),
        name=person_name(7),
        common_name="Muhammad",
        long_name=f"Federation of the {organisation_name(7)} and of {organisation_name(8)}",
    )


def _record_group(registry: Registry, numbers: range) -> None:
    ids: list[CaseId] = []
    indices: list[list[int]] = [[] for _ in numbers]
    requests = count(numbers.start * len(SEQUENCE))
    for kind, instrument, target in SEQUENCE:
        waiting: list[Future[Appended]] = []
        for at, number in enumerate(numbers):
            about = None
            if target is not None:
                about = {"origin": registry.own.origin, "index": indices[at][target]}
            content = _content(kind, instrument, number, about)
            case_id = ids[at] if ids else None
            asked = command(f"casework {next(requests)}", case_id, content)
            if content.persons:
                # Nobody has consented to more: the name stays at its node.
                asked = replace(asked, audience=OWN_ONLY)
            waiting.append(registry.record(asked))
        done = [each.result() for each in waiting]
        ids = ids or [registry.receipt(each).case_id for each in done]
        for at, each in enumerate(done):
            indices[at].append(each.index)


def _content(
    kind: EventKind, instrument: str, number: int, about: dict[str, Any] | None
) -> ActContent:
    themes = known_themes()
    changed: dict[str, Any] = {
        "title": f"Invented matter {number} {_word(number)}",
        "summary": "Invented words that stand for what happened, as long as they are in life. " * 4,
        "states": [_state(number)],
        "themes": [themes[number % len(themes)]],
        "references": [],
        "about": about,
    }
    if instrument:
        changed["instrument"] = instrument
    if instrument == "un.ua":
        changed["references"] = [f"UA {_state(number)} {number}/2024"]
    return example_of(kind, **changed, **_own_fields(number).get(kind, {}))


def _own_fields(number: int) -> dict[EventKind, dict[str, Any]]:
    """What differs from the examples by the kind."""
    person = {"person_id": f"{number:032x}", "name": person_name(number)}
    state = {"addressee_state": _state(number)}
    return {
        K.STATEMENT_ISSUED: {"texts": (), "cosignatures": ()},
        K.FOLLOWUP_ASSESSED: {"derived": ""},
        K.RECOMMENDATION_MADE: state,
        K.COMMUNICATION_SENT: {**state, "reply_due_date": None},
        K.DETENTION_RECORDED: {"persons": [person]},
        K.SUBMISSION_RECEIVED: {
            "parties": [{"kind": "organisation", "name": organisation_name(number)}]
        },
    }


def _state(number: int) -> str:
    codes = sorted(state_codes())
    return codes[number % _STATES]


def _word(number: int) -> str:
    """A word of its own for every hundredth part of the cases."""
    return f"zq{number % 101:03}"
