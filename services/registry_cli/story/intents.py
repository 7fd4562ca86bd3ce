"""Intents as nodes list them: answers, what became of them, and which ones meet."""

from collections.abc import Iterator, Sequence

from registry.client.casework import Filter
from registry.client.intents import Intent
from registry_cli.story.cast import INVENTED_STATE
from registry_cli.story.script import See
from registry_cli.story.stage import Stage, until


def intent_stands(name: str, *, state: str, clashes: int = 0) -> See:
    """How an intent stands, once it stands so and meets so many others."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[Intent] = []

        async def stands_so() -> bool:
            rows = stage.clients[slug].intents.list_intents(Filter(states=[INVENTED_STATE]))
            found[:] = [row async for row in rows if row.event == stage.place(name)]
            return [(row.state, len(row.clashes)) for row in found] == [(state, clashes)]

        await until(stands_so, f"{slug} lists {name}, {state}, beside {clashes} others")
        return tuple(_lines(found[0]))

    return see


def _lines(intent: Intent) -> Iterator[str]:
    answers = [f"{each.body} {each.answer}" for each in intent.answers if each.counts]
    became = f", {intent.state} on {intent.settled}" if intent.settled else ""
    answered = f"answered ({', '.join(answers)})" if answers else "not answered"
    yield f"reads the intent of {intent.body}: {answered}{became}"
    for each in intent.clashes:
        days = each.start if each.start == each.end else f"{each.start} to {each.end}"
        yield f"is told that it CLASHES with the {each.action} of {each.body}: both on {days}"
    if intent.state == "answered" and not intent.clashes:
        yield "and that it meets no other one"
