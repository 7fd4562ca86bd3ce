"""Verbs that give a node's private keys to several officers together, and put them back."""

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application.folder import NodeFolder
from registry.application.key_care import key_backup, key_restoring
from registry.application.key_care.key_backup import KeyBackup
from registry.application.key_care.passphrases import ask_on_terminal
from registry.application.key_care.private_files import read_owned, write_owned
from registry.application.key_care.shares import OfficerShare, read_share
from registry.errors import FolderError, InvalidRequest
from registry_cli.output import Output
from registry_cli.secrets_asked import is_on_terminal
from registry_cli.surroundings import surroundings_of

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
_WORDS_OF_A_LINE: Final = 5
_TRIES: Final = 5
_CLEARED: Final = "\x1b[2J\x1b[H\x1b[3J"
"""Clears a terminal (ECMA-48), and what was scrolled off as well."""

_CLOSED: Final = (
    "No copy of what this node has signed is here, so its log stays closed: start it, and wait "
    "until all other members have answered and what they hold of its log is back. Then it opens "
    "by itself; `registry status` says what it waits for. If the node still runs elsewhere, stop "
    "that one first: two would fork its log, and it could never be written again."
)
_GUARDED: Final = (
    "The folder knows what this node has signed: its log opens when all of that is here. Put no "
    "older copy of the folder `guard` in its place."
)


def keys_backup(
    context: typer.Context,
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="the backup file to write")],
    threshold: Annotated[int, typer.Option(help="how many officers open it together, 2 or more")],
    shares: Annotated[int, typer.Option(help="how many officers get a share, 16 at most")],
    shares_to: Annotated[
        Path | None,
        typer.Option(help="write the shares into this new folder instead of on the terminal"),
    ] = None,
    json: Json = False,
) -> None:
    """Back up a node's private keys so that some officers together can put them back.

    The file is useless alone, and so are fewer shares than the threshold. Each officer writes the
    20 words of one share down, or takes its file; nobody should ever hold enough of them. Keep the
    file itself wherever you like, in several places. Make a new backup after every change of keys.
    """
    if shares_to is None and (json or not is_on_terminal()):
        msg = "run this on a terminal, or name a new folder for the shares with --shares-to"
        raise InvalidRequest(msg)
    if shares_to is not None and shares_to.exists():
        msg = f"{shares_to} exists; shares are written into a new folder"
        raise FolderError(msg)
    now_ms = surroundings_of(context).now_ms()
    made = key_backup.back_up_keys(folder, out, threshold=threshold, count=shares, now_ms=now_ms)
    output = Output(is_json=json)
    title = f"keys of {key_backup.read_backup(out).header.mechanism}, {_day(now_ms)}"
    texts = [_text_of(share, title, len(made)) for share in made]
    if shares_to is None:
        _show_one_by_one(texts)
    else:
        shares_to.mkdir(mode=0o700, parents=True)
        for share, text in zip(made, texts, strict=True):
            write_owned(shares_to / f"share-{share.number}.txt", text.encode())
        output.say(f"{len(made)} shares written to {shares_to}: give each to one officer, then")
        output.say("delete that folder; a share file is as secret as a key")
    output.say(f"backup written to {out}; any {threshold} of its {shares} shares open it")
    if NodeFolder(folder).token_file.exists():
        output.say("keys in the token are not in it: back the token up as its maker says")
    output.result({"backup": str(out), "threshold": threshold, "shares": shares})


def keys_restore(
    folder: Folder,
    backup: Annotated[Path, typer.Argument(help="the backup file")],
    share: Annotated[
        list[Path] | None,
        typer.Option(help="a file (mode 0600) with an officer's share; repeat it"),
    ] = None,
    json: Json = False,
) -> None:
    """Put a node's private keys back with the shares of enough officers.

    Shares that no file gives are asked for on the terminal; what is typed is not shown. Keys that
    are there are never overwritten, and nothing is written unless all of it fits.
    """
    output = Output(is_json=json)
    kept = key_backup.read_backup(backup)
    given = [read_share(read_owned(path).decode(errors="replace")) for path in share or ()]
    for each in given:
        key_backup.check_share(kept, each)
    header = kept.header
    output.remark(
        f"backup of the keys of {header.mechanism}, {_day(header.made_ms)}: any {header.threshold} "
        f"of {header.shares} shares open it"
    )
    while len(given) < header.threshold and is_on_terminal():
        given.append(_ask_share(output, kept, given))
    restored = key_restoring.restore_keys(folder, kept, given)
    output.say(f"{restored.key_files} key files of {restored.mechanism} are in {folder / 'keys'}")
    if restored.needs_token:
        output.say("some signing keys were in a token and are not here: the node needs that token")
    output.say(_GUARDED if restored.knows_what_it_signed else _CLOSED)
    for epoch in restored.staged:
        output.say(f"keys of this node's next log are in {folder / epoch}: the node takes them")
        output.say("when the roster begins it; delete that folder if they were given up meanwhile")
    protect = "a passphrase is not part of a backup: set one with `registry keys protect`"
    output.say(f"{protect}, once those keys are taken" if restored.staged else protect)
    output.result(restored)


def _text_of(share: OfficerShare, title: str, count: int) -> str:
    """A share as it is written down; `read_share` reads all of it."""
    numbered = [f"{at:>2} {word:<9}" for at, word in enumerate(share.words.split(), 1)]
    lines = [
        " ".join(numbered[at : at + _WORDS_OF_A_LINE]).rstrip()
        for at in range(0, len(numbered), _WORDS_OF_A_LINE)
    ]
    head = f"# {title}\n# share {share.number} of {count}; any {share.threshold} open the backup\n"
    return head + "\n".join(lines) + "\n"


def _show_one_by_one(texts: Sequence[str]) -> None:
    """Each officer alone reads one share; then it is taken off the screen."""
    for number, text in enumerate(texts, 1):
        _wait(f"share {number} of {len(texts)}: when only its officer looks, press Enter")
        typer.echo(text)
        _wait("write the words down with their numbers, read them again, press Enter")
        typer.echo(_CLEARED, nl=False)


def _wait(what_for: str) -> None:
    typer.prompt(what_for, default="", show_default=False, prompt_suffix=" ")


def _ask_share(output: Output, backup: KeyBackup, given: Sequence[OfficerShare]) -> OfficerShare:
    """Asks again if a word is wrong: whoever has typed 20 words need not begin with the first."""
    what = f"share {len(given) + 1} of {backup.header.threshold}, 20 words (not shown)"
    for _ in range(_TRIES):
        try:
            share = read_share(ask_on_terminal(what))
            key_backup.check_share(backup, share)
            if share.number in {each.number for each in given}:
                msg = f"share {share.number} was given already; ask another officer"
                raise InvalidRequest(msg)  # noqa: TRY301 - asked again like any other
        except InvalidRequest as error:
            output.remark(textwrap.shorten(str(error), 200))
        else:
            return share
    msg = "no share that fits was typed"
    raise InvalidRequest(msg)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
