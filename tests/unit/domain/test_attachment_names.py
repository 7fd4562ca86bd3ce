"""File names and types as hostile text: what is refused here, what is shown of others' names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.content import Attachment
from registry.domain.content.attachment import (
    FILE_NAME_MAX,
    UNKNOWN_TYPE,
    check_claimed_type,
    check_file_name,
    cleaned,
)
from registry.errors import InvalidRequest

HOSTILE = {
    "empty": "",
    "one dot": ".",
    "the folder above": "..",
    "dots and spaces": ". . .",
    "a path": "a/b.pdf",
    "a path upwards": "../../etc/cron.d/x",
    "a path of another system": "..\\..\\x.exe",
    "a stream of a file": "report.pdf:hidden.exe",
    "a slash that only looks like one": "a\u2044b",
    "a wide slash": "a\uff0fb",
    "end of line": "a\nb.pdf",
    "carriage return": "a\rb.pdf",
    "terminal escape": "\x1b[2Ja.pdf",
    "eight-bit escape": "\x9b2Ja.pdf",
    "null": "a\0.pdf",
    "delete": "a\x7f.pdf",
    "turned direction": "invoice\u202efdp.exe",
    "isolate": "a\u2066b.pdf",
    "mark of direction": "a\u200fb.pdf",
    "line separator": "a\u2028b.pdf",
    "half a pair": "a\ud800b.pdf",
    "leading space": " a.pdf",
    "trailing space": "a.pdf ",
    "too long": "x" * (FILE_NAME_MAX + 1),
}
HARMLESS = [
    "report.pdf",
    ".hidden",
    "\u041e\u0442\u0447\u0451\u0442 2021.pdf",
    "\u5831\u544a.pdf",
    "\u06af\u0632\u0627\u0631\u0634\u200c\u0647\u0627.pdf",
    "a" * FILE_NAME_MAX,
]


def attachment(name: str, media_type: str = "application/pdf") -> Attachment:
    return Attachment(ordinal=1, file_name=name, media_type=media_type, size=1, sha256="0" * 64)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_file_name(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_name_stays_as_it_is(name: str) -> None:
    assert check_file_name(name) == name
    assert cleaned(attachment(name)).file_name == name


@pytest.mark.parametrize(
    "media_type", ["pdf", "a/b/c", "text/html; charset=x", "../x", "a/b\n", "text/\u202ehtml", "/"]
)
def test_hostile_type_is_refused_and_not_shown(media_type: str) -> None:
    with pytest.raises(InvalidRequest):
        check_claimed_type(media_type)
    assert cleaned(attachment("a", media_type)).media_type == UNKNOWN_TYPE


def test_no_type_is_unknown_and_a_usual_one_stays() -> None:
    assert check_claimed_type("") == UNKNOWN_TYPE
    usual = "application/vnd.oasis.opendocument.text"
    assert check_claimed_type(usual) == cleaned(attachment("a", usual)).media_type == usual


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_what_is_shown_of_any_name_has_no_control_and_no_path(name: str) -> None:
    shown = cleaned(attachment(name)).file_name

    assert 1 <= len(shown) <= FILE_NAME_MAX
    assert not set(shown) & set("/\\:\n\r\x1b\x9b\u202e\u2066")
