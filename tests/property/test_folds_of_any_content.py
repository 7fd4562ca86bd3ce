"""Whatever another author's node let through, the folds of a case give rows and never fail.

Content is judged at its author's node alone: here acts of any valid content point at each other in
any way, circles and themselves included.
"""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.acts import Act
from registry.domain.content import EventPointer
from registry.domain.content.examples import example_of
from registry.domain.deadlines import is_overdue, obligations_of
from registry.domain.detention import concerns_of, count_days, detentions_of
from registry.domain.disagreements import disagreements_of, statuses_of
from registry.domain.mechanisms import shipped_profiles
from registry.domain.rules import own_status
from registry.domain.statements import statements_of
from registry.domain.untried import choices_of
from registry.domain.vocabulary import EventKind as K
from registry.views.acts import words_of
from registry.views.deadline_board import obligation_documents
from registry.views.follow_up import concordance_documents, follow_up_documents
from registry.views.reference_index import reference_documents
from registry.views.rows import FollowUpRow, decode_row
from tests.storage.storage_world import case
from tests.unit.domain.content_examples import KINDS, contents

ASKED = EventPointer(origin="r.example/un/1", index=0)
MECHANISMS = ("un", "iachr", "coe")
INSTRUMENTS = tuple(
    code for profile in shipped_profiles().by_name.values() for code in profile.instruments
)


@st.composite
def stories(draw: st.DrawFn) -> list[Act]:
    count = draw(st.integers(1, 5))
    acts: list[Act] = []
    for index in range(count):
        mechanism = draw(st.sampled_from(MECHANISMS))
        content = draw(contents(draw(st.sampled_from(KINDS))))
        changed: dict[str, object] = {}
        if draw(st.booleans()):
            target = draw(st.integers(0, count))
            origin = f"r.example/{draw(st.sampled_from(MECHANISMS))}/1"
            changed["about"] = EventPointer(origin=origin, index=target)
        if "instrument" in type(content).model_fields and draw(st.booleans()):
            changed["instrument"] = draw(st.sampled_from(INSTRUMENTS))
        origin = f"r.example/{mechanism}/1"
        knows = {f"r.example/{name}/1": draw(st.integers(-1, count)) for name in MECHANISMS}
        acts.append(
            Act(
                origin,
                index,
                mechanism,
                content.model_copy(update=changed),
                {**knows, origin: index},
            )
        )
    return acts


@st.composite
def assessed(draw: st.DrawFn) -> list[Act]:
    """A recommendation, and assessments of it by several bodies in any order of their days."""
    asked = Act(ASKED.origin, 0, "un", example_of(K.RECOMMENDATION_MADE), {})
    acts = [asked]
    for index in range(1, draw(st.integers(3, 7))):
        mechanism = draw(st.sampled_from(MECHANISMS))
        content = example_of(
            K.FOLLOWUP_ASSESSED,
            about=ASKED,
            acting_body=draw(st.sampled_from(["tb.ccpr", "tb.cedaw"])),
            assessed_date=draw(st.sampled_from(["", "2023", "2024-02", "2024-02-03"])),
            grade={"scheme": "ccpr", "value": "A"},  # ambiguous
            derived=draw(st.sampled_from(["", "not_assessed", "partial", "rejected"])),
        )
        acts.append(Act(f"r.example/{mechanism}/1", index, mechanism, content, {}))
    return acts


@given(assessed())
def test_follow_up_is_contradicted_where_a_disagreement_is_found_and_nowhere_else(
    acts: list[Act],
) -> None:
    (document,) = follow_up_documents(case(1), acts, confidential=())
    row = decode_row(FollowUpRow, document.row)

    assert row.is_contradicted == bool(disagreements_of(acts))


@settings(max_examples=150)
@given(stories())
def test_folds_of_any_acts_give_rows(acts: list[Act]) -> None:
    for due in obligations_of(acts, shipped_profiles()):
        date.fromisoformat(due.due)
        assert due.state == "open" or not is_overdue(due.matter, due.state, due.due, date.max)
    for found in disagreements_of(acts):
        assert len({claim.value for claim in found.claims}) > 1
    assert set(statuses_of(acts)) <= set(MECHANISMS)
    own_status(act.content for act in acts)
    for detention in detentions_of(acts):
        assert detention.accounts
        count_days(detention.course, date.max)
        concerns_of(acts, detention)
    choices_of(acts, shipped_profiles(), ["POL"])
    statements = statements_of(acts)
    assert len({each.act.place for each in statements}) == len(statements)
    assert all(each.standing == () or each.signatures for each in statements)
    words_of(act.content for act in acts)
    documents = [
        *obligation_documents(case(1), "a title", acts, shipped_profiles(), confidential=()),
        *follow_up_documents(case(1), acts, confidential=()),
        *concordance_documents(case(1), acts, confidential=()),
        *reference_documents(case(1), acts, confidential=()),
    ]
    keys = [(each.view, each.key) for each in documents]
    assert len(keys) == len(set(keys))
    assert all(each.seal() for each in documents)
