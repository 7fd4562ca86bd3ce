"""One line on each case, and all else that the views say of it: folded from its whole history.

Nothing is ever patched: a case is small, and a late event may land anywhere in it.
"""

from collections.abc import Sequence
from typing import Final

from registry.domain.acts import Act, instrument_of, states_of, themes_of
from registry.domain.consent import ends_a_use
from registry.domain.content import CaseMarkedEmblematic, CaseOpened
from registry.domain.disagreements import disagreements_of, statuses_of
from registry.domain.identifiers import CaseId, RegistryId, situation_case_id
from registry.domain.mechanisms import Profiles
from registry.domain.states import state_codes, state_name
from registry.store.read_models import CaseFold, Document
from registry.views.acts import (
    act_documents,
    acts_of,
    confidential_places,
    place_of_time,
    with_what_they_are_about,
    words_of,
)
from registry.views.alert_list import alert_documents
from registry.views.case_file import CaseHistory, PartState
from registry.views.deadline_board import obligation_documents
from registry.views.detentions import detention_documents
from registry.views.follow_up import concordance_documents, follow_up_documents
from registry.views.intent_list import intent_documents
from registry.views.link_list import link_documents
from registry.views.meetings import meeting_documents
from registry.views.name_index import name_documents
from registry.views.practice_list import definition_documents, practice_documents
from registry.views.questions import question_documents
from registry.views.reference_index import reference_documents
from registry.views.reprisal_board import reprisal_documents
from registry.views.rows import CaseRow, encode_row
from registry.views.statements import statement_documents

VIEW: Final = "case"
_TITLES_MAX: Final = 3
_UNREADABLE = frozenset(
    {PartState.NOT_HERE, PartState.WITHHELD, PartState.OPAQUE, PartState.EMBARGOED}
)


class SituationNames:
    """Knows which case ids are derived from a State, in a registry and in those before it."""

    def __init__(self, *registry_ids: RegistryId) -> None:
        self._states = {
            situation_case_id(each, code): code for each in registry_ids for code in state_codes()
        }

    def state_of(self, case_id: CaseId) -> str | None:
        """Returns the ISO code of the State whose situation this case is, or None."""
        return self._states.get(case_id)


def fold_case(history: CaseHistory, situations: SituationNames, profiles: Profiles) -> CaseFold:
    """Folds a history into all documents of its case; of a case without events there are none."""
    if not history.events:
        return CaseFold(history.case_id, ())
    acts = acts_of(history)
    row = summarise(history, situations, acts)
    embargoes = [e.not_before_ms for e in history.events if e.content_state is PartState.EMBARGOED]
    own = confidential_places(history)
    shown = with_what_they_are_about(acts, own)
    documents = (
        case_document(row, acts),
        *act_documents(history, states=row.states, themes=row.themes),
        *obligation_documents(row.case_id, row.title, acts, profiles, confidential=shown),
        *follow_up_documents(row.case_id, acts, confidential=shown),
        *concordance_documents(row.case_id, acts, confidential=shown),
        *meeting_documents(row.case_id, acts, profiles, confidential=shown),
        *reference_documents(row.case_id, acts, confidential=own),
        *link_documents(history),
        *detention_documents(row, acts, confidential=shown),
        *intent_documents(row.case_id, row.title, acts, confidential=shown),
        *practice_documents(history),
        *definition_documents(history),
        *reprisal_documents(history, acts, is_situation=row.is_situation, confidential=own),
        *alert_documents(history, acts, profiles, confidential=own),
        *name_documents(row.case_id, acts, confidential=own),
        *statement_documents(history, acts, confidential=own),
        *question_documents(history),
    )
    return CaseFold(
        history.case_id, documents, min(embargoes, default=0), events=len(history.events)
    )


def summarise(
    history: CaseHistory, situations: SituationNames, acts: Sequence[Act] | None = None
) -> CaseRow:
    """Folds a history into its line of the case list.

    Args:
        history: of the case.
        situations: the ids that are derived from States.
        acts: the readable acts of the history, if they were read already.
    """
    acts = acts_of(history) if acts is None else acts
    state = situations.state_of(history.case_id)
    contents = [act.content for act in acts]
    openings = [content for content in contents if isinstance(content, CaseOpened)]
    states = {code for content in contents for code in states_of(content)}
    title = f"Situation in {state_name(state)}" if state else _title(openings)
    times = [event.recorded_ms for event in history.events]
    return CaseRow(
        case_id=history.case_id,
        title=title,
        states=(state,) if state else tuple(sorted(states)),
        themes=tuple(sorted({theme for content in contents for theme in themes_of(content)})),
        mechanisms=tuple(sorted({event.mechanism for event in history.events})),
        own_numbers=tuple(sorted({c.own_number for c in contents if c.own_number})),
        status=_status(acts),
        disagreement_count=len(disagreements_of(acts)),
        event_count=len(history.events),
        unreadable_count=sum(e.content_state in _UNREADABLE for e in history.events),
        first_recorded_ms=min(times, default=0),
        last_recorded_ms=max(times, default=0),
        is_emblematic=_is_emblematic(acts),
        # One who opens it again, as nodes that keep no rules can, does not make it unreal.
        is_invented=bool(openings) and all(opening.is_invented for opening in openings),
        is_situation=state is not None,
        has_withdrawal=any(ends_a_use(content) for content in contents),
        digest=history.digest,
        is_confidential=any(event.is_confidential for event in history.events),
    )


def _title(openings: Sequence[CaseOpened]) -> str:
    """The title; all of them side by side where a case was opened more than once."""
    return " / ".join(list(dict.fromkeys(opening.title for opening in openings))[:_TITLES_MAX])


def _status(acts: Sequence[Act]) -> str:
    said = set(statuses_of(acts).values())
    if len(said) > 1:
        return "disputed"
    return said.pop() if said else "open"


def _is_emblematic(acts: Sequence[Act]) -> bool:
    """Whether at least one mechanism holds it emblematic."""
    marks = {
        act.mechanism: not act.content.is_taken_back
        for act in acts
        if isinstance(act.content, CaseMarkedEmblematic)
    }
    return any(marks.values())


def case_document(row: CaseRow, acts: Sequence[Act]) -> Document:
    """The document of a line of the case list."""
    contents = [act.content for act in acts]
    instruments = {instrument_of(content) for content in contents} - {""}
    return Document(
        view=VIEW,
        key=row.case_id,
        sort=place_of_time(row.last_recorded_ms),
        row=encode_row(row),
        facets=(
            *(("state", state) for state in row.states),
            *(("theme", theme) for theme in row.themes),
            *(("mechanism", mechanism) for mechanism in row.mechanisms),
            *(("instrument", instrument) for instrument in instruments),
            *(("body", content.acting_body) for content in contents),
            ("status", row.status),
            *((("mark", "emblematic"),) if row.is_emblematic else ()),
            *((("mark", "disagreement"),) if row.disagreement_count else ()),
            *((("mark", "withdrawal"),) if row.has_withdrawal else ()),
        ),
        text=words_of(contents),
    )
