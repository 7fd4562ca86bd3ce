"""Three desks that tell each other what they mean to do; lists are folded when they are read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from registry.application.intents import IntentCommand, IntentDesk, ListedIntent, Standing
from registry.application.lists import Ask
from registry.application.practices import PracticeDesk
from registry.application.recording import Receipt
from registry.application.roles import Client
from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.content import IntentAnswered, IntentDeclared, IntentWithdrawn
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from tests.unit.application.desk_world import ADA, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, Nodes, opening

TODAY: Final = date(2026, 11, 26)
PLAN: Final[dict[str, Any]] = {
    "title": "A visit (invented)",
    "declared_date": "2026-11-20",
    "instrument": "un.visit",
    "action": "visit",
    "addressee_state": "XXA",
    "planned_date": "2026-12-01",
    "planned_until_date": "2026-12-05",
    "lapses_date": None,
}
ANSWER: Final[dict[str, Any]] = {"answered_date": "2026-11-22"}
_numbers = iter(range(10**6))


@dataclass
class Acting:
    """One node with its desks."""

    world: DeskWorld

    @property
    def node(self) -> Node:
        return self.world.node

    @property
    def slug(self) -> str:
        return self.node.registry.own.slug

    @property
    def intents(self) -> IntentDesk:
        return IntentDesk(self.node.registry, self.world.desk)

    @property
    def practices(self) -> PracticeDesk:
        return PracticeDesk(self.node.registry, self.world.desk)

    def opens(self, **fields: Any) -> CaseId:
        """Opens an invented case for everyone."""
        content = opening().model_copy(update=fields)
        return self.node.record(content, audience=EVERYONE).case_id

    def does(
        self, case_id: CaseId, kind: K, audience: AudienceChoice = EVERYONE, **fields: Any
    ) -> Receipt:
        content = example_of(kind, **{"acting_body": self.slug, **fields})
        return self.node.record(content, case_id, audience=audience)

    def declares(self, case_id: CaseId, *to: str, client: Client = ADA, **fields: Any) -> Receipt:
        content = example_of(K.INTENT_DECLARED, **{**PLAN, "acting_body": self.slug, **fields})
        assert isinstance(content, IntentDeclared)
        done = self.intents.declare(command(*to, client=client), case_id, content)
        return self.node.registry.receipt(done.result())

    def answers(
        self, intent: Receipt, answer: str, *to: str, client: Client = ADA, **fields: Any
    ) -> Receipt:
        content = example_of(
            K.INTENT_ANSWERED,
            answer=answer,
            about=None,
            **{**ANSWER, "acting_body": self.slug, **fields},
        )
        assert isinstance(content, IntentAnswered)
        asked = command(*to, client=client)
        done = self.intents.answer(asked, intent.origin, intent.index, content)
        return self.node.registry.receipt(done.result())

    def withdraws(self, intent: Receipt, client: Client = ADA) -> Receipt:
        content = example_of(
            K.INTENT_WITHDRAWN, about=None, acting_body=self.slug, withdrawn_date="2026-11-23"
        )
        assert isinstance(content, IntentWithdrawn)
        asked = command(client=client)
        done = self.intents.withdraw(asked, intent.origin, intent.index, content)
        return self.node.registry.receipt(done.result())

    def sees(
        self,
        standing: Standing = "any",
        *,
        client: Client = ADA,
        today: date = TODAY,
        **asked: Any,
    ) -> Sequence[ListedIntent]:
        """The intents that the node lists now."""
        self.fold()
        return self.intents.listed(client, Ask(100, **asked), today, standing).rows

    def fold(self) -> None:
        while self.node.registry.projector.advance().is_behind:
            pass


def command(*to: str, client: Client = ADA) -> IntentCommand:
    return IntentCommand(f"request {next(_numbers)}", client, to)


@contextmanager
def acting(nodes: Nodes) -> Iterator[Mapping[str, Acting]]:
    """The desks of all nodes, by mechanism."""
    with ExitStack() as stack:
        yield {slug: Acting(stack.enter_context(open_world(node))) for slug, node in nodes.items()}
