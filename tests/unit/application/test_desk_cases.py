"""Cases that only named clients may know of, who read what, and who information came from."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry.application.approvals import PendingAct
from registry.application.clients import add_client
from registry.application.desk import confidential_count
from registry.application.erasing import WidenCommand
from registry.application.lists import Ask, Listed
from registry.application.roles import Client, Role
from registry.domain.audience import OWN_ONLY
from registry.domain.content import SourceIdentity
from registry.domain.identifiers import CaseId, situation_case_id
from registry.errors import InvalidRequest, NotFound, TryLater
from registry.store.values import Appended
from registry.views.rows import CaseRow
from tests.unit.application.desk_world import ADA, BEN, CLEO, EVE, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, statement

SOURCE = SourceIdentity(name="A source (invented)", contact="by letter", note="an invented note")
ABSENT = CaseId(b"absent case 1234")


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    folder = node.registry.folder.path
    for client in (ADA, BEN, EVE):
        add_client(folder, client.name, folder / "clients" / client.name, client.role)
    with open_world(node) as opened:
        yield opened


def listed(world: DeskWorld, client: Client, ask: Ask) -> Listed[CaseRow]:
    lists, asked = world.desk.lists_for(client, ask, "ListCases")
    return lists.cases(asked)


def text_of(call: Callable[[], Any]) -> str:
    with pytest.raises(NotFound) as refused:
        call()
    return str(refused.value)


# --- restricted cases ---------------------------------------------------------------------------


def test_hidden_case_is_refused_in_the_words_of_an_absent_one(world: DeskWorld) -> None:
    case_id = world.opened()
    world.desk.require_case(EVE, case_id)

    world.desk.restrict(case_id, ["ada"])

    world.desk.require_case(ADA, case_id)
    hidden = text_of(lambda: world.desk.require_case(EVE, case_id))
    absent = text_of(lambda: world.desk.require_case(EVE, ABSENT))
    assert hidden.replace(case_id.hex(), "ID") == absent.replace(ABSENT.hex(), "ID")


def test_events_of_a_hidden_case_are_refused_like_places_past_the_end(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY, source=SOURCE)
    world.desk.restrict(case_id, ["ada"])
    end = world.size()

    calls: list[Callable[[int], object]] = [
        lambda place: world.desk.act(EVE, place),
        lambda place: world.desk.source_of(EVE, place),
        lambda place: world.erase(place, client=EVE),
        lambda place: world.desk.preview_widening(EVE, WidenCommand("w", "eve", place, ("beta",))),
        lambda place: world.desk.widen(EVE, WidenCommand("w", "eve", place, ("beta",))),
        lambda place: world.desk.require_event(EVE, "", place),
    ]
    for call in calls:
        hidden = text_of(lambda call=call: call(index))  # type: ignore[misc] # bound now
        absent = text_of(lambda call=call: call(end))  # type: ignore[misc] # bound now
        assert hidden.replace(f"event {index}", "it") == absent.replace(f"event {end}", "it")
    assert world.size() == end


def test_nothing_is_recorded_in_a_hidden_case_even_under_a_known_request_id(
    world: DeskWorld,
) -> None:
    case_id = world.opened()
    world.records(case_id, statement(), client=EVE, audience=OWN_ONLY)
    world.desk.restrict(case_id, ["ada"])

    hidden = text_of(lambda: world.ask(case_id, statement(), client=EVE, audience=OWN_ONLY))
    absent = text_of(lambda: world.ask(ABSENT, statement(), client=EVE, audience=OWN_ONLY))

    assert hidden.replace(case_id.hex(), "ID") == absent.replace(ABSENT.hex(), "ID")


def test_acts_of_a_hidden_case_wait_unseen(world: DeskWorld) -> None:
    case_id, other = world.opened(), world.opened(request_id="other")
    hidden = world.waits(case_id, statement(), request_id="1")
    seen = world.waits(other, statement(), request_id="2")
    world.desk.restrict(case_id, ["ada", "ben"])

    assert [act.act_id for act in world.waiting(EVE)] == [seen]
    for call in (world.desk.decline, world.approve):
        assert text_of(lambda call=call: call(CLEO, hidden)) == text_of(  # type: ignore[misc] # bound now
            lambda call=call: call(CLEO, "no such act")  # type: ignore[misc] # bound now
        )
    assert world.approve(BEN, hidden).index == world.size() - 1


def test_pages_of_waiting_acts_leave_hidden_ones_out_and_lose_none(world: DeskWorld) -> None:
    hidden, open_case = world.opened(), world.opened(request_id="other")
    expected = []
    for number in range(9):
        case_id = hidden if number % 3 else open_case
        act_id = world.waits(case_id, statement(f"{number}"), request_id=f"{number}")
        expected += [] if number % 3 else [act_id]
    world.desk.restrict(hidden, ["ada"])

    found: list[PendingAct] = []
    place, pages = 0, 0
    while place or not pages:
        page, place = world.desk.pending(EVE, place, 1)
        found += page
        pages += 1

    assert [act.act_id for act in found] == expected


def test_list_leaves_hidden_cases_out_and_every_page_is_full(world: DeskWorld) -> None:
    case_ids = []
    for number in range(12):
        world.node.clock.time_ms += 1
        case_ids.append(world.opened(request_id=f"case {number}"))
    while world.node.registry.projector.lag():
        world.node.registry.projector.advance()
    hidden = set(case_ids[2:9])
    for case_id in hidden:
        world.desk.restrict(case_id, ["ada"])

    def pages(client: Client) -> list[list[CaseId]]:
        found, token = [], ""
        while True:
            page = listed(world, client, Ask(2, token))
            found.append([row.case_id for row in page.rows])
            token = page.next_token
            if not token:
                return found

    seen = pages(EVE)
    assert [each for page in seen for each in page] == [
        each for each in reversed(case_ids) if each not in hidden
    ]
    assert all(len(page) == 2 for page in seen[:-1])
    assert [each for page in pages(ADA) for each in page] == list(reversed(case_ids))


def test_lifted_limit_opens_the_case_to_all(world: DeskWorld) -> None:
    case_id = world.opened()
    world.desk.restrict(case_id, ["ada"])
    world.desk.restrict(case_id, [])

    world.desk.require_case(EVE, case_id)
    assert world.desk.hidden_from(EVE) == frozenset()


def test_limit_outlives_a_restart(node: Node) -> None:
    folder = node.registry.folder.path
    add_client(folder, "ada", folder / "ada")
    with open_world(node) as world:
        case_id = world.opened()
        world.desk.restrict(case_id, ["ada"])
    with open_world(node) as world:
        assert not world.desk.may_see(EVE, case_id)
        assert world.desk.may_see(ADA, case_id)


def test_limit_names_known_clients_and_cases_that_are_no_situations(world: DeskWorld) -> None:
    case_id = world.opened()
    situation = situation_case_id(world.node.registry.registry_id, "POL")

    with pytest.raises(InvalidRequest, match="ghost"):
        world.desk.restrict(case_id, ["ada", "ghost"])
    with pytest.raises(InvalidRequest, match="public record"):
        world.desk.restrict(situation, ["ada"])
    with pytest.raises(NotFound):
        world.desk.restrict(ABSENT, ["ada"])
    world.desk.require_case(EVE, case_id)


# --- reads --------------------------------------------------------------------------------------


def test_only_reads_of_what_is_not_for_everyone_are_kept(world: DeskWorld) -> None:
    case_id = world.opened()
    public = statement("public").model_copy(update={"basis": "public_record"})
    world.records(case_id, public, request_id="1")
    world.records(case_id, statement("private"), request_id="2", audience=OWN_ONLY)
    events = world.node.registry.history(case_id).events

    shown = [confidential_count([event]) for event in events[1:]]
    assert shown == [0, 1]
    for count in shown:
        world.desk.note_read(ADA, "GetHistory", case_id, count)

    (read,) = world.desk.reads(ADA, None, 10, None)
    assert (read.client, read.method, read.case_id, read.events) == (
        "ada",
        "GetHistory",
        case_id,
        1,
    )


def test_reads_are_listed_newest_first_by_case_and_without_hidden_cases(world: DeskWorld) -> None:
    case_id, other = world.opened(), world.opened(request_id="other")
    for number in range(1, 5):
        world.desk.note_read(ADA, "GetCase", case_id if number % 2 else other, number)
    auditor = Client("audit", Role.AUDITOR)

    assert [read.events for read in world.desk.reads(auditor, None, 10, None)] == [4, 3, 2, 1]
    assert [read.events for read in world.desk.reads(auditor, None, 10, other)] == [4, 2]
    first = world.desk.reads(auditor, None, 2, None)
    rest = world.desk.reads(auditor, first[-1].read_no, 2, None)
    assert [read.events for read in (*first, *rest)] == [4, 3, 2, 1]
    world.desk.restrict(other, ["ada"])
    assert [read.events for read in world.desk.reads(auditor, None, 1, None)] == [3]
    assert world.desk.reads(auditor, None, 10, other) == []


def test_list_notes_the_cases_whose_rows_show_what_is_not_for_everyone(world: DeskWorld) -> None:
    restricted, _ = world.opened(), world.opened(request_id="other")
    for title in ("one", "two"):
        world.records(restricted, statement(title), request_id=title, audience=OWN_ONLY)
    while world.node.registry.projector.lag():
        world.node.registry.projector.advance()
    assert world.desk.reads(ADA, None, 10, None) == []

    assert len(listed(world, EVE, Ask(9)).rows) == 2
    lists, asked = world.desk.lists_for(EVE, Ask(9), "ListActs")
    assert len(lists.acts(asked).rows) == 4
    world.node.registry.lists.acts(Ask(9))  # what the node itself reads is nobody's read

    reads = world.desk.reads(ADA, None, 10, None)
    assert [(read.client, read.method, read.case_id, read.events) for read in reads] == [
        ("eve", "ListActs", restricted, 2),
        ("eve", "ListCases", restricted, 1),
    ]


# --- sources ------------------------------------------------------------------------------------


def test_source_is_told_to_who_may_see_the_case_and_the_read_is_kept(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY, source=SOURCE)

    found = world.desk.source_of(EVE, index)

    assert (found.name, found.contact, found.note) == (SOURCE.name, SOURCE.contact, SOURCE.note)
    (read,) = world.desk.reads(ADA, None, 10, None)
    assert (read.client, read.method) == ("eve", "GetSource")


def test_source_goes_with_the_content_and_who_did_it_stays(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY, source=SOURCE)
    kept = world.records(case_id, statement(), audience=OWN_ONLY, source=SOURCE, request_id="kept")
    store, log_id = world.node.registry.store, world.node.log_id
    assert store.act_note(log_id, index).source is not None  # type: ignore[union-attr] # it is kept

    world.approve(BEN, world.erase(index).act_id)

    with pytest.raises(NotFound, match="source"):
        world.desk.source_of(ADA, index)
    assert store.act_note(log_id, index).source is None  # type: ignore[union-attr] # the act stays
    assert world.desk.act(ADA, index)[0].officer == "ada"
    assert world.desk.source_of(ADA, kept).name == SOURCE.name


def test_source_of_an_approved_act_is_kept_with_it(world: DeskWorld) -> None:
    act_id = world.waits(world.opened(), statement(), source=SOURCE)

    appended = world.approve(BEN, act_id)

    assert isinstance(appended, Appended)
    assert world.desk.source_of(ADA, appended.index).note == SOURCE.note


# --- while content is closed --------------------------------------------------------------------


def test_no_title_source_or_act_is_shown_while_content_is_closed(world: DeskWorld) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY, source=SOURCE)
    shown = (
        lambda: listed(world, ADA, Ask(9)),
        lambda: world.desk.source_of(ADA, index),
        lambda: world.desk.pending(ADA, 0, 9),
    )
    world.node.registry.store.close_content()
    for show in shown:
        with pytest.raises(TryLater, match="closed until the logs have caught up"):
            show()
    assert world.desk.reads(ADA, None, 10, None) == []

    world.node.registry.store.open_content()
    assert all(show() is not None for show in shown)
