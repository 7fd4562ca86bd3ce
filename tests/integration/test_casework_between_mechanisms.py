"""Cases between mechanisms: linked, declined, contradicted across a cut, watched from a cursor."""

from collections.abc import Iterator
from functools import partial

import pytest

from registry.client import RegistryClient, case, situation
from registry.client.casework import Filter
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import CursorOutOfRange, InvalidRequest, NotFound, RuleViolation
from registry_cli.federation import LocalNode
from tests.integration.casework_world import does, listed, opens, place
from tests.integration.federation_world import client_of, found, start_all, stop_all, until


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    """Running nodes: un, iachr, coe, observatory."""
    nodes = found(tmp_path_factory.mktemp("between"), "un", "iachr", "coe", "observatory")
    try:
        start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


async def test_cases_of_two_mechanisms_are_linked_and_another_link_is_declined(
    desks: list[LocalNode],
) -> None:
    un, iachr, coe, _ = desks
    first = await opens(un, "An invented case of the first")
    second = await opens(iachr, "The same matter at the second (invented)")
    third = await opens(coe, "Something else (invented)")
    for node in (un, iachr, coe):
        async with client_of(node) as client:
            for each in (first, second, third):
                await until(partial(_knows, client, each), "every node knows the three cases")
    async with client_of(un) as client:
        wanted = await client.links.propose("link-1", case(first), case(second))
        refused = await client.links.propose("link-2", case(first), case(third))
        again = await client.links.propose("link-1", case(first), case(second))
        assert again.was_recorded_before
        with pytest.raises(RuleViolation, match="link_answered_by_another"):
            await client.links.answer("own", place(wanted), accepts=True)
    async with client_of(iachr) as client:
        await until(lambda: _proposed(client, second), "the proposal has arrived")
        with pytest.raises(RuleViolation, match="link_by_who_took_part"):
            await client.links.answer("not-ours", place(refused), accepts=False)
        await client.links.answer("yes", place(wanted), accepts=True)
    async with client_of(coe) as client:
        await until(lambda: _proposed(client, third), "the other proposal has arrived")
        await client.links.answer("no", place(refused), accepts=False)

    histories = []
    for node in (un, iachr, coe):
        async with client_of(node) as client:
            await until(partial(_stand, client, first, ["accepted", "declined"]), "both answers")
            history = await client.history(case(second), with_linked=True)
            alone = await client.history(case(third), with_linked=True)
        histories.append((history.digest, [(e.case_id, e.kind) for e in history.events]))
        assert {event.case_id for event in history.events} == {first, second}
        assert {event.case_id for event in alone.events} == {third}
    assert histories[0] == histories[1] == histories[2]

    async with client_of(iachr) as client:
        await client.links.end("enough", place(wanted))
        apart = await client.history(case(second), with_linked=True)
    assert {event.case_id for event in apart.events} == {second}


async def test_nothing_is_sealed_in_a_case_that_is_linked_with_a_situation(
    desks: list[LocalNode],
) -> None:
    un = desks[0]
    case_id = await opens(un, "An open case about a State (invented)")
    async with client_of(un) as client:
        law, note = example_of(K.LAW_PROPOSED), example_of(K.NOTE_ADDED)
        await client.record("law", situation("POL"), law, audience=EVERYONE)
        await client.links.propose("to-state", case(case_id), situation("POL"))
        with pytest.raises(RuleViolation, match="situation of a State"):
            await client.record("sealed", case(case_id), note, audience=OWN_ONLY)
        await client.record("open", case(case_id), note, audience=EVERYONE)


async def test_contradictory_acts_on_two_sides_of_a_cut_are_one_disagreement_on_both(
    desks: list[LocalNode],
) -> None:
    un, iachr, coe, observatory = desks
    case_id = await opens(un, "An invented case that two close differently")
    await does(iachr, case_id, K.NOTE_ADDED)
    async with client_of(un) as client:
        await until(lambda: _counts(client, case_id, 2), "both hold the note")
    # Two on each side, since any node may pass on what another one wrote.
    for node in (iachr, coe):
        node.stop()
    await does(un, case_id, K.CASE_CLOSED, outcome="resolved")
    for node in (un, observatory):
        node.stop()
    await _start(iachr, coe)
    await does(iachr, case_id, K.CASE_STATUS_CHANGED, status="monitored")
    await _start(un, observatory)

    told = []
    for node in (un, iachr):
        async with client_of(node) as client:
            await until(partial(_counts, client, case_id, 4), "the acts of both sides")
            told.append(await client.disagreements(case(case_id)))
            summary = await client.get_case(case(case_id))
        assert (summary.status, summary.disagreement_count) == ("disputed", 1)
    assert told[0] == told[1]
    (found_one,) = told[0]
    assert found_one.matter == "status"
    assert found_one.is_concurrent
    assert {(c.mechanism, c.value) for c in found_one.claims} == {
        ("un", "closed"),
        ("iachr", "monitored"),
    }
    disputed = Filter(marks=["disagreement"], statuses=["disputed"])
    rows = await listed(
        iachr, lambda c: c.list_cases(wanted=disputed), lambda f: case_id in {r.case_id for r in f}
    )
    assert rows


async def test_watch_tells_each_change_from_a_cursor_on_and_refuses_a_cursor_out_of_range(
    desks: list[LocalNode],
) -> None:
    un, _, coe, _ = desks
    case_id = await opens(un, "An invented case to watch")
    cursor = ""
    async with client_of(coe) as client:
        await until(lambda: _knows(client, case_id), "the case has arrived")
        async for step in client.watch.history(case(case_id), timeout_s=20):
            cursor = step.cursor or cursor
            if step.is_caught_up:
                break
        await does(un, case_id, K.NOTE_ADDED)
        seen = []
        async for step in client.watch.history(case(case_id), cursor, timeout_s=20):
            seen += [step.event] if step.event else []
            if any(event.content is not None for event in seen):
                break
        assert {event.kind for event in seen} == {"note_added"}
        cases = set()
        async for step in client.watch.cases(timeout_s=20):
            cases |= {step.case.case_id} if step.case else set()
            if step.is_caught_up:
                break
        assert case_id in cases
        beyond = "999999999.0.0." + "0" * 16
        with pytest.raises(CursorOutOfRange):
            await anext(client.watch.history(case(case_id), beyond, timeout_s=5))
        with pytest.raises(InvalidRequest):
            await anext(client.watch.cases("yesterday", timeout_s=5))


async def _knows(client: RegistryClient, case_id: CaseId) -> bool:
    return await _counts(client, case_id, 1)


async def _counts(client: RegistryClient, case_id: CaseId, count: int) -> bool:
    try:
        summary = await client.get_case(case(case_id))
    except NotFound:
        return False
    return summary.event_count >= count and summary.unreadable_count == 0


async def _proposed(client: RegistryClient, case_id: CaseId) -> bool:
    return bool((await client.links.list_links(case(case_id))).links)


async def _stand(client: RegistryClient, case_id: CaseId, states: list[str]) -> bool:
    links = (await client.links.list_links(case(case_id))).links
    return sorted(each.state for each in links) == states


async def _start(*nodes: LocalNode) -> None:
    for node in nodes:
        node.start()
    for node in nodes:
        await node.wait_until_open()
