"""Streams and links run in threads of their own, and a client has a few streams only."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

import pytest

from registry.api.v1 import cases_pb2, links_pb2, watch_pb2
from registry.application.roles import Role
from registry.domain.identifiers import CaseId
from registry.errors import CursorOutOfRange, Overloaded
from registry_node.callers import Caller, set_caller
from registry_node.servicers.links import LinkServicer
from registry_node.servicers.watch import WatchServicer
from registry_node.watching import STREAMS_MAX
from tests.unit.application.desk_world import DeskWorld, open_world
from tests.unit.application.federation_in_process import (
    found_federation,
    open_federation,
    statement,
)

CONTEXT: Any = None
Answers: TypeAlias = AsyncGenerator[Any, None]


class NoThreads(ThreadPoolExecutor):
    """Stands for the shared threads of the loop, all of them taken."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> NoReturn:
        msg = f"{fn} was given to the shared threads, with {args} and {named}"
        raise AssertionError(msg)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskWorld]:
    folder: Path = found_federation(tmp_path_factory.mktemp("founded")).roster_file.parent
    with open_federation(folder, ("alpha",)) as nodes, open_world(nodes["alpha"]) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def _no_shared_threads() -> None:
    asyncio.get_running_loop().set_default_executor(NoThreads(1))


def calls_as(name: str) -> None:
    set_caller(Caller(name, None, Role.OFFICER))


@pytest.fixture
async def watch(world: DeskWorld) -> AsyncIterator[WatchServicer]:
    calls_as("ada")
    servicer = WatchServicer(world.node.registry, world.desk)
    yield servicer
    servicer.close()


def stream_of(servicer: WatchServicer, case_id: CaseId, cursor: str = "") -> Answers:
    selector = cases_pb2.CaseSelector(case_id=case_id)
    request = watch_pb2.WatchHistoryRequest(case=selector, cursor=cursor)
    return cast("Answers", servicer.WatchHistory(request, CONTEXT))


async def until_caught_up(answers: Answers) -> list[Any]:
    async with asyncio.timeout(10):
        found = [await anext(answers)]
        while not found[-1].is_caught_up:
            found.append(await anext(answers))
    return found


def stream(servicer: WatchServicer, cursor: str = "") -> Answers:
    request = watch_pb2.WatchCasesRequest(cursor=cursor)
    return cast("Answers", servicer.WatchCases(request, CONTEXT))


async def test_streams_take_none_of_the_shared_threads(
    world: DeskWorld, watch: WatchServicer
) -> None:
    case_id = world.opened(request_id="streams")
    for answers in (stream(watch), stream_of(watch, case_id)):
        assert len(await until_caught_up(answers)) > 1
        await answers.aclose()


async def test_stream_of_a_case_folds_its_history_only_when_that_changed(
    world: DeskWorld, watch: WatchServicer, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = world.opened(request_id="not folded")
    first = stream_of(watch, case_id)
    cursor = (await until_caught_up(first))[-1].cursor
    await first.aclose()

    def fold(*_: object) -> NoReturn:
        msg = "the history was folded"
        raise AssertionError(msg)

    monkeypatch.setattr(world.node.registry, "history", fold)
    again = stream_of(watch, case_id, cursor)
    assert len(await until_caught_up(again)) == 1
    await again.aclose()


async def test_stream_of_a_case_wakes_up_for_the_end_of_an_embargo(
    world: DeskWorld, watch: WatchServicer
) -> None:
    case_id, clock = world.opened(request_id="embargo"), world.node.clock
    receipt = world.node.record(statement(), case_id, not_before_ms=clock.time_ms + 50)
    answers = stream_of(watch, case_id)
    await until_caught_up(answers)
    clock.time_ms += 50
    async with asyncio.timeout(10):
        told = await anext(answers)
    await answers.aclose()
    assert (told.event.index, told.event.not_before_ms) == (receipt.index, clock.time_ms)


async def test_links_take_none_of_the_shared_threads(world: DeskWorld) -> None:
    calls_as("ada")
    first, second = (
        cases_pb2.CaseSelector(case_id=world.opened(request_id=f"links {number}"))
        for number in range(2)
    )
    servicer = LinkServicer(world.node.registry, world.desk)
    asked = links_pb2.ProposeLinkRequest(request_id="link", case=first, other_case=second)
    async with asyncio.timeout(10):
        receipt = (await servicer.ProposeLink(asked, CONTEXT)).receipt
        while world.node.registry.projector.lag():
            world.node.registry.projector.advance()
        listed = await servicer.ListLinks(links_pb2.ListLinksRequest(case=first), CONTEXT)
    servicer.close()
    assert [link.proposal.index for link in listed.links] == [receipt.index]


async def test_client_with_all_its_streams_open_is_refused_one_more_and_others_are_not(
    watch: WatchServicer,
) -> None:
    streams = [stream(watch) for _ in range(STREAMS_MAX)]
    for each in streams:
        await anext(each)
    with pytest.raises(Overloaded, match=f"{STREAMS_MAX} streams of this client"):
        await anext(stream(watch))
    calls_as("ben")
    others = stream(watch)
    await anext(others)

    calls_as("ada")
    await streams.pop().aclose()
    streams.append(stream(watch))
    await anext(streams[-1])
    for each in (*streams, others):
        await each.aclose()


async def test_stream_that_is_refused_takes_no_place(watch: WatchServicer) -> None:
    for _ in range(STREAMS_MAX + 1):
        with pytest.raises(CursorOutOfRange):
            await anext(stream(watch, "999.0.0.0000000000000000"))
