"""What `registry join` says of a node that has joined already: how far it is behind the others."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from registry.application.membership.joining import Joined
from registry.application.membership.leaving import profiles_of_others
from registry.client import ClientProfile
from registry.client.peer_heads import held_checkpoints
from registry.errors import EntryError, RegistryError
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry_cli.output import Output
from registry_cli.rendering import compared_text


def say_joined(output: Output, folder: Path, joined: Joined) -> None:
    """Asks all other members for their heads, and says how many events this node lacks of them."""
    shown = asyncio.run(_ask_all(profiles_of_others(folder)))
    held, behind = sum(joined.held.values()), 0
    for log_id, size in joined.held.items():
        # Their word: a node verifies heads, this only counts.
        offered = max((_size_of(notes.get(log_id, b"")) for notes in shown), default=0)
        behind += max(offered - size, 0)
    roster = joined.roster
    state = "first sync not done" if joined.is_first_sync else "in the registry"
    output.say(f"joined already: {roster.registry_name}, version {roster.version} of the roster")
    output.say(
        f"{state}: {held} events of others held, {behind} behind; {compared_text(len(shown))}"
    )
    output.say("next: registry client add, then registry serve; a node that runs goes on by itself")
    output.result(
        {
            "registry_id": roster.registry_id,
            "members": len(roster.members),
            "is_first_sync": joined.is_first_sync,
            "events_held": held,
            "events_behind": behind,
            "heads_compared_with": len(shown),
        }
    )


async def _ask_all(profiles: Sequence[ClientProfile]) -> list[Mapping[bytes, bytes]]:
    """The notes of those that answer, by log."""
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_ask(profile)) for profile in profiles]
    return [notes for each in asked if (notes := each.result()) is not None]


async def _ask(profile: ClientProfile) -> Mapping[bytes, bytes] | None:
    try:
        return await held_checkpoints(profile)
    except RegistryError:
        return None


def _size_of(note: bytes) -> int:
    try:
        return parse_checkpoint(parse_note(note).text).size if note else 0
    except EntryError:
        return 0
