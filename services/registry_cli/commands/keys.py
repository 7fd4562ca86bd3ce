"""Verbs on the private keys of a stopped node: show, protect, rotate, replace what is lost."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.application.key_care import (
    key_listing,
    key_rotation,
    node_keys,
    protecting,
    tls_renewal,
    token_moving,
)
from registry.application.key_care.key_listing import KeyReport
from registry.errors import InvalidRequest
from registry_cli.commands.key_backup import keys_backup, keys_restore
from registry_cli.output import Output
from registry_cli.secrets_asked import new_passphrase

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]

_KEPT_UNDER = {"none": "no passphrase", "passphrase": "a passphrase", "pkcs11": "in the token"}

keys_app = typer.Typer(help="Care for a node's private keys.", no_args_is_help=True)
keys_app.command("backup")(keys_backup)
keys_app.command("restore")(keys_restore)


@keys_app.command("show")
def keys_show(folder: Folder, json: Json = False) -> None:
    """Name a node's private keys: what for, how they are kept, since when; never shows one.

    Compare a fingerprint by telephone with what another member sees. The node key has an id
    instead, and other secrets have neither.
    """
    reports = key_listing.list_keys(folder)
    key_id = node_keys.node_key_id(folder)
    output = Output(is_json=json)
    for each in reports:
        _tell(output, each)
    output.say(f"node key {key_id}")
    if {"none", "passphrase"} <= {each.protection for each in reports}:
        output.say("some keys are sealed and others not: run `registry keys protect` again")
    output.result({"node_key_id": key_id, "keys": reports})


@keys_app.command("rotate-log-key")
def keys_rotate_log(folder: Folder, json: Json = False) -> None:
    """Replace the key that signs this node's log by the next one, which the log has announced.

    A running node does it within seconds, a stopped one at its next start; it works without any
    other member. Do it once a year, and whenever somebody leaves who could read the keys.

    If the log key or the next one lives in a token, the key that is made now, to be the next one
    then, is made in that token; a token that one process alone can use needs the node stopped. What
    was in its place stays in the token until you delete it there.
    """
    is_leaving_token = key_rotation.is_log_key_leaving_token(folder)
    is_new = key_rotation.ask_for_rotation(folder)
    output = Output(is_json=json)
    output.say("the next key is ready" if is_new else "a rotation was asked for already")
    output.say("the node signs with it within seconds of running; then back up the keys anew")
    if is_leaving_token:
        output.say("the next key is a file, so the log key is one until it is rotated once more;")
        output.say("the key after it is in the token: run this again when the node signs with it")
    output.result({"was_asked_for_already": not is_new, "leaves_token": is_leaving_token})


@keys_app.command("protect")
def keys_protect(
    folder: Folder,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(help="a file (mode 0600) with the new passphrase; default: ask for it"),
    ] = None,
    is_removed: Annotated[
        bool, typer.Option("--remove", help="take the passphrase away instead")
    ] = False,
    json: Json = False,
) -> None:
    """Seal a stopped node's private keys under a passphrase, change it, or take it away.

    Cut short, every key can still be read, with the passphrase of before or the new one; run it
    again. From then on the node asks for it at each start: on the terminal, or from the file that
    REGISTRY_PASSPHRASE_FILE names, the descriptor that REGISTRY_PASSPHRASE_FD numbers, or systemd's
    credential `registry-passphrase`. Nobody can find out a passphrase that is forgotten.
    """
    output = Output(is_json=json)
    if is_removed:
        count = protecting.unprotect_keys(folder)
        output.say(f"{count} key files can be read without a passphrase")
    else:
        count = protecting.protect_keys(folder, new_passphrase(new_passphrase_file))
        output.say(f"{count} key files are sealed under the passphrase")
        output.say("the node asks for it at each start; nobody can find out one that is forgotten")
    output.result({"key_files": count, "is_protected": not is_removed})


@keys_app.command("move-to-token")
def keys_move_to_token(
    folder: Folder,
    token_file: Annotated[Path, typer.Argument(help="names the token and the keys to move")],
    json: Json = False,
) -> None:
    """Move signing keys of a stopped node from their files into a PKCS#11 token.

    They stay the same keys, so that nobody else notices. The token file is JSON: `module` (the
    maker's library), `token_label`, `keys` (such as {"log": {"label": "un log 1"}}) and, if you
    like, `pin_file`. Otherwise the PIN is asked for on the terminal, or read from the file that
    REGISTRY_TOKEN_PIN_FILE names or systemd's credential `registry-token-pin`. Make a backup of the
    keys before: what is in the token does not come out, and is lost with it.
    """
    gone = token_moving.move_to_token(folder, token_file)
    output = Output(is_json=json)
    output.say(f"in the token now, their files deleted: {', '.join(gone) or 'nothing new'}")
    output.say("earlier copies of these files, and backups of the keys, still hold them")
    output.result({"moved": gone})


@keys_app.command("renew-tls")
def keys_renew_tls(folder: Folder, json: Json = False) -> None:
    """Make another TLS key and certificate for this node, to be pinned by the next roster.

    Nothing changes until the members agree. Bring the clients' profiles up to date before: they
    will know the node by either certificate.
    """
    certificate = tls_renewal.stage_certificate(folder)
    output = Output(is_json=json)
    output.say(f"next certificate  {key_listing.fingerprint_of(certificate)}")
    output.say("next: registry client refresh FOLDER PROFILE, for each profile of this node")
    output.say("then: registry roster propose --own-certificate; the node takes the new key when")
    output.say("enough have endorsed it, without anything that is recorded being lost")
    output.result({"fingerprint": key_listing.fingerprint_of(certificate)})


@keys_app.command("rotate-node-key")
def keys_rotate(folder: Folder, json: Json = False) -> None:
    """Give a stopped node a new node key; the content stays as it is, its keys are wrapped anew.

    Cut short, run it again or start the node: it goes on where it was. Afterwards the old key
    opens nothing of this database; it still opens backups that were made before.
    """
    count = node_keys.rotate_node_key(folder)
    key_id = node_keys.node_key_id(folder)
    output = Output(is_json=json)
    output.say(f"{count} data keys wrapped anew under node key {key_id}")
    output.say("make a new backup of the keys: registry keys backup")
    output.result({"rewrapped": count, "node_key_id": key_id})


@keys_app.command("replace-lost-node-key")
def keys_replace(
    folder: Folder,
    is_accepted: Annotated[
        bool, typer.Option("--accept-loss", help="what only this node held is lost for ever")
    ] = False,
    json: Json = False,
) -> None:
    """Make a new node key after the old one was lost for ever, and give up what it opened.

    Logs, proofs and history stay. Content is deleted here and asked again of the other members
    who may hold it; what only this node held does not come back.
    """
    if not is_accepted:
        msg = (
            "this deletes all content that the lost key opened; look for a copy of keys/node.key "
            "first, then say --accept-loss"
        )
        raise InvalidRequest(msg)
    deleted, own = node_keys.replace_lost_node_key(folder)
    key_id = node_keys.node_key_id(folder)
    output = Output(is_json=json)
    output.say(f"new node key {key_id}; {deleted} parts deleted and asked for again")
    output.say(
        f"{own} of them are of this node's own log: those that no other member holds are lost"
    )
    output.say("the office's records of before (office.db) were moved aside: nothing opens them")
    output.result({"node_key_id": key_id, "deleted_parts": deleted, "own_parts": own})


def _tell(output: Output, report: KeyReport) -> None:
    output.say(f"{report.name:<22} {report.purpose} ({report.kind})")
    kept = f"{_KEPT_UNDER[report.protection]}, since {_day(report.made_ms)}"
    if report.expires_ms is not None:
        kept += f", certificate until {_day(report.expires_ms)}"
    output.say(f"{'':<22} {kept}")
    if report.fingerprint:
        output.say(f"{'':<22} fingerprint {report.fingerprint}")


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
