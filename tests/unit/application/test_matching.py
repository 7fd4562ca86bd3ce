"""Private matching between nodes: a person at each side, consent, and no list that leaves."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.asking import Question, QuestionCommand
from registry.application.asking_limits import DAY_MS
from registry.application.clients import add_client
from registry.application.kept_matchings import KEPT_MS
from registry.application.matching_desk import TellCommand
from registry.application.roles import Role
from registry.domain.content import (
    MatchingReturned,
    NamedPerson,
    Party,
    PeersAsked,
    StatementIssued,
)
from registry.domain.identifiers import CaseId
from registry.domain.matching import MatchedName, normal_form, read_points
from registry.errors import InvalidRequest, NotFound, RuleViolation
from tests.unit.application.asking_world import AskingWorld, federation_copy, open_asking, question
from tests.unit.application.desk_world import ADA, BEN, EVE
from tests.unit.application.federation_in_process import Ceremony, Nodes
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn

CENTRE = MatchedName("organisation", "Centro Inventado")
CYD = NamedPerson(person_id="c3" * 16, name="Cyd Dálaigh")
BACK = MatchingReturned(acting_body="a", basis="own_act", is_invented=True)


def of(*organisations: str) -> StatementIssued:
    parties = tuple(Party(kind="organisation", name=each) for each in organisations)
    return naming(parties=parties)


def holds(world: AskingWorld, slug: str, *organisations: str, **persons: NamedPerson) -> CaseId:
    """A case of a node with organisations, and persons whose consent covers a peer, by its slug."""
    officers = world[slug]
    case_id = officers.desk.opened(request_id=f"case {officers.desk.size()}")
    officers.node.record(of(*organisations), case_id)
    for peer, person in persons.items():
        officers.node.record(consent("share_with_mechanisms", peer, person=person), case_id)
    return case_id


def matched(world: AskingWorld, asker: str, peer: str, case_id: CaseId) -> Question:
    """Asks for a matching and lets the peer agree; the question as the asker sees it then."""
    world[asker].ask(case_id, question(peer, question="holds"), matches=True)
    world.nodes.carry_all()
    received = world[peer].listed()[0]
    world[peer].answer(received, "yes", matches=True)
    world.nodes.carry_all()
    return received


def result(world: AskingWorld, slug: str, about: Question) -> tuple[MatchedName, ...] | None:
    event = about.question.event
    return world[slug].matching.result(ADA, event.origin, event.index).held_by_both


def tell(world: AskingWorld, slug: str, about: Question) -> None:
    event = about.question.event
    world[slug].matching.tell(ADA, TellCommand("tell", event.origin, event.index, BACK))
    world.nodes.carry_all()


@pytest.fixture
def folder(ceremony: Ceremony, tmp_path: Path) -> Path:
    """Fresh copies of the founded folders, in memory."""
    return federation_copy(ceremony, tmp_path)


@pytest.fixture
def world(nodes: Nodes) -> Iterator[AskingWorld]:
    with open_asking(nodes) as opened:
        yield opened


def test_both_learn_what_both_hold_and_who_asked_first(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", "Alpha's own", beta=AYO)
    holds(
        world,
        "beta",
        "CENTRO INVENTADO",
        "Beta's own",
        alpha=AYO.model_copy(update={"name": "Zemlinski, Ayo", "person_id": "d4" * 16}),
    )
    about = matched(world, "alpha", "beta", case_id)

    assert result(world, "alpha", about) == (CENTRE, MatchedName("person", "Ayo Zemlinski"))
    assert result(world, "beta", about) is None

    tell(world, "alpha", about)

    assert result(world, "beta", about) == (
        MatchedName("organisation", "CENTRO INVENTADO"),
        MatchedName("person", "Zemlinski, Ayo"),
    )
    event = about.question.event
    assert world["beta"].matching.result(ADA, event.origin, event.index).state == "returned"


def test_no_name_and_no_hash_of_one_leaves_either_node(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", "Alpha's own", beta=AYO)
    holds(world, "beta", "Centro Inventado", "Beta's own", alpha=CYD)
    before = {slug: world[slug].desk.size() for slug in ("alpha", "beta")}
    tell(world, "alpha", matched(world, "alpha", "beta", case_id))

    sent = b""
    for slug, start in before.items():
        officers = world[slug]
        store = officers.node.registry.store
        for index in range(start, officers.desk.size()):
            part = store.part(officers.node.log_id, index, 0)
            sent += b"" if part is None else part.content
    assert sent.count(b"_points") >= 3
    names = ["Centro Inventado", "Alpha's own", "Beta's own", AYO.name, CYD.name]
    for name in [*names, *map(normal_form, names)]:
        assert name.encode() not in sent
        for kind in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(kind, name.encode()).digest()
            assert digest.hex().encode()[:32] not in sent
    for slug in ("alpha", "beta"):
        gamma = world["gamma"].node.registry.store
        log = world[slug].node.log_id
        assert all(
            gamma.part(log, index, 0) is None
            for index in range(before[slug], world[slug].desk.size())
        )


def test_person_takes_part_only_where_a_consent_covers_the_other_side(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", gamma=AYO, beta=BEA)
    holds(world, "beta", "Nobody else's", alpha=AYO)
    holds(world, "beta", gamma=BEA)
    about = matched(world, "alpha", "beta", case_id)

    # Ayo may be known to beta from nobody at alpha, Bea to alpha from nobody at beta.
    assert result(world, "alpha", about) == ()


def test_withdrawal_between_preview_and_question_stops_it(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado", beta=AYO)
    command = QuestionCommand("q", case_id, question("beta"))
    preview = alpha.asking.preview(ADA, command, matches=True)
    alpha.node.record(withdrawn(), case_id)

    with pytest.raises(RuleViolation, match="the names that take part have changed"):
        alpha.asking.ask(ADA, command, preview.confirmation, matches=True)


def test_preview_shows_what_is_sent_and_another_preview_other_points(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado")
    command = QuestionCommand("q", case_id, question("beta"))
    one, other = (alpha.asking.preview(ADA, command, matches=True) for _ in range(2))
    assert one.matching_names == (CENTRE,)
    asked = alpha.asking.ask(ADA, command, one.confirmation, matches=True)
    world.nodes.carry_all()

    part = world["beta"].node.registry.store.part(alpha.node.log_id, asked.index, 0)
    assert part is not None
    assert part.content.decode() == one.text
    points = [set(json.loads(each.text)["matching_points"]) for each in (one, other)]
    assert {len(each) for each in points} == {16}
    assert not points[0] & points[1]


def test_question_that_is_asked_again_is_the_same_question(world: AskingWorld) -> None:
    alpha, beta = world["alpha"], world["beta"]
    case_id = holds(world, "alpha", "Centro Inventado")
    command = QuestionCommand("q", case_id, question("beta"))
    confirmation = alpha.asking.preview(ADA, command, matches=True).confirmation
    first = alpha.asking.ask(ADA, command, confirmation, matches=True)
    assert alpha.asking.ask(ADA, command, confirmation, matches=True).index == first.index
    world.nodes.carry_all()
    (received,) = beta.listed()

    answered = beta.answer(received, "yes", matches=True, request_id="a")
    assert beta.answer(received, "yes", matches=True, request_id="a").index == answered.index


def test_officer_puts_no_points_of_its_own_into_a_question(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    for fields in ({"matching_points": ("A" * 43,)}, {"matching_nonce": "A" * 43}):
        command = QuestionCommand("q", case_id, question("beta", **fields))
        with pytest.raises(InvalidRequest, match="the node makes the points"):
            world["alpha"].asking.preview(ADA, command)


@pytest.mark.parametrize("said", ["no", "contact_us"])
def test_who_does_not_say_yes_sends_no_points(world: AskingWorld, said: str) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    world["alpha"].ask(case_id, question("beta"), matches=True)
    world.nodes.carry_all()
    (received,) = world["beta"].listed()
    with pytest.raises(RuleViolation, match="answers yes"):
        world["beta"].answer(received, said, matches=True)

    world["beta"].answer(received, said)
    world.nodes.carry_all()

    assert result(world, "alpha", received) is None
    with pytest.raises(RuleViolation, match="nobody has agreed"):
        tell(world, "alpha", received)


def test_plain_question_takes_no_points_and_has_no_result(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    world["alpha"].ask(case_id, question("beta"))
    world.nodes.carry_all()
    (received,) = world["beta"].listed()

    with pytest.raises(RuleViolation, match="asks for no matching"):
        world["beta"].answer(received, "yes", matches=True)
    for slug in ("alpha", "beta"):
        with pytest.raises(NotFound):
            result(world, slug, received)


def test_matching_is_between_two_and_needs_a_name(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado")
    with pytest.raises(RuleViolation, match="between two mechanisms"):
        alpha.ask(case_id, question("beta", "gamma"), matches=True)
    empty = alpha.desk.opened(request_id="empty")
    with pytest.raises(RuleViolation, match="no person whose consent covers beta"):
        alpha.ask(empty, question("beta"), matches=True)


def test_node_that_did_not_turn_it_on_neither_asks_nor_agrees(nodes: Nodes) -> None:
    with open_asking(nodes) as world:
        case_id = holds(world, "alpha", "Centro Inventado")
        world["alpha"].ask(case_id, question("beta"), matches=True)
        nodes.carry_all()
    with open_asking(nodes, matching_on=False) as world:
        (received,) = world["beta"].listed()
        with pytest.raises(RuleViolation, match="private matching is off"):
            world["beta"].answer(received, "yes", matches=True)
        other = holds(world, "beta", "Centro Inventado")
        with pytest.raises(RuleViolation, match="private matching is off"):
            world["beta"].ask(other, question("alpha"), matches=True)
        world["beta"].answer(received, "no")


def test_cases_that_are_hidden_from_who_agrees_take_no_part(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    hidden = holds(world, "beta", "Centro Inventado")
    world["alpha"].ask(case_id, question("beta"), matches=True)
    world.nodes.carry_all()
    beta = world["beta"]
    folder = beta.node.registry.folder.path
    add_client(folder, "ada", folder / "clients" / "ada", Role.OFFICER)
    beta.desk.desk.restrict(hidden, ["ada"])
    (received,) = beta.listed()
    beta.answer(received, "yes", matches=True, client=EVE)
    world.nodes.carry_all()

    assert result(world, "alpha", received) == ()


def test_matchings_with_one_member_are_few_a_day(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado")
    for number in range(3):
        alpha.ask(case_id, question("beta", summary=f"{number}"), matches=True, client=BEN)
    with pytest.raises(RuleViolation, match="at most 3 matchings with beta"):
        alpha.ask(case_id, question("beta", summary="again"), matches=True)
    alpha.ask(case_id, question("beta", summary="no matching"))
    alpha.ask(case_id, question("gamma"), matches=True)


def test_secret_is_forgotten_and_with_it_the_result(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    holds(world, "beta", "Centro Inventado")
    about = matched(world, "alpha", "beta", case_id)
    world["alpha"].node.clock.time_ms += KEPT_MS + DAY_MS

    with pytest.raises(NotFound, match="no secret of such a matching"):
        result(world, "alpha", about)


def test_reading_a_result_is_noted_and_others_find_no_such_matching(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    holds(world, "beta", "Centro Inventado")
    about = matched(world, "alpha", "beta", case_id)
    assert result(world, "alpha", about) == (CENTRE,)

    reads = world["alpha"].desk.desk.reads(ADA, None, 10, case_id)
    assert "GetMatching" in {each.method for each in reads}
    with pytest.raises(NotFound):
        result(world, "gamma", about)
    with pytest.raises(NotFound):
        world["alpha"].matching.result(ADA, "", 0)


def test_result_shows_no_name_of_a_case_that_is_hidden_from_who_reads_it(
    world: AskingWorld,
) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", "Known to all")
    hidden = holds(world, "beta", "Centro Inventado")
    holds(world, "beta", "Known to all")
    beta = world["beta"]
    folder = beta.node.registry.folder.path
    add_client(folder, "ada", folder / "clients" / "ada", Role.OFFICER)
    beta.desk.desk.restrict(hidden, ["ada"])
    about = matched(world, "alpha", "beta", case_id)
    tell(world, "alpha", about)
    event = about.question.event

    assert len(result(world, "beta", about) or ()) == 2
    found = beta.matching.result(EVE, event.origin, event.index)
    assert found.held_by_both == (MatchedName("organisation", "Known to all"),)
    assert found.names_sent == 1


def test_withdrawal_before_the_result_is_told_keeps_it_from_being_told(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", beta=AYO)
    holds(world, "beta", alpha=AYO)
    about = matched(world, "alpha", "beta", case_id)
    world["alpha"].node.record(withdrawn(), case_id)

    with pytest.raises(RuleViolation, match="may no longer take part"):
        tell(world, "alpha", about)
    assert result(world, "beta", about) is None


def test_answer_that_came_to_nothing_costs_no_earlier_result(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    holds(world, "beta", "Centro Inventado")
    about = matched(world, "alpha", "beta", case_id)
    holds(world, "beta", "Another one since")
    beta = world["beta"]
    with pytest.raises(RuleViolation):
        beta.answer(about, "yes", matches=True, words="too long " * 100)
    with pytest.raises(InvalidRequest):
        beta.answer(about, "yes", matches=True, request_id="x" * 300)
    tell(world, "alpha", about)

    assert result(world, "beta", about) == (CENTRE,)


def test_secret_is_gone_after_its_time_though_no_other_matching_begins(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado")
    alpha.ask(case_id, question("beta"), matches=True)
    (sent,) = alpha.listed("sent")
    content = sent.question.event.content
    assert isinstance(content, PeersAsked)
    (key,) = read_points([content.matching_nonce])
    assert alpha.desk.desk.matchings.book.of_key(key) is not None
    alpha.node.clock.time_ms += KEPT_MS + 1

    with open_asking(Nodes({"alpha": alpha.node})):
        assert alpha.desk.desk.matchings.book.of_key(key) is None
