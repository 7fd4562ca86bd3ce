"""Guided changes of who takes part: leave, remove, another address, another person at the desk."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application.membership import founding, leaving
from registry.application.membership.ceremonies import Wish
from registry.application.membership.cuts import cut_here
from registry.client import ClientProfile
from registry.client.peer_heads import held_checkpoint
from registry.domain.identifiers import NO_INBOUND
from registry.errors import InvalidRequest, PeerUnavailable, RegistryError
from registry.log.member import Cut, Member
from registry_cli.commands.offline import Folder, Json
from registry_cli.guiding import Ceremony, guide
from registry_cli.output import Output

Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
_ADOPTED: Final = (
    "a running node starts anew under it by itself; start a stopped one (registry serve)"
)
_WITHOUT_INBOUND: Final = (
    (
        "the other nodes call this one no more once enough have signed: it calls them all and",
        "is reached through the connections that it opens",
        "one other member at least must take calls; content for nodes without inbound ports alone",
        "reaches none of them: somebody in its audience must take calls",
    ),
    ("its own clients find it where they did before",),
)


def leave(
    folder: Folder,
    reason: Annotated[str, typer.Option(help="why, without names")] = "leaves at its own wish",
    is_agreed: Yes = False,
    json: Json = False,
) -> None:
    """Leave the registry: end the own log for good, once another member holds all of it.

    Stop the node first, so that nothing is recorded in between. Give the command again to see how
    far it is.
    """
    own = leaving.own_member(folder)
    output = Output(is_json=json)

    def find_cut(proposed: Cut | None) -> Cut:
        end = cut_here(folder, own.slug, reason)
        if proposed is not None and proposed.size < end.size:
            msg = (
                f"the proposal that is here ends this log at {proposed.size}, and it holds "
                f"{end.size} events: those beyond would be void everywhere. Agree with the others "
                "first; who means it all the same signs by registry roster endorse-pending"
            )
            raise InvalidRequest(msg)
        _check_given(output, folder, own, end)
        return end

    ceremony = Ceremony(
        folder=folder,
        wish=Wish(remove=own.slug),
        does=(
            f"{own.slug} leaves: its log ends where it is now, and takes nothing more anywhere",
            "from your signature on this node records nothing; reading goes on",
            "the others keep what they hold, the history of each case stays whole, and nothing new",
            "is shared with this node; who comes back joins anew, with new keys",
            "content travels after the events: before the last one signs, ask a member whether",
            "`registry status` there says 0 to fetch for your log",
        ),
        afterwards=(
            "this node can be read and verified for as long as its folder is kept",
            "keep or destroy the folder as your rules on files say",
        ),
        find_cut=find_cut,
        is_own_log=True,
    )
    output.result(guide(output, ceremony, is_agreed=is_agreed))


def remove(
    folder: Folder,
    mechanism: Annotated[str, typer.Argument(help="slug of the member that is removed")],
    reason: Annotated[str, typer.Option(help="why, without names; all members read it")],
    is_agreed: Yes = False,
    json: Json = False,
) -> None:
    """Remove another member: its log ends where this node holds it. Its own consent is not needed.

    Agree with the others before. The node may be running.
    """
    if mechanism == leaving.own_member(folder).slug:
        msg = "this node is of that mechanism itself: use registry leave"
        raise InvalidRequest(msg)
    ceremony = Ceremony(
        folder=folder,
        wish=Wish(remove=mechanism),
        does=(
            f"{mechanism} takes part no more, its connections end; who comes back joins anew",
            "its log ends where this node holds it: what it wrote beyond, or writes, is void at",
            "every node; what it wrote before stays valid and stays in the history of each case",
            "nothing new is shared with it; what it holds already cannot be called back",
        ),
        afterwards=(_ADOPTED,),
        find_cut=lambda _: cut_here(folder, mechanism, reason),
    )
    output = Output(is_json=json)
    output.result(guide(output, ceremony, is_agreed=is_agreed))


def address(
    folder: Folder,
    new_address: Annotated[
        str,
        typer.Argument(
            help="HOST:PORT where this node will be reached; none = it calls the others, and none "
            "of them calls it"
        ),
    ],
    is_agreed: Yes = False,
    json: Json = False,
) -> None:
    """Move this node to another address."""
    founding.check_member_address(new_address)
    own = leaving.own_member(folder)
    does, afterwards = (
        _WITHOUT_INBOUND if new_address == NO_INBOUND else _moved(own.slug, new_address)
    )
    ceremony = Ceremony(
        folder=folder,
        wish=Wish(addresses={own.slug: new_address}),
        does=does,
        afterwards=(_ADOPTED, *afterwards),
    )
    output = Output(is_json=json)
    output.result(guide(output, ceremony, is_agreed=is_agreed))


def _moved(slug: str, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a move does, and what is to be done afterwards."""
    return (
        f"the other nodes look for {slug} at {address} as soon as enough have signed",
        "until then they call the old address: keep the node reachable there, or let the",
        "proposal travel as a file",
    ), (
        f"it listens at {address} then, unless REGISTRY_NODE_LISTEN says otherwise",
        "profiles that were made before name the old address: registry client refresh",
    )


def _check_given(output: Output, folder: Path, own: Member, end: Cut) -> None:
    """Asks the others what they hold: at least one must hold the whole log before it ends."""
    if end.size == 0:
        return
    told = asyncio.run(_ask_all(leaving.profiles_of_others(folder), own, end))
    for line, _ in told:
        output.say(line)
    if not any(holds for _, holds in told):
        msg = (
            f"no other member holds all {end.size} events of this log yet: start the node, wait "
            "until `registry peers` shows them connected, stop it and try again"
        )
        raise PeerUnavailable(msg)


async def _ask_all(
    profiles: Sequence[ClientProfile], own: Member, end: Cut
) -> list[tuple[str, bool]]:
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_ask(profile, own, end)) for profile in profiles]
    return [each.result() for each in asked]


async def _ask(profile: ClientProfile, own: Member, end: Cut) -> tuple[str, bool]:
    """What one member says, in words, and whether it holds everything."""
    name = profile.description.mechanism
    try:
        note = await held_checkpoint(profile, own.log_id)
    except RegistryError as error:
        return f"{name} was not asked: {error}", False
    if leaving.holds_all(note, end):
        return f"{name} says that it holds all {end.size} events of this log", True
    return f"{name} does not hold all {end.size} events of this log", False
