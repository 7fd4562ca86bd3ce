"""Who is alerted of a reprisal, and what accountability followed, as nodes tell it."""

from collections.abc import Sequence
from typing import Final

from registry.client.casework import Filter
from registry.client.reprisal_values import Alert, ImpunityItem
from registry.domain.vocabulary import kind_title
from registry_cli.story.cast import INVENTED_STATE
from registry_cli.story.script import See
from registry_cli.story.stage import Stage, until

_ON_STATE: Final = Filter(states=[INVENTED_STATE])
_WHY: Final = {
    "cooperated_with": "somebody had cooperated with it",
    "recorded": "it recorded it",
    "linked": "it recorded what this is about",
}


def alerted(name: str) -> See:
    """The alert of a reprisal, and why this body has it; the officer marks it as seen."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        reprisals = stage.clients[slug].reprisals
        found: list[Alert] = []

        async def is_alerted() -> bool:
            rows = reprisals.alerts(unseen_only=True)
            found[:] = [row async for row in rows if row.event == stage.place(name)]
            return bool(found)

        await until(is_alerted, f"{slug} is alerted of {name}")
        await reprisals.mark_seen([stage.place(name)])
        return (f"is ALERTED at once, as {_WHY.get(found[0].reason, found[0].reason)}",)

    return see


def not_alerted(name: str) -> See:
    """That a body which it does not concern has no alert of a reprisal."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        rows = stage.clients[slug].reprisals.alerts()
        found = [row async for row in rows if row.event == stage.place(name)]
        return ("is alerted too",) if found else ("has no alert: it is not concerned",)

    return see


def impunity(*, count: int) -> See:
    """Reprisals and accountability as one timeline, once it holds so many acts."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[ImpunityItem] = []

        async def is_complete() -> bool:
            rows = stage.clients[slug].reprisals.impunity(_ON_STATE)
            found[:] = [row async for row in rows if row.case_id == stage.case_id]
            return len(found) == count

        await until(is_complete, f"{slug} lists {count} acts of reprisal and accountability")
        return ["reads the timeline of impunity:", *map(_item, found)]

    return see


def came_again(name: str) -> See:
    """The reprisal that came again after impunity for an earlier one."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        rows = stage.clients[slug].reprisals.list_reprisals(_ON_STATE, recurring_only=True)
        (found,) = [row async for row in rows if row.event == stage.place(name)]
        return (f"is told of the one of {found.date} that it CAME AGAIN after impunity",)

    return see


def _item(each: ImpunityItem) -> str:
    what = ", ".join(words.replace("_", " ") for words in each.what) or kind_title(each.kind)
    by = f", {each.authority}" if each.authority else ""
    return f"{each.date} {kind_title(each.kind)}: {what}{by}"
