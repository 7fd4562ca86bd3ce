"""A register as a file: what it asks for, names withheld, and text that cannot do anything."""

import csv
import json
from dataclasses import replace

import pytest

from registry.client.casework import EventPlace
from registry.client.reprisal_values import Register, RegisterAct, RegisterEntry
from registry.domain.identifiers import CaseId
from registry_cli.reprisal_register_file import (
    COLUMNS,
    RegisterFormat,
    standing_text,
    write_register,
)

ENTRY = RegisterEntry(
    case_id=CaseId(bytes(16)),
    event=EventPlace("defenders.example/un/1", 3),
    states=("XXA", "POL"),
    date="2023-03",
    bodies=("achpr.sr-defenders", "alpha.desk"),
    cooperation=(
        RegisterAct("2023-01-02", "achpr", "submission_received", "Testimony"),
        RegisterAct("", "", "", "a meeting in words"),
    ),
    acts=("travel_ban",),
    title="=HYPERLINK(1) | *bold*",
    summary="Two\nlines",
    against=("Invented Person",),
    withheld=2,
    follow_up=(RegisterAct("", "un.sr-defenders", "communication_sent", ""),),
    accountability=(RegisterAct("2024-01-01", "Invented Police", "investigation_closed", "A"),),
    standing="ended",
    impunity="ended",
    outcome="partly_remedied",
    confidence="corroborated",
    reported_by="obs.observatory",
    references=("UA XXA 1/2023",),
    is_invented=False,
)
REGISTER = Register("achpr", ("achpr",), "2025-06-01", 12, (ENTRY,), 3)


def test_markdown_has_a_section_for_each_entry_and_text_cannot_act_as_markup() -> None:
    text = write_register(REGISTER, RegisterFormat.MARKDOWN)
    assert "# Register of reprisals, as ACHPR/Res.273 (LV) 2014 asks for" in text
    assert "As of 2025-06-01; for achpr alone" in text
    assert "## 1. XXA (Invented State (XXA)), POL (Poland), 2023-03" in text
    assert "=HYPERLINK(1) \\| \\*bold\\*; Two lines" in text
    assert "- **against**: Invented Person, withheld (2)" in text
    assert "2023-01-02 Submission received" in text
    assert "; a meeting in words" in text
    assert "undated Communication sent (UN Special Rapporteur on human rights defenders)" in text
    assert "2024-01-01 investigation closed (Invented Police), A" in text
    assert "corroborated; partly remedied; ended without accountability" in text
    assert write_register(REGISTER, RegisterFormat.MARKDOWN) == text


def test_csv_has_the_columns_and_no_cell_is_a_formula() -> None:
    entry = replace(ENTRY, acts=(), references=("-1+2", "b"))
    text = write_register(replace(REGISTER, entries=(entry,)), RegisterFormat.CSV)
    header, row = csv.reader(text.splitlines(keepends=True))
    assert tuple(header) == COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert cells["what was done"] == "'=HYPERLINK(1) | *bold*; Two\nlines"
    assert cells["references"] == "'-1+2, b"
    assert cells["status"].startswith("corroborated")


def test_json_holds_the_whole_of_every_entry() -> None:
    told = json.loads(write_register(REGISTER, RegisterFormat.JSON))
    assert (told["register"], told["recipients"], told["months"]) == ("achpr", ["achpr"], 12)
    assert (told["entries"][0]["withheld"], len(told["entries"])) == (2, 1)


@pytest.mark.parametrize("form", RegisterFormat)
def test_no_reader_learns_that_reprisals_were_left_out(form: RegisterFormat) -> None:
    """What the officer may know of and its readers may not is in no number of the file."""
    told = {write_register(replace(REGISTER, left_out=many), form) for many in (0, 1, 97)}
    assert len(told) == 1
    assert "left" not in told.pop()


def test_what_is_not_known_is_said() -> None:
    bare = replace(
        ENTRY,
        states=(),
        date="",
        bodies=(),
        cooperation=(),
        title="",
        summary="",
        against=(),
        withheld=0,
        follow_up=(),
        accountability=(),
        references=(),
        is_invented=True,
    )
    public = Register("sg", (), "2025-06-01", 12, (bare,), 0)
    text = write_register(public, RegisterFormat.MARKDOWN)
    assert "what may be published" in text
    assert "## 1. not named, unknown" in text
    assert "INVENTED · travel ban" in text
    assert text.count("none known") == 2
    assert "references" not in text


@pytest.mark.parametrize(
    ("standing", "impunity", "words"),
    [
        ("none", "", "no step of an authority known"),
        ("none", "none", "no step of an authority known: none after 12 months"),
        ("under_way", "stalled", "under way: no step for 12 months"),
        ("ended", "ended", "ended without accountability"),
        ("reached", "", "accountability reached"),
    ],
)
def test_standing_in_words(standing: str, impunity: str, words: str) -> None:
    assert standing_text(standing, impunity, 12) == words
