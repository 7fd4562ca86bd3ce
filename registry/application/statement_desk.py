"""One joint statement as a client of this node may read it: folded now from its case."""

from dataclasses import dataclass

from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.statements import Statement, statements_of
from registry.errors import NotFound
from registry.views.acts import acts_of, confidential_places
from registry.views.statement_rows import StatementRow
from registry.views.statements import statement_row


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement: its row, and the acts with its words."""

    row: StatementRow
    statement: Statement


class StatementDesk:
    """Reads statements; for any thread."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def read(self, client: Client, origin: str, index: int) -> ReadStatement:
        """Reads a statement by its draft, its issue or a correction; the read is noted.

        Args:
            client: who asks.
            origin: of the log; empty = the own log.
            index: the event's place.

        Raises:
            NotFound: no statement is readable there, or not for this client.
            TryLater: content is closed.
        """
        require_open(self._registry.store)
        case_id = self._desk.require_event(client, origin, index)
        place = (self._registry.log(origin)[0].origin, index)
        history = self._registry.history(case_id)
        found = next((s for s in statements_of(acts_of(history)) if place in s.places), None)
        if found is None:
            msg = f"event {index} of {place[0]} is no statement that can be read here"
            raise NotFound(msg)
        row = statement_row(history, found, confidential=confidential_places(history))
        self._desk.note_read(client, "GetStatement", case_id, int(row.is_confidential))
        return ReadStatement(row, found)
