"""Links for those who work with this node: as far as each may know of the cases."""

from concurrent.futures import Future
from typing import Final

from registry.application.desk import Desk
from registry.application.linking import LinkCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry.store.values import Appended
from registry.views.case_file import CaseHistory
from registry.views.linking import CaseLink

LINKS_MAX: Final = 1000
"""So many links are listed of a case."""


class LinkDesk:
    """Lets a client act on links of cases that it may know of, and read joined histories."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def propose(
        self, client: Client, command: LinkCommand, case_id: CaseId, other: CaseId
    ) -> "Future[Appended]":
        """Records a proposal.

        Raises:
            NotFound: one of the cases is not here, or not for this client.
            RequestError, Overloaded: see `Linking.propose`.
        """
        for each in (case_id, other):
            self._desk.require_case(client, each)
            if not self._registry.store.has_case(each):
                msg = f"no case {each.hex()} is known here"
                raise NotFound(msg)
        prepared = self._registry.linking.propose(command, case_id, other)
        return self._desk.carry_out(client, prepared)

    def answer(
        self, client: Client, command: LinkCommand, origin: str, index: int, *, accepts: bool
    ) -> "Future[Appended]":
        """Records an answer; raises as `propose`, see `Linking.answer`."""
        self._require(client, origin, index)
        prepared = self._registry.linking.answer(command, origin, index, accepts=accepts)
        return self._desk.carry_out(client, prepared)

    def end(
        self, client: Client, command: LinkCommand, origin: str, index: int
    ) -> "Future[Appended]":
        """Records the end of a link; raises as `propose`, see `Linking.end`."""
        self._require(client, origin, index)
        return self._desk.carry_out(client, self._registry.linking.end(command, origin, index))

    def links(self, client: Client, case_id: CaseId) -> tuple[list[CaseLink], int]:
        """The links of a case to cases that the client may know of, and how many are left out.

        Those that anybody has answered come first: no flood of proposals hides them.

        Raises:
            NotFound: the case is not here, or not for this client.
        """
        self._desk.require_case(client, case_id)
        found = [
            each for each in self._registry.linking.of_case(case_id) if self._sees(client, each)
        ]
        found.sort(key=lambda each: each.state == "proposed")
        return found[:LINKS_MAX], max(len(found) - LINKS_MAX, 0)

    def history(self, client: Client, case_id: CaseId) -> CaseHistory:
        """The history of a case and of all that links join with it, as far as the client may know.

        Raises:
            NotFound: the case is not here, or not for this client.
        """
        self._desk.require_case(client, case_id)
        joined = self._registry.linking.joined(
            case_id, lambda each: self._desk.may_see(client, each)
        )
        return self._registry.history(case_id, joined)

    def _require(self, client: Client, origin: str, index: int) -> None:
        link = self._registry.linking.at(origin, index)
        if not self._sees(client, link):
            msg = f"{origin} has no proposal of a link at {index} here"
            raise NotFound(msg)

    def _sees(self, client: Client, link: CaseLink) -> bool:
        return all(self._desk.may_see(client, each) for each in (link.case_id, link.other_case_id))
