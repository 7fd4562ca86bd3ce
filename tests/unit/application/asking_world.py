"""Three open nodes with a desk each, where officers ask and answer."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.application.asking import AnswerCommand, AskingDesk, Question, QuestionCommand
from registry.application.asking_limits import AskingLimits
from registry.application.lists import Ask
from registry.application.matching import Matching
from registry.application.matching_desk import MatchingDesk
from registry.application.roles import Client
from registry.domain.content import EventPointer, PeerAnswered, PeersAsked
from registry.domain.identifiers import CaseId
from registry.store.values import Appended
from tests.unit.application.desk_world import ADA, DeskWorld, open_world
from tests.unit.application.federation_in_process import Ceremony, Node, Nodes


def question(*mechanisms: str, **fields: Any) -> PeersAsked:
    """An invented question."""
    told = {"summary": "Have you acted for the invented centre?", "question": "acted"} | fields
    return PeersAsked(
        acting_body="a", basis="own_act", is_invented=True, mechanisms=mechanisms, **told
    )


@dataclass
class Officers:
    """One node's desk for asking."""

    node: Node
    desk: DeskWorld
    asking: AskingDesk
    matching: MatchingDesk

    @property
    def slug(self) -> str:
        return self.node.registry.own.slug

    def ask(
        self,
        case_id: CaseId,
        content: PeersAsked,
        *,
        client: Client = ADA,
        request_id: str = "",
        confirmed: tuple[str, ...] = (),
        matches: bool = False,
    ) -> Appended:
        """Looks at the preview and asks exactly that."""
        request = request_id or f"ask {self.desk.size()}"
        command = QuestionCommand(request, case_id, content, confirmed)
        preview = self.asking.preview(client, command, matches=matches)
        return self.asking.ask(client, command, preview.confirmation, matches=matches)

    def answer(
        self,
        about: Question,
        said: str = "no",
        *,
        client: Client = ADA,
        request_id: str = "",
        words: str = "",
        matches: bool = False,
    ) -> Appended:
        place = EventPointer(origin=about.question.event.origin, index=about.question.event.index)
        content = PeerAnswered(
            acting_body="b",
            basis="own_act",
            is_invented=True,
            about=place,
            answer=said,  # type: ignore[arg-type] # the model judges
            summary=words,
        )
        request = request_id or f"answer {self.desk.size()}"
        return self.asking.answer(client, AnswerCommand(request, content), matches=matches)

    def listed(self, which: Any = "received", client: Client = ADA, **more: Any) -> list[Question]:
        """All questions, newest first, once the lists are up to date."""
        while self.node.registry.projector.advance().is_behind:
            pass
        return list(self.asking.questions(client, Ask(100), which, **more).rows)


@dataclass
class AskingWorld:
    """The officers of all nodes, by mechanism."""

    nodes: Nodes
    officers: dict[str, Officers]

    def __getitem__(self, slug: str) -> Officers:
        return self.officers[slug]


@contextmanager
def open_asking(
    nodes: Nodes, limits: AskingLimits | None = None, *, matching_on: bool = True
) -> Iterator[AskingWorld]:
    """Opens the desks of open nodes."""
    with ExitStack() as stack:
        officers = {}
        for slug, node in nodes.items():
            desk = stack.enter_context(open_world(node))
            matching = Matching(
                node.registry, desk.desk, is_on=matching_on, random_bytes=node.random_bytes
            )
            officers[slug] = Officers(
                node,
                desk,
                AskingDesk(node.registry, desk.desk, matching, limits),
                MatchingDesk(node.registry, desk.desk, matching),
            )
        yield AskingWorld(nodes, officers)


def federation_copy(ceremony: Ceremony, tmp_path: Path) -> Path:
    """Copies the founded folders, which all tests share."""
    copy = tmp_path / "federation"
    shutil.copytree(ceremony.roster_file.parent, copy)
    return copy
