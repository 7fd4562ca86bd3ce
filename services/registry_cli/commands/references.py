"""`registry reference`: what the numbers of other bodies mean, and where they stand."""

import sys
from typing import Annotated

import typer

from registry.domain.references import Reference, parse_reference
from registry.domain.vocabulary import kind_title
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.output import Output
from registry_cli.rendering import columns

reference_app = typer.Typer(help="References of all bodies, in whatever spelling.")


@reference_app.command()
def parse(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="references; none or - = a line each from stdin"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Tell the scheme of each reference, its normal form, and what it updates."""
    output = Output(is_json=json)
    typed = [] if texts == ["-"] else texts
    written = typed or [line.rstrip("\r\n") for line in sys.stdin]
    found = [(text, parse_reference(text)) for text in written if text.strip()]
    table = columns("AS WRITTEN", "SCHEME", "NORMAL FORM", "UPDATES")
    for text, each in found:
        table.add_row(text, each.scheme, each.normal, each.updates)
    output.table(table)
    output.result([_document(text, each) for text, each in found])


@reference_app.command()
def find(
    text: Annotated[str, typer.Argument(help="a reference in any spelling")],
    profile: Profile,
    json: Json = False,
) -> None:
    """Find where a reference stands in all cases, with what updates it or is updated by it."""
    output = Output(is_json=json)
    parsed, places = with_client(profile, lambda client: client.casework.references(text))
    output.say(f"{parsed.scheme}  {parsed.normal}")
    table = columns("DATE", "WHAT", "MECHANISM", "AS WRITTEN", "UPDATES", "CASE")
    for each in places:
        table.add_row(
            each.date or "undated",
            kind_title(each.kind),
            each.mechanism,
            each.written,
            each.parsed.updates,
            each.case_id.hex()[:8],
        )
    if places:
        output.table(table)
    else:
        output.say("no act that can be read here names it")
    output.result({"parsed": parsed, "places": places})


def _document(text: str, reference: Reference) -> dict[str, str]:
    return {"as_written": text, **reference._asdict()}
