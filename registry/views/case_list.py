"""One line on each case: folded from its whole history, never patched."""

from collections.abc import Sequence
from typing import Final

from registry.domain.consent import ends_a_use
from registry.domain.content import CaseOpened
from registry.domain.identifiers import CaseId, RegistryId, situation_case_id
from registry.domain.states import state_codes, state_name
from registry.store.read_models import CaseRow
from registry.views.case_file import CaseHistory, PartState

_TITLES_MAX: Final = 3
_UNREADABLE = frozenset(
    {PartState.NOT_HERE, PartState.WITHHELD, PartState.OPAQUE, PartState.EMBARGOED}
)


class SituationNames:
    """Knows which case ids are derived from a State in one registry."""

    def __init__(self, registry_id: RegistryId) -> None:
        self._registry_id = registry_id
        self._states = {situation_case_id(registry_id, code): code for code in state_codes()}

    def state_of(self, case_id: CaseId) -> str | None:
        """Returns the ISO code of the State whose situation this case is, or None."""
        return self._states.get(case_id)


def summarise(history: CaseHistory, situations: SituationNames) -> CaseRow:
    """Folds a history into its line of the case list."""
    state = situations.state_of(history.case_id)
    openings = [e.content for e in history.events if isinstance(e.content, CaseOpened)]
    states = {code for e in history.events if e.content is not None for code in e.content.states}
    title = f"Situation in {state_name(state)}" if state else _title(openings)
    times = [event.recorded_ms for event in history.events]
    return CaseRow(
        case_id=history.case_id,
        title=title,
        states=(state,) if state else tuple(sorted(states)),
        mechanisms=tuple(sorted({event.mechanism for event in history.events})),
        event_count=len(history.events),
        unreadable_count=sum(e.content_state in _UNREADABLE for e in history.events),
        first_recorded_ms=min(times, default=0),
        last_recorded_ms=max(times, default=0),
        # One who opens it again, as nodes that keep no rules can, does not make it unreal.
        is_invented=bool(openings) and all(opening.is_invented for opening in openings),
        is_situation=state is not None,
        has_withdrawal=any(ends_a_use(event.content) for event in history.events),
        digest=history.digest,
    )


def _title(openings: Sequence[CaseOpened]) -> str:
    """The title; all of them side by side where a case was opened more than once."""
    return " / ".join(list(dict.fromkeys(opening.title for opening in openings))[:_TITLES_MAX])
