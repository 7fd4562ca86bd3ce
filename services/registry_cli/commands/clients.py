"""Verbs on the clients of a node: add, list, role, remove. The node may be running."""

from pathlib import Path
from typing import Annotated

import typer

from registry.application import clients
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.application.roles import Role, parse_role
from registry_cli.output import Output

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
Name = Annotated[str, typer.Argument(help="name of the client, such as desk-2")]
RoleText = Annotated[str, typer.Option("--role", help=f"what for: {', '.join(Role)}")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]

client_app = typer.Typer(help="Say who may use a node, and as what.", no_args_is_help=True)


@client_app.command("add")
def client_add(
    folder: Folder,
    name: Name,
    role: RoleText,
    out: Annotated[Path, typer.Option(help="new folder for the profile")],
    json: Json = False,
) -> None:
    """Let somebody use this node: issue a certificate and write the profile to hand over.

    A viewer reads cases. An officer records as well, shares and asks for erasure. A publisher does
    what an officer does and approves what others ask for. An auditor reads proofs, who read what
    and who did what, and no content. An administrator sees how the node stands and limits cases to
    named clients, and reads no content either.
    """
    chosen = parse_role(role)
    fingerprint = clients.add_client(folder, name, out, chosen)
    output = Output(is_json=json)
    output.say(
        f"profile of {name} ({chosen}) written to {out}; hand it over safely, it holds a key"
    )
    output.result({"name": name, "role": chosen, "profile": str(out), "fingerprint": fingerprint})


@client_app.command("refresh")
def client_refresh(
    folder: Folder,
    profile: Annotated[Path, typer.Argument(help="folder of the client's profile")],
    json: Json = False,
) -> None:
    """Bring a profile up to date after the node moved or got another certificate.

    Copy the two files that it names to where the client is; they hold no secret.
    """
    own = load_roster(NodeFolder(folder)).member_by_slug(NodeFolder(folder).mechanism)
    clients.refresh_profile(folder, profile, own.address)
    output = Output(is_json=json)
    output.say(f"{profile}: node.crt and profile.json are those of {own.origin} at {own.address}")
    output.result({"profile": str(profile), "address": own.address, "origin": own.origin})


@client_app.command("list")
def client_list(folder: Folder, json: Json = False) -> None:
    """List the clients of a node."""
    node = NodeFolder(folder)
    node.describe()
    found = sorted(clients.read_clients(node).items(), key=lambda line: line[1].name)
    output = Output(is_json=json)
    for fingerprint, client in found:
        output.say(f"{client.name:<32} {client.role:<14} {fingerprint[:16]}")
    output.result(
        [
            {"name": client.name, "role": client.role, "fingerprint": fingerprint}
            for fingerprint, client in found
        ]
    )


@client_app.command("role")
def client_role(
    folder: Folder,
    name: Name,
    role: Annotated[str, typer.Argument(help=f"the new role: {', '.join(Role)}")],
    json: Json = False,
) -> None:
    """Give a client another role; it counts from its next call on."""
    chosen = parse_role(role)
    clients.set_role(folder, name, chosen)
    output = Output(is_json=json)
    output.say(f"{name} is {chosen} from now on")
    output.result({"name": name, "role": chosen})


@client_app.command("remove")
def client_remove(folder: Folder, name: Name, json: Json = False) -> None:
    """Refuse a client from its next call on."""
    clients.remove_client(folder, name)
    output = Output(is_json=json)
    output.say(f"{name} may not use this node any more")
    output.result({"name": name})
