"""Verbs of the desk across all cases: acts, what is due, what came of it, who asks the same."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from registry.client import RegistryClient
from registry.client.casework import Filter, FollowUp
from registry.domain.identifiers import parse_case_id
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title, label
from registry.errors import InvalidRequest
from registry_cli.calendar_file import calendar_of
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.rendering import columns, heading, print_wrapped

T = TypeVar("T")
State = Annotated[list[str] | None, typer.Option("--state", help="State, alpha-3; repeat it")]
Theme = Annotated[list[str] | None, typer.Option("--theme", help="code of a theme; repeat it")]
Mechanism = Annotated[
    list[str] | None, typer.Option("--mechanism", help="slug of who recorded; repeat it")
]
Instrument = Annotated[
    list[str] | None, typer.Option("--instrument", help="such as un.ua; repeat it")
]
Body = Annotated[list[str] | None, typer.Option("--body", help="code of who acted; repeat it")]
Since = Annotated[str, typer.Option("--since", help="not before, such as 2024-03")]
Until = Annotated[str, typer.Option("--until", help="not after, such as 2024-03")]
Words = Annotated[str, typer.Option("--text", help="words that all stand in it")]
Limit = Annotated[int, typer.Option(min=1, help="at most so many")]
_ID_SHOWN = 8


def acts(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    instrument: Instrument = None,
    body: Body = None,
    kind: Annotated[list[str] | None, typer.Option(help="kind of event; repeat it")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="topic of laws; repeat it")] = None,
    since: Since = "",
    until: Until = "",
    text: Words = "",
    case: Annotated[str, typer.Option(help="id of one case")] = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List what was done in all cases, newest first: search by State, theme, kind, date, words."""
    wanted = Filter(
        states=upper(state),
        themes=theme or (),
        mechanisms=mechanism or (),
        instruments=instrument or (),
        bodies=body or (),
        kinds=kind or (),
        topics=topic or (),
        since=since,
        until=until,
        text=text,
        case_id=parse_case_id(case) if case else b"",
    )
    output = Output(is_json=json)
    found = first_of(profile, limit, lambda client: client.casework.acts(wanted))
    table = columns("DATE", "WHAT", "BODY", "STATES", "CASE", "TITLE")
    for each in found:
        table.add_row(
            each.date or "undated",
            kind_title(each.kind),
            each.body,
            ", ".join(each.states[:4]),
            each.case_id.hex()[:_ID_SHOWN],
            named_title(each.title or ", ".join(each.references), is_invented=each.is_invented),
        )
    _print(output, table, "no act fits")
    output.result(found)


def board(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    instrument: Instrument = None,
    body: Body = None,
    status: Annotated[
        list[str] | None, typer.Option(help="open, met, met_late or superseded; repeat it")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="only what is overdue today")] = False,
    since: Since = "",
    until: Until = "",
    ics: Annotated[
        Path | None,
        typer.Option(help="write a calendar file (iCalendar) without titles or names; - = stdout"),
    ] = None,
    limit: Limit = 200,
    json: Json = False,
) -> None:
    """Show what is due, by day: replies, follow-ups, reports, hearings, across all mechanisms."""
    wanted = Filter(
        states=upper(state),
        themes=theme or (),
        mechanisms=mechanism or (),
        instruments=instrument or (),
        bodies=body or (),
        statuses=status or (() if overdue else ("open",)),
        since=since,
        until=until,
    )
    output = Output(is_json=json)
    found = first_of(
        profile,
        limit,
        lambda client: client.casework.obligations(wanted, overdue_only=overdue),
    )
    if ics is not None:
        data = calendar_of(found)
        if str(ics) == "-":
            sys.stdout.write(data.decode())
            return
        ics.write_bytes(data)
        output.remark(f"{len(found)} dates written to {ics}")
        return
    table = columns("DUE", "", "WHAT", "BY", "ASKED BY", "CASE", "OF CASE")
    for each in found:
        table.add_row(
            each.due,
            "overdue" if each.is_overdue else label("words", each.state),
            label("words", each.matter) + (" (by the clock)" if each.is_by_clock else ""),
            ", ".join(each.states),
            each.instrument or each.body,
            each.case_id.hex()[:_ID_SHOWN],
            named_title(each.case_title, is_invented=each.is_invented),
        )
    _print(output, table, "nothing is due")
    output.result(found)


def followups(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    instrument: Instrument = None,
    body: Body = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="derived scale, contradicted, ambiguous or not_assessed; repeat it"),
    ] = None,
    since: Since = "",
    until: Until = "",
    text: Words = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Show recommendations, commitments and decisions, and what came of each."""
    wanted = Filter(
        states=upper(state),
        themes=theme or (),
        mechanisms=mechanism or (),
        instruments=instrument or (),
        bodies=body or (),
        statuses=status or (),
        since=since,
        until=until,
        text=text,
    )
    output = Output(is_json=json)
    found = first_of(profile, limit, lambda client: client.casework.follow_ups(wanted))
    for each in found:
        _print_follow_up(output, each)
    if not found:
        output.say("nothing that is followed up fits")
    output.result(found)


def concordances(
    profile: Profile,
    event: Annotated[str, typer.Option(help="only those with this event, ORIGIN#INDEX")] = "",
    status: Annotated[
        list[str] | None, typer.Option(help="proposed, accepted or declined; repeat it")
    ] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Show which recommendations of different bodies are said to ask the same."""
    place = read_place("--event", event) if event else None
    wanted = Filter(statuses=status or ())
    output = Output(is_json=json)
    found = first_of(profile, limit, lambda client: client.casework.concordances(wanted, place))
    for each in found:
        events = ", ".join(f"{one.origin}#{one.index}" for one in each.events)
        output.say(f"{each.state:<9} by {each.mechanism}, event {each.event.index}: {events}")
    if not found:
        output.say("no concordance fits")
    output.result(found)


def mechanisms(
    name: Annotated[str, typer.Argument(help="one of them; none = all")] = "",
    profile: Annotated[
        Path | None, typer.Option("--profile", help="as a node has them; none = as shipped")
    ] = None,
    json: Json = False,
) -> None:
    """List the mechanisms, their instruments, references and clocks. Needs no node."""
    found = shipped_profiles()
    if profile is not None:
        found = with_client(profile, lambda client: client.casework.mechanisms())
    profiles = found.by_name
    if name and name not in profiles:
        msg = f"there is no profile {name!r}; there are {', '.join(profiles)}"
        raise InvalidRequest(msg)
    shown = {name: profiles[name]} if name else dict(profiles)
    output = Output(is_json=json)
    for key, each_profile in shown.items():
        own = ", changed at this node" if key in found.overridden else ""
        nature = label("words", each_profile.nature)
        heading(output, f"{each_profile.participant} ({key}, {nature}{own})")
        if each_profile.confidentiality:
            print_wrapped(output, "  ", each_profile.confidentiality)
        for code, each in each_profile.instruments.items():
            clocks = [
                f"{value} {words}"
                for value, words in (
                    (each.reply_days, "days to reply"),
                    (each.extension_days, "days of extension"),
                    (each.followup_months, "months to follow up"),
                )
                if value
            ]
            unsure = f"to be confirmed: {', '.join(each.to_be_confirmed)}"
            told = [each.name, each.reference, *clocks, unsure if each.to_be_confirmed else ""]
            output.say(f"  {code:<26} {' · '.join(filter(None, told))}")
        print_wrapped(output, "  ", f"sources: {'; '.join(each_profile.sources)}")
    output.result({key: one.model_dump(mode="json") for key, one in shown.items()})


def first_of(
    profile: Path, limit: int, read: Callable[[RegistryClient], AsyncIterator[T]]
) -> list[T]:
    """The first items of a list."""

    async def collect(client: RegistryClient) -> list[T]:
        found: list[T] = []
        async for each in read(client):
            found.append(each)
            if len(found) == limit:
                break
        return found

    return with_client(profile, collect)


def _print_follow_up(output: Output, each: FollowUp) -> None:
    act = each.act
    heading(output, f"{act.date or 'undated'}  {act.body}  {', '.join(act.states)}")
    references = ", ".join(act.references)
    title = act.title or kind_title(act.kind)
    print_wrapped(output, "  ", named_title(title, is_invented=act.is_invented))
    if references:
        print_wrapped(output, "  ", references)
    output.say(f"  {act.event.origin}#{act.event.index}  case {act.case_id.hex()[:_ID_SHOWN]}")
    for response in each.responses:
        output.say(f"  response    {response.date or 'undated'}  {_grade(response)}")
    for one in each.assessments:
        derived = label("words", one.derived)
        output.say(
            f"  assessment  {one.date or 'undated'}  {_grade(one)} by {one.body} ({derived})"
        )
    mark = "  CONTRADICTED" if each.is_contradicted else ""
    output.say(f"  stands at   {label('words', each.scale)}{mark}")


def _print(output: Output, table: Table, nothing: str) -> None:
    if table.row_count:
        output.table(table)
    else:
        output.say(nothing)


def _grade(each: Any) -> str:  # noqa: ANN401 - a response or an assessment
    return f"{each.scheme}: {each.value}"


def named_title(title: str, *, is_invented: bool) -> str:
    """A title, told as invented if it is."""
    return f"INVENTED · {title}" if is_invented else title


def upper(states: list[str] | None) -> tuple[str, ...]:
    """The codes of States as they are written."""
    return tuple(state.upper() for state in states or ())
