"""`registry meeting` and `registry briefing`: meetings, and what is prepared for them."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from registry.client import RegistryClient
from registry.client.casework import Filter
from registry.client.meetings import BRIEFING_FORMATS, BriefingOrder, Commitment, Meeting
from registry.domain.vocabulary import label
from registry.errors import InvalidRequest
from registry_cli.commands.casework import Body, Limit, Mechanism, Since, State, Theme, Until, Words
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.rendering import columns, heading, print_wrapped, state_text

meeting_app = typer.Typer(help="Meetings, agendas, commitments.", no_args_is_help=True)
_MODE: Final = 0o600
_SHOWN: Final = 4


@meeting_app.command("list")
def list_meetings(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    body: Body = None,
    since: Since = "",
    until: Until = "",
    text: Words = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List meetings, newest first, with the number of commitments that are open."""
    wanted = Filter(
        states=_upper(state),
        themes=theme or (),
        mechanisms=mechanism or (),
        bodies=body or (),
        since=since,
        until=until,
        text=text,
    )

    async def collect(client: RegistryClient) -> list[Meeting]:
        found: list[Meeting] = []
        async for each in client.meetings.meetings(wanted):
            found.append(each)
            if len(found) == limit:
                break
        return found

    output = Output(is_json=json)
    found = with_client(profile, collect)
    table = columns("DATE", "MEETING", "TITLE", "PARTICIPANTS", "OPEN", "OF", right=("OPEN", "OF"))
    for each in found:
        more = " …" if len(each.participants) > _SHOWN else ""
        table.add_row(
            each.act.date or "undated",
            f"{each.act.event.origin}#{each.act.event.index}",
            _named(each.act.title, is_invented=each.act.is_invented),
            ", ".join(each.participants[:_SHOWN]) + more,
            str(sum(one.outcome == "open" for one in each.commitments)),
            str(len(each.commitments)),
        )
    if found:
        output.table(table)
    else:
        output.say("no meeting fits")
    output.result(found)


@meeting_app.command()
def show(
    which: Annotated[str, typer.Argument(help="ORIGIN#INDEX, as `registry meeting list` shows it")],
    profile: Profile,
    json: Json = False,
) -> None:
    """Show one meeting: agenda, bodies that took part, commitments and what became of each."""
    place = read_place("meeting", which)
    output = Output(is_json=json)
    found = with_client(profile, lambda client: client.meetings.meeting(place))
    act = found.act
    heading(output, f"{act.date or 'undated'}  {_named(act.title, is_invented=act.is_invented)}")
    for name, value in (
        ("held by", act.body),
        ("place", found.place),
        ("participants", ", ".join(found.participants)),
        ("States", ", ".join(map(state_text, act.states))),
        ("case", act.case_id.hex()),
    ):
        if value:
            print_wrapped(output, f"  {name:<14}", value)
    heading(output, "Agenda")
    for number, item in enumerate(found.agenda, start=1):
        theme = f" ({label('themes', item.theme)})" if item.theme else ""
        print_wrapped(output, f"  {number:>2}. ", f"{item.title}{theme}")
    if not found.agenda:
        output.say("  none was recorded")
    heading(output, "Commitments")
    for each in found.commitments:
        _print_commitment(output, each)
    if not found.commitments:
        output.say("  none was recorded")
    output.result(found)


def briefing(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    recipients: Annotated[
        list[str],
        typer.Option("--for", help="mechanisms that will read it, SLUG,SLUG; repeat it"),
    ],
    out: Annotated[
        Path, typer.Option(help="new file to write, nothing is ever written over; - = stdout")
    ],
    theme: Theme = None,
    state: State = None,
    since: Since = "",
    until: Until = "",
    as_of: Annotated[
        str, typer.Option(help="tell what is open on this day; none = of the newest act in it")
    ] = "",
    lang: Annotated[str, typer.Option(help="of the labels: en, fr or es")] = "en",
    form: Annotated[
        str, typer.Option("--format", help="md, html or pdf; none = as the file's name ends")
    ] = "",
    case_limit: Annotated[
        int, typer.Option("--cases", min=1, max=500, help="so many cases get a timeline")
    ] = 20,
    json: Json = False,
) -> None:
    """Make a briefing on themes, States and a period: only what all who will read it may see.

    Every line cites events, which readers look up and prove. The same logs give the same bytes.
    """
    chosen = form or out.suffix.removeprefix(".")
    if chosen not in BRIEFING_FORMATS:
        msg = f"--format: {', '.join(BRIEFING_FORMATS)}, not {chosen!r}"
        raise InvalidRequest(msg)
    order = BriefingOrder(
        recipients=tuple(slug.strip() for each in recipients for slug in each.split(",") if slug),
        wanted=Filter(states=_upper(state), themes=theme or (), since=since, until=until),
        language=lang,
        as_of=as_of,
        case_limit=case_limit,
    )
    output = Output(is_json=json)
    data = with_client(profile, lambda client: client.meetings.briefing(order, chosen))
    if str(out) == "-":
        sys.stdout.buffer.write(data)
        return
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
        file.write(data)
    digest = hashlib.sha256(data).hexdigest()
    output.say(f"written to  {out}, {len(data):,} bytes")
    output.say(f"sha256      {digest}")
    output.result({"written_to": str(out), "size": len(data), "sha256": digest})


def _print_commitment(output: Output, each: Commitment) -> None:
    by = ", ".join(filter(None, (*each.bodies, each.state))) or each.body
    standing = "overdue" if each.is_overdue else each.outcome
    told = [label("words", one) for one in (standing, each.scale) if one]
    due = f"due {each.due}" if each.due else "no day"
    print_wrapped(output, "  ", _named(each.title, is_invented=each.is_invented))
    output.say(f"    by {by}, {due}: {', '.join(told)}")
    output.say(f"    {each.event.origin}#{each.event.index}")


def _named(title: str, *, is_invented: bool) -> str:
    return f"INVENTED · {title}" if is_invented else title


def _upper(states: list[str] | None) -> tuple[str, ...]:
    return tuple(state.upper() for state in states or ())
