"""CSV files as people make them: each row is read as its header says, or told apart."""

import csv
from pathlib import Path

import pytest

from registry.errors import InvalidRequest
from registry_cli import register_file
from registry_cli.register_file import RegisterRow, read_rows
from tests.unit.domain.mapping_example import MAPPING

COLUMNS = ["answer", "by", "date", "no", "part", "states", "tags", "type"]
HEADER = ",".join(COLUMNS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "register.csv"


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(InvalidRequest) as caught:
        read_rows(path, MAPPING)
    return str(caught.value)


def rows_of(path: Path, text: str) -> tuple[RegisterRow, ...]:
    path.write_bytes(text.encode())
    return read_rows(path, MAPPING)


def test_row_is_read_by_the_names_of_its_header(path: Path) -> None:
    (row,) = rows_of(path, f"{HEADER}\nYes,Poland,2010,7,b,XXA, a ,Press\n")

    assert row == RegisterRow(
        2,
        {
            "answer": "Yes",
            "by": "Poland",
            "date": "2010",
            "no": "7",
            "part": "b",
            "states": "XXA",
            "tags": "a",
            "type": "Press",
        },
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_any_line_ends_and_a_byte_order_mark_change_nothing(
    path: Path, ending: str, mark: str, *, last: bool
) -> None:
    text = ending.join([HEADER, ",,,1,,,,Press", ",,,2,,,,Press"]) + ending * last

    rows = rows_of(path, mark + text)

    assert [(row.line, row.cells["no"], row.problem) for row in rows] == [
        (2, "1", ""),
        (3, "2", ""),
    ]


def test_columns_that_the_mapping_does_not_read_are_no_problem(path: Path) -> None:
    (row,) = rows_of(path, f"{HEADER},note,note\n,,,7,,,,Press,x,y\n")

    assert row.cells["no"] == "7"
    assert row.problem == ""


def test_row_is_named_by_its_first_line_in_the_file(path: Path) -> None:
    rows = rows_of(path, f'{HEADER}\n\n"a\nb\nc",,,1,,,,Press\n\n,,,2,,,,Press\n')

    assert [(row.line, row.cells["no"]) for row in rows] == [(3, "1"), (7, "2")]
    assert rows[0].cells["answer"] == "a\nb\nc"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (",,,7,,,Press", "7 cells where the header has 8"),
        ("7", "1 cells where the header has 8"),
        (",,,7,,,,Press,", "9 cells where the header has 8"),
        (" ", "1 cells where the header has 8"),
    ],
)
def test_row_with_more_or_fewer_cells_is_told_and_the_others_are_read(
    path: Path, cells: str, told: str
) -> None:
    rows = rows_of(path, f"{HEADER}\n,,,1,,,,Press\n{cells}\n,,,2,,,,Press\n")

    assert [(row.line, row.problem) for row in rows] == [(2, ""), (3, told), (4, "")]


def test_register_without_rows_has_none(path: Path) -> None:
    assert rows_of(path, HEADER) == ()
    assert rows_of(path, f"{HEADER}\n\n\n") == ()


@pytest.mark.parametrize("text", ["", "\n\n", "no\n7\n", HEADER.replace(",", ";") + "\n"])
def test_missing_columns_are_named(path: Path, text: str) -> None:
    told = refusal(path, text.encode())

    assert "answer, by, date, " in told
    assert told.endswith("are missing from its header")
    assert str(path) in told


def test_column_that_stands_twice_is_refused_by_name(path: Path) -> None:
    assert "columns no stand twice" in refusal(path, f"{HEADER},no\n".encode())


def test_file_that_is_not_utf8_is_refused(path: Path) -> None:
    told = refusal(path, f"{HEADER}\nC\xf4te,,,7,,,,Press\n".encode("latin-1"))

    assert "cannot be read as UTF-8 CSV" in told


@pytest.mark.parametrize(("row", "line"), [('"a"b,,,7,,,,Press', 3), ('"a,,,7,,,,Press\n\n', 3)])
def test_stray_or_open_quote_is_refused_with_its_line(path: Path, row: str, line: int) -> None:
    told = refusal(path, f"{HEADER}\n,,,1,,,,Press\n{row}\n".encode())

    assert f"line {line}: " in told


def test_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(InvalidRequest, match="No such file"):
        read_rows(path, MAPPING)
    with pytest.raises(InvalidRequest, match="directory"):
        read_rows(path.parent, MAPPING)


def test_huge_field_is_read_like_any_other_and_leaves_no_setting_behind(path: Path) -> None:
    limit = csv.field_size_limit()
    huge = "x" * (limit + 1)

    rows = rows_of(path, f"{HEADER}\n{huge},,,1,,,,Press\n,,,2,,,,Press\n")

    assert [len(row.cells["answer"]) for row in rows] == [limit + 1, 0]
    assert csv.field_size_limit() == limit


def test_refused_file_leaves_no_setting_behind(path: Path) -> None:
    limit = csv.field_size_limit()

    refusal(path, b"")

    assert csv.field_size_limit() == limit


def test_file_that_is_too_large_is_refused_before_it_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register_file, "FILE_MAX_BYTES", 10)

    assert f"has {len(HEADER)} bytes; an import takes 10 at most" in refusal(path, HEADER.encode())
