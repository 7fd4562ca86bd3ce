"""`registry reference parse` reads references from the line and from standard input."""

import json

import pytest
from typer.testing import CliRunner

from registry_cli.main import app

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
EXPECTED = [
    ("MC 967-19", "iachr.precautionary_measure", "PM 967-19", ""),
    ("CCPR/C/128/3/ADD.1", "tb.document", "CCPR/C/128/3/Add.1", "CCPR/C/128/3"),
    ("letter 3", "unknown", "letter 3", ""),
]
WRITTEN = [text for text, *_ in EXPECTED]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [(WRITTEN, None), ([], WRITTEN), (["-"], [*WRITTEN, "", " "])],
    ids=["typed", "lines", "dash"],
)
def test_every_reference_is_told(arguments: list[str], lines: list[str] | None) -> None:
    given = None if lines is None else "\r\n".join(lines)
    done = RUNNER.invoke(app, ["reference", "parse", *arguments, "--json"], input=given)

    told = json.loads(done.output)
    keys = ("as_written", "scheme", "normal", "updates")
    assert [tuple(each[key] for key in keys) for each in told] == EXPECTED


def test_people_see_a_table() -> None:
    told = RUNNER.invoke(app, ["reference", "parse", *WRITTEN]).output

    assert all(word in told for row in EXPECTED for word in row)
