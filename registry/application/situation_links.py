"""A sealed case is never joined with the situation of a State: it would tell which State."""

from typing import Final

from registry.domain.identifiers import CaseId, LogId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from registry.store.values import read_header
from registry.views.case_file import Reader
from registry.views.case_list import SituationNames
from registry.views.linking import CaseLink, Links

_OPEN: Final = frozenset({"proposed", "disputed"})


class SituationLinks:
    """Judges whom a case is joined with, before this mechanism adds to it.

    Links that are in effect lead on, and proposals of this mechanism that may still come into
    effect. Those of others do not: nobody is to be kept from recording by a mere proposal. What two
    nodes do at the same moment neither of them can know.
    """

    def __init__(self, reader: Reader, own: LogId, situations: SituationNames) -> None:
        self._store = reader.store
        self._own = own
        self._situations = situations

    def check_sealed_event(self, case_id: CaseId) -> None:
        """Judges an event that is not for all members.

        Raises:
            RuleViolation: rule `link_of_public_or_sealed`.
        """
        reached = self._links().joined(case_id, follows=self._may_join)
        if any(self._situations.state_of(each) is not None for each in reached):
            _refuse("audience", "the case is linked with the situation of a State: end that first")

    def check_link(self, first: CaseId, second: CaseId) -> None:
        """Judges a link between two cases.

        Raises:
            RuleViolation: rule `link_of_public_or_sealed`.
        """
        links = self._links()
        ends = (first, second)
        reached = {each for end in ends for each in links.joined(end, follows=self._may_join)}
        is_derived = any(self._situations.state_of(each) is not None for each in reached)
        if is_derived and any(self._is_sealed(each) for each in sorted(reached)):
            text = "a case with sealed events is not linked with the situation of a State"
            _refuse("other_case", text)

    def _links(self) -> Links:
        return Links(self._store, {state.log_id: state for state in self._store.log_states()})

    def _may_join(self, link: CaseLink) -> bool:
        return link.is_in_effect or (link.log_id == self._own and link.state in _OPEN)

    def _is_sealed(self, case_id: CaseId) -> bool:
        entries = self._store.case_entries(case_id)
        return any(read_header(each.entry).kind == EventKind.SEALED for each in entries)


def _refuse(field: str, text: str) -> None:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule="link_of_public_or_sealed")
