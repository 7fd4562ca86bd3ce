"""How long somebody has been held, and what has not been tried, as nodes tell it."""

from collections import Counter
from collections.abc import Sequence

from registry.client import case
from registry.client.detention import CaseDetentions, Untried
from registry_cli.detention_output import days_text
from registry_cli.story.script import See
from registry_cli.story.stage import Stage, until


def days_held(on: str, *, standing: str) -> See:
    """The days in detention as of a day, once the node tells that it stands so."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[CaseDetentions] = []

        async def stands_so() -> bool:
            found[:] = [await stage.clients[slug].detention.of_case(case(stage.case_id), on=on)]
            return [file.detention.standing for file in found[0].files] == [standing]

        await until(stands_so, f"{slug} tells that somebody is {standing} on {on}")
        (file,) = found[0].files
        days, acts = days_text(file.detention.days), len(file.acts)
        bodies = len({act.act.body for act in file.acts})
        return (
            f"counts {days} in detention as of {on}, {standing.replace('_', ' ')}",
            f"reads {acts} acts of {bodies} bodies that concern it, day by day",
        )

    return see


def not_tried() -> See:
    """Which instruments of which mechanisms no event of the case uses."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found = await stage.clients[slug].detention.untried(case(stage.case_id))
        return [f"reads what has not been tried: {_untried(found)}", *_meeting(found)]

    return see


def _untried(found: Untried) -> str:
    counts = Counter({each.participant: len(each.untried) for each in found.choices})
    total = sum(counts.values())
    never = [each for each in found.choices if each.untried and not each.used]
    first = next((f"{each.participant}: {each.untried[0].name}" for each in never), "")
    example = f", such as {first}" if first else ""
    return f"{total} instruments of {len(found.choices)} mechanisms{example}"


def _meeting(found: Untried) -> Sequence[str]:
    meeting = [one for each in found.choices for one in each.untried if one.meets]
    if not meeting:
        return ()
    others = "; ".join(dict.fromkeys(name for one in meeting for name in one.meets))
    return (f"is warned: {meeting[0].name} and others would meet a procedure under way: {others}",)
