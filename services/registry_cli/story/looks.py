"""What nodes see while the story goes on: each function makes a look of what it asks."""

from collections.abc import Sequence
from typing import Final

from registry.client import HistoryEvent, case
from registry.client.casework import Filter, FollowUp, Obligation
from registry_cli.story.cast import DEFENDER, INVENTED_STATE
from registry_cli.story.script import See
from registry_cli.story.stage import Stage, until

_ON_STATE: Final = Filter(states=[INVENTED_STATE])


def reading_of(name: str) -> See:
    """What a node can read of a deed, and whether it is told the name of the defender."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        event = await _event(stage, slug, name)
        if event.content is None:
            return ("sees that something was recorded, neither what nor about whom",)
        is_named = DEFENDER in event.content.persons
        return ("reads it, with the name" if is_named else "reads it; it names nobody",)

    return see


def owed(name: str, *, state: str) -> See:
    """What the board says to be due for a deed, once it stands as it must: open, met, met_late."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[Obligation] = []

        async def is_listed() -> bool:
            rows = stage.clients[slug].casework.obligations(_ON_STATE)
            found[:] = [row async for row in rows if row.event == stage.place(name)]
            return [row.state for row in found] == [state]

        await until(is_listed, f"the board of {slug} shows what is due for {name}, {state}")
        (row,) = found
        clock = " by the clock of the instrument" if row.is_by_clock else ""
        matter = row.matter.replace("_", " ")
        return (f"has on its board: {matter} {row.due}{clock}, {_how_it_stands(row)}",)

    return see


def grades_of(name: str, *, count: int) -> See:
    """How far a recommendation was followed, as each body grades it in its own scheme."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[FollowUp] = []

        async def is_graded() -> bool:
            rows = stage.clients[slug].casework.follow_ups(_ON_STATE)
            found[:] = [row async for row in rows if row.act.event == stage.place(name)]
            return bool(found) and len(found[0].assessments) == count

        await until(is_graded, f"{slug} lists {count} assessments of {name}")
        (row,) = found
        lines = [
            f"reads: {each.body} says {each.value} ({each.scheme}), which is {each.derived}"
            for each in row.assessments
        ]
        if row.is_contradicted:
            lines.append("and that they differ; both stand, nobody is overruled")
        return lines

    return see


def same_asks(name: str) -> See:
    """Which recommendations are agreed to ask the same as one."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        counts: list[int] = []

        async def is_accepted() -> bool:
            wanted = Filter(statuses=["accepted"])
            rows = stage.clients[slug].casework.concordances(wanted, stage.place(name))
            counts[:] = [len(row.events) async for row in rows]
            return bool(counts)

        await until(is_accepted, f"{slug} lists what asks the same as {name}")
        return (f"finds {counts[0]} recommendations of different bodies that ask one thing",)

    return see


def knowledge_when(name: str) -> See:
    """What the author of a deed knew when it recorded it."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        place = stage.place(name)
        known = await stage.clients[slug].knowledge.when_recording(
            case(stage.case_id), place.origin, place.index
        )
        events = known.history.events
        author = place.origin.split("/")[1]
        last = events[-1].kind.replace("_", " ")
        count = f"{len(events)} events, the last one {last}; {known.unknown_count} came later"
        return (f"reads the case as {author} knew it then: {count}",)

    return see


def standing() -> See:
    """How the case stands."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        row = await stage.clients[slug].get_case(case(stage.case_id))
        mark = "emblematic, " if row.is_emblematic else ""
        sealed = f"{row.unreadable_count} of them for others"
        by = f"by {len(row.mechanisms)} mechanisms"
        return (f"has one file: {mark}{row.status}, {row.event_count} events {by}, {sealed}",)

    return see


def _how_it_stands(row: Obligation) -> str:
    if row.state == "met":
        return f"met on {row.met}"
    if row.state == "met_late":
        return f"met late, on {row.met}"
    return "overdue by now" if row.is_overdue else "open"


async def _event(stage: Stage, slug: str, name: str) -> HistoryEvent:
    place = stage.place(name)
    history = await stage.clients[slug].history(case(stage.case_id))
    (found,) = (e for e in history.events if (e.origin, e.index) == (place.origin, place.index))
    return found
