"""Cases that are read together are told as if each had been read alone; so are their consents."""

import pytest

from registry.application.briefings import reading
from registry.application.briefings.reading import read_histories
from registry.application.consents import ConsentDesk
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.vocabulary import EventKind as K
from registry.views.case_file import CaseHistory, Reader, read_history, read_vector
from registry.views.events_read import read_events
from tests.unit.application.briefings.briefing_world import act, begin, brief, tell, whole_story
from tests.unit.application.federation_in_process import Node, Nodes
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn


def reader_of(node: Node) -> Reader:
    registry = node.registry
    return Reader(registry.store, registry.roster, registry.own.id, registry.clock_ms)


def test_cases_read_together_are_those_read_alone(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha = nodes["alpha"]
    cases = [whole_story(nodes).case_id, begin(alpha).case_id]
    for person in (AYO, BEA):
        story = begin(alpha)
        tell(alpha, story, consent("names_in_public", person=person), OWN_ONLY)
        tell(alpha, story, naming(person, title="Named"), EVERYONE)
        cases.append(story.case_id)
    nodes.carry_all()
    nodes["beta"].record(act(K.NOTE_ADDED, "Of beta"), cases[1], audience=EVERYONE)
    nodes.carry_all()
    reader = reader_of(alpha)
    alone = [read_history(reader, case_id) for case_id in cases]
    folded = [ConsentDesk(reader).of_case(case_id) for case_id in cases]
    states = {state.log_id: state for state in reader.store.log_states()}
    vector = read_vector(reader.store, reader.roster, states)

    for events_at_once in (1, 4, 500):
        monkeypatch.setattr(reading, "_EVENTS_AT_ONCE", events_at_once)
        desk = ConsentDesk(reader)
        monkeypatch.setattr(desk, "_read", lambda _: pytest.fail("a case was read twice"))
        found: list[CaseHistory] = []
        for history in read_histories(reader, desk, cases, states, vector):
            assert desk.of_case(history.case_id) == folded[len(found)]
            found.append(history)
        assert found == alone


def test_consent_that_is_withdrawn_while_its_case_is_read_permits_nothing(node: Node) -> None:
    story = begin(node)
    tell(node, story, consent("names_in_public"), OWN_ONLY)
    tell(node, story, naming(AYO, title="Named"), EVERYONE)
    reader, desk = reader_of(node), node.registry.consents
    as_read = desk.before_reading()
    entries = reader.store.case_entries(story.case_id)
    read = read_events(reader.store, entries)
    node.record(withdrawn(), story.case_id, audience=OWN_ONLY)

    desk.keep_read(story.case_id, entries, read, as_read)

    consents = desk.of_case(story.case_id).known.consents
    assert consents.why_not(AYO.person_id, "names_in_public", entries[0].log_id)
    assert AYO.name not in brief(node)
