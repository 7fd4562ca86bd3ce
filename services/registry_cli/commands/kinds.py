"""`registry kinds`: what can be recorded, and the fields of each kind. Needs no node."""

from typing import Annotated

import typer
from rich.text import Text

from registry.domain.vocabulary import LANGUAGES, EventKind, kind_code, kind_title
from registry.errors import InvalidRequest
from registry_cli.fields import (
    FieldDescription,
    Form,
    describe_fields,
    parse_kind,
    recordable_kinds,
)
from registry_cli.output import Output
from registry_cli.rendering import columns, heading


def kinds(
    kind: Annotated[str, typer.Argument(help="a kind, such as statement_issued")] = "",
    language: Annotated[str, typer.Option(help=f"of the titles: {', '.join(LANGUAGES)}")] = "en",
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """List what can be recorded; with a kind, the fields that it takes."""
    if language not in LANGUAGES:
        msg = f"there are titles in {', '.join(LANGUAGES)}, not in {language!r}"
        raise InvalidRequest(msg)
    output = Output(is_json=json)
    if kind:
        _print_kind(output, parse_kind(kind), language)
    else:
        _print_kinds(output, language)


def _print_kinds(output: Output, language: str) -> None:
    codes = [kind_code(kind) for kind in recordable_kinds()]
    table = columns("KIND", "WHAT IT SAYS")
    for code in codes:
        table.add_row(code, kind_title(code, language))
    output.table(table)
    output.say()
    output.say("fields of one of them: registry kinds KIND")
    output.result([{"kind": code, "title": kind_title(code, language)} for code in codes])


def _print_kind(output: Output, kind: EventKind, language: str) -> None:
    code = kind_code(kind)
    fields = describe_fields(kind)
    output.say(Text(f"{code}: {kind_title(code, language)}", style="bold"))
    for title, is_required in (("must be given", True), ("may be given", False)):
        heading(output, title)
        for field in fields:
            if field.is_required is is_required:
                output.say(f"  {field.name:<22} {field.description}")
                output.say(f"  {'':<22} {_form(field)}")
    output.say()
    output.say(f"registry record {code} --case CASE --field name=value --field name=value ...")
    output.result({"kind": code, "title": kind_title(code, language), "fields": fields})


def _form(field: FieldDescription) -> str:
    if field.form is Form.CHOICE:
        return f"one of {', '.join(field.choices)}"
    return str(field.form.value)
