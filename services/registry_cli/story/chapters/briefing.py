"""A briefing for named recipients, written to files; two nodes make the same bytes."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

from registry.client.casework import Filter
from registry.client.meetings import BriefingOrder
from registry_cli.story.cast import COE, IACHR, INVENTED_STATE, ODIHR, UN
from registry_cli.story.script import Chapter, Look, See
from registry_cli.story.stage import Stage

ORDER: Final = BriefingOrder(
    recipients=(COE.slug, IACHR.slug, ODIHR.slug, UN.slug),
    wanted=Filter(states=[INVENTED_STATE]),
    language="en",
)
"""Of the State of the case, for the bodies that met: what one of them may not see is left out."""
NAME: Final = "briefing"
_MODE: Final = 0o600


def _written(form: str) -> See:
    """Writes the briefing in a form, and says where."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        data = await stage.clients[slug].meetings.briefing(ORDER, form)
        path = stage.folder / f"{NAME}.{form}"
        path.touch(_MODE)
        path.write_bytes(data)
        return (f"writes it as {form.upper()}, {len(data):,} bytes: {path}",)

    return see


def _same(form: str, other: str) -> See:
    """Whether another node makes the same bytes."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        files = await asyncio.gather(
            *(stage.clients[each].meetings.briefing(ORDER, form) for each in (slug, other))
        )
        ours, theirs = (hashlib.sha256(data).hexdigest()[:16] for data in files)
        if ours == theirs:
            return (f"makes the same bytes as {other} from its own copy, SHA-256 {ours}…",)
        return (f"makes OTHER bytes than {other}: {ours}…, {theirs}…",)

    return see


CHAPTER: Final = Chapter(
    "A briefing: for named recipients, with nothing that one of them may not see",
    (
        Look(UN.slug, _written("md")),
        Look(UN.slug, _written("pdf")),
        Look(COE.slug, _same("md", UN.slug)),
    ),
)
