"""Good practices found again from a case, and definitions side by side, as far as one may know."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from registry.application.clients import add_client
from registry.application.lists import Ask
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import NotFound
from tests.unit.application.acting_world import Acting, acting
from tests.unit.application.desk_world import ADA, EVE
from tests.unit.application.federation_in_process import Nodes


@pytest.fixture
def desks(nodes: Nodes) -> Iterator[Mapping[str, Acting]]:
    folder = nodes["alpha"].registry.folder.path
    for client in (ADA, EVE):
        add_client(folder, client.name, folder / "clients" / client.name, client.role)
    with acting(nodes) as found:
        yield found


def shares(desk: Acting, case_id: CaseId, title: str, *themes: str, **fields: Any) -> None:
    empty: dict[str, Any] = {"regions": (), "instruments": (), "worked_for": ()}
    desk.does(case_id, K.PRACTICE_SHARED, title=title, themes=themes, **{**empty, **fields})


def fitting(desk: Acting, case_id: CaseId, limit: int = 10, **asked: Any) -> list[Any]:
    desk.fold()
    client = asked.pop("client", ADA)
    return desk.practices.practices_for(client, Ask(limit, **asked), case_id)[0]


def test_practice_is_found_from_a_case_of_another_mechanism_with_the_reasons(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    library = beta.opens()
    shares(beta, library, "On another theme (invented)", "torture")
    shares(beta, library, "By theme (invented)", "reprisals", shared_date="2024-01-01")
    shares(
        beta,
        library,
        "By State too (invented)",
        "reprisals",
        states=("KEN",),
        instruments=("achpr.appeal", "un.ua"),
        place="the coast",
        worked_for=("achpr",),
    )
    case_id = alpha.opens(themes=("reprisals",), states=("KEN",))
    alpha.does(case_id, K.COMMUNICATION_SENT, instrument="un.ua", addressee_state="KEN")
    nodes.carry_all()

    first, second = fitting(alpha, case_id)
    assert (first.row.title, first.row.mechanism) == ("By State too (invented)", "beta")
    assert [(each.matter, each.code) for each in first.reasons] == [
        ("theme", "reprisals"),
        ("state", "KEN"),
        ("region", "africa"),
        ("untried_instrument", "achpr.appeal"),
    ]
    assert (first.row.place, first.row.worked_for) == ("the coast", ("achpr",))
    assert [(each.matter, each.code) for each in second.reasons] == [("theme", "reprisals")]
    assert [each.row.title for each in fitting(alpha, case_id, facets=(("state", ("KEN",)),))] == [
        "By State too (invented)"
    ]
    shown, left_out = alpha.practices.practices_for(ADA, Ask(1), case_id)
    assert ([each.row.title for each in shown], left_out) == (["By State too (invented)"], 1)

    listed = alpha.practices.practices(ADA, Ask(10, facets=(("theme", ("torture",)),))).rows
    assert [(each.row.title, each.reasons) for each in listed] == [
        ("On another theme (invented)", ())
    ]
    by_body = Ask(10, facets=(("body", ("achpr",)),))
    assert len(alpha.practices.practices(ADA, by_body).rows) == 1
    assert len(alpha.practices.practices(ADA, Ask(10, text="coast")).rows) == 1


def test_case_without_themes_of_its_own_finds_nothing_and_an_unknown_one_is_refused(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha = desks["alpha"]
    shares(alpha, alpha.opens(), "By theme (invented)", "reprisals")
    bare = alpha.opens()

    assert fitting(alpha, bare) == []
    with pytest.raises(NotFound):
        fitting(alpha, CaseId(b"absent case 1234"))


def test_hidden_case_gives_no_practice_and_asks_for_none(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha = desks["alpha"]
    case_id = alpha.opens(themes=("reprisals",))
    library = alpha.opens()
    shares(alpha, library, "By theme (invented)", "reprisals")
    alpha.does(library, K.DEFINITION_AGREED, definition="hidden words")
    assert len(fitting(alpha, case_id, client=EVE)) == 1

    alpha.world.desk.restrict(library, ["ada"])
    assert fitting(alpha, case_id, client=EVE) == []
    assert len(fitting(alpha, case_id)) == 1
    assert alpha.practices.practices(EVE, Ask(10)).rows == ()
    assert alpha.practices.definitions(EVE, Ask(10)).rows == ()
    assert len(alpha.practices.definitions(ADA, Ask(10)).rows) == 1
    alpha.world.desk.restrict(case_id, ["ada"])
    with pytest.raises(NotFound):
        fitting(alpha, case_id, client=EVE)


def test_practice_that_is_not_for_all_is_seen_by_its_audience_and_the_read_is_kept(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    library, case_id = alpha.opens(), alpha.opens(themes=("reprisals",))
    alpha.does(library, K.PRACTICE_SHARED, OWN_ONLY, title="Our own (invented)")
    alpha.does(case_id, K.NOTE_ADDED, OWN_ONLY)
    nodes.carry_all()

    assert fitting(beta, case_id) == []
    assert [each.row.title for each in fitting(alpha, case_id)] == ["Our own (invented)"]
    for each in (library, case_id):
        (read,) = alpha.world.desk.reads(ADA, None, 10, each)
        assert (read.method, read.events) == ("ListPractices", 1)


def test_definitions_of_a_term_stand_side_by_side_with_who_holds_each(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    ours, theirs = alpha.opens(), beta.opens()

    def agrees(
        desk: Acting, case_id: CaseId, words: str, day: str, *bodies: str, **more: Any
    ) -> Any:
        fields: dict[str, Any] = {"term": "Reprisal", "agreed_date": day, "held_by": bodies}
        return desk.does(case_id, K.DEFINITION_AGREED, definition=words, **{**fields, **more})

    first = agrees(alpha, ours, "an act against a person", "2020", "un", "achpr")
    later = agrees(alpha, ours, "an act against anybody", "2024-02-01", "un", term=" reprisal")
    agrees(beta, theirs, "any detriment", "2019-05-05", "coe")
    agrees(beta, theirs, "freedom from punishment", "2018", "coe", term="impunity")
    agrees(beta, theirs, "no words on who holds it", "2025", term="impunity")
    nodes.carry_all()

    for desk in (alpha, beta):
        desk.fold()
        found = desk.practices.definitions(ADA, Ask(10), "REPRISAL").rows
        assert [each.row.definition for each in found] == [
            "any detriment",
            "an act against a person",
            "an act against anybody",
        ]
        assert [each.differing for each in found] == [3, 3, 3]
        assert [[(s.body, s.by) for s in each.superseded] for each in found] == [
            [],
            [("un", (first.origin, later.index))],
            [],
        ]
        everything = desk.practices.definitions(ADA, Ask(10)).rows
        assert [each.row.term for each in everything] == ["impunity"] * 2 + [
            "Reprisal",
            "Reprisal",
            "reprisal",
        ]
        assert everything[1].row.held_by == ("beta",)
    of_body = alpha.practices.definitions(ADA, Ask(10, facets=(("body", ("achpr",)),))).rows
    assert [each.superseded[0].body for each in of_body] == ["un"]
    by_page = alpha.practices.definitions(ADA, Ask(3))
    rest = alpha.practices.definitions(ADA, Ask(3, by_page.next_token))
    assert len(by_page.rows) + len(rest.rows) == 5


def test_definition_for_few_takes_the_place_of_nothing_for_the_others(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    case_id = alpha.opens()
    alpha.does(case_id, K.DEFINITION_AGREED, EVERYONE, agreed_date="2020", held_by=("un",))
    alpha.does(case_id, K.DEFINITION_AGREED, OWN_ONLY, agreed_date="2024", held_by=("un",))
    nodes.carry_all()
    alpha.fold()
    beta.fold()

    # Of a page that does not list the later one it says as much: that is read, too.
    assert len(alpha.practices.definitions(ADA, Ask(1)).rows[0].superseded) == 1
    (read,) = alpha.world.desk.reads(ADA, None, 10, case_id)
    assert (read.method, read.events) == ("ListDefinitions", 1)
    assert [each.superseded for each in beta.practices.definitions(ADA, Ask(10)).rows] == [()]
