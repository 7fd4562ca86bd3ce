"""`registry reference`: what the numbers of other bodies mean. Needs no node."""

import sys
from typing import Annotated

import typer

from registry.domain.references import Reference, parse_reference
from registry_cli.output import Output
from registry_cli.rendering import columns

reference_app = typer.Typer(help="References of all bodies, in whatever spelling.")


@reference_app.callback()
def _group() -> None:
    """Keeps `parse` a command of its own while there is no other."""


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


def _document(text: str, reference: Reference) -> dict[str, str]:
    return {"as_written": text, **reference._asdict()}
