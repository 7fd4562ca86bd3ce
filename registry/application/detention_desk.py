"""Detentions and what has not been tried in a case, for those who work with this node."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.application.desk import Desk, confidential_count
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.domain.acts import Act
from registry.domain.detention import Concern, Detention, concerns_of, detentions_of
from registry.domain.identifiers import CaseId
from registry.domain.untried import Choices, choices_of
from registry.views.acts import acts_of, confidential_places, with_what_they_are_about
from registry.views.case_file import CaseHistory
from registry.views.detention_rows import DetentionRow
from registry.views.detentions import detention_rows
from registry.views.rows import CaseRow

FULL_MAX: Final = 100
"""So many detentions of a case are told with all acts; the others with their own alone."""


@dataclass(frozen=True, slots=True)
class DetentionFile:
    """A detention with the acts of all mechanisms that concern it, on one line of time."""

    row: DetentionRow
    detention: Detention
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class CaseDetentions:
    """The detentions of a case, its events by place, and how many are not readable here."""

    files: tuple[DetentionFile, ...]
    history: CaseHistory
    unreadable_count: int


@dataclass(frozen=True, slots=True)
class Untried:
    """What is left in a case; what stands in events that are not readable here is not known."""

    choices: Choices
    states: tuple[str, ...]
    unreadable_count: int


class DetentionDesk:
    """Reads a case as far as a client may know of it; each read is noted."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def detentions(self, client: Client, case_id: CaseId) -> CaseDetentions:
        """Reads the detentions of a case.

        Raises:
            NotFound: no such case is here, or not for this client.
            TryLater: content is closed.
        """
        history, acts, row = self._read(client, case_id, "GetDetentions")
        shown = with_what_they_are_about(acts, confidential_places(history))
        rows = detention_rows(row, acts, confidential=shown)
        files = tuple(
            DetentionFile(each, detention, _concerns(acts, detention, number))
            for number, (each, detention) in enumerate(zip(rows, detentions_of(acts), strict=True))
        )
        return CaseDetentions(files, history, row.unreadable_count)

    def untried(self, client: Client, case_id: CaseId) -> Untried:
        """Reads what has not been tried in a case; raises as above."""
        _, acts, row = self._read(client, case_id, "GetUntried")
        choices = choices_of(acts, self._registry.profiles, row.states)
        return Untried(choices, row.states, row.unreadable_count)

    def _read(
        self, client: Client, case_id: CaseId, method: str
    ) -> tuple[CaseHistory, list[Act], CaseRow]:
        self._desk.require_case(client, case_id)
        history = self._registry.history(case_id)
        row = self._registry.summary(history)
        self._desk.note_read(client, method, case_id, confidential_count(history.events))
        return history, acts_of(history), row


def _concerns(acts: Sequence[Act], detention: Detention, number: int) -> tuple[Concern, ...]:
    """Each detention is compared with each act: of the first ones, or it would never end."""
    own = [account.act for account in detention.accounts]
    return concerns_of(acts if number < FULL_MAX else own, detention)
