"""Verbs that open a folder: founding, serving, rebuilding."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application import maintenance
from registry.application.folder import NodeFolder
from registry.application.membership import confirmation, founding, joining
from registry.client.peer_rosters import fetch_rosters
from registry.domain.identifiers import RegistryId, parse_registry_id
from registry.errors import InvalidRequest, RosterError
from registry.log.roster import decode_signed_roster, registry_id_of
from registry_cli.confirming import TO_FOUNDERS, TO_RECEIVER, say_words
from registry_cli.joined_output import say_joined
from registry_cli.output import Output
from registry_cli.secrets_asked import new_passphrase
from registry_cli.surroundings import surroundings_of

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
RosterFile = Annotated[Path, typer.Argument(help="the roster file that `registry found` wrote")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
_STEPS: Final = "next: hand the member file to whoever founds the registry (`registry found`)"


def init(  # noqa: PLR0913, PLR0917 - an option each
    folder: Folder,
    registry: Annotated[str, typer.Option(help="the registry's name, such as defenders.example")],
    mechanism: Annotated[str, typer.Option(help="slug, such as coe-commissioner")],
    display_name: Annotated[str, typer.Option(help="the name that people read")],
    address: Annotated[str, typer.Option(help="host:port where the node is reached")],
    is_inbound: Annotated[
        bool,
        typer.Option(
            "--inbound/--no-inbound",
            help="--no-inbound: other members cannot call this node, it calls all of them; "
            "--address is then for its own clients only",
        ),
    ] = True,
    epoch: Annotated[
        int, typer.Option(help="which log of the mechanism it is: 2 if the folder before is lost")
    ] = founding.FIRST_EPOCH,
    is_protected: Annotated[
        bool, typer.Option("--protect", help="seal the keys under a passphrase; asks for it")
    ] = False,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(help="with --protect: a file (mode 0600) that holds the passphrase"),
    ] = None,
    token: Annotated[
        Path | None,
        typer.Option(
            help="a token file: signing keys that it names are made in a PKCS#11 token; see "
            "`registry keys move-to-token --help`"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a node's folder: its keys and the member file to hand to whoever founds the registry."""
    member_file = founding.init_node(
        folder,
        registry_name=registry,
        mechanism=mechanism,
        display_name=display_name,
        address=address,
        is_inbound=is_inbound,
        epoch=epoch,
        passphrase=new_passphrase(new_passphrase_file) if is_protected else None,
        token_file=token,
    )
    output = Output(is_json=json)
    output.say(f"keys made in {folder / 'keys'} (mode 0600; back them up: registry keys backup)")
    output.say(f"member file  {member_file}")
    words = confirmation.words_of_file(member_file.read_bytes())
    say_words(output, words, TO_RECEIVER)
    output.say(_STEPS)
    output.result({"member_file": str(member_file), "words": words})


def found(
    roster_file: Annotated[Path, typer.Argument(help="the roster file to write")],
    member: Annotated[list[Path], typer.Option(help="a founder's member file; repeat it")],
    threshold: Annotated[
        int | None, typer.Option(help="signatures the next roster needs; default: a majority")
    ] = None,
    json: Json = False,
) -> None:
    """Make the founding roster out of the founders' member files; all founders sign it next."""
    if roster_file.exists():
        msg = f"{roster_file} exists; choose another file"
        raise InvalidRequest(msg)
    signed = founding.found(member, threshold=threshold)
    roster_file.write_bytes(signed)
    registry_id = registry_id_of(decode_signed_roster(signed).roster)
    output = Output(is_json=json)
    output.say(f"genesis roster of {len(member)} founders written to {roster_file}")
    output.say(f"registry id {registry_id.hex()}")
    words = confirmation.words_of_roster(signed)
    say_words(output, words, TO_FOUNDERS)
    output.say("next, every founder: registry roster endorse FOLDER FILE, then registry join")
    output.result({"registry_id": registry_id, "words": words})


def join(
    folder: Folder,
    roster_file: Annotated[
        Path | None, typer.Argument(help="the roster file that `registry found` wrote")
    ] = None,
    words: Annotated[
        str, typer.Option(help='the confirmation words that you were told, in quotes: "lusab ..."')
    ] = "",
    registry_id: Annotated[
        str, typer.Option(help="in their place: the id that you were told by another way")
    ] = "",
    later: Annotated[
        list[Path] | None,
        typer.Option(help="the version after it, for who joins later; repeat it in order"),
    ] = None,
    address: Annotated[
        str, typer.Option("--from", help="in place of files: HOST:PORT of any member's node")
    ] = "",
    json: Json = False,
) -> None:
    """Take the roster that all founders signed and create this node's empty log.

    The words, or the id, must come from another founder by another way than the file, such as the
    telephone: they are what keeps somebody in between from handing you a registry of their own.
    Who joins later may fetch all versions from any member's node (--from, with --registry-id).
    Given again it says how far the node is behind what the other members show.
    """
    is_by_address = bool(address and registry_id) and roster_file is None and not (words or later)
    if roster_file is not None and not address:
        pinned = _pinned(roster_file, words, registry_id)
    elif is_by_address:
        founding.check_address(address)
        pinned = parse_registry_id(registry_id)
    else:
        msg = "name the roster file, or where to fetch it: --from HOST:PORT --registry-id ID"
        raise InvalidRequest(msg)
    output = Output(is_json=json)
    if (done := joining.joined(folder, pinned)) is not None:
        say_joined(output, folder, done)
        return
    if roster_file is not None:
        roster = joining.join(folder, roster_file, pinned, later or ())
    else:
        key, certificate = joining.tls_of(folder)
        given = fetch_rosters(address, key=key, certificate=certificate)
        roster = joining.join_given(folder, given.signed, pinned, given_by=given.given_by)
    output.say(f"joined {roster.registry_name} with {len(roster.members)} members")
    output.say("next: registry client add, then registry serve")
    output.result({"registry_id": roster.registry_id, "members": len(roster.members)})


def _pinned(roster_file: Path, words: str, registry_id: str) -> RegistryId:
    """The registry id that somebody was told, or the file's own once its words are those told."""
    if bool(words) == bool(registry_id):
        msg = (
            'say which registry you mean to join: --words "..." or --registry-id ID, as another '
            "founder told you by another way than the file"
        )
        raise InvalidRequest(msg)
    if registry_id:
        return parse_registry_id(registry_id)
    data = founding.read_file(roster_file)
    told, found_here = confirmation.read_words(words), confirmation.words_of_roster(data)
    if told != found_here:
        msg = (
            f"the words of {roster_file} are {found_here!r}, not those that you were told: do not "
            "join; ask by telephone who holds which file"
        )
        raise RosterError(msg)
    return registry_id_of(decode_signed_roster(data).roster)


def serve(folder: Folder, json: Json = False) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM).

    What the node does is written to standard error, one line each: for people on a terminal, as
    JSON elsewhere and with --json.
    """
    node = NodeFolder(folder).describe()
    output = Output(is_json=json)
    output.say(f"node of {node.mechanism} ({node.display_name}) at {node.address}; Ctrl-C stops it")
    output.result({"mechanism": node.mechanism, "origin": node.origin, "address": node.address})
    sys.stdout.flush()
    log_format = "text" if sys.stderr.isatty() and not json else "json"
    os.environ.setdefault("REGISTRY_NODE_LOG_FORMAT", log_format)
    os.execv(sys.executable, [sys.executable, "-m", "registry_node", str(folder)])  # noqa: S606 - our own interpreter and module


def rebuild(context: typer.Context, folder: Folder, json: Json = False) -> None:
    """Build the case list and other views of a stopped node anew from its logs."""
    now_ms = surroundings_of(context).now_ms
    output = Output(is_json=json)
    with output.progress("folding", 1) as bar:
        size_bytes, is_same = maintenance.rebuild_views(folder, bar, now_ms=now_ms)
    same = "byte for byte what was there" if is_same else "different from what was there"
    output.say(f"rebuilt {size_bytes} bytes of rows, {same}")
    output.result({"size_bytes": size_bytes, "is_same": is_same})
