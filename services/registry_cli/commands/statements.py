"""`registry statement`: statements that several mechanisms make together."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.client import Receipt, RegistryClient, case
from registry.client.casework import Filter
from registry.client.statements import (
    Recordable,
    ShownStatement,
    Statement,
    correction_of,
    cosignature_of,
    issue_of,
    withdrawal_of,
)
from registry.domain.audience import DEFAULT_AUDIENCE
from registry.domain.content import read_content
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.identifiers import CaseId, parse_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, NeedsApproval
from registry_cli.commands.online import Json, Profile, select_case, with_client
from registry_cli.embargo_option import read_embargo
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.rendering import columns
from registry_cli.statement_output import print_statement, status_text
from registry_cli.surroundings import surroundings_of

statement_app = typer.Typer(
    help="Statements of several mechanisms: draft, cosign, issue, show.", no_args_is_help=True
)
Which = Annotated[str, typer.Argument(help="ORIGIN#INDEX, as `registry statement list` shows it")]
Texts = Annotated[
    list[str] | None,
    typer.Option("--text", help="LANGUAGE=FILE, a text in UTF-8, such as en=statement.txt; repeat"),
]
Body = Annotated[str, typer.Option(help="code of the body that acts, such as un.sr-defenders")]
Day = Annotated[str, typer.Option("--date", help="of the act; none = today, UTC")]
RequestId = Annotated[
    str, typer.Option(help="any text of yours; the same text records nothing twice")
]
_SECOND_MS: Final = 1000
Act = Callable[[RegistryClient], Awaitable[tuple[CaseId | None, Recordable, int]]]


@statement_app.command()
def draft(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    case_text: Annotated[str, typer.Argument(metavar="CASE", help="case id, or its first digits")],
    title: Annotated[str, typer.Option(help="a short name; it is frozen with the texts")],
    body: Body,
    profile: Profile,
    text: Texts = None,
    invite: Annotated[str, typer.Option(help="slugs of those asked to sign, a,b,c")] = "",
    needed: Annotated[
        int | None, typer.Option(min=0, help="so many of them must sign; none = all of them")
    ] = None,
    release: Annotated[
        str, typer.Option(help="when all nodes are to show it, UTC, such as 2026-12-01T09:00")
    ] = "",
    replaces: Annotated[str, typer.Option(help="own draft or statement, ORIGIN#INDEX")] = "",
    instrument: Annotated[str, typer.Option(help="such as un.press")] = "",
    state: Annotated[list[str] | None, typer.Option(help="State, alpha-3; repeat it")] = None,
    theme: Annotated[list[str] | None, typer.Option(help="code of a theme; repeat it")] = None,
    invented: Annotated[bool, typer.Option("--invented", help="an invented example")] = False,
    date: Day = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Draft a statement: its texts are frozen, and go to those invited and to nobody else."""
    invited = tuple(each.strip() for each in invite.split(",") if each.strip())
    texts = _read_texts(text)
    about = read_place("--replaces", replaces) if replaces else None
    content = read_content(
        EventKind.STATEMENT_DRAFTED,
        {
            "title": title,
            "acting_body": body,
            "basis": "own_act",
            "is_invented": invented,
            "drafted_date": date or _today(context),
            "instrument": instrument,
            "states": [each.upper() for each in state or ()],
            "themes": theme or (),
            "texts": texts,
            "invited": invited,
            "needed_signatures": len(invited) if needed is None else needed,
            "release_ms": read_embargo(release, option="--release"),
            "about": None if about is None else {"origin": about.origin, "index": about.index},
        },
    )
    output = Output(is_json=json)
    output.say(f"hash of the texts  {frozen_hash(texts) or 'none: there are no texts'}")

    async def act(_: RegistryClient) -> tuple[CaseId | None, Recordable, int]:
        return None, Recordable(content, DEFAULT_AUDIENCE), 0

    _record(context, profile, request_id, output, "drafted", act, case_text)


@statement_app.command()
def cosign(
    context: typer.Context,
    which: Which,
    text_hash: Annotated[
        str, typer.Option("--hash", help="of the texts that you have read, all 64 digits")
    ],
    body: Body,
    profile: Profile,
    date: Day = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Sign a statement of another mechanism; once it is issued, this joins it later."""
    place = read_place("statement", which)
    day = date or _today(context)

    async def act(client: RegistryClient) -> tuple[CaseId | None, Recordable, int]:
        shown = await client.statements.show(place)
        signature = cosignature_of(shown, body=body, date=day, text_hash=text_hash)
        return shown.statement.case_id, signature, 0

    _record(context, profile, request_id, Output(is_json=json), "cosigned", act)


@statement_app.command()
def issue(
    context: typer.Context,
    which: Which,
    profile: Profile,
    at: Annotated[
        str, typer.Option(help="seal it until then, UTC; none = as its draft plans")
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="at once, whatever was planned")] = False,
    date: Day = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Issue an own draft with all signatures that stand; a second person may have to approve."""
    place = read_place("statement", which)
    asked_ms = read_embargo(at, option="--at")
    now_ms = surroundings_of(context).now_ms()

    async def act(client: RegistryClient) -> tuple[CaseId | None, Recordable, int]:
        shown = await client.statements.show(place)
        planned_ms = 0 if now else asked_ms or shown.statement.release_ms
        if 0 < planned_ms <= now_ms:
            msg = "the planned time of release has passed: say --at TIME, or --now"
            raise InvalidRequest(msg)
        day = date or _day(planned_ms or now_ms)
        return shown.statement.case_id, issue_of(shown, date=day), planned_ms

    _record(context, profile, request_id, Output(is_json=json), "issued", act)


@statement_app.command()
def correct(
    context: typer.Context,
    which: Which,
    profile: Profile,
    correction: Annotated[str, typer.Option(help="what is right, in words; names no person")] = "",
    text: Texts = None,
    date: Day = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Correct an own statement: the correction is shown with it, and both are kept."""
    place = read_place("statement", which)
    texts = _read_texts(text)
    if not correction and not texts:
        msg = "say what is right: --correction WORDS, or --text LANGUAGE=FILE"
        raise InvalidRequest(msg)
    day = date or _today(context)

    async def act(client: RegistryClient) -> tuple[CaseId | None, Recordable, int]:
        shown = await client.statements.show(place)
        corrected = correction_of(shown, date=day, correction=correction, texts=texts)
        return shown.statement.case_id, corrected, _opens_with(shown)

    _record(context, profile, request_id, Output(is_json=json), "corrected", act)


@statement_app.command()
def withdraw(
    context: typer.Context,
    which: Which,
    profile: Profile,
    body: Annotated[str, typer.Option(help="code of the body; needed for a signature")] = "",
    date: Day = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Withdraw an own statement, or the own signature of another's; what was issued stays shown."""
    place = read_place("statement", which)
    day = date or _today(context)

    async def act(client: RegistryClient) -> tuple[CaseId | None, Recordable, int]:
        shown = await client.statements.show(place)
        own = (await client.node_status()).mechanism
        ended = withdrawal_of(shown, own=own, body=body, date=day)
        return shown.statement.case_id, ended, _opens_with(shown)

    _record(context, profile, request_id, Output(is_json=json), "withdrawn", act)


@statement_app.command("list")
def list_statements(
    profile: Profile,
    state: Annotated[list[str] | None, typer.Option(help="State, alpha-3; repeat it")] = None,
    mechanism: Annotated[list[str] | None, typer.Option(help="slug of its author")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="draft, ready, issued, superseded or withdrawn; repeat it"),
    ] = None,
    case_id: Annotated[str, typer.Option("--case", help="id of one case")] = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List statements, newest first, and how they stand."""
    wanted = Filter(
        states=tuple(each.upper() for each in state or ()),
        mechanisms=mechanism or (),
        statuses=status or (),
        case_id=parse_case_id(case_id) if case_id else b"",
    )

    async def read(client: RegistryClient) -> list[Statement]:
        found: list[Statement] = []
        async for each in client.statements.list_statements(wanted):
            found.append(each)
            if len(found) == limit:
                break
        return found

    output = Output(is_json=json)
    found = with_client(profile, read)
    table = columns("DATE", "STATUS", "BY", "LANGUAGES", "EVENT", "TITLE")
    for each in found:
        table.add_row(
            each.date or "undated",
            status_text(each),
            each.mechanism,
            ", ".join(each.languages),
            f"{each.event.origin}#{each.event.index}",
            ("INVENTED · " if each.is_invented else "") + each.title,
        )
    if found:
        output.table(table)
    else:
        output.say("no statement fits")
    output.result(found)


@statement_app.command()
def show(which: Which, profile: Profile, json: Json = False) -> None:
    """Show a statement: its texts and their hash, who has signed, and what is missing."""
    place = read_place("statement", which)
    found: ShownStatement = with_client(profile, lambda client: client.statements.show(place))
    output = Output(is_json=json)
    print_statement(output, found)
    output.result(found)


def _record(
    context: typer.Context,
    profile: Path,
    request_id: str,
    output: Output,
    what: str,
    act: Act,
    case_text: str = "",
) -> None:
    request = request_id or surroundings_of(context).new_request_id()

    async def write(client: RegistryClient) -> Receipt:
        case_id, recordable, not_before_ms = await act(client)
        selector = await select_case(client, case_text) if case_id is None else case(case_id)
        return await client.record(
            request,
            selector,
            recordable.content,
            audience=recordable.audience,
            not_before_ms=not_before_ms,
        )

    try:
        receipt = with_client(profile, write)
    except NeedsApproval as waiting:
        output.say(f"waits for a second person as act {waiting.act_id}; not recorded yet")
        output.say(f"  request id  {request}")
        output.result({"request_id": request, "pending_act_id": waiting.act_id})
        return
    output.say(f"{what} as event {receipt.origin}#{receipt.index}")
    output.say(f"  case        {receipt.case_id.hex()}")
    output.say(f"  request id  {request}")
    output.result({"request_id": request, "receipt": receipt})


def _read_texts(written: list[str] | None) -> tuple[StatementText, ...]:
    found = []
    for each in written or ():
        language, equals, path = each.partition("=")
        if not equals:
            msg = f"--text takes LANGUAGE=FILE, such as en=statement.txt, not {each!r}"
            raise InvalidRequest(msg)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{path} cannot be read: {error}"
            raise InvalidRequest(msg) from error
        found.append(_text_of(language.strip(), text))
    return tuple(found)


def _text_of(language: str, text: str) -> StatementText:
    try:
        return StatementText(language=language, text=text)
    except ValueError as error:
        msg = f"--text {language}: the code of a language and a text of 1 to 20,000 characters"
        raise InvalidRequest(msg) from error


def _today(context: typer.Context) -> str:
    return _day(surroundings_of(context).now_ms())


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / _SECOND_MS, UTC).date().isoformat()


def _opens_with(shown: ShownStatement) -> int:
    """When all may be told what is recorded of a statement: a sealed one is told of by nothing."""
    return shown.statement.release_ms if shown.statement.is_sealed else 0
