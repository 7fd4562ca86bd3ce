"""A joint statement as nodes show it: its frozen texts and signatures, and the time of release."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from registry.client import RegistryClient, case
from registry.client.casework import EventPlace
from registry.client.statements import ShownStatement
from registry.errors import NotFound, PeerUnavailable
from registry_cli.story.script import See
from registry_cli.story.stage import TIMEOUT_S, Stage, until

_HASH_SHOWN: Final = 16
_SIGNED: Final = {"signed": "in time", "named": "in time, as its author says"}


def frozen(name: str) -> See:
    """The texts that are signed, and their hash."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        shown = await _shown(stage, slug, name, "draft")
        languages = ", ".join(each.language for each in shown.texts)
        text_hash = shown.statement.text_hash[:_HASH_SHOWN]
        return (f"reads the texts that it would sign: {languages}, frozen as {text_hash}…",)

    return see


def ready(name: str) -> See:
    """How many have signed, once they are enough."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        of = (await _shown(stage, slug, name, "ready")).statement
        signed_by = f"{of.standing} of {len(of.invited)} that were asked have signed"
        return (f"is ready: {signed_by}, {of.needed} must; not yet {', '.join(of.missing)}",)

    return see


def sealed(name: str) -> See:
    """What is known of a statement before its time."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        try:
            await stage.clients[slug].statements.show(stage.place(name))
        except NotFound:
            return ("sees that something is sealed until its time, and not one word of it",)
        return ("reads it: its time has come",)

    return see


def released(name: str) -> See:
    """How long after its time each of the other nodes shows it."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        others = [each for each in stage.clients if each != slug]
        waiting = (_release_ms(stage, each, stage.place(name)) for each in others)
        times = await asyncio.gather(*waiting)
        late = [max(0, time_ms - stage.opens_ms[name]) for time_ms in times]
        told = ", ".join(f"{each} {ms} ms" for each, ms in zip(others, late, strict=True))
        return (f"sees it shown by all nodes at one time, and so long after it: {told}",)

    return see


def signed(name: str, *, late: str) -> See:
    """The issued statement with its signatures, once a late one is among them."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        shown = await _shown(stage, slug, name, "issued", late)
        told = (
            f"{each.mechanism} ({_SIGNED.get(each.state, each.state)})"
            for each in shown.statement.signatures
        )
        languages = ", ".join(each.language for each in shown.texts)
        return (f"reads it in {languages}, with the same hash, signed by {', '.join(told)}",)

    return see


async def _shown(stage: Stage, slug: str, name: str, status: str, late: str = "") -> ShownStatement:
    """A statement, once it stands so, and once a mechanism has joined late."""
    found: list[ShownStatement] = []

    async def stands_so() -> bool:
        try:
            found[:] = [await stage.clients[slug].statements.show(stage.place(name))]
        except NotFound:
            return False
        of = found[0].statement
        states = {each.mechanism: each.state for each in of.signatures}
        return of.status == status and (not late or states.get(late) == "late")

    await until(stands_so, f"{slug} shows {name}, {status}")
    return found[0]


async def _release_ms(stage: Stage, slug: str, place: EventPlace) -> int:
    """When a node shows an event's content to whoever watches its case, milliseconds UTC.

    Raises:
        PeerUnavailable: it did not in time.
    """
    client: RegistryClient = stage.clients[slug]
    steps = client.watch.history(case(stage.case_id), timeout_s=TIMEOUT_S)
    async with aclosing(steps):
        async for step in steps:
            event = step.event
            if event is None or (event.origin, event.index) != (place.origin, place.index):
                continue
            if event.content is not None:
                return stage.now_ms()
    msg = f"{client.address} did not show event {place.index} of {place.origin} at its time"
    raise PeerUnavailable(msg)
