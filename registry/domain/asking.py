"""Questions to peers: what may be asked and answered, and the hash by which a preview is confirmed.

    confirmation   SHA-256("registry/question/v1" || LF || case_id[16] || slugs || LF || content)
    slugs          those that are asked, sorted, with a comma between two
    content        the stored form of the question, byte for byte what is sent

Whoever asks has seen exactly that: another text, other mechanisms or another case have another
hash. Who answers is a person: nothing here makes an answer.
"""

import hashlib
from typing import Final, NoReturn

from registry.domain.content import ActContent, PeerAnswered, PeersAsked, encode_content
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation

ASKING_KINDS: Final = frozenset(
    {EventKind.PEERS_ASKED, EventKind.PEER_ANSWERED, EventKind.MATCHING_RETURNED}
)
"""Recorded by asking and answering alone, never like other events: see `AskingDesk`."""
WORDS_MAX: Final = 500
"""Characters of an answer's words."""
_LABEL: Final = b"registry/question/v1\n"


def confirmation_of(case_id: CaseId, question: PeersAsked) -> str:
    """The hash that stands for a question as its preview showed it, in hexadecimal."""
    slugs = ",".join(sorted(question.mechanisms)).encode()
    told = _LABEL + case_id + slugs + b"\n" + encode_content(question)
    return hashlib.sha256(told).hexdigest()


def check_question(question: PeersAsked, own: str) -> None:
    """A question asks others something.

    Args:
        question: what is asked.
        own: slug of who asks.

    Raises:
        RuleViolation: rules `question_names_peers`, `question_asks_something` and
            `question_is_own`.
    """
    asked = question.mechanisms
    if not asked or own in asked or len(set(asked)) < len(asked):
        _refuse("mechanisms", "question_names_peers", "name other mechanisms, each once")
    says = (question.summary, question.references, question.parties, question.persons)
    if not any(says) and question.about is None:
        text = "ask about something: words, a reference, an organisation, a person or an event"
        _refuse("summary", "question_asks_something", text)
    if question.basis != "own_act":
        _refuse("basis", "question_is_own", "a mechanism asks for itself: own_act")


def check_answer(question: ActContent | None, asker: str, own: str, answer: PeerAnswered) -> None:
    """An answer is that of a mechanism that was asked by another, and is short.

    Args:
        question: what is answered; None = its content is not readable here.
        asker: slug of who asked.
        own: slug of who answers.
        answer: what is answered.

    Raises:
        RuleViolation: rules `asked_is_answering`, `answer_is_own` and `answer_is_short`.
    """
    if not isinstance(question, PeersAsked) or asker == own or own not in question.mechanisms:
        _refuse("about", "asked_is_answering", "this is no question to this mechanism")
    if answer.basis != "own_act":
        _refuse("basis", "answer_is_own", "a mechanism answers for itself: own_act")
    if len(answer.summary) > WORDS_MAX:
        _refuse("summary", "answer_is_short", f"an answer has at most {WORDS_MAX} characters")


def refuse_plain_recording(kind: EventKind) -> None:
    """Refuses to record a question or an answer like any other event, past its preview and limit.

    Raises:
        RuleViolation: rule `asked_with_a_preview`.
    """
    if kind in ASKING_KINDS:
        text = "questions and answers have calls of their own: see `registry ask` and `answer`"
        _refuse("kind", "asked_with_a_preview", text)


def _refuse(field: str, rule: str, text: str) -> NoReturn:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule=rule)
