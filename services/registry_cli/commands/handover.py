"""`registry handover`: the person at the desk changes; what is done for it, and what is left."""

from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application.membership import leaving as node
from registry.application.membership.ceremonies import Wish
from registry.application.membership.handing_over import Desk, desk_after, hand_over
from registry.application.roles import Client, Role, parse_role
from registry.errors import InvalidRequest
from registry_cli.commands.offline import Folder, Json
from registry_cli.guiding import Ceremony, ask, guide
from registry_cli.output import Output

_KEYS: Final = (
    "did the leaving person have this machine, its folder, a backup or a sealed copy in hand?",
    "  if not, their profile was all they had, and it opens nothing any more: you are done here",
    "  if so, they may have copied keys:",
    "  keys/node.key, which opens all content: stop the node, `registry keys rotate-node-key`,",
    "    start it, and destroy old backups: the old key opens those for ever",
    "  keys/log.key and the next one, which sign your events: key rotation,",
    "    `registry keys rotate-log-key`, twice, so that neither copy signs anything any more",
    "  the other files in keys/ sign for rosters and open connections. If they may be misused:",
    "    the others end this log (`registry roster propose --revoke`), and this member comes back",
    "    under its number with all keys new (`registry new-epoch --all-keys`)",
    "  back up the keys anew after that, and change who may log in to the machine",
)


def handover(
    folder: Folder,
    *,
    leaving: Annotated[
        list[str] | None,
        typer.Option(help="a client that leaves (`registry client list`); repeat it"),
    ] = None,
    arriving: Annotated[str, typer.Option(help="name of the client that comes")] = "",
    role: Annotated[
        str, typer.Option(help=f"what it comes for: {', '.join(Role)}")
    ] = Role.PUBLISHER,
    out: Annotated[Path | None, typer.Option(help="new folder for its profile")] = None,
    display_name: Annotated[
        str, typer.Option(help="the name of the mechanism that people read, if it changes too")
    ] = "",
    is_agreed: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    json: Json = False,
) -> None:
    """Hand the desk over: let the new person in, refuse the one that leaves, say what is left.

    Give the command again at any time: what is done already stays done.
    """
    names = leaving or []
    newcomer = _newcomer(arriving, role, out)
    if not (names or newcomer or display_name):
        msg = "say who goes or comes: --leaving NAME, --arriving NAME, or --display-name"
        raise InvalidRequest(msg)
    output = Output(is_json=json)
    desk = desk_after(folder, names, newcomer)
    if desk.ending or desk.is_arriving:
        _tell_plan(output, desk, newcomer)
        ask(output, "Do this?", is_agreed=is_agreed)
        hand_over(folder, names, newcomer, out)
    _tell_done(output, desk, names, arriving)
    document: dict[str, object] = {
        "clients": [{"name": each.name, "role": each.role} for each in desk.clients],
        "lacks": desk.lacks,
    }
    if display_name:
        document["roster"] = _rename(output, folder, display_name, is_agreed=is_agreed)
    output.result(document)


def _newcomer(arriving: str, role: str, out: Path | None) -> Client | None:
    if not arriving:
        return None
    if out is None:
        msg = "--arriving takes --out as well: a new folder for the profile"
        raise InvalidRequest(msg)
    return Client(arriving, parse_role(role))


def _tell_plan(output: Output, desk: Desk, newcomer: Client | None) -> None:
    output.say("what this does:")
    if desk.is_arriving and newcomer is not None:
        output.say(f"  {newcomer.name} ({newcomer.role}) may use this node from now on")
    for each in desk.ending:
        output.say(f"  {each.name} ({each.role}) is refused from the next call on")
    for line in desk.lacks:
        output.say(f"  CAREFUL: {line}")


def _tell_done(output: Output, desk: Desk, leaving: list[str], arriving: str) -> None:
    if arriving:
        output.say(f"{arriving} may use this node; hand the profile over safely, it holds a key")
    for name in leaving:
        output.say(f"{name} may not use this node")
    staying = ", ".join(f"{each.name} ({each.role})" for each in desk.clients)
    output.say(f"who may use it: {staying or 'nobody'}")
    for line in desk.lacks:
        output.say(f"CAREFUL: {line}")
    output.say("left to do, as far as it applies:")
    output.say("  what waits for a second person: registry desk pending")
    output.say("  cases limited to who leaves: registry desk restrict CASE --client NAME")
    for line in _KEYS:
        output.say(f"  {line}")


def _rename(
    output: Output, folder: Path, display_name: str, *, is_agreed: bool
) -> dict[str, object]:
    own = node.own_member(folder)
    ceremony = Ceremony(
        folder=folder,
        wish=Wish(names={own.slug: display_name}),
        does=(f"people read {display_name!r} for {own.slug}; keys and the log stay the same",),
        afterwards=(),
    )
    return guide(output, ceremony, is_agreed=is_agreed)
