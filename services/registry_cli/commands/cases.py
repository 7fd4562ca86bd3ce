"""`registry case`: list and read cases."""

from contextlib import aclosing
from json import dumps
from typing import Annotated, Any

import typer

from registry.client import CaseSummary, History, RegistryClient
from registry.client.casework import Filter
from registry.client.watch import Step
from registry_cli.commands.knowledge import case_known
from registry_cli.commands.online import CaseArgument, Json, Profile, select_case, with_client
from registry_cli.output import Output, plain
from registry_cli.release_output import ExportPurpose, print_export
from registry_cli.rendering import (
    print_case,
    print_cases,
    print_disagreements,
    print_events,
    print_history,
    print_timeline,
)

case_app = typer.Typer(help="List and read cases.", no_args_is_help=True)
case_app.command("known")(case_known)


@case_app.command("list")
def case_list(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    state: Annotated[str, typer.Option(help="only cases on this State (alpha-3)")] = "",
    mechanism: Annotated[str, typer.Option(help="only cases this mechanism recorded in")] = "",
    theme: Annotated[list[str] | None, typer.Option(help="code of a theme; repeat it")] = None,
    instrument: Annotated[list[str] | None, typer.Option(help="such as un.ua; repeat it")] = None,
    body: Annotated[list[str] | None, typer.Option(help="code of who acted; repeat it")] = None,
    status: Annotated[
        list[str] | None, typer.Option(help="such as open, closed or disputed; repeat it")
    ] = None,
    mark: Annotated[
        list[str] | None, typer.Option(help="emblematic or disagreement; repeat it")
    ] = None,
    text: Annotated[str, typer.Option(help="words that all stand in the case")] = "",
    since: Annotated[str, typer.Option(help="last record not before, such as 2026-03")] = "",
    until: Annotated[str, typer.Option(help="last record not after, such as 2026-03")] = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List cases, newest activity first."""
    wanted = Filter(
        themes=theme or (),
        instruments=instrument or (),
        bodies=body or (),
        statuses=status or (),
        marks=mark or (),
        text=text,
        since=since,
        until=until,
    )

    async def read(client: RegistryClient) -> list[CaseSummary]:
        found: list[CaseSummary] = []
        async for summary in client.list_cases(
            state=state.upper(), mechanism=mechanism, wanted=wanted
        ):
            found.append(summary)
            if len(found) == limit:
                break
        return found

    output = Output(is_json=json)
    cases = with_client(profile, read)
    print_cases(output, cases)
    output.result(cases)


@case_app.command("show")
def case_show(which: CaseArgument, profile: Profile, json: Json = False) -> None:
    """Show what is known of a case."""

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        selector = await select_case(client, which)
        return await client.get_case(selector), await client.disagreements(selector)

    output = Output(is_json=json)
    summary, disagreements = with_client(profile, read)
    print_case(output, summary)
    print_disagreements(output, disagreements)
    output.result({**plain(summary), "disagreements": disagreements})


@case_app.command("history")
def case_history(
    which: CaseArgument,
    profile: Profile,
    linked: Annotated[
        bool, typer.Option("--linked", help="with the events of all cases linked with it")
    ] = False,
    json: Json = False,
) -> None:
    """Show a case's events in the order of record, with digest and checkpoints."""

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401
        return await client.history(await select_case(client, which), with_linked=linked)

    output = Output(is_json=json)
    history = with_client(profile, read)
    print_history(output, history)
    output.result(history)


@case_app.command("timeline")
def case_timeline(which: CaseArgument, profile: Profile, json: Json = False) -> None:
    """Show a case's acts by their own dates."""

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401
        return await client.timeline(await select_case(client, which))

    output = Output(is_json=json)
    items = with_client(profile, read)
    print_timeline(output, items)
    output.result(items)


@case_app.command("watch")
def case_watch(
    profile: Profile,
    which: Annotated[str, typer.Argument(help="a case; none = all cases")] = "",
    cursor: Annotated[str, typer.Option(help="go on from here; empty = from the start")] = "",
    seconds: Annotated[int, typer.Option(min=1, help="for so long")] = 600,
    until_caught_up: Annotated[
        bool, typer.Option("--once", help="end when everything that is here was told")
    ] = False,
    json: Json = False,
) -> None:
    """Print what changes, as it changes; with --json one document a line."""
    output = Output(is_json=False)

    async def watch(client: RegistryClient) -> None:
        selector = await select_case(client, which) if which else None
        if selector is None:
            steps = client.watch.cases(cursor, timeout_s=seconds)
        else:
            steps = client.watch.history(selector, cursor, timeout_s=seconds)
        async with aclosing(steps):
            async for step in steps:
                _print_step(output, step, is_json=json)
                if until_caught_up and step.is_caught_up:
                    return

    with_client(profile, watch)


def _print_step(output: Output, step: Step, *, is_json: bool) -> None:
    if is_json:
        output.say(dumps(plain(step), ensure_ascii=False))
    elif step.event is not None:
        print_events(output, History(step.event.case_id, (step.event,), b"", ()))
    elif step.case is not None:
        print_cases(output, [step.case])
    elif step.cursor:
        mark = "caught up, " if step.is_caught_up else ""
        output.remark(f"{mark}cursor {step.cursor}")


@case_app.command("export")
def case_export(
    which: CaseArgument,
    profile: Profile,
    purpose: Annotated[
        ExportPurpose, typer.Option("--for", help="whom it is for: public, state or mechanisms")
    ],
    to: Annotated[str, typer.Option(help="slugs of the recipients, a,b; for mechanisms only")] = "",
    json: Json = False,
) -> None:
    """Print what may be used of a case; what may not be used is left out and counted."""

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401
        slugs = tuple(each.strip() for each in to.split(",") if each.strip())
        return await client.confidentiality.export(await select_case(client, which), purpose, slugs)

    print_export(Output(is_json=json), with_client(profile, read))
