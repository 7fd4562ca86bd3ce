"""The calls of a node's clients by which something is told: each act of a plan by its own.

Questions, answers and what comes of a matching go through the desk for asking, intents and their
answers through theirs; a joint statement is drafted, signed and issued; all else is recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from registry.application.acting import Acting
from registry.application.asking import AnswerCommand, AskingDesk, QuestionCommand
from registry.application.asking_limits import AskingLimits
from registry.application.desk import Desk, Order
from registry.application.erasing import EraseCommand, ErasureTarget
from registry.application.intents import IntentCommand, IntentDesk
from registry.application.matching import Matching
from registry.application.matching_desk import MatchingDesk, TellCommand
from registry.application.practices import PracticeDesk
from registry.application.preview import AnswerPreview, Preview
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.application.statement_desk import StatementDesk
from registry.domain.content import (
    ActContent,
    EventPointer,
    IntentAnswered,
    IntentDeclared,
    IntentWithdrawn,
    MatchingReturned,
    PeerAnswered,
    PeersAsked,
    SourceIdentity,
    StatementCosigned,
    StatementDrafted,
    StatementIssued,
    decode_content,
)
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.matching import MatchedName
from registry.errors import RegistryError
from registry.store.uploads import UploadClaim
from registry.store.values import Appended, UploadRef
from tests.confidentiality.names_cases import OWN, Case, Done, choice_of
from tests.confidentiality.names_plans import Act
from tests.unit.application.federation_in_process import Node

OFFICER: Final = Client("officer", Role.OFFICER)
TELLING: Final = (
    *(
        "name",
        "ask",
        "answer",
        "tell",
        "intend",
        "reply",
        "retract",
        "draft",
        "cosign",
        "issue",
        "open",
    ),
)
"""Acts that tell something: all but those that speak of consents, or of other acts."""
_CLIENT: Final = b"o" * 32
_NO_LIMITS: Final = AskingLimits(*[10**6] * 5)


class Told(NamedTuple):
    """What a call showed whoever made it, and what it would record.

    Attributes:
        act: with the audience that follows.
        preview: what would leave; None = the call has none.
        matched: the names that take part in a matching, and with whom.
    """

    act: Act
    preview: Preview | None = None
    text: str = ""
    matched: tuple[MatchedName, ...] = ()


class Unfit(Exception):
    """There is nothing in the case that the act could be about."""


@dataclass
class Calls:
    """Everything that a client of one node may call."""

    node: Node
    desk: Desk

    def __post_init__(self) -> None:
        registry = self.node.registry
        self.slug = registry.own.slug
        matching = Matching(registry, self.desk, is_on=True, random_bytes=self.node.random_bytes)
        self.asking = AskingDesk(registry, self.desk, matching, _NO_LIMITS)
        self.matching = MatchingDesk(registry, self.desk, matching)
        self.intents = IntentDesk(registry, self.desk)
        self.practices = PracticeDesk(registry, self.desk)
        self.statements = StatementDesk(registry, self.desk)
        self.acting = Acting(registry, self.desk)
        self._own_calls: dict[str, Callable[[Case, Act, int], tuple[Told, Appended | None]]] = {
            "ask": self._ask,
            "answer": self._answer,
            "tell": self._tell,
            "intend": self._intend,
            "reply": self._reply,
            "retract": self._retract,
        }

    def carry_out(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        """Makes the call of an act; None = it was refused, or there is nothing to be about."""
        try:
            call = self._own_calls.get(act.what, self._record)
            return call(case, act, number)
        except Unfit:
            return Told(act), None

    def erase(self, case: Case, done: Done, number: int) -> None:
        """Erases what an own act says."""
        targets = tuple(ErasureTarget(index, ordinal) for _, index, ordinal in done.keys)
        command = EraseCommand(f"erase {case.number} {number}", "", targets)
        self.desk.erase(OFFICER, command).result()

    # --- recorded as such -----------------------------------------------------------------------

    def _record(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        act, content = self._content(case, act, number)
        files = (self._uploaded(case, number),) if act.has_file else ()
        command = RecordCommand(
            _key(case, number),
            "",
            case.case_id,
            content,
            choice_of(act),
            attachments=files,
        )
        order = Order(source=SourceIdentity(name=case.source, contact=case.source))
        told = Told(act, self.node.registry.preview(command))
        appended = _taken(lambda: self.desk.record(OFFICER, command, order).result())
        for left in files if appended is None else ():
            self.node.registry.store.uploads.discard(left).result()
        return told, appended

    def _uploaded(self, case: Case, number: int) -> UploadRef:
        file = f"A file of {case.word(number)}".encode()
        claim = UploadClaim(len(file), sha256(file).digest(), "a.txt", "")
        upload = self.node.registry.attachments.begin(_CLIENT, _key(case, number), claim)
        return self.node.registry.attachments.put(upload.ref, 0, file).ref

    def _content(self, case: Case, act: Act, number: int) -> tuple[Act, ActContent]:
        words = case.words(act, number)
        if act.what == "draft":
            others = tuple(sorted(act.audience or ()))
            # Title and texts are issued as they are, so that the draft's own word is in neither.
            names = " and ".join(case.name(each) for each in act.in_text)
            words["title"] = "A joint statement (invented)"
            texts = (StatementText(language="en", text=f"We are concerned for {names}."),)
            return act, StatementDrafted(**OWN, **words, texts=texts, invited=others)
        if act.what not in {"cosign", "issue"}:
            return act, case.content(act, number)
        # A draft is signed by others and issued by its author.
        is_signing = act.what == "cosign"
        draft = (
            case.newest("draft", holder=act.author)
            if is_signing
            else case.newest("draft", author=act.author)
        )
        if draft is None or not isinstance(draft.content, StatementDrafted):
            raise Unfit
        frozen, about = draft.content.texts, self._pointer(case, draft)
        if is_signing:
            act = act._replace(audience=frozenset({draft.act.author}))
            signed_hash = frozen_hash(frozen)
            return act, StatementCosigned(**OWN, **words, about=about, text_hash=signed_hash)
        words["title"] = draft.content.title
        signed = case.newest("cosign", holder=self.slug)
        with_whom = () if signed is None else (self._pointer(case, signed),)
        return act._replace(audience=None), StatementIssued(
            **OWN, **words, about=about, texts=frozen, cosignatures=with_whom
        )

    # --- questions and intents ------------------------------------------------------------------

    def _ask(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        peers = tuple(sorted(act.audience or ()))
        content = PeersAsked(**OWN, **case.words(act, number), mechanisms=peers)
        command = QuestionCommand(_key(case, number), case.case_id, content)
        try:
            shown = self.asking.preview(OFFICER, command, matches=act.matches)
        except RegistryError as error:
            return Told(act, text=str(error)), None
        told = Told(act, shown.preview, repr(shown), shown.matching_names)
        return told, _taken(
            lambda: self.asking.ask(OFFICER, command, shown.confirmation, matches=act.matches)
        )

    def _answer(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        asked = case.newest("ask", holder=self.slug)
        if asked is None:
            raise Unfit
        words = case.words(act, number)
        content = PeerAnswered(**OWN, **words, about=self._pointer(case, asked), answer="yes")
        command = AnswerCommand(_key(case, number), content)
        act = act._replace(audience=frozenset({asked.act.author}))
        return self._previewed(
            act,
            lambda: self.asking.preview_answer(OFFICER, command, matches=act.matches),
            lambda: self.asking.answer(OFFICER, command, matches=act.matches),
        )

    def _tell(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        asked, answer = (
            case.newest("ask", author=self.slug),
            case.newest("answer", holder=self.slug),
        )
        if asked is None or answer is None:
            raise Unfit
        content = MatchingReturned(**OWN, **case.words(act, number))
        place = (self.node.registry.own.origin, asked.key[1])
        command = TellCommand(_key(case, number), *place, content)
        act = act._replace(audience=frozenset({answer.act.author}))
        return self._previewed(
            act,
            lambda: self.matching.preview(OFFICER, command),
            lambda: self.matching.tell(OFFICER, command),
        )

    def _previewed(
        self, act: Act, shows: Callable[[], AnswerPreview], does: Callable[[], Appended]
    ) -> tuple[Told, Appended | None]:
        try:
            shown = shows()
        except RegistryError as error:
            return Told(act, text=str(error)), None
        return Told(act, shown.preview, repr(shown), shown.names), _taken(does)

    def _intend(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        content = IntentDeclared(**OWN, **case.words(act, number), action="visit")
        command = self._command(case, number, *sorted(act.audience or ()))
        return Told(act), _taken(
            lambda: self.intents.declare(command, case.case_id, content).result()
        )

    def _reply(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        intent = case.newest("intend", holder=self.slug)
        if intent is None:
            raise Unfit
        content = IntentAnswered(**OWN, **case.words(act, number), answer="joins")
        audience = intent.act.audience
        # Unless others are named: all that may hold it; of one for everyone who declared it.
        holders = frozenset({intent.act.author, *(() if audience is None else audience)})
        told = Told(act._replace(audience=holders))
        return told, self._about_intent(case, intent, number, content)

    def _retract(self, case: Case, act: Act, number: int) -> tuple[Told, Appended | None]:
        intent = case.newest("intend", author=self.slug)
        if intent is None:
            raise Unfit
        content = IntentWithdrawn(**OWN, **case.words(act, number))
        told = Told(act._replace(audience=intent.act.audience))
        return told, self._about_intent(case, intent, number, content)

    def _about_intent(
        self, case: Case, intent: Done, number: int, content: IntentAnswered | IntentWithdrawn
    ) -> Appended | None:
        command, place = self._command(case, number), self._pointer(case, intent)
        if isinstance(content, IntentAnswered):
            return _taken(
                lambda: self.intents.answer(command, place.origin, place.index, content).result()
            )
        return _taken(
            lambda: self.intents.withdraw(command, place.origin, place.index, content).result()
        )

    def _command(self, case: Case, number: int, *to: str) -> IntentCommand:
        return IntentCommand(_key(case, number), OFFICER, to)

    def _pointer(self, case: Case, done: Done) -> EventPointer:
        origin = case.nodes[done.act.author].registry.own.origin
        return EventPointer(origin=origin, index=done.key[1])


def _key(case: Case, number: int) -> str:
    return f"{case.number} {number}"


def _taken(does: Callable[[], object]) -> Appended | None:
    try:
        appended = does()
    except RegistryError:
        return None
    assert isinstance(appended, Appended)  # one person is enough here
    return appended


def content_at(node: Node, index: int) -> ActContent:
    """What a node recorded at a place."""
    part = node.registry.store.part(node.log_id, index, 0)
    assert part is not None
    content = decode_content(part.media_type, part.content)
    assert content is not None
    return content
