"""`registry intent`: what mechanisms mean to do, so that they join or space their actions."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from registry.client import Receipt, RegistryClient
from registry.client import case as case_of
from registry.client.casework import Filter
from registry.client.confidentiality import Preview
from registry.client.intents import Intent, Standing
from registry.domain.audience import named
from registry.domain.content import read_content
from registry.domain.identifiers import parse_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest
from registry_cli.commands.casework import (
    Body,
    Instrument,
    Mechanism,
    Since,
    State,
    Theme,
    Until,
    Words,
    first_of,
    named_title,
    upper,
)
from registry_cli.commands.online import Json, Profile, select_case, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.release_output import print_preview
from registry_cli.rendering import heading, print_wrapped, state_text
from registry_cli.surroundings import surroundings_of

intent_app = typer.Typer(
    help="What mechanisms mean to do, so that they join or space their actions.",
    no_args_is_help=True,
)
Place = Annotated[str, typer.Argument(help="ORIGIN#INDEX, as `registry intent list` shows it")]
RequestId = Annotated[
    str, typer.Option(help="any text of yours; the same text records nothing twice")
]
ActingBody = Annotated[str, typer.Option("--body", help="code of the own body, such as achpr")]
Summary = Annotated[str, typer.Option(help="in words; names no person")]
Invented = Annotated[bool, typer.Option("--invented", help="mark it as an invented example")]
ConfirmPerson = Annotated[
    list[str] | None,
    typer.Option(help="id of a person whom a word of the text does not mean; repeat it"),
]
_ID_SHOWN: Final = 8


@intent_app.command()
def declare(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    profile: Profile,
    to: Annotated[str, typer.Option(help="slugs of the mechanisms that are to know, a,b")],
    body: ActingBody,
    case: Annotated[
        str, typer.Option(help="case id or its first digits; none = a case of its own is opened")
    ] = "",
    title: Annotated[
        str, typer.Option(help="a short name; of the case too, if one is opened")
    ] = "",
    action: Annotated[
        str,
        typer.Option(
            help="visit, communication, statement, demarche, dialogue, trial_observation, "
            "court_submission, legal_review, report or other"
        ),
    ] = "",
    instrument: Annotated[str, typer.Option(help="such as un.ua")] = "",
    state: Annotated[str, typer.Option(help="State that it is addressed to, alpha-3")] = "",
    theme: Theme = None,
    begin: Annotated[str, typer.Option("--from", help="when, such as 2026-12-01")] = "",
    until: Annotated[str, typer.Option("--until", help="the end of the window")] = "",
    lapses: Annotated[
        str, typer.Option(help="the last day on which it stands; none = the end of the window")
    ] = "",
    summary: Summary = "",
    invented: Invented = False,
    confirm_person: ConfirmPerson = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="record nothing: show what would leave, and to whom")
    ] = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Declare what this mechanism means to do, to chosen mechanisms and nobody else."""
    if not case and not title:
        msg = "--case says where it belongs; without one, --title names the case that is opened"
        raise InvalidRequest(msg)
    surroundings = surroundings_of(context)
    request = request_id or surroundings.new_request_id()
    mechanisms, confirmed = _slugs(to), tuple(confirm_person or ())
    shared = {
        "title": title,
        "acting_body": body,
        "basis": "own_act",
        "themes": tuple(theme or ()),
        "is_invented": invented,
    }
    plan = {
        "summary": summary,
        "declared_date": _today(surroundings.now_ms()),
        "action": action,
        "instrument": instrument,
        "addressee_state": state.upper(),
        "planned_date": begin,
        "planned_until_date": until,
        "lapses_date": lapses,
    }
    said = {name: value for name, value in plan.items() if value}
    content: Any = read_content(EventKind.INTENT_DECLARED, {**shared, **said})
    states = (state.upper(),) if state else ()
    opening: Any = None
    if not case:
        opening = read_content(EventKind.CASE_OPENED, {**shared, "states": states})

    async def look(client: RegistryClient) -> Preview:
        return await client.confidentiality.preview(
            None if opening else await select_case(client, case),
            opening or content,
            audience=named(*mechanisms),
            confirmed_person_ids=confirmed,
        )

    async def write(client: RegistryClient) -> Receipt:
        if opening:
            # Nobody else learns more than that there is a case.
            opened = await client.open_case(
                f"{request[:190]} case", opening, audience=named(*mechanisms)
            )
        selector = case_of(opened.case_id) if opening else await select_case(client, case)
        return await client.intents.declare(
            request, selector, content, mechanisms, confirmed_person_ids=confirmed
        )

    output = Output(is_json=json)
    if preview:
        print_preview(output, with_client(profile, look))
    else:
        _tell(output, "declared", request, with_client(profile, write))


@intent_app.command()
def answer(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    intent: Place,
    what: Annotated[str, typer.Argument(help="joins, supports, defers, objects or noted")],
    profile: Profile,
    body: ActingBody,
    proposed: Annotated[
        str, typer.Option(help="when the own body could act, or would have it done")
    ] = "",
    summary: Summary = "",
    to: Annotated[
        str, typer.Option(help="slugs, a,b, of fewer than all that may hold the intent")
    ] = "",
    invented: Invented = False,
    confirm_person: ConfirmPerson = None,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Answer another mechanism's intent; its last answer counts."""
    surroundings = surroundings_of(context)
    request = request_id or surroundings.new_request_id()
    place = read_place("intent", intent)
    content: Any = read_content(
        EventKind.INTENT_ANSWERED,
        {
            "acting_body": body,
            "basis": "own_act",
            "is_invented": invented,
            "answered_date": _today(surroundings.now_ms()),
            "answer": what,
            "summary": summary,
            **({"proposed_date": proposed} if proposed else {}),
        },
    )
    confirmed = tuple(confirm_person or ())
    receipt = with_client(
        profile,
        lambda client: client.intents.answer(
            request, place, content, _slugs(to), confirmed_person_ids=confirmed
        ),
    )
    _tell(Output(is_json=json), "answered", request, receipt)


@intent_app.command()
def withdraw(
    context: typer.Context,
    intent: Place,
    profile: Profile,
    body: ActingBody,
    summary: Summary = "",
    invented: Invented = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Withdraw an intent of this mechanism, for all that may hold it."""
    surroundings = surroundings_of(context)
    request = request_id or surroundings.new_request_id()
    place = read_place("intent", intent)
    content: Any = read_content(
        EventKind.INTENT_WITHDRAWN,
        {
            "acting_body": body,
            "basis": "own_act",
            "is_invented": invented,
            "withdrawn_date": _today(surroundings.now_ms()),
            "summary": summary,
        },
    )
    receipt = with_client(profile, lambda client: client.intents.withdraw(request, place, content))
    _tell(Output(is_json=json), "withdrawn", request, receipt)


@intent_app.command("list")
def list_intents(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    is_all: Annotated[
        bool, typer.Option("--all", help="also those that are withdrawn, fulfilled or lapsed")
    ] = False,
    lapsed: Annotated[bool, typer.Option("--lapsed", help="only those that have lapsed")] = False,
    status: Annotated[
        list[str] | None,
        typer.Option(help="open, answered, withdrawn or fulfilled, as recorded; repeat it"),
    ] = None,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    instrument: Instrument = None,
    body: Body = None,
    case: Annotated[str, typer.Option(help="id of one case")] = "",
    since: Since = "",
    until: Until = "",
    text: Words = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List intents that stand today, those that lapse first before others, and which ones meet.

    --since and --until are about the day on which they lapse.
    """
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
        case_id=parse_case_id(case) if case else b"",
    )
    standing: Standing = "lapsed" if lapsed else "any" if is_all or status else "live"
    output = Output(is_json=json)
    found = first_of(
        profile, limit, lambda client: client.intents.list_intents(wanted, standing=standing)
    )
    for each in found:
        _print(output, each)
    if not found:
        output.say("no intent fits")
    output.result(found)


def _print(output: Output, each: Intent) -> None:
    what = " · ".join(filter(None, (each.action.replace("_", " "), each.instrument)))
    when = _days(each.planned, each.planned_until)
    states = ", ".join(map(state_text, each.states))
    heading(output, f"{each.state.upper():<10} {when}  {what or 'an action'}  {states}")
    title = each.title or each.case_title
    print_wrapped(output, "  ", named_title(title, is_invented=each.is_invented))
    until = f"until {each.lapses}" if each.lapses else "until it is withdrawn"
    output.say(f"  declared    {each.declared or 'undated'}  by {each.body} ({each.mechanism})")
    output.say(f"  stands      {until}")
    if each.settled_by is not None:
        settled = f"{each.settled_by.origin}#{each.settled_by.index}"
        output.say(f"  {each.state:<10}  {each.settled or 'undated'}  {settled}")
    for one in each.answers:
        earlier = "" if one.counts else "  (earlier)"
        proposed = f", proposes {one.proposed}" if one.proposed else ""
        who = f"{one.body} ({one.mechanism})"
        output.say(f"  {one.answer:<10}  {one.date or 'undated'}  {who}{proposed}{earlier}")
        if one.summary:
            print_wrapped(output, "              ", one.summary)
    for clash in each.clashes:
        doing = clash.action.replace("_", " ") or clash.instrument or "an action"
        ground = ", ".join(clash.states) or "the same case"
        place = f"{clash.event.origin}#{clash.event.index}"
        days = _days(clash.start, clash.end)
        output.say(f"  meets       {days}  {doing} of {clash.body} on {ground}  {place}")
    if each.clashes_left_out:
        output.say(f"  and meets   {each.clashes_left_out} more")
    output.say(f"  {each.event.origin}#{each.event.index}  case {each.case_id.hex()[:_ID_SHOWN]}")


def _tell(output: Output, what: str, request: str, receipt: Receipt) -> None:
    before = " (was recorded before)" if receipt.was_recorded_before else ""
    output.say(f"{what} as event {receipt.index} of {receipt.origin}{before}")
    output.say(f"  case        {receipt.case_id.hex()}")
    output.say(f"  request id  {request}")
    output.result({"request_id": request, "receipt": receipt})


def _days(start: str, end: str) -> str:
    if not start and not end:
        return "undated"
    if start == end or not end:
        return start
    return f"{start} to {end}" if start else f"by {end}"


def _slugs(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _today(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
