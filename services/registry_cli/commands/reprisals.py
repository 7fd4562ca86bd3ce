"""`registry reprisals` and `registry alerts`: reprisals, accountability, registers, alerts."""

import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from json import dumps
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.text import Text

from registry.client import RegistryClient
from registry.client.casework import EventPlace, Filter
from registry.client.reprisal_values import Alert, AlertStep, ImpunityItem, Register, Reprisal
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title
from registry.errors import InvalidRequest
from registry_cli.commands.casework import Body, Limit, Mechanism, Since, State, Until
from registry_cli.commands.online import Json, Profile, select_case, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output, plain, printable
from registry_cli.rendering import heading, print_wrapped, time_text
from registry_cli.reprisal_register_file import (
    RegisterFormat,
    register_document,
    standing_text,
    write_register,
)

T = TypeVar("T")
Months = Annotated[
    int, typer.Option("--months", min=1, max=1200, help="so long accountability may take")
]
MONTHS: Final = 12
_ID_SHOWN: Final = 8
_REASONS: Final = {
    "cooperated_with": "they had cooperated with you",
    "recorded": "you recorded it",
    "linked": "it is about a reprisal that you recorded",
}
_SUFFIXES: Final = {".md": "md", ".markdown": "md", ".csv": "csv", ".json": "json"}

reprisals_app = typer.Typer(
    help="Reprisals for cooperation, and what accountability followed.", no_args_is_help=True
)


@reprisals_app.command("list")
def reprisals_list(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: State = None,
    mechanism: Mechanism = None,
    body: Body = None,
    without_accountability: Annotated[
        int | None,
        typer.Option(min=1, max=1200, help="only those without it after so many months"),
    ] = None,
    recurring: Annotated[
        bool, typer.Option("--recurring", help="only those that came again after impunity")
    ] = False,
    months: Months = MONTHS,
    since: Since = "",
    until: Until = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List reprisals, newest first: with whom the victims cooperated, and what followed."""
    wanted = Filter(
        states=_upper(state),
        mechanisms=mechanism or (),
        bodies=body or (),
        since=since,
        until=until,
    )
    after = without_accountability or months
    output = Output(is_json=json)

    async def read(client: RegistryClient) -> list[Reprisal]:
        return await _first(
            limit,
            client.reprisals.list_reprisals(
                wanted,
                months=after,
                without_accountability_only=without_accountability is not None,
                recurring_only=recurring,
            ),
        )

    found = with_client(profile, read)
    for each in found:
        _print_reprisal(output, each, after)
    output.say(f"{len(found)} reprisals")
    output.result(found)


@reprisals_app.command("show")
def reprisals_show(
    profile: Profile,
    which: Annotated[str, typer.Argument(metavar="[CASE]", help="a case; or use --state")] = "",
    state: State = None,
    months: Months = MONTHS,
    json: Json = False,
) -> None:
    """Show reprisals and accountability of a case or State in one timeline, and what is missing."""
    if bool(which) == bool(state):
        msg = "say which: a case, or --state"
        raise InvalidRequest(msg)
    output = Output(is_json=json)

    async def read(client: RegistryClient) -> tuple[list[ImpunityItem], list[Reprisal]]:
        wanted = Filter(states=_upper(state))
        if which:
            summary = await client.get_case(await select_case(client, which))
            wanted = Filter(case_id=summary.case_id)
        items = [each async for each in client.reprisals.impunity(wanted)]
        found = [each async for each in client.reprisals.list_reprisals(wanted, months=months)]
        return items, found

    items, found = with_client(profile, read)
    for item in items:
        print_wrapped(output, f"{item.date or 'undated':<10}  ", _headline(item))
        output.say(f"            {item.event.origin}#{item.event.index}, by {item.mechanism}")
    heading(output, "where accountability stands")
    for each in found:
        _print_reprisal(output, each, months)
    without = sum(each.is_without_accountability for each in found)
    again = sum(bool(each.after) for each in found)
    output.say(
        f"{len(found)} reprisals, {without} without accountability after {months} months, "
        f"{again} came again after impunity"
    )
    output.result({"timeline": items, "reprisals": found})


@reprisals_app.command("register")
def reprisals_register(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    register: Annotated[
        str, typer.Option("--for", help="achpr (Res. 273) or sg (the Secretary-General's report)")
    ],
    state: State = None,
    since: Since = "",
    until: Until = "",
    months: Months = MONTHS,
    public: Annotated[
        bool, typer.Option("--public", help="only what may be published, whoever keeps it")
    ] = False,
    form: Annotated[
        RegisterFormat | None,
        typer.Option("--format", help="md, csv or json; else as the file is called"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="file to write; none = standard output")] = None,
    json: Json = False,
) -> None:
    """Write register entries: only what may be used for it, names only where consent covers it."""
    chosen = form or _format_of(out)

    async def read(client: RegistryClient) -> Register:
        return await client.reprisals.register(
            register,
            states=_upper(state),
            since=since,
            until=until,
            months=months,
            is_public=public,
        )

    output = Output(is_json=json)
    made = with_client(profile, read)
    text = write_register(made, chosen)
    if out is None and not json:
        sys.stdout.write(text)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        whom = f"for {', '.join(made.recipients)}" if made.recipients else "for the public"
        output.say(f"{len(made.entries)} entries written to {out}, {whom}")
    # For the officer alone, never with what is written: its readers may not know of them.
    output.remark(f"{made.left_out} reprisals left out: they may not be used for it")
    output.result(register_document(made))


def alerts(
    profile: Profile,
    unseen: Annotated[bool, typer.Option("--unseen", help="only those nobody has seen")] = False,
    seen: Annotated[
        list[str] | None,
        typer.Option("--seen", help="mark as seen: ORIGIN#INDEX; repeat it"),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="print alerts as they arrive; with --json one a line")
    ] = False,
    cursor: Annotated[str, typer.Option(help="with --watch: go on from here")] = "",
    seconds: Annotated[int, typer.Option(min=1, help="with --watch: for so long")] = 600,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List reprisals that concern your mechanism, unseen ones first."""
    places = [_place(each) for each in seen or ()]
    if watch:
        with_client(profile, lambda client: _watch(client, cursor, seconds, is_json=json))
        return
    output = Output(is_json=json)

    async def read(client: RegistryClient) -> list[Alert]:
        if places:
            await client.reprisals.mark_seen(places)
        return await _first(limit, client.reprisals.alerts(unseen_only=unseen))

    found = with_client(profile, read)
    for each in found:
        _print_alert(output, each)
    waiting = sum(not each.seen_by for each in found)
    output.say(f"{len(found)} alerts, {waiting} of them not seen yet" if found else "no alerts")
    output.result(found)


async def _watch(client: RegistryClient, cursor: str, seconds: int, *, is_json: bool) -> None:
    output = Output(is_json=False)
    async with aclosing(client.reprisals.watch_alerts(cursor, timeout_s=seconds)) as steps:
        async for step in steps:
            _print_step(output, step, is_json=is_json)


def _print_step(output: Output, step: AlertStep, *, is_json: bool) -> None:
    if is_json:
        output.say(dumps(plain(step), ensure_ascii=False))
    elif step.alert is not None:
        _print_alert(output, step.alert)
    elif step.cursor:
        mark = "caught up, " if step.is_caught_up else ""
        output.remark(f"{mark}cursor {step.cursor}")


def _print_alert(output: Output, each: Alert) -> None:
    mark = "seen " if each.seen_by else "NEW  "
    states = ", ".join(each.states)
    line = Text(mark, style="" if each.seen_by else "bold red")
    line.append(printable(f"{each.date or 'undated'}  {states}  "), style="not bold")
    line.append(printable(_named(each.title, is_invented=each.is_invented)), style="bold")
    output.say(line)
    output.say(f"     why        {_REASONS.get(each.reason, each.reason)}")
    body = shipped_profiles().body_name(each.cooperated_with) or "not named"
    print_wrapped(output, "     with whom  ", ", ".join(filter(None, (body, each.words))))
    output.say(f"     recorded   {time_text(each.recorded_ms)} UTC by {each.mechanism}")
    output.say(f"     event      {each.event.origin}#{each.event.index}, case {each.case_id.hex()}")
    if each.seen_by:
        output.say(f"     seen by    {each.seen_by}, {time_text(each.seen_ms)} UTC")


def _print_reprisal(output: Output, each: Reprisal, months: int) -> None:
    states = ", ".join(each.states) or "no State named"
    title = _named(each.title, is_invented=each.is_invented)
    heading(output, f"{each.date or 'undated'}  {states}  {title}")
    bodies = ", ".join(map(shipped_profiles().body_name, each.bodies)) or "not named"
    print_wrapped(output, "  cooperated with  ", bodies)
    for place in each.cooperation:
        output.say(f"  cooperation      {place.origin}#{place.index}")
    for words in each.words:
        print_wrapped(output, "  cooperation      ", words)
    if each.acts:
        print_wrapped(output, "  what was done    ", ", ".join(map(_words, each.acts)))
    for step in each.steps:
        by = f" by {step.authority}" if step.authority else ""
        output.say(f"  accountability   {step.date or 'undated'}  {_words(step.step)}{by}")
    mark = "  WITHOUT ACCOUNTABILITY" if each.is_without_accountability else ""
    output.say(f"  stands at        {standing_text(each.standing, each.impunity, months)}{mark}")
    if each.outcome:
        output.say(f"  resolved         {each.resolved or 'undated'}  {_words(each.outcome)}")
    for earlier in each.after:
        before = f"{earlier.event.origin}#{earlier.event.index}"
        output.say(f"  AGAIN after      {before} ({standing_text(earlier.why, '', months)})")
    output.say(f"  event            {each.event.origin}#{each.event.index}")
    output.say(f"  case             {each.case_id.hex()}")


def _headline(item: ImpunityItem) -> str:
    what = ", ".join(map(_words, item.what))
    by = f"by {item.authority}" if item.authority else ""
    title = _named(item.title, is_invented=item.is_invented)
    return " · ".join(filter(None, (kind_title(item.kind), what, by, title)))


def _format_of(out: Path | None) -> RegisterFormat:
    suffix = ".md" if out is None else out.suffix.lower()
    if suffix not in _SUFFIXES:
        msg = f"--out: call the file .md, .csv or .json, not {suffix or 'nothing'}; or say --format"
        raise InvalidRequest(msg)
    return RegisterFormat(_SUFFIXES[suffix])


def _place(text: str) -> EventPlace:
    place = read_place("--seen", text)
    return EventPlace(place.origin, place.index)


async def _first(limit: int, items: AsyncIterator[T]) -> list[T]:
    found: list[T] = []
    async for each in items:
        found.append(each)
        if len(found) == limit:
            break
    return found


def _words(code: str) -> str:
    return code.replace("_", " ")


def _named(title: str, *, is_invented: bool) -> str:
    return f"INVENTED · {title}" if is_invented else title


def _upper(states: list[str] | None) -> tuple[str, ...]:
    return tuple(state.upper() for state in states or ())
