"""A sealed case is never joined with the situation of a State: it would tell which State."""

import threading
from collections.abc import Callable, Collection, Iterable
from time import monotonic
from typing import Final

from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from registry.store.values import read_header
from registry.views.case_file import Reader
from registry.views.case_list import SituationNames
from registry.views.linking import LINKED_MAX, CaseLink, Links

_UNDER_WAY_S: Final = 30.0
"""What was permitted so long ago stands in the log, or never will."""


class SituationLinks:
    """Judges whom a case is joined with, before this mechanism adds to it.

    Links that are in effect lead on, and those that may come into effect by what others do: that
    this mechanism proposed or accepts. Mere proposals of others do not: nobody is to be kept from
    recording by them. So many cases that not all are looked at may hold any. What is permitted
    counts from then on, before it stands in the log; what two nodes do at the same moment neither
    of them can know.
    """

    def __init__(self, reader: Reader, own: LogId, situations: SituationNames) -> None:
        self._store = reader.store
        self._logs_before = reader.roster.logs_before()
        self._own_logs = frozenset({own, *self._logs_before.get(own, ())})
        self._situations = situations
        self._sealing = _UnderWay()
        self._linking = _UnderWay()

    def check_sealed_event(self, case_id: CaseId) -> None:
        """Judges an event that is not for all members.

        A case that holds such events already, and a link that was made against this rule, are told
        together whatever is added: then nobody is kept from recording.

        Raises:
            RuleViolation: rule `link_of_public_or_sealed`.
        """
        self._sealing.note([case_id])
        reached = self._reached([case_id])
        is_joined = self._is_derived(reached) or case_id in self._linking
        if is_joined and not self._is_sealed(case_id):
            _refuse("audience", "the case is linked with the situation of a State: end that first")

    def check_link(self, first: CaseId, second: CaseId) -> None:
        """Judges a link between two cases.

        Raises:
            RuleViolation: rule `link_of_public_or_sealed`.
        """
        reached = self._reached([first, second])
        if not self._is_derived(reached):
            return
        self._linking.note(reached)
        if any(each in self._sealing or self._is_sealed(each) for each in sorted(reached)):
            text = "a case with sealed events is not linked with the situation of a State"
            _refuse("other_case", text)

    def _reached(self, cases: Iterable[CaseId]) -> set[CaseId]:
        states = {state.log_id: state for state in self._store.log_states()}
        links = Links(self._store, states, self._logs_before)
        return {each for case in cases for each in links.joined(case, follows=self._may_join)}

    def _may_join(self, link: CaseLink) -> bool:
        is_own = link.log_id in self._own_logs and not link.is_closed
        has_accepted = not self._own_logs.isdisjoint(link.accepted_by)
        return link.is_in_effect or is_own or has_accepted

    def _is_derived(self, reached: Collection[CaseId]) -> bool:
        is_cut = len(reached) >= LINKED_MAX
        return is_cut or any(self._situations.state_of(each) is not None for each in reached)

    def _is_sealed(self, case_id: CaseId) -> bool:
        entries = self._store.case_entries(case_id)
        return any(read_header(each.entry).kind == EventKind.SEALED for each in entries)


class _UnderWay:
    """Cases for which something was asked a moment ago; for any thread."""

    def __init__(self, clock_s: Callable[[], float] = monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._noted_s: dict[CaseId, float] = {}

    def note(self, cases: Iterable[CaseId]) -> None:
        """Takes cases down, and forgets those of long ago."""
        with self._lock:
            now_s = self._clock_s()
            for each in cases:  # at least one
                self._noted_s.pop(each, None)  # the newest stand last
                self._noted_s[each] = now_s
            while now_s - self._noted_s[oldest := next(iter(self._noted_s))] >= _UNDER_WAY_S:
                del self._noted_s[oldest]

    def __contains__(self, case_id: CaseId) -> bool:
        with self._lock:
            noted_s = self._noted_s.get(case_id)
            return noted_s is not None and self._clock_s() - noted_s < _UNDER_WAY_S


def _refuse(field: str, text: str) -> None:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule="link_of_public_or_sealed")
