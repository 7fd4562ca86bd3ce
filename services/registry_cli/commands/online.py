"""Verbs that talk to a running node through a client profile."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from registry.client import LogStatus, PeerStatus, RegistryClient, case, load_profile, situation
from registry.client.confidentiality import Preview
from registry.domain.audience import (
    DEFAULT_AUDIENCE,
    EVERYONE,
    OWN_ONLY,
    AudienceChoice,
    named,
)
from registry.domain.concerned import ALERTING
from registry.domain.content import CaseOpened
from registry.domain.identifiers import NO_INBOUND, parse_case_id
from registry.domain.register_mapping import load_mapping, shipped_mappings
from registry.domain.states import is_state_code
from registry.errors import InvalidRequest, NeedsApproval, NotFound
from registry_cli.embargo_option import read_embargo
from registry_cli.errors import EXIT_FINDINGS
from registry_cli.fields import parse_kind, read_content_file, read_fields, read_source
from registry_cli.importing import import_register
from registry_cli.output import Output
from registry_cli.release_output import print_preview, warn
from registry_cli.rendering import (
    compared_text,
    print_import,
    time_text,
    witnessed_text,
)
from registry_cli.sending import check_files, send_files
from registry_cli.surroundings import surroundings_of

T = TypeVar("T")
Profile = Annotated[
    Path,
    typer.Option(
        "--profile", envvar="REGISTRY_PROFILE", help="folder made by `registry client add`"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
CaseArgument = Annotated[
    str,
    typer.Argument(
        help="case id, its first digits (6 or more; reads the whole list), or a State such as POL"
    ),
]
_PREFIX_MIN: Final = 6
_ID_DIGITS: Final = 32


def record(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="what happened; `registry kinds` lists the kinds")],
    profile: Profile,
    case_text: Annotated[
        str, typer.Option("--case", help="case id, its first digits, or a State such as POL")
    ] = "",
    field: Annotated[
        list[str] | None,
        typer.Option(help="name=value, repeat it; `registry kinds KIND` lists the fields"),
    ] = None,
    content: Annotated[
        Path | None, typer.Option(help="JSON file with the fields; - reads standard input")
    ] = None,
    audience: Annotated[
        str,
        typer.Option(
            help="who may hold the content: default (of the kind), all, own, or SLUG,SLUG"
        ),
    ] = "default",
    not_before: Annotated[
        str, typer.Option(help="embargo: sealed until this time, UTC, such as 2026-12-01T09:00")
    ] = "",
    confirm_person: Annotated[
        list[str] | None,
        typer.Option(help="id of a person whom a word of the text does not mean; repeat it"),
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(help="a file of the event, at most 64 MiB; repeat it")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with name, contact, note of who it came from; it stays at this node"
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="record nothing: show what would leave, and to whom")
    ] = False,
    request_id: Annotated[
        str, typer.Option(help="any text of yours; the same text records nothing twice")
    ] = "",
    json: Json = False,
) -> None:
    """Record one event in the node's own log.

    The kind case_opened opens a new case; every other kind needs --case.
    """
    file_text = None if content is None else read_content_file(content, sys.stdin)
    acted = read_fields(parse_kind(kind), field or [], file_text)
    is_opening = isinstance(acted, CaseOpened)
    _check_case_option(case_text, is_opening=is_opening)
    check_files(attach or [], is_opening=is_opening)
    request = request_id or surroundings_of(context).new_request_id()
    chosen = _read_audience(audience)
    not_before_ms = read_embargo(not_before, is_opening=is_opening)

    confirmed = tuple(confirm_person or ())
    told_by = None if source is None else read_source(source, sys.stdin)
    if told_by is not None and is_opening:
        msg = "--source belongs to a submission in a case, not to its opening"
        raise InvalidRequest(msg)

    async def look(client: RegistryClient) -> Preview:
        return await client.confidentiality.preview(
            None if is_opening else await select_case(client, case_text),
            acted,
            audience=chosen,
            not_before_ms=not_before_ms,
            confirmed_person_ids=confirmed,
        )

    if preview:
        print_preview(Output(is_json=json), with_client(profile, look))
        return

    output = Output(is_json=json)

    async def write(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        if acted.kind in ALERTING:
            warn(output, await look(client))
        if isinstance(acted, CaseOpened):
            return await client.open_case(request, acted, audience=chosen)
        selector = await select_case(client, case_text)
        return await client.record(
            request,
            selector,
            acted,
            audience=chosen,
            not_before_ms=not_before_ms,
            confirmed_person_ids=confirmed,
            source=told_by,
            upload_ids=await send_files(client, request, attach or []),
        )

    try:
        receipt = with_client(profile, write)
    except NeedsApproval as waiting:
        output.say(f"waits for a second person as act {waiting.act_id}; not recorded yet")
        output.say(f"  request id  {request}")
        output.result({"request_id": request, "pending_act_id": waiting.act_id})
        return
    before = " (was recorded before)" if receipt.was_recorded_before else ""
    output.say(f"recorded as event {receipt.index} of {receipt.origin}{before}")
    output.say(f"  case        {receipt.case_id.hex()}")
    output.say(f"  leaf hash   {receipt.leaf_hash.hex()}")
    output.say(f"  request id  {request}")
    output.result({"request_id": request, "receipt": receipt})


def import_command(
    register: Annotated[Path, typer.Argument(help="CSV file, UTF-8, with a header")],
    mapping: Annotated[str, typer.Option(help=f"mapping file, or {', '.join(shipped_mappings())}")],
    profile: Profile,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit with status 1 if a row was left out")
    ] = False,
    json: Json = False,
) -> None:
    """Import a register from a CSV file: each row becomes an event.

    What cannot be taken is listed by line and reason, the rest goes in. Importing the same file
    again adds nothing.
    """
    rules = load_mapping(mapping)
    output = Output(is_json=json)

    async def write(client: RegistryClient) -> Any:  # noqa: ANN401
        with output.progress(f"importing {rules.id}", 1) as bar:
            return await import_register(client, rules, register, bar)

    report = with_client(profile, write)
    print_import(output, report)
    output.result(report)
    if strict and report.rejected:
        raise typer.Exit(EXIT_FINDINGS)


def peers(profile: Profile, json: Json = False) -> None:
    """Show how replication with the other members stands."""
    output = Output(is_json=json)
    found = with_client(profile, lambda client: client.peers())
    for peer in found:
        state = "not connected"
        # Of an empty log there is nothing to cosign.
        witnessed = witnessed_text(peer.witnessed_by, peer.witnesses) if peer.size_held else ""
        if peer.is_connected:
            state = "caught up" if peer.is_caught_up else "catching up"
        output.say(
            f"{peer.mechanism:<24} {state:<14} {peer.size_held:>7} of {peer.size_offered} events"
            f"{witnessed}  {_way_to(peer)}{_frozen(peer)}"
        )
        if not peer.is_connected:
            heard = "not since this node started"
            if peer.last_heard_ms:
                heard = f"{time_text(peer.last_heard_ms)} UTC"
            output.say(f"{'':<24} last heard: {heard}")
        if peer.last_error:
            output.say(f"{'':<24} last error: {peer.last_error}")
        if peer.held_back:
            output.say(f"{'':<24} held back: {peer.held_back}")
    output.result(found)


def status(profile: Profile, json: Json = False) -> None:
    """Show what the node is and how it stands."""
    output = Output(is_json=json)
    found = with_client(profile, lambda client: client.node_status())
    output.say(f"{found.mechanism} in {found.registry_name}, software {found.software_version}")
    output.say(f"own log {'open' if found.is_open else 'read only: ' + found.mode_detail}")
    if found.roster_expiry_ms:
        due = "  RENEW IT: registry roster propose" if found.is_roster_due else ""
        day = time_text(found.roster_expiry_ms)[:10]
        output.say(f"roster version {found.roster_version}, to be renewed by {day}{due}")
    for fork in found.roster_forks:
        output.say(
            f"ROSTER FORKED: {fork.mechanism} holds another version {found.roster_version}, "
            f"validly signed too ({fork.roster_hash.hex()}): find out by telephone which one counts"
        )
    compared = compared_text(found.heads_compared_with)
    if found.is_first_sync:
        output.say(
            f"FIRST SYNC not done: {found.entries_behind} events behind; {compared}, "
            f"{found.heads_needed} are needed"
        )
    elif found.heads_compared_with:
        output.say(compared)
    if found.scrub.finished_ms:
        scrub = found.scrub
        told = f"{scrub.found} damages found, {scrub.repaired} repaired"
        left = f", {scrub.left} LEFT: run `registry fsck`" if scrub.left else ""
        output.say(f"read back by {time_text(scrub.finished_ms)}: {told}{left}")
    for log in found.logs:
        witnessed = witnessed_text(log.witnessed_by, len(log.witnesses)) if log.size else ""
        output.say(
            f"  {log.origin:<44} {log.size:>7} events, {log.parts_wanted} to fetch"
            f"{witnessed}{_frozen(log)}"
        )
    output.result(found)


def checkpoint(
    profile: Profile,
    origin: Annotated[str, typer.Argument(help="a log's origin; empty = the node's own")] = "",
    json: Json = False,
) -> None:
    """Print the newest signed checkpoint of a log with its cosignatures (a C2SP note).

    Compare it with other members': the first three lines are the same, or one extends the other.
    """
    output = Output(is_json=json)
    note = with_client(profile, lambda client: client.checkpoint(origin))
    output.say(note.decode().rstrip("\n"))
    output.result({"checkpoint": note.decode()})


def proof(
    index: Annotated[int, typer.Argument(min=0, help="the event's place")],
    profile: Profile,
    origin: Annotated[str, typer.Option(help="a log's origin; empty = the node's own")] = "",
    out: Annotated[Path | None, typer.Option(help="file for the evidence")] = None,
    json: Json = False,
) -> None:
    """Fetch the proof that an event stands at its place in a log, as a file for others to check."""
    output = Output(is_json=json)
    evidence = with_client(profile, lambda client: client.inclusion_proof(origin, index))
    if out is not None:
        out.write_bytes(evidence)
        output.say(f"{len(evidence)} bytes of evidence written to {out}")
    else:
        output.say(evidence.hex())
    output.result({"evidence": evidence})


def fault_proof(
    profile: Profile,
    origin: Annotated[str, typer.Argument(help="a log's origin; empty = the node's own")] = "",
    out: Annotated[Path | None, typer.Option(help="file for the proof")] = None,
    json: Json = False,
) -> None:
    """Fetch the proof of what the author of a frozen log did, as a file for others to check."""
    output = Output(is_json=json)
    proof = with_client(profile, lambda client: client.fault_proof(origin))
    if out is not None:
        out.write_bytes(proof)
        output.say(f"{len(proof)} bytes of proof written to {out}")
    else:
        output.say(proof.hex())
    output.result({"proof": proof})


def _way_to(peer: PeerStatus) -> str:
    return "through its own connection" if peer.address == NO_INBOUND else peer.address


def _frozen(log: LogStatus | PeerStatus) -> str:
    if log.frozen_at is None:
        return ""
    proof = ""
    if isinstance(log, LogStatus) and log.has_fault_proof:
        proof = f"; the proof: registry fault-proof {log.origin}"
    return f", FROZEN at {log.frozen_at} ({log.frozen_reason}{proof})"


def with_client(profile: Path, work: Callable[[RegistryClient], Awaitable[T]]) -> T:
    """Runs calls of one client."""

    async def run() -> T:
        async with RegistryClient(load_profile(profile)) as client:
            return await work(client)

    return asyncio.run(run())


def _read_audience(text: str) -> AudienceChoice:
    known = {"default": DEFAULT_AUDIENCE, "all": EVERYONE, "own": OWN_ONLY}
    if text in known:
        return known[text]
    return named(*(each.strip() for each in text.split(",") if each.strip()))


def _check_case_option(case_text: str, *, is_opening: bool) -> None:
    """Asks for --case where an event needs one, before anything is sent."""
    if is_opening and case_text:
        msg = "case_opened opens a new case with an id of its own: leave --case out"
        raise InvalidRequest(msg)
    if not is_opening and not case_text:
        msg = (
            "say which case the event belongs to: --case ID (`registry case list` shows them), "
            "--case POL for the situation of a State, or record case_opened for a new case"
        )
        raise InvalidRequest(msg)


async def select_case(client: RegistryClient, text: str) -> Any:  # noqa: ANN401 - a selector message
    """Finds the case that a person means.

    The first digits of an id are looked up by reading the whole case list, page by page: fine for
    people at a terminal, too slow for programs, which know the id.
    """
    if is_state_code(text.upper()):
        return situation(text.upper())
    if len(text) == _ID_DIGITS:
        return case(parse_case_id(text))
    if len(text) < _PREFIX_MIN:
        msg = (
            f"a case is named by its id, its first {_PREFIX_MIN} digits or more, "
            f"or a State such as POL, not by {text!r}"
        )
        raise InvalidRequest(msg)
    found = [c async for c in client.list_cases() if c.case_id.hex().startswith(text.lower())]
    if not found:
        msg = f"no case here begins with {text}; `registry case list` shows them"
        raise NotFound(msg)
    if len(found) > 1:
        msg = f"{len(found)} cases begin with {text}: write more digits"
        raise InvalidRequest(msg)
    return case(found[0].case_id)
