"""A desk of one open node, its clients, and the readers of what waits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from registry.application.approvals import PendingAct
from registry.application.desk import Desk, Order, Waiting
from registry.application.erasing import EraseCommand, ErasureTarget
from registry.application.policy import Policy
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.domain.audience import DEFAULT_AUDIENCE, AudienceChoice
from registry.domain.content import (
    ActContent,
    SourceIdentity,
    decode_content,
    encode_content,
    media_type_of,
)
from registry.domain.identifiers import CaseId
from registry.store.office import Office
from registry.store.values import Appended
from tests.unit.application.federation_in_process import Node, opening

ADA: Final = Client("ada", Role.OFFICER)
BEN: Final = Client("ben", Role.PUBLISHER)
CLEO: Final = Client("cleo", Role.PUBLISHER)
EVE: Final = Client("eve", Role.OFFICER)


@dataclass
class DeskWorld:
    """A node with a desk."""

    node: Node
    desk: Desk
    sources: dict[str, SourceIdentity] = field(default_factory=dict)

    def opened(self, client: Client = ADA, request_id: str = "open") -> CaseId:
        """Opens an invented case."""
        done = self.desk.record(client, RecordCommand(request_id, client.name, None, opening()))
        appended = done.result()
        assert isinstance(appended, Appended)
        return self.node.registry.receipt(appended).case_id

    def ask(
        self,
        case_id: CaseId,
        content: ActContent,
        *,
        client: Client = ADA,
        request_id: str = "r",
        audience: AudienceChoice = DEFAULT_AUDIENCE,
        source: SourceIdentity | None = None,
    ) -> Appended | Waiting:
        """Records, as the servicer does."""
        command = RecordCommand(request_id, client.name, case_id, content, audience)
        kept = {
            "request_id": request_id,
            "audience": [audience.kind, audience.mechanisms],
            "media_type": media_type_of(content.kind),
            "content": encode_content(content).decode(),
        }
        if source is not None:
            self.sources[request_id] = source
        order = Order(source, json.dumps(kept).encode, "f1" * 32)
        return self.desk.record(client, command, order).result()

    def waits(self, case_id: CaseId, content: ActContent, **more: Any) -> str:
        """Records what must wait; returns the id of the act."""
        outcome = self.ask(case_id, content, **more)
        assert isinstance(outcome, Waiting)
        return outcome.act_id

    def records(self, case_id: CaseId, content: ActContent, **more: Any) -> int:
        """Records what must not wait; returns its place."""
        outcome = self.ask(case_id, content, **more)
        assert isinstance(outcome, Appended)
        return outcome.index

    def erase(self, *indexes: int, client: Client = ADA, request_id: str = "e") -> Any:
        """Asks to erase the content of events."""
        targets = tuple(ErasureTarget(index, 0) for index in indexes)
        return self.desk.erase(client, EraseCommand(request_id, client.name, targets)).result()

    def approve(self, client: Client, act_id: str) -> Appended:
        return self.desk.approve(client, act_id, self._read)

    def waiting(self, client: Client = BEN) -> list[PendingAct]:
        return self.desk.pending(client, 0, 100)[0]

    def size(self) -> int:
        return self.node.registry.store.log_state(self.node.log_id).size

    def _read(self, act: PendingAct) -> tuple[RecordCommand, SourceIdentity | None]:
        kept = json.loads(act.request)
        content = decode_content(kept["media_type"], kept["content"].encode())
        assert content is not None
        kind, mechanisms = kept["audience"]
        command = RecordCommand(
            kept["request_id"],
            act.officer,
            act.case_id,
            content,
            AudienceChoice(kind, tuple(mechanisms)),
        )
        return command, self.sources.get(kept["request_id"])


@contextmanager
def open_world(node: Node, policy: Policy | None = None) -> Iterator[DeskWorld]:
    """Opens the desk of an open node, as the node process does."""
    registry = node.registry
    office = Office(registry.folder.office_database, registry.store.database_key("office"))
    desk = Desk(registry, office, policy or Policy(), random_bytes=node.random_bytes)
    try:
        yield DeskWorld(node, desk)
    finally:
        desk.close()
