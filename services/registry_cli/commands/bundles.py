"""`registry bundle`: exchange with another member by a data carrier, such as a USB stick."""

from pathlib import Path
from typing import Annotated

import typer

from registry.application.bundles import importing, reading, writing
from registry.application.bundles.exporting import ExportReport
from registry.application.bundles.since import read_since
from registry_cli.errors import EXIT_BAD_BYTES
from registry_cli.output import Output
from registry_cli.surroundings import surroundings_of

Folder = Annotated[Path, typer.Argument(help="the folder of a stopped node")]
File = Annotated[Path, typer.Argument(help="the bundle")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]

bundle_app = typer.Typer(
    name="bundle",
    help="Exchange by a USB stick: rosters, logs, and content sealed to one member.",
    no_args_is_help=True,
)


@bundle_app.command("export")
def export(
    context: typer.Context,
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="the bundle to write; must not be there yet")],
    to: Annotated[
        str, typer.Option(help="mechanism that gets content, sealed to its key; none = no content")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            help="what the recipient holds: a bundle it took, a file with its `registry status "
            "--json`, or ORIGIN=SIZE,ORIGIN=SIZE"
        ),
    ] = "",
    has_all_content: Annotated[
        bool,
        typer.Option(
            "--all-content", help="with --since: content of entries before it, too; see docs"
        ),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="write nothing: show what would leave, and to whom")
    ] = False,
    json: Json = False,
) -> None:
    """Write what this node holds into one file for another member.

    Content is what this node would send to that member over the network, and nothing else. Whoever
    finds the file reads headers, which every member may read, and no content.
    """
    surroundings = surroundings_of(context)
    report = writing.export_file(
        folder,
        None if preview else file,
        recipient=to or None,
        since=read_since(since),
        has_all_parts=has_all_content,
        now_ms=surroundings.now_ms,
        random_bytes=surroundings.random_bytes,
    )
    output = Output(is_json=json)
    _say_export(output, report)
    if preview:
        output.say("nothing was written")
    else:
        output.say(f"{file.stat().st_size} bytes written to {file}")
    output.result(report)


@bundle_app.command("import")
def import_(
    context: typer.Context,
    folder: Folder,
    file: File,
    is_without_content: Annotated[
        bool,
        typer.Option("--without-content", help="take the logs alone, and leave sealed content"),
    ] = False,
    json: Json = False,
) -> None:
    """Take a bundle into a node: every signature is checked, as of what comes over the network.

    A file that is damaged, cut short or not for this node changes nothing. Taken twice it changes
    nothing the second time.
    """
    surroundings = surroundings_of(context)
    output = Output(is_json=json)
    with output.progress("taking", 1) as bar:
        report = importing.import_file(
            folder,
            file,
            bar,
            now_ms=surroundings.now_ms,
            random_bytes=surroundings.random_bytes,
            has_parts=not is_without_content,
        )
    _say_import(output, report)
    output.result(report)
    if report.stopped is not None:
        raise report.stopped
    if report.first_fault is not None:
        raise typer.Exit(EXIT_BAD_BYTES)


@bundle_app.command("show")
def show(file: File, json: Json = False) -> None:
    """Tell what is in a bundle, and whether it is whole; needs no node and no key.

    That it is whole says nothing about who made it: importing checks the signatures.
    """
    contents = reading.look_through(file)
    roster = contents.roster
    recipient = None
    if contents.recipient_id is not None:
        recipient = roster.member_by_id(contents.recipient_id)
    output = Output(is_json=json)
    output.say(f"bundle of {roster.registry_name}, whole: {contents.size_bytes} bytes")
    output.say(f"registry id {contents.registry_id.hex()}")
    output.say(f"rosters     1 to {roster.version}")
    for log in contents.logs:
        output.say(f"  {log.origin:<44} {_range(log.start, log.end)}")
    for fault in contents.faults:
        output.say(f"fault proof {fault.origin:<44} void from {fault.frozen_at} on, if it holds")
    if recipient is None:
        output.say("content     none")
    else:
        output.say(
            f"content     {contents.sealed_parts} parts, sealed to {recipient.slug} "
            f"({recipient.display_name})"
        )
    output.result(
        {
            "is_whole": True,
            "size_bytes": contents.size_bytes,
            "registry_id": contents.registry_id,
            "registry_name": roster.registry_name,
            "roster_version": roster.version,
            "recipient": None if recipient is None else recipient.slug,
            "sealed_parts": contents.sealed_parts,
            "logs": [
                {"origin": log.origin, "start": log.start, "size": log.size}
                for log in contents.logs
            ],
            "faults": [
                {"origin": fault.origin, "frozen_at": fault.frozen_at} for fault in contents.faults
            ],
        }
    )


def _say_export(output: Output, report: ExportReport) -> None:
    output.say(f"rosters  1 to {report.roster_version}")
    for log in report.logs:
        output.say(f"  {log.origin:<44} {_range(log.start, log.size)}")
    if report.fault_proofs:
        output.say(f"faults   {report.fault_proofs} proofs of what authors did wrong")
    if report.recipient is None:
        output.say("content  none: say --to MECHANISM to give it what it may have")
    else:
        output.say(f"content  {report.parts} parts, sealed to {report.recipient}")


def _say_import(output: Output, report: importing.ImportReport) -> None:
    if report.rosters_adopted:
        output.say(f"rosters  {report.rosters_adopted} adopted, version {report.roster_version}")
    for log in report.logs:
        output.say(f"  {log.origin:<44} {_range(log.before, log.after)}")
        if log.reason:
            output.say(f"    {log.reason}: {log.detail}")
    for fault in report.faults:
        output.say(f"frozen   {fault.origin} from {fault.frozen_at} on, proven: {fault.reason}")
    output.say(f"entries  {report.entries} new")
    output.say(
        f"content  {report.parts_stored} parts new, {report.parts_held} here already or erased, "
        f"{report.parts_left} not to be taken now, {report.parts_sealed} left sealed"
    )
    if report.stopped is not None:
        output.say(
            "stopped before the end; what is counted above was verified and stays, as with a peer "
            "that breaks off"
        )


def _range(start: int, end: int) -> str:
    return f"{start} to {end}" if end > start else f"nothing new, {end} held"
