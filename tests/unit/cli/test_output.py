"""Standard output holds the result and nothing else: lines for people, or one JSON document."""

import json
from dataclasses import dataclass
from enum import Enum

import pytest

from registry.domain.content import PartialDate, StatementIssued
from registry_cli.output import Output, plain
from registry_cli.rendering import columns


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    """A value as commands return them."""

    root: bytes
    colour: Colour
    parts: tuple[object, ...]


def test_values_become_what_json_knows() -> None:
    statement = StatementIssued(
        acting_body="coe.commissioner", basis="own_act", issued_date=PartialDate(value="2025")
    )
    inner = Thing(b"\x00\xff", Colour.RED, (statement, 1.5, None, True))

    assert plain({"thing": inner, 7: [inner.root]}) == {
        "thing": {
            "root": "00ff",
            "colour": "red",
            "parts": [
                {
                    "acting_body": "coe.commissioner",
                    "basis": "own_act",
                    "issued_date": {"value": "2025", "precision": "year"},
                },
                1.5,
                None,
                True,
            ],
        },
        "7": ["00ff"],
    }


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(is_json=True)
    output.say("for people")
    table = columns("A")
    table.add_row("for people")
    output.table(table)
    with output.progress("working", 1) as bar:
        bar(1, 2)
    output.result({"é": 1})

    told = capsys.readouterr()
    assert json.loads(told.out) == {"é": 1}
    assert told.err == ""


def test_people_get_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(is_json=False)
    output.result({"a": 1})
    output.say()
    output.say("x" * 500)

    assert capsys.readouterr().out == "\n" + "x" * 500 + "\n"


def test_remarks_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Output(is_json=True).remark("[b]kept[/b]\x1b")

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "[b]kept[/b]\N{REPLACEMENT CHARACTER}\n"


def test_tables_are_aligned_without_trailing_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    table = columns("NAME", "COUNT", "NOTE", right=("COUNT",))
    table.add_row("un", "7", "")
    table.add_row("observatory", "1,200", "x")
    Output(is_json=False).table(table)

    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == lines
    assert [line[:18] for line in lines[1:]] == ["un               7", "observatory  1,200"]
