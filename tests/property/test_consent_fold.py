"""Promise 8, the fold alone: against a state machine, and never freer for knowing less."""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.consent import ConsentEvent, fold_consents
from registry.domain.identifiers import LogId
from tests.unit.application.persons_world import AYO, consent, withdrawn

LOGS: Final = (LogId(b"u" * 32), LogId(b"c" * 32))
USES: Final = ("names_in_public", "names_to_state")
_steps = st.lists(
    st.tuples(
        st.sampled_from(LOGS),
        st.sampled_from(["grant", "grant", "no", "withdraw"]),
        st.sampled_from(USES),
        st.booleans(),
    ),
    max_size=12,
)


def events_of(steps: list[Any], *, all_know: bool) -> list[ConsentEvent]:
    """The events of a true course of time; their authors knew all before, or some only of it."""
    sizes = dict.fromkeys(LOGS, 0)
    events = []
    for log_id, what, use, knows in steps:
        content = withdrawn(use) if what == "withdraw" else consent(use, agrees=what == "grant")
        known = {each: size - 1 for each, size in sizes.items() if size and (all_know or knows)}
        events.append(ConsentEvent(log_id, sizes[log_id], content, known))
        sizes[log_id] += 1
    return events


def permitted(events: list[ConsentEvent]) -> set[tuple[LogId, str]]:
    consents = fold_consents(events)
    return {
        (log_id, use)
        for log_id in LOGS
        for use in USES
        if not consents.why_not(AYO.person_id, use, log_id)
    }


def test_record_by_record_is_what_the_fold_says() -> None:
    assert permitted(events_of([(LOGS[0], "grant", USES[0], True)], all_know=True)) == {
        (LOGS[0], USES[0])
    }


@settings(max_examples=900, deadline=None)
@given(steps=_steps, data=st.data())
def test_fold_follows_the_course_of_time_and_knowing_less_permits_no_more(
    steps: list[Any], data: st.DataObject
) -> None:
    state: set[tuple[LogId, str]] = set()
    for log_id, what, use, _ in steps:
        if what == "grant":
            state.add((log_id, use))
        elif what == "no":
            state.discard((log_id, use))
        else:
            state -= {(each, use) for each in LOGS}

    everyone_knew = events_of(steps, all_know=True)
    shuffled = data.draw(st.permutations(everyone_knew))

    assert permitted(everyone_knew) == state
    assert permitted(shuffled) == state
    assert permitted(events_of(steps, all_know=False)) <= state
