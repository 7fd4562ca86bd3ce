"""Plays a story on its stage, scene after scene, and tells what happened."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from registry.client import Receipt, case
from registry.domain.audience import AudienceChoice
from registry.domain.content import ActContent, CaseOpened
from registry_cli.story.cast import BODIES, INVENTED_STATE
from registry_cli.story.script import Chapter, Deed, Look
from registry_cli.story.stage import Stage


@dataclass(frozen=True, slots=True)
class Told:
    """What a scene came to.

    Attributes:
        chapter: title of its chapter.
        mechanism: slug of who did or saw it.
        name: of a deed; empty = it is a look.
        date: of the act, as far as it has one.
        lines: what was done or seen, in words.
        held_by: who may hold the content of a deed: all, own, or slugs.
        receipt: of a deed.
        arrival_ms: how long the node waited for what had been done before.
    """

    chapter: str
    mechanism: str
    name: str
    date: str
    lines: tuple[str, ...]
    held_by: tuple[str, ...] = ()
    receipt: Receipt | None = None
    arrival_ms: float = 0.0


async def play(stage: Stage, chapters: Sequence[Chapter]) -> AsyncIterator[Told]:
    """Plays all chapters. Whoever acts or looks has received everything that was done before."""
    for chapter in chapters:
        for scene in chapter.scenes:
            arrival_s = await stage.arrived(scene.by) if stage.receipts else 0.0
            if isinstance(scene, Look):
                lines = tuple(await scene.see(stage, scene.by))
                yield Told(chapter.title, scene.by, "", "", lines)
            else:
                yield await _do(stage, chapter, scene, 1000 * arrival_s)


async def _do(stage: Stage, chapter: Chapter, deed: Deed, arrival_ms: float) -> Told:
    content = content_of(stage, deed)
    receipt = await _record(stage, deed, content)
    stage.receipts[deed.name] = receipt
    acted = content.act_date()
    return Told(
        chapter=chapter.title,
        mechanism=deed.by,
        name=deed.name,
        date="" if acted is None else acted.value,
        lines=(deed.words,),
        held_by=_held_by(deed.audience, deed.by),
        receipt=receipt,
        arrival_ms=arrival_ms,
    )


async def _record(stage: Stage, deed: Deed, content: ActContent) -> Receipt:
    client, request_id = stage.clients[deed.by], f"demo:case:{deed.name}"
    if deed.record is not None:
        return await deed.record(stage, deed, content, request_id)
    if isinstance(content, CaseOpened):
        return await client.open_case(request_id, content, audience=deed.audience)
    if deed.opens_after_s:
        stage.opens_ms[deed.name] = stage.now_ms() + round(1000 * deed.opens_after_s)
    return await client.record(
        request_id,
        case(stage.case_id),
        content,
        audience=deed.audience,
        not_before_ms=stage.opens_ms.get(deed.name, 0),
        source=deed.source,
    )


def content_of(stage: Stage, deed: Deed) -> ActContent:
    """Makes the content of a deed; what it points to is done already."""
    fields: dict[str, Any] = {
        "acting_body": BODIES[deed.by],
        "basis": "own_act",
        "states": (INVENTED_STATE,),
        "is_invented": True,
        **deed.fields,
        **{name: stage.day(days).isoformat() for name, days in deed.days.items()},
    }
    points = {**deed.points, **({"about": deed.about} if deed.about else {})}
    for name, target in points.items():
        if isinstance(target, str):
            fields[name] = _pointer(stage, target)
        else:
            fields[name] = tuple(_pointer(stage, each) for each in target)
    return deed.model.model_validate(fields)


def _pointer(stage: Stage, name: str) -> dict[str, Any]:
    place = stage.place(name)
    return {"origin": place.origin, "index": place.index}


def _held_by(audience: AudienceChoice, author: str) -> tuple[str, ...]:
    if audience.kind == "named":
        return (author, *audience.mechanisms)
    return (audience.kind,)
