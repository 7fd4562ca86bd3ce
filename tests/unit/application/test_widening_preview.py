"""What a widening would let leave is seen before it does, and nothing is recorded by looking."""

from collections.abc import Iterator

import pytest

from registry.application.erasing import ErasureTarget, WidenCommand
from registry.application.policy import Policy
from registry.application.widening_preview import WideningPreview
from registry.domain.audience import OWN_ONLY, named
from registry.errors import NotFound, RuleViolation, TryLater
from tests.unit.application.desk_world import ADA, DeskWorld, open_world
from tests.unit.application.erasing_world import erase
from tests.unit.application.federation_in_process import Node, statement
from tests.unit.application.persons_world import AYO, BEA, consent, naming
from tests.unit.application.test_attachments import CONTENT, record, send


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    with open_world(node) as opened:
        yield opened


def looked(world: DeskWorld, index: int, *slugs: str) -> WideningPreview:
    before = world.size()
    found = world.desk.preview_widening(ADA, WidenCommand("w", "ada", index, slugs))
    assert world.size() == before
    return found


def test_everything_of_a_mistyped_index_is_shown(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, consent("share_with_mechanisms", "beta"), audience=OWN_ONLY)
    text = statement("A draft that nobody was to see").model_copy(
        update={"basis": "public_record", "source": "an invented register"}
    )
    index = world.records(case_id, text, request_id="2", audience=OWN_ONLY)

    found = looked(world, index)

    assert (found.case_id, found.kind) == (case_id, "statement_issued")
    assert found.title == "A draft that nobody was to see"
    assert found.new_recipients == ("beta", "gamma")
    assert found.preview.recipients == ("alpha", "beta", "gamma")
    assert found.preview.is_for_everyone
    assert found.preview.refusals == ()
    assert [size > 0 for size in found.preview.size_classes] == [True]
    assert found.preview.visible_kind == "audience_widened"
    world.desk.widen(ADA, WidenCommand("w", "ada", index, ())).result()


def test_files_that_would_leave_with_it_are_named_with_their_sizes(world: DeskWorld) -> None:
    case_id = world.opened()
    index, header = record(world.node, case_id, statement(), send(world.node), audience=OWN_ONLY)

    found = looked(world, index, "beta")

    told = [(each.ordinal, each.file_name, each.size) for each in found.attachments]
    assert told == [(1, "a.pdf", len(CONTENT))]
    assert found.preview.size_classes == tuple(part.padded_size for part in header.parts)
    erase(world.node, ErasureTarget(index, 1))
    assert looked(world, index, "beta").attachments == ()
    assert len(looked(world, index, "beta").preview.size_classes) == 1


def test_only_those_are_new_that_could_not_hold_it_before(world: DeskWorld) -> None:
    index = world.records(world.opened(), statement(), audience=named("beta"))
    alone = Policy(two_people_to_publish=False, two_people_to_erase=False)
    world.desk.second_person._policy = alone

    found = looked(world, index, "gamma")

    assert found.new_recipients == ("gamma",)
    assert not found.preview.is_for_everyone
    assert looked(world, index, "beta").new_recipients == ()
    assert "already" in looked(world, index, "beta").preview.refusals[0]


def test_names_stand_in_the_way_and_are_told(world: DeskWorld) -> None:
    case_id = world.opened()
    given = consent("share_with_mechanisms", "beta")
    world.records(case_id, given, request_id="c", audience=OWN_ONLY)
    index = world.records(case_id, naming(AYO, BEA), request_id="n", audience=OWN_ONLY)

    found = looked(world, index, "beta")

    told = {each.name: not each.why_not for each in found.preview.release.persons}
    assert told == {AYO.name: True, BEA.name: False}
    (refusal,) = found.preview.refusals
    assert BEA.person_id in refusal


def test_second_person_that_is_needed_is_told(world: DeskWorld) -> None:
    index = world.records(world.opened(), statement(), audience=OWN_ONLY)

    for slugs in ((), ("beta", "gamma")):
        (refusal,) = looked(world, index, *slugs).preview.refusals
        assert "two people" in refusal
    assert looked(world, index, "beta").preview.refusals == ()


def test_kind_that_is_never_for_all_is_told_as_refused(world: DeskWorld) -> None:
    index = world.records(world.opened(), consent("names_in_public"), audience=OWN_ONLY)

    (refusal,) = looked(world, index).preview.refusals

    assert "never for all" in refusal


def test_looking_is_kept_as_a_read_of_what_is_not_for_everybody(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY)
    looked(world, index, "beta")
    looked(world, 0, "beta")

    noted = world.desk.reads(ADA, None, 9, case_id)
    assert [(each.method, each.events) for each in noted] == [("PreviewWidening", 1)]


def test_nothing_is_shown_of_what_is_not_there_or_cannot_be_read(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = world.records(world.opened(), statement(), audience=OWN_ONLY)
    with pytest.raises(NotFound):
        looked(world, index + 1)
    store = world.node.registry.store
    with monkeypatch.context() as lost:
        lost.setattr(store, "part", lambda *_place: None)
        with pytest.raises(RuleViolation, match="cannot be judged"):
            looked(world, index)
    store.close_content()
    with pytest.raises(TryLater):
        looked(world, index)
    store.open_content()
    erase(world.node, ErasureTarget(index, 0))
    with pytest.raises(NotFound, match="left to widen"):
        looked(world, index)
