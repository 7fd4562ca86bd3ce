"""Two people to publish or erase: who asked, who approved, and what happens in between."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from registry.application.desk import Waiting
from registry.application.erasing import ErasureTarget, WidenCommand
from registry.application.policy import Policy
from registry.application.roles import Client, Role
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.content import SourceIdentity
from registry.errors import (
    NotAllowed,
    NotFound,
    RequestIdReused,
    RuleViolation,
    StorageError,
)
from registry.store.office import Office
from registry.store.values import Appended
from tests.unit.application.desk_world import ADA, BEN, CLEO, EVE, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, open_node, statement
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    with open_world(node) as opened:
        yield opened


# --- publishing ---------------------------------------------------------------------------------


def test_own_act_for_everyone_waits_and_is_not_in_the_log(world: DeskWorld) -> None:
    case_id = world.opened()
    before = world.size()

    act_id = world.waits(case_id, statement())

    assert world.size() == before
    (act,) = world.waiting()
    assert (act.act_id, act.action, act.officer, act.case_id) == (
        act_id,
        "publish",
        "ada",
        case_id,
    )


def test_what_is_not_published_does_not_wait(world: DeskWorld) -> None:
    case_id = world.opened()

    world.records(case_id, statement(), request_id="own", audience=OWN_ONLY)
    public = statement().model_copy(update={"basis": "public_record"})
    world.records(case_id, public, request_id="public")

    assert world.waiting() == []


def test_second_person_carries_it_out_and_both_are_kept(world: DeskWorld) -> None:
    case_id = world.opened()
    act_id = world.waits(case_id, statement("Told to all"))
    world.node.clock.time_ms += 5000

    appended = world.approve(BEN, act_id)

    assert world.waiting() == []
    act, done_ms = world.desk.act(ADA, appended.index)
    assert (act.officer, act.approver) == ("ada", "ben")
    assert act.approved_ms == act.asked_ms + 5000 == done_ms
    history = world.node.registry.history(case_id)
    assert history.events[-1].content == statement("Told to all")


@pytest.mark.parametrize(
    "same", [ADA, Client("ada", Role.PUBLISHER), Client("ADA", Role.PUBLISHER)], ids=repr
)
def test_same_person_is_no_second_one_whatever_the_certificate_or_letters(
    world: DeskWorld, same: Client
) -> None:
    act_id = world.waits(world.opened(), statement())
    before = world.size()

    with pytest.raises(NotAllowed, match="second person"):
        world.approve(same, act_id)

    assert (world.size(), len(world.waiting())) == (before, 1)


def test_request_that_is_repeated_gives_the_same_act_and_then_the_event(world: DeskWorld) -> None:
    case_id = world.opened()
    act_id = world.waits(case_id, statement())
    assert world.waits(case_id, statement()) == act_id
    assert len(world.waiting()) == 1

    appended = world.approve(BEN, act_id)

    again = world.ask(case_id, statement())
    assert isinstance(again, Appended)
    assert (again.index, again.was_recorded_before) == (appended.index, True)
    assert world.desk.act(ADA, again.index)[0].approver == "ben"


@pytest.mark.parametrize("audience", [EVERYONE, OWN_ONLY], ids=["waits", "does not wait"])
def test_request_id_of_an_act_that_waits_stands_for_nothing_else(
    world: DeskWorld, audience: object
) -> None:
    case_id = world.opened()
    world.waits(case_id, statement("one"))

    with pytest.raises(RequestIdReused):
        world.ask(case_id, statement("another"), audience=audience)  # type: ignore[arg-type] # one of two choices


def test_declined_act_is_gone_and_may_be_asked_for_again(world: DeskWorld) -> None:
    case_id = world.opened()
    act_id = world.waits(case_id, statement())

    world.desk.decline(BEN, act_id)

    assert world.waiting() == []
    with pytest.raises(NotFound):
        world.approve(BEN, act_id)
    assert world.waits(case_id, statement()) != act_id


def test_officer_declines_its_own_act_and_no_other(world: DeskWorld) -> None:
    act_id = world.waits(world.opened(), statement())

    with pytest.raises(NotAllowed):
        world.desk.decline(EVE, act_id)
    world.desk.decline(ADA, act_id)

    assert world.waiting() == []


def test_rules_are_judged_again_after_a_withdrawal_of_consent(world: DeskWorld) -> None:
    case_id = world.opened()
    given = consent("names_in_public")
    world.records(case_id, given, request_id="consent", audience=OWN_ONLY)
    act_id = world.waits(case_id, naming(AYO), audience=EVERYONE)
    world.records(case_id, withdrawn(), request_id="withdrawal", audience=OWN_ONLY)
    before = world.size()

    with pytest.raises(RuleViolation):
        world.approve(BEN, act_id)

    assert (world.size(), len(world.waiting())) == (before, 1)


def test_consent_that_still_stands_lets_the_approved_act_through(world: DeskWorld) -> None:
    case_id = world.opened()
    world.records(case_id, consent("names_in_public"), request_id="c", audience=OWN_ONLY)

    act_id = world.waits(case_id, naming(AYO), audience=EVERYONE)

    assert world.approve(BEN, act_id).index == world.size() - 1


def test_widening_to_everyone_is_no_way_around_the_second_person(world: DeskWorld) -> None:
    index = world.records(world.opened(), statement(), audience=OWN_ONLY)
    before = world.size()

    with pytest.raises(RuleViolation, match="two people"):
        world.desk.widen(BEN, WidenCommand("w", "ben", index, ()))
    assert world.size() == before

    appended = world.desk.widen(BEN, WidenCommand("w", "ben", index, ("beta",))).result()
    assert world.desk.act(ADA, appended.index)[0].officer == "ben"


def test_act_that_cannot_be_read_is_not_published_past_the_second_person(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = world.records(world.opened(), statement(), audience=OWN_ONLY)
    store, before = world.node.registry.store, world.size()
    part = store.part(world.node.log_id, index, 0)
    assert part is not None
    for stored in (None, part._replace(content=b"{}"), part._replace(media_type="text/plain")):
        monkeypatch.setattr(store, "part", lambda *_place, stored=stored: stored)
        with pytest.raises(RuleViolation, match="cannot be judged"):
            world.desk.second_person.refuse_widening(WidenCommand("w", "ben", index, ()))
        with pytest.raises(RuleViolation, match="cannot be judged"):
            world.desk.widen(BEN, WidenCommand("w", "ben", index, ()))
    assert world.size() == before


def test_widening_that_was_done_is_answered_under_a_stricter_policy(node: Node) -> None:
    alone = Policy(two_people_to_publish=False, two_people_to_erase=False)
    with open_world(node, alone) as world:
        index = world.records(world.opened(), statement(), audience=OWN_ONLY)
        first = world.desk.widen(BEN, WidenCommand("w", "ben", index, ())).result()
    with open_world(node) as world:
        again = world.desk.widen(BEN, WidenCommand("w", "ben", index, ())).result()

    assert (again.index, again.was_recorded_before) == (first.index, True)


def test_one_person_is_enough_if_the_policy_says_so(node: Node) -> None:
    alone = Policy(two_people_to_publish=False, two_people_to_erase=False)
    with open_world(node, alone) as world:
        index = world.records(world.opened(), statement())
        erased = world.erase(index)

        assert isinstance(erased, Appended)
        assert world.desk.act(ADA, index)[0].approver == ""
        assert world.desk.act(ADA, erased.index)[0].officer == "ada"


# --- erasing ------------------------------------------------------------------------------------


def test_erasure_waits_for_a_second_person(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY)

    outcome = world.erase(index)

    assert isinstance(outcome, Waiting)
    assert world.node.registry.store.part(world.node.log_id, index, 0) is not None
    with pytest.raises(NotAllowed):
        world.approve(ADA, outcome.act_id)
    world.approve(BEN, outcome.act_id)
    assert world.node.registry.store.part(world.node.log_id, index, 0) is None


def test_proposed_erasure_needs_one_person_more(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY)
    targets = [ErasureTarget(index, 0)]

    act_id = world.desk.approvals.propose_erasure(targets, asked_by="a withdrawal of consent")

    assert act_id is not None
    assert (
        world.desk.approvals.propose_erasure(targets, asked_by="a withdrawal of consent") == act_id
    )
    appended = world.approve(CLEO, act_id)
    act, _ = world.desk.act(ADA, appended.index)
    assert (act.officer, act.approver) == ("a withdrawal of consent", "cleo")
    assert world.desk.approvals.propose_erasure(targets, asked_by="a withdrawal of consent") is None


def test_acts_about_what_was_erased_are_dropped(world: DeskWorld) -> None:
    case_id, other = world.opened(), world.opened(request_id="other case")
    index = world.records(case_id, statement(), request_id="1", audience=OWN_ONLY)
    first, second = world.erase(index, request_id="e1"), world.erase(index, request_id="e2")
    publication = world.waits(case_id, statement("Repeats it"), request_id="p")
    elsewhere = world.waits(other, statement("Elsewhere"), request_id="q")

    world.approve(BEN, first.act_id)

    for overtaken in (second.act_id, publication):
        with pytest.raises(NotFound):
            world.approve(BEN, overtaken)
    deadline = monotonic() + 10
    while len(world.waiting()) > 1:
        assert monotonic() < deadline, "the overtaken acts are still kept"
    assert [act.act_id for act in world.waiting()] == [elsewhere]


# --- crashes ------------------------------------------------------------------------------------


def test_act_carried_out_before_a_crash_is_not_listed_again_and_keeps_its_people(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world(node) as world:
        act_id = world.waits(world.opened(), statement())
        with monkeypatch.context() as crash:
            crash.setattr(Office, "drop_pending", _power_cut)
            with pytest.raises(StorageError, match="power"):
                world.approve(BEN, act_id)
    with open_world(node) as world:
        assert world.waiting() == []
        act, _ = world.desk.act(ADA, world.size() - 1)
        assert (act.officer, act.approver) == ("ada", "ben")


def test_crash_before_the_append_leaves_the_act_waiting_and_no_note(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world(node) as world:
        case_id = world.opened()
        act_id = world.waits(case_id, statement())
        size = world.size()
        with monkeypatch.context() as crash:
            crash.setattr(type(node.registry.store), "append_now", _power_cut)
            with pytest.raises(StorageError, match="power"):
                world.approve(BEN, act_id)
    with open_world(node) as world:
        assert (world.size(), [act.act_id for act in world.waiting()]) == (size, [act_id])
        assert node.registry.store.act_note(node.log_id, size) is None
        assert world.approve(CLEO, act_id).index == size
        assert world.desk.act(ADA, size)[0].approver == "cleo"


def test_who_did_what_outlives_a_restart(folder: Path) -> None:
    node = open_node(folder, "alpha")
    with open_world(node) as world:
        case_id = world.opened()
        index = world.approve(BEN, world.waits(case_id, statement())).index
        waiting = world.waits(case_id, statement("Waits"), request_id="2")
    node.registry.close()

    node = open_node(folder, "alpha")
    with open_world(node) as world:
        assert world.desk.act(ADA, index)[0].approver == "ben"
        assert world.approve(BEN, waiting).index == index + 1
    node.registry.close()


def test_failed_append_leaves_no_note_behind(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement("one"), request_id="same", audience=OWN_ONLY)

    with pytest.raises(RequestIdReused):
        world.ask(case_id, statement("other"), client=ADA, request_id="same", audience=OWN_ONLY)

    assert world.node.registry.store.act_note(world.node.log_id, index + 1) is None
    assert world.desk.act(ADA, index)[0].officer == "ada"


# --- at rest ------------------------------------------------------------------------------------

CANARY = "Xylocarp-7731"


def test_office_and_notes_hold_no_plaintext_on_disk(folder: Path) -> None:
    node = open_node(folder, "alpha")
    source = SourceIdentity(name=f"{CANARY} source", contact="c", note="n")
    officer = Client(f"{CANARY}-officer", Role.OFFICER)
    with open_world(node) as world:
        case_id = world.opened(officer)
        world.waits(case_id, statement(f"{CANARY} pending"), client=officer)
        index = world.records(
            case_id,
            statement("sourced"),
            client=officer,
            request_id="s",
            audience=OWN_ONLY,
            source=source,
        )
        assert world.desk.source_of(officer, index).name == source.name
        # The positive control: through the desk all of it is there.
        assert CANARY in world.waiting()[0].officer
        assert CANARY in world.waiting()[0].request.decode()
        assert CANARY in world.desk.act(officer, index)[0].officer
        assert CANARY in world.desk.reads(officer, None, 9, None)[0].client
        assert files_with(folder / "alpha", CANARY) == []
    node.registry.close()
    assert files_with(folder / "alpha", CANARY) == []
    (folder / "alpha" / "left.txt").write_text(f"the search finds {CANARY} where it is")
    assert files_with(folder / "alpha", CANARY) == ["left.txt"]


def files_with(folder: Path, text: str) -> list[str]:
    """Names of the files below a folder that hold a text."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def _power_cut(*_: object, **__: object) -> None:
    msg = "the power went away"
    raise StorageError(msg)
