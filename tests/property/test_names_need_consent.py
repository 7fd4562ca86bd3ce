"""Promise 8: names leave only with that consent, by every path; drawn against a model of its own.

The model knows nothing of the code: it keeps the set of uses that a person permits now, from one
node's point of view, and judges recording, sharing, preview and export by it. A canary stands for
the source, who must be in nothing at all.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import NamedPerson
from registry.domain.identifiers import CaseId
from registry.errors import RuleViolation
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    found_federation,
    open_federation,
    opening,
)
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn

USES: Final = ("names_in_public", "names_to_state", "share_with_mechanisms")
AUDIENCES: Final = (EVERYONE, OWN_ONLY, named("beta"), named("beta", "gamma"))
PERSONS: Final = (AYO, BEA)
Step = tuple[Any, ...]

_people = st.sampled_from(PERSONS)
_steps = st.one_of(
    st.tuples(
        st.just("consent"),
        _people,
        st.sampled_from(USES),
        st.sampled_from([(True, True), (True, True), (True, False), (False, True)]),
        st.sampled_from([("beta",), ("gamma",), ("beta", "gamma")]),
    ),
    st.tuples(
        st.just("withdraw"),
        _people,
        st.lists(st.sampled_from(USES), max_size=2),
        st.sampled_from(["", "", "for bea quintavalle"]),
    ),
    st.tuples(
        st.just("act"),
        st.lists(_people, max_size=2, unique=True),
        st.sampled_from(["", "Zemlinski", "bea quintavalle", "ZEMLINSKI and Quintavalle"]),
        st.sampled_from(AUDIENCES),
    ),
)


class Model:
    """What each person permits at the moment, and which names the case has known so far."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], set[str]] = {}
        self.known: set[str] = set()
        self.ended: set[str] = set()

    def consent(
        self, person: NamedPerson, use: str, facts: tuple[bool, bool], to: tuple[str, ...]
    ) -> None:
        self.known.add(person.person_id)
        if all(facts):
            self.open.setdefault((person.person_id, use), set()).update(to)
        else:
            self.open.pop((person.person_id, use), None)
            self.ended.add(person.person_id)

    def withdraw(self, person: NamedPerson, uses: list[str]) -> None:
        self.ended.add(person.person_id)
        for use in uses or USES:
            self.open.pop((person.person_id, use), None)

    def taken_back(self, text: str) -> list[NamedPerson]:
        """Whom a text names that has taken a permission back."""
        return [
            p
            for p in PERSONS
            if p.person_id in self.ended & self.known
            and p.name.split()[-1].casefold() in text.casefold()
        ]

    def permits(self, person: NamedPerson, use: str, to: tuple[str, ...] = ()) -> bool:
        found = self.open.get((person.person_id, use))
        return found is not None and set(to) <= found

    def allows(self, persons: list[NamedPerson], text: str, audience: AudienceChoice) -> bool:
        self.known |= {person.person_id for person in persons}
        if audience.kind == "own":
            return True
        use = "names_in_public" if audience.kind == "all" else "share_with_mechanisms"
        in_text = [
            p
            for p in PERSONS
            if p.person_id in self.known and p.name.split()[-1].casefold() in text.casefold()
        ]
        return all(self.permits(p, use, audience.mechanisms) for p in [*persons, *in_text])


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("names")
    found_federation(folder)
    with open_federation(folder) as opened:
        yield opened
    shutil.rmtree(Path(folder))


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(_steps, min_size=3, max_size=9))
def test_names_leave_by_no_path_without_the_consent_to_that_use(
    nodes: Nodes, steps: list[Step]
) -> None:
    alpha, model = nodes["alpha"], Model()
    case_id = alpha.record(opening()).case_id
    acts: list[tuple[int, list[NamedPerson], str, AudienceChoice]] = []
    for step in steps:
        if step[0] == "consent":
            _, person, use, (informed, agrees), to = step
            slugs = to if use == "share_with_mechanisms" else ()
            facts = {"is_informed_of_risk": informed, "agrees": agrees}
            alpha.record(consent(use, *slugs, person=person, **facts), case_id)
            model.consent(person, use, (informed, agrees), slugs)
        elif step[0] == "withdraw":
            withdraw(alpha, case_id, model, *step[1:])
        else:
            _, persons, text, audience = step
            index = act(alpha, case_id, model, persons, text, audience)
            if index is not None:
                acts.append((index, persons, text, audience))
    check_sharing(nodes, model, acts)
    check_exports(nodes, model, case_id)


def withdraw(
    alpha: Node, case_id: CaseId, model: Model, person: NamedPerson, uses: list[Any], text: str
) -> None:
    """Records a withdrawal, first without a name that stands in its text and is known."""
    if text and BEA.person_id in model.known:
        with pytest.raises(RuleViolation):
            alpha.record(withdrawn(*uses, person=person, summary=text), case_id)
        text = ""
    alpha.record(withdrawn(*uses, person=person, summary=text), case_id)
    model.withdraw(person, uses)


def act(
    alpha: Node,
    case_id: CaseId,
    model: Model,
    persons: list[NamedPerson],
    text: str,
    audience: AudienceChoice,
) -> int | None:
    """Records an act or sees it refused, as the model says; the preview says the same."""
    content = naming(*persons, summary=text)
    size = alpha.registry.store.log_state(alpha.log_id).size
    command = RecordCommand(f"{case_id.hex()} {size}", "", case_id, content, audience)
    allowed = model.allows(persons, text, audience)
    preview = alpha.registry.preview(command)
    assert bool(preview.refusals) is not allowed
    assert alpha.registry.store.log_state(alpha.log_id).size == size
    if allowed:
        return alpha.registry.record(command).result().index
    with pytest.raises(RuleViolation):
        alpha.registry.record(command)
    # The model must not know a name from an act that was refused, if only that act named it.
    model.known = {
        person_id
        for event in [*alpha.registry.consents.of_case(case_id).naming]
        for person_id in event.person_ids
    }
    return None


def check_sharing(
    nodes: Nodes,
    model: Model,
    acts: list[tuple[int, list[NamedPerson], str, AudienceChoice]],
) -> None:
    alpha = nodes["alpha"]
    for index, persons, text, audience in acts:
        for slug in ("beta", "gamma"):
            allowed = all(
                model.permits(p, "names_in_public")
                if audience.kind == "all"
                else model.permits(p, "share_with_mechanisms", (slug,))
                for p in [*persons, *model.taken_back(text)]
            )
            may = alpha.registry.consents.may_send(
                (alpha.log_id, index, 0), nodes[slug].registry.own
            )
            assert may is allowed


def check_exports(nodes: Nodes, model: Model, case_id: CaseId) -> None:
    alpha = nodes["alpha"]
    purposes: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
        ("public", "names_in_public", ()),
        ("state", "names_to_state", ()),
        ("mechanisms", "share_with_mechanisms", ("beta",)),
    )
    for purpose, use, to in purposes:
        export = alpha.registry.export(case_id, purpose, to)
        told = repr(export.events).casefold()
        for person in PERSONS:
            is_public = purpose == "mechanisms" and model.permits(person, "names_in_public")
            if not is_public and not model.permits(person, use, to):
                is_known = person.person_id in {
                    each
                    for event in alpha.registry.consents.of_case(case_id).naming
                    for each in event.person_ids
                }
                assert f"name='{person.name.casefold()}'" not in told
                assert not is_known or person.name.split()[-1].casefold() not in told
        assert export.left_out + len(export.events) == len(alpha.registry.history(case_id).events)
