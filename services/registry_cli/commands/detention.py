"""`registry detention` and `registry emblematic`: who is detained, and what has not been tried."""

from typing import Annotated

import typer

from registry.client import CaseSummary, RegistryClient, TimelineItem
from registry.client.casework import Filter
from registry.client.detention import CaseDetentions, Detention, Untried
from registry.domain.identifiers import CaseId
from registry_cli.commands.casework import Mechanism, State, Theme
from registry_cli.commands.online import CaseArgument, Json, Profile, select_case, with_client
from registry_cli.detention_output import (
    days_text,
    print_case_detentions,
    print_detentions,
    print_untried,
)
from registry_cli.output import Output
from registry_cli.rendering import heading, print_case, print_cases, print_timeline, print_wrapped

detention_app = typer.Typer(help="Who is detained, and for how long.", no_args_is_help=True)
emblematic_app = typer.Typer(
    help="Emblematic cases: all that was done, and what has not been tried.", no_args_is_help=True
)
On = Annotated[str, typer.Option("--on", help="as of this day, such as 2026-11-26; none = today")]


@detention_app.command("list")
def detention_list(
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    mechanism: Mechanism = None,
    on: On = "",
    released: Annotated[
        bool, typer.Option("--released", help="with those who were released before")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 200,
    json: Json = False,
) -> None:
    """List who is detained, longest first, as far as is known here."""
    wanted = Filter(
        states=tuple(each.upper() for each in state or ()),
        themes=theme or (),
        mechanisms=mechanism or (),
    )

    async def read(client: RegistryClient) -> list[Detention]:
        found: list[Detention] = []
        async for each in client.detention.detentions(wanted, on=on, with_released=released):
            found.append(each)
            if len(found) == limit:
                break
        return found

    output = Output(is_json=json)
    found = with_client(profile, read)
    print_detentions(output, found, on)
    output.result(found)


@detention_app.command("show")
def detention_show(which: CaseArgument, profile: Profile, on: On = "", json: Json = False) -> None:
    """Show the detentions of a case: days counted, and what every mechanism did, by date."""

    async def read(client: RegistryClient) -> CaseDetentions:
        return await client.detention.of_case(await select_case(client, which), on=on)

    output = Output(is_json=json)
    found = with_client(profile, read)
    print_case_detentions(output, found)
    output.result(found)


@emblematic_app.command("list")
def emblematic_list(
    profile: Profile,
    state: State = None,
    theme: Theme = None,
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List the cases that a mechanism has marked as emblematic, and who is detained in them."""
    states = tuple(each.upper() for each in state or ())
    wanted = Filter(states=states, themes=theme or (), marks=("emblematic",))

    async def read(client: RegistryClient) -> list[tuple[CaseSummary, list[Detention]]]:
        cases: list[CaseSummary] = []
        async for each in client.list_cases(wanted=wanted):
            cases.append(each)
            if len(cases) == limit:
                break
        held: dict[CaseId, list[Detention]] = {}
        for summary in cases:
            of_case = Filter(case_id=summary.case_id)
            held[summary.case_id] = [d async for d in client.detention.detentions(of_case)]
        return [(each, held[each.case_id]) for each in cases]

    output = Output(is_json=json)
    found = with_client(profile, read)
    for summary, detained in found:
        print_cases(output, [summary], with_count=False)
        for each in detained:
            who = each.name or (f"person {each.person_id[:8]}" if each.person_id else "somebody")
            print_wrapped(output, "  ", f"held: {who}, {days_text(each.days)}")
    output.say(f"{len(found)} emblematic cases known here")
    output.result([{"case": summary, "held": detained} for summary, detained in found])


@emblematic_app.command("show")
def emblematic_show(which: CaseArgument, profile: Profile, json: Json = False) -> None:
    """Show an emblematic case: its timeline across all mechanisms, and what was not tried yet."""

    async def read(
        client: RegistryClient,
    ) -> tuple[CaseSummary, tuple[TimelineItem, ...], CaseDetentions, Untried]:
        selector = await select_case(client, which)
        return (
            await client.get_case(selector),
            await client.timeline(selector),
            await client.detention.of_case(selector),
            await client.detention.untried(selector),
        )

    output = Output(is_json=json)
    summary, timeline, detentions, untried = with_client(profile, read)
    print_case(output, summary)
    if not summary.is_emblematic:
        output.say("  no mechanism has marked this case as emblematic, as far as is known here")
    if detentions.files:
        print_case_detentions(output, detentions)
    heading(output, "Timeline, all mechanisms")
    print_timeline(output, timeline)
    print_untried(output, untried)
    output.result(
        {"case": summary, "detentions": detentions, "timeline": timeline, "untried": untried}
    )
