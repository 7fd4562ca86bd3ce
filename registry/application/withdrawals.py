"""Withdrawals of consent, whoever recorded them, and the erasures that they ask for.

A consent may ask that what names the person be erased when it is withdrawn. The withdrawal then
counts as the first of the two people that an erasure needs: this proposes it, in the case of every
withdrawal that is recorded here or arrives, and once more at each start for those that a stop cut
off. What waits or is erased already is not proposed again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from threading import Lock
from typing import Final

from registry.application.approvals import Approvals
from registry.application.consents import PartPlace
from registry.application.erasing import ErasureTarget
from registry.application.named_persons import WITHDRAWAL_TYPE
from registry.application.registry import Registry
from registry.application.stored_content import require_open
from registry.domain.consent import ConsentEvent
from registry.domain.content import ConsentWithdrawn
from registry.domain.identifiers import CaseId, LogId
from registry.errors import RuleViolation
from registry.log.control import TARGETS_MAX
from registry.store.office import Office
from registry.store.values import PartsStored, read_header

_ASKED_BY: Final = "a withdrawal of consent"


def withdrawals_in(event: PartsStored) -> list[int]:
    """The places of the events among the stored ones that withdraw a consent."""
    return [
        index
        for (index, ordinal), (media_type, _) in zip(event.keys, event.contents, strict=True)
        if ordinal == 0 and media_type == WITHDRAWAL_TYPE
    ]


class Withdrawals:
    """Proposes what withdrawals ask for; for any thread."""

    def __init__(self, registry: Registry, office: Office, approvals: Approvals) -> None:
        self._registry = registry
        self._store = registry.store
        self._office = office
        self._approvals = approvals
        self._proposing = Lock()

    def propose_at(self, log_id: LogId, index: int) -> None:
        """Proposes in the case of the withdrawal at a place."""
        (entry,) = self._store.entries(log_id, index, index + 1)
        self.propose(read_header(entry).case_id)

    def propose(self, case_id: CaseId) -> None:
        """Proposes what every withdrawal in a case asks for.

        Raises:
            TryLater: content is closed.
            Overloaded: too many acts wait.
        """
        with self._proposing:  # whoever comes second sees what waits by then
            self._propose(case_id, self._asked(case_id))

    def propose_missed(self, case_id: CaseId) -> None:
        """Proposes what the withdrawals in a case ask for and was never proposed.

        What was proposed before and declined is not asked for again.

        Raises:
            TryLater: content is closed.
            Overloaded: too many acts wait.
        """
        require_open(self._store)
        with self._proposing:
            before = self._office.proposed(case_id)
            asked = self._asked(case_id)
            self._propose(case_id, {each: asked[each] for each in asked if each not in before})

    def _asked(self, case_id: CaseId) -> dict[bytes, PartPlace]:
        """What is asked to be erased, by a name of the withdrawal and the part together."""
        consents = self._registry.consents
        return {
            _name(event, place): place
            for event in consents.of_case(case_id).events
            if isinstance(event.content, ConsentWithdrawn)
            for place in consents.parts_to_erase(case_id, event.content)
        }

    def _propose(self, case_id: CaseId, asked: Mapping[bytes, PartPlace]) -> None:
        if not asked:
            return
        waiting = self._approvals.targets_waiting(case_id)
        # Records of consents stand together: a no is not erased before what it ended.
        events = self._registry.consents.of_case(case_id).events
        records = {(event.log_id, event.index) for event in events}
        for origin, found in self._by_log(dict.fromkeys(asked.values())):
            places = [e for e in found if (origin, e.index, e.ordinal) not in waiting]
            places.sort(key=lambda each: each[:2] not in records)
            for start in range(0, len(places), TARGETS_MAX):
                self._propose_erasure(places[start : start + TARGETS_MAX], origin)
        # Kept last: what a stop cuts off is proposed again at the next start.
        self._office.keep_proposed(case_id, asked)

    def _by_log(self, places: Iterable[PartPlace]) -> Iterator[tuple[str, list[PartPlace]]]:
        """Sorts places into what one erasure may name: by origin; "" = of the own log.

        What a log holds past its end stands apart: others may hold something else there.
        """
        own, found = self._registry.own, list(places)
        for writer in own.as_writers():
            origin = "" if writer.log_id == own.log_id else writer.origin
            end = self._store.log_state(writer.log_id).valid_size
            of_log = [each for each in found if each.log_id == writer.log_id]
            yield origin, [each for each in of_log if each.index < end]
            yield origin, [each for each in of_log if each.index >= end]

    def _propose_erasure(self, places: Sequence[PartPlace], origin: str) -> None:
        targets = [ErasureTarget(each.index, each.ordinal, each.commitment) for each in places]
        # What is erased already needs no proposal.
        with suppress(RuleViolation):
            self._approvals.propose_erasure(targets, asked_by=_ASKED_BY, origin=origin)


def _name(withdrawal: ConsentEvent, place: PartPlace) -> bytes:
    at = withdrawal.index.to_bytes(8, "big") + place.index.to_bytes(8, "big")
    return sha256(
        withdrawal.log_id + at + place.ordinal.to_bytes(4, "big") + place.commitment
    ).digest()
