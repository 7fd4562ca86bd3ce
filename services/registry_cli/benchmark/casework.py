"""How long lists take over gRPC, and all views to be rebuilt, with many cases of many kinds."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any, Final, TypeAlias

from registry.application.benchmark.casework import Casework, fill_casework
from registry.application.maintenance import rebuild_views
from registry.application.randomness import RandomBytes
from registry.client import RegistryClient, load_profile
from registry.client.acting import Question
from registry.client.casework import PAGE_ROWS, Filter
from registry_cli.benchmark.briefings import measure_briefings
from registry_cli.federation import LocalNode, running
from registry_cli.output import Output

Ask: TypeAlias = Callable[[RegistryClient], Awaitable[int]]
_TIMES: Final = 40
_PERCENTILE: Final = 98  # of the cut points of a hundred parts: p99


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """The first page of one list: how long it took, milliseconds, and how many rows it had."""

    p50_ms: float
    p99_ms: float
    rows: int


def measure_casework(
    node: LocalNode, cases: int, output: Output, now_ms: Callable[[], int]
) -> dict[str, Any]:
    """Fills a node's log, rebuilds its views, and asks each list for its first page."""
    output.remark(f"recording casework in {cases:,} cases")
    with output.progress("events", cases) as bar:
        work = fill_casework(
            node.folder,
            cases=cases,
            now_ms=now_ms,
            random_bytes=RandomBytes(os.urandom),
            progress=bar,
        )
    output.remark("rebuilding all views")
    with output.progress("changes", work.events) as bar:
        started = perf_counter()
        size, _ = rebuild_views(node.folder, bar, now_ms=now_ms)
        rebuild_s = perf_counter() - started
    queries, briefings = asyncio.run(_measure_running(node, work))
    return {
        "events": work.events,
        "cases": work.cases,
        "rebuild_s": round(rebuild_s, 2),
        "rebuild_events_per_s": round(work.events / rebuild_s),
        "views_bytes": size,
        "queries": queries,
        "briefings": briefings,
    }


async def _measure_running(
    node: LocalNode, work: Casework
) -> tuple[Mapping[str, QueryFigures], Mapping[str, Any]]:
    async with running([node]):
        await node.wait_until_open()
        async with RegistryClient(load_profile(node.profile)) as client:
            queries = {name: await _time(ask, client) for name, ask in _questions(work).items()}
            slug = node.mechanism.slug
            return queries, await measure_briefings(
                client, slug, state=work.state, theme=work.theme
            )


async def _time(ask: Ask, client: RegistryClient) -> QueryFigures:
    await ask(client)
    took_ms, rows = [], 0
    for _ in range(_TIMES):
        started = perf_counter()
        rows = await ask(client)
        took_ms.append(1000 * (perf_counter() - started))
    return QueryFigures(
        round(median(took_ms), 2), round(quantiles(took_ms, n=100)[_PERCENTILE], 2), rows
    )


def _questions(work: Casework) -> dict[str, Ask]:
    """The first page of every list, by each filter alone and by several."""
    state: dict[str, Any] = {"states": [work.state]}
    theme: dict[str, Any] = {"themes": [work.theme]}
    return {
        "cases": _cases(),
        "cases by State": _cases(**state),
        "cases by theme": _cases(**theme),
        "cases by State and theme": _cases(**state, **theme),
        "cases by instrument": _cases(instruments=["un.ua"]),
        "cases by status": _cases(statuses=["open"]),
        "cases by text": _cases(text=work.word),
        "cases by State and text": _cases(**state, text="invented matter"),
        "acts": _acts(),
        "acts by State": _acts(**state),
        "acts by kind": _acts(kinds=["reply_received"]),
        "acts by State, kind and instrument": _acts(
            **state, kinds=["communication_sent"], instruments=["un.ua"]
        ),
        "acts by topic and theme": _acts(topics=["foreign_funding"], **theme),
        "acts by date": _acts(since="2024-03", until="2024-03-05"),
        "acts by text": _acts(text=work.word),
        "acts by common words": _acts(text="invented words"),
        "acts by mechanism, body and date": _acts(
            mechanisms=["bench-author"], bodies=["un.sr-defenders"], since="2024-02"
        ),
        "clock board of a State": _obligations(**state),
        "what a State owes": _obligations(**state, statuses=["open"]),
        "overdue of a State": _obligations(overdue=True, **state),
        "follow-ups of a State": _follow_ups(**state),
        "follow-ups by scale and text": _follow_ups(statuses=["partial"], text=work.word),
        "a reference in another spelling": _reference(work.reference),
        "has anyone acted, by name": _acted(name=work.name),
        "has anyone acted, by a common name": _acted(name=work.common_name),
        "has anyone acted, by a long name of an organisation": _acted(name=work.long_name),
        "has anyone acted, by name, State and month": _acted(
            name=work.name, **state, since="2024-03", until="2024-03"
        ),
        "has anyone acted, by reference and theme": _acted(reference=work.reference, **theme),
        "has anyone acted, by State and period": _acted(**state, since="2024-01", until="2024-12"),
    }


def _cases(**wanted: Any) -> Ask:  # noqa: ANN401 - fields of a filter
    return lambda client: _first_page(client.list_cases(wanted=Filter(**wanted)))


def _acts(**wanted: Any) -> Ask:  # noqa: ANN401
    return lambda client: _first_page(client.casework.acts(Filter(**wanted)))


def _obligations(*, overdue: bool = False, **wanted: Any) -> Ask:  # noqa: ANN401
    return lambda client: _first_page(
        client.casework.obligations(Filter(**wanted), overdue_only=overdue)
    )


def _follow_ups(**wanted: Any) -> Ask:  # noqa: ANN401
    return lambda client: _first_page(client.casework.follow_ups(Filter(**wanted)))


def _reference(text: str) -> Ask:
    async def ask(client: RegistryClient) -> int:
        return len((await client.casework.references(text))[1])

    return ask


def _acted(**wanted: Any) -> Ask:  # noqa: ANN401
    async def ask(client: RegistryClient) -> int:
        return len((await client.acting.has_anyone_acted(Question(**wanted))).cases)

    return ask


async def _first_page(rows: AsyncIterator[Any]) -> int:
    """Reads what the client asks for at once, and counts it."""
    number = 0
    async for _ in rows:
        number += 1
        if number == PAGE_ROWS:
            break
    return number
