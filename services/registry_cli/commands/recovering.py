"""Verbs that back a node's databases up and put them back, in an operator's words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application import backing_up, recovering
from registry.application.backing_up import About
from registry.application.recovering import OfficeFate, Standing
from registry.errors import InvalidRequest
from registry.log.facts import GuardVerdict
from registry_cli.output import Output
from registry_cli.secrets_asked import is_on_terminal
from registry_cli.surroundings import surroundings_of

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
_ELSEWHERE: Final = (
    "If this node, or a copy of it, still runs elsewhere, stop that one first: two of them would "
    "fork the log, and it could never be written again."
)
_NO_DATABASE: Final = (
    "Put a backup back (--backup FILE), or just start the node: it takes every log from the "
    "others, its own too. Content that no other member may hold is lost without a backup."
)
_OPENS: Final = (
    "The next start asks the other members for a second, takes back what they hold beyond that, "
    "and opens the log."
)
_ALL_OTHERS: Final = (
    "The next start keeps the log closed until all other members have answered, and all that they "
    "hold of it is back."
)
_ONE_IS_GONE: Final = (
    "If one is gone for ever and you know that nothing newer was signed: registry recover FOLDER "
    "--guard-is-lost"
)
_FORKED: Final = (
    "This log cannot go on from here. Put back the database that belongs to this guard; if there "
    "is none, begin a new epoch: registry new-epoch"
)
_DAMAGED: Final = (
    "The next start keeps the log closed until the scrub has repaired them from a member. See what "
    "is damaged: registry fsck"
)
_LOST_FOR_EVER: Final = (
    "Events that reached no other member and no backup are lost: the log then needs a new epoch "
    "(registry new-epoch)."
)
_NO_WITNESS: Final = (
    "What this member has cosigned of other logs is not known: it cosigns nothing until all other "
    "members that it can reach have shown what they know. If one is gone for ever: registry "
    "recover FOLDER --guard-is-lost, once the log has its guard"
)
_OFFICE: Final = {
    OfficeFate.KEPT: "kept as they are here: acts that wait, who may see a case, who read what",
    OfficeFate.PUT_BACK: "put back as of the backup: check which cases are restricted",
    OfficeFate.LOST: "moved to office.db.lost: they do not open, and the backup has none",
    OfficeFate.NONE: "none here and none in the backup",
}


def backup(
    context: typer.Context,
    folder: Folder,
    out: Annotated[Path, typer.Option(help="the file to write, on another disk")],
    json: Json = False,
) -> None:
    """Back up a node's databases, while it runs or when it is stopped; the copy is proven.

    No private key is in the file (registry keys backup), and nothing of what the node has signed
    last: that must never go back in time. Without keys/node.key it shows headers, sizes and times,
    no content. What was erased later is in it: keep backups no longer than you may, and take a new
    one after every erasure and after `registry keys rotate-node-key`. Never copy log.db instead.
    """
    now_ms = surroundings_of(context).now_ms()
    output = Output(is_json=json)
    with output.progress("proving", 1) as bar:
        about = backing_up.back_up(folder, out, now_ms=now_ms, progress=bar)
    output.say(f"backup written to {out} (mode 0600), every signature, root and part proven")
    _say_about(output, about)
    output.say("keys are not in it: registry keys backup")
    output.result({"backup": str(out), "about": about})


def recover(
    context: typer.Context,
    folder: Folder,
    backup: Annotated[
        Path | None, typer.Option(help="the file that `registry backup` wrote")
    ] = None,
    may_replace: Annotated[
        bool, typer.Option("--replace", help="the database that is there may go")
    ] = False,
    guard_is_lost: Annotated[
        bool,
        typer.Option(
            "--guard-is-lost",
            help="a guard is gone for ever: make a new one from the database, the log's first",
        ),
    ] = False,
    confirm: Annotated[
        str, typer.Option(help="with --guard-is-lost: the words that it asks you to type")
    ] = "",
    json: Json = False,
) -> None:
    """Look at a stopped node after a loss, or put its database back from a backup.

    Without options it says what the node has signed, what it holds of that, and what its next start
    will do. Keys and guard are never touched by a backup: whatever is put back, the log opens again
    only when all that was signed is here. What was erased since the backup is erased again.
    """
    output = Output(is_json=json)
    if guard_is_lost and backup is not None:
        msg = "one thing at a time: put the backup back first, then look again"
        raise InvalidRequest(msg)
    if guard_is_lost:
        standing = _accept_lost_guard(output, folder, confirm)
    elif backup is not None:
        with output.progress("proving", 1) as bar:
            done = recovering.put_back(
                folder,
                backup,
                may_replace=may_replace,
                now_ms=surroundings_of(context).now_ms,
                progress=bar,
            )
        output.say(f"put back from {backup}")
        _say_about(output, done.about)
        output.say(f"  office records  {_OFFICE[done.office]}")
        output.say("  views           folded anew at the next start")
        output.say(f"  erased since    {done.standing.erased} erased parts are erased here too")
        standing = done.standing
    else:
        standing = recovering.look_at(folder)
    for line in next_start(standing):
        output.say(line)
    output.result(_plain(standing))


def next_start(standing: Standing) -> list[str]:
    """Says how a node stands and what its next start will do."""
    return [*_log(standing), *([_NO_WITNESS] if standing.is_witness_guard_lost else ())]


def _log(standing: Standing) -> list[str]:
    found, origin = standing.comparison, standing.origin
    signed, held = found.guard_size, found.database_size
    if not standing.has_database:
        return [f"{origin}: no database is here", _NO_DATABASE, *_while_waiting(standing)]
    match found.kind:
        case GuardVerdict.EQUAL | GuardVerdict.DATABASE_AHEAD:
            return [f"{origin}: {held} events signed, all of them here", _OPENS]
        case GuardVerdict.GUARD_AHEAD:
            told = f"{origin}: {signed} events signed, {held} of them here"
            return [told, *_while_waiting(standing)]
        case GuardVerdict.GUARD_MISSING:
            told = f"{origin}: {held} events here; the guard, which knows how many were signed, is "
            waits = f"Members to wait for: {standing.members}. "
            return [f"{told}missing", _ALL_OTHERS, waits + _ONE_IS_GONE, _ELSEWHERE]
        case GuardVerdict.DATABASE_DAMAGED:
            return [f"{origin}: entries are damaged on this disk", _DAMAGED]
        case GuardVerdict.INCONSISTENT:
            return [f"{origin}: guard and database are of two different histories", _FORKED]


def _while_waiting(standing: Standing) -> list[str]:
    signed = standing.comparison.guard_size
    if not signed:
        return []
    comes = f"The next start keeps the log closed until all events before number {signed} are back "
    return [
        f"{comes}from any other member ({standing.members} to ask). All else works meanwhile.",
        _LOST_FOR_EVER,
        _ELSEWHERE,
    ]


def _accept_lost_guard(output: Output, folder: Path, confirm: str) -> Standing:
    standing = recovering.look_for_lost_guard(folder)
    if standing.comparison.kind is GuardVerdict.GUARD_MISSING:
        words = f"{standing.origin} {standing.comparison.database_size}"
        output.say(
            f"You say that {standing.origin} has never signed more than the "
            f"{standing.comparison.database_size} events that are here. If it has, and a member "
            "holds one more, this log forks at its next event and is finished."
        )
    else:
        words = f"{standing.origin} witness"
        output.say(
            f"You say that {standing.origin} has cosigned nothing of other logs but what its "
            "database says. If it has, it may sign a contradiction: lasting evidence against it."
        )
    output.say(_ELSEWHERE)
    if not confirm and is_on_terminal() and not output.is_json:
        confirm = typer.prompt(f'Type "{words}" to go on')
    if confirm != words:
        msg = f'nothing was changed: to confirm, say --confirm "{words}"'
        raise InvalidRequest(msg)
    return recovering.accept_lost_guard(folder)


def _say_about(output: Output, about: About) -> None:
    made = datetime.fromtimestamp(about.made_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    output.say(f"  made            {made} UTC")
    output.say(f"  own log         {about.origin}, {about.own_size} events")
    others = len(about.sizes) - (about.origin in about.sizes)
    total = sum(about.sizes.values()) - about.own_size
    output.say(f"  other logs      {others}, {total} events")
    output.say(f"  node key        {about.node_key_id} opens its content")


def _plain(standing: Standing) -> dict[str, object]:
    found = standing.comparison
    return {
        "origin": standing.origin,
        "verdict": found.kind.value,
        "signed": None if found.kind is GuardVerdict.GUARD_MISSING else found.guard_size,
        "held": found.database_size,
        "has_database": standing.has_database,
        "erased": standing.erased,
        "is_witness_guard_lost": standing.is_witness_guard_lost,
        "next_start": next_start(standing),
    }
