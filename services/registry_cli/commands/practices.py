"""Good practices, found again from a case, and working definitions with who holds them."""

from itertools import groupby
from typing import Annotated, Any, Final

import typer

from registry.client import RegistryClient
from registry.client.casework import Filter
from registry.client.practices import Definition, Practice
from registry.domain.definitions import term_key
from registry.domain.states import state_name
from registry.domain.vocabulary import label
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
from registry_cli.output import Output
from registry_cli.rendering import heading, print_wrapped

Limit = Annotated[int, typer.Option(min=1, max=1000, help="at most so many")]
_MATTERS: Final = {
    "theme": "the theme",
    "state": "the State",
    "region": "the region",
    "untried_instrument": "not tried in the case:",
}


def practices(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    theme: Theme = None,
    case: Annotated[
        str,
        typer.Option(help="case id, its first digits, or a State: those that fit it, best first"),
    ] = "",
    state: State = None,
    mechanism: Mechanism = None,
    instrument: Instrument = None,
    body: Body = None,
    since: Since = "",
    until: Until = "",
    text: Words = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Find good practices by theme, or those that fit a case, with the reasons.

    They are shared with `registry record practice_shared`.
    """
    wanted = Filter(
        states=upper(state),
        themes=theme or (),
        mechanisms=mechanism or (),
        instruments=instrument or (),
        bodies=body or (),
        since=since,
        until=until,
        text=text,
    )

    async def fitting(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        selector = await select_case(client, case)
        return await client.practices.practices_for(selector, wanted, limit=limit)

    output = Output(is_json=json)
    left_out = 0
    if case:
        answer = with_client(profile, fitting)
        found, left_out = list(answer.practices), answer.left_out
    else:
        found = first_of(profile, limit, lambda client: client.practices.list_practices(wanted))
    for each in found:
        _print_practice(output, each)
    if not found:
        output.say("no practice fits: none is known here")
    if left_out:
        output.say()
        output.say(f"and {left_out} more that fit less well")
    output.result(found)


def definitions(
    profile: Profile,
    term: Annotated[str, typer.Option(help="one term only, such as reprisal")] = "",
    theme: Theme = None,
    mechanism: Mechanism = None,
    body: Annotated[
        list[str] | None, typer.Option("--body", help="code of who holds it; repeat it")
    ] = None,
    text: Words = "",
    limit: Limit = 200,
    json: Json = False,
) -> None:
    """Show working definitions side by side: who holds which, since when, and which differ.

    They are recorded with `registry record definition_agreed`.
    """
    wanted = Filter(themes=theme or (), mechanisms=mechanism or (), bodies=body or (), text=text)
    output = Output(is_json=json)
    found = first_of(
        profile, limit, lambda client: client.practices.list_definitions(wanted, term=term)
    )
    for _, of_term in groupby(found, key=lambda each: term_key(each.term)):
        _print_term(output, list(of_term))
    if not found:
        output.say("no definition fits: none is known here")
    output.result(found)


def _print_practice(output: Output, each: Practice) -> None:
    heading(output, f"{each.date or 'undated'}  {each.body}  {', '.join(each.states)}")
    print_wrapped(output, "  ", named_title(each.title, is_invented=each.is_invented))
    if each.practice and each.practice != each.title:
        print_wrapped(output, "  ", each.practice)
    where = ", ".join(filter(None, (each.place, *each.regions)))
    for name, told in (
        ("themes", ", ".join(label("themes", theme) for theme in each.themes)),
        ("worked in", where),
        ("worked for", ", ".join(each.worked_for)),
        ("uses", ", ".join(each.instruments)),
        ("fits by", "; ".join(_reason(one.matter, one.code) for one in each.reasons)),
    ):
        if told:
            print_wrapped(output, f"  {name:<11} ", told)
    output.say(f"  {each.event.origin}#{each.event.index}  recorded by {each.mechanism}")


def _reason(matter: str, code: str) -> str:
    named = {"theme": label("themes", code), "state": state_name(code)}.get(matter, code)
    return f"{_MATTERS.get(matter, matter)} {named}"


def _print_term(output: Output, found: list[Definition]) -> None:
    differing = found[0].differing
    told = f": {differing} different definitions stand" if differing > 1 else ""
    heading(output, f"{found[0].term}{told}")
    for each in found:
        since = {one.body: one.event for one in each.superseded}
        holders = [
            f"{body} (until {since[body].origin}#{since[body].index})" if body in since else body
            for body in each.held_by
        ]
        mark = "  SUPERSEDED" if len(since) == len(each.held_by) else ""
        output.say(f"  {each.date or 'undated':<10}  {', '.join(holders)}{mark}")
        words = named_title(each.definition or "(no words)", is_invented=each.is_invented)
        print_wrapped(output, "              ", words)
        place = f"{each.event.origin}#{each.event.index}"
        output.say(f"              {place}, recorded by {each.mechanism}")
