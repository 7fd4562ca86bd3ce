"""What people see: every fact in its place, nothing that others wrote steers the terminal."""

from collections.abc import Sequence

import pytest

from registry.client import CaseSummary, History, HistoryEvent, LogPlace, TimelineItem
from registry.domain.content import (
    ActContent,
    CaseOpened,
    EventPointer,
    FollowupAssessed,
    NativeGrade,
    PartialDate,
    StatementIssued,
)
from registry.domain.identifiers import CaseId
from registry_cli.importing import ImportReport, Rejected
from registry_cli.output import Output
from registry_cli.rendering import (
    print_case,
    print_cases,
    print_history,
    print_import,
    print_timeline,
    print_wrapped,
    time_text,
)

CASE = CaseId(bytes(range(16)))
STATEMENT = StatementIssued(
    acting_body="coe.commissioner",
    basis="own_act",
    title="A statement",
    issued_date=PartialDate(value="2025-03"),
)


@pytest.fixture
def output() -> Output:
    """Output for people, on a pipe."""
    return Output(is_json=False)


def event(position: int, content: ActContent | None = STATEMENT, **changes: object) -> HistoryEvent:
    """An event of the UN's log."""
    fields: dict[str, object] = {
        "position": position,
        "mechanism": "un",
        "origin": "r/un/1",
        "index": 10 + position,
        "leaf_hash": bytes(32),
        "kind": "statement_issued",
        "recorded_ms": 1_750_000_000_000,
        "content": content,
        "content_state": "present" if content is not None else "withheld",
        "remarks": (),
    }
    return HistoryEvent(**{**fields, **changes})  # type: ignore[arg-type] # one dict for all fields


def history(events: Sequence[HistoryEvent]) -> History:
    """A history with a digest that can be told apart."""
    return History(CASE, tuple(events), b"\xab" * 32, (LogPlace("r/un/1", 99, b"\xcd" * 32),))


def summary(**changes: object) -> CaseSummary:
    """A line of the case list."""
    fields: dict[str, object] = {
        "case_id": CASE,
        "title": "A case",
        "states": ("POL",),
        "mechanisms": ("un", "osce-odihr"),
        "event_count": 3,
        "unreadable_count": 1,
        "first_recorded_ms": 0,
        "last_recorded_ms": 1_750_000_000_000,
        "is_invented": False,
        "is_situation": False,
    }
    return CaseSummary(**{**fields, **changes})  # type: ignore[arg-type] # one dict for all fields


def test_history_shows_date_kind_body_place_and_whole_digest(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    print_history(output, history([event(0)]))

    told = capsys.readouterr().out
    assert "2025-03     Statement issued  Council of Europe Commissioner" in told
    assert "recorded 2025-06-15 15:06:40 UTC, r/un/1#10" in told
    assert f"digest {'ab' * 32} over 1 events" in told
    assert "99 entries of r/un/1" in told
    assert f"root {'cd' * 32}" in told


@pytest.mark.parametrize(("most", "left_out"), [(2, 8), (3, 7), (6, 4), (9, 1)])
def test_long_history_tells_how_many_events_are_left_out(
    output: Output, capsys: pytest.CaptureFixture[str], most: int, left_out: int
) -> None:
    print_history(output, history([event(n) for n in range(10)]), most=most)

    told = capsys.readouterr().out
    assert told.count("Statement issued") == most
    assert f"…  {left_out} more events" in told
    assert "r/un/1#10\n" in told
    assert "r/un/1#19\n" in told
    assert "over 10 events" in told


@pytest.mark.parametrize("most", [None, 10, 11])
def test_history_that_fits_is_shown_whole(
    output: Output, capsys: pytest.CaptureFixture[str], most: int | None
) -> None:
    print_history(output, history([event(n) for n in range(10)]), most=most)

    told = capsys.readouterr().out
    assert told.count("Statement issued") == 10
    assert "more events" not in told


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("none", "no content"),
        ("not_here", "has not arrived"),
        ("withheld", "for other members"),
        ("opaque", "does not know"),
    ],
)
def test_content_that_cannot_be_read_is_explained(
    output: Output, capsys: pytest.CaptureFixture[str], state: str, words: str
) -> None:
    print_history(output, history([event(0, None, content_state=state)]))

    told = capsys.readouterr().out
    assert "undated     Statement issued  un" in told
    assert words in told


def test_sealed_content_tells_until_when(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = event(0, None, content_state="embargoed", not_before_ms=1_796_115_600_000)
    print_history(output, history([sealed]))
    assert "(sealed until 2026-12-01 09:00 UTC)" in capsys.readouterr().out


def test_event_tells_what_it_is_about_by_its_position(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    about = STATEMENT.model_copy(update={"about": EventPointer(origin="r/un/1", index=10)})
    elsewhere = STATEMENT.model_copy(update={"about": EventPointer(origin="r/x/1", index=10)})
    print_history(output, history([event(0), event(1, about), event(2, elsewhere)]))

    told = capsys.readouterr().out
    assert told.count("about") == 1
    assert "· about 0" in told


def test_remarks_invented_marks_and_grades_are_shown(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    assessed = FollowupAssessed(
        acting_body="tb.ccpr",
        basis="reported_by",
        reported_by="an organisation",
        is_invented=True,
        grade=NativeGrade(scheme="ccpr", value="B2"),
    )
    remarks = ("refers to event 4 of log x, not received",)
    print_history(output, history([event(0, assessed, kind="unknown_99", remarks=remarks)]))

    told = capsys.readouterr().out
    assert "unknown_99  INVENTED · Human Rights Committee · ccpr: B2 · reported by" in told
    assert "note: refers to event 4 of log x, not received" in told


def test_text_of_others_neither_styles_nor_steers_the_terminal(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "[red]x[/red] \x1b[2J \x9b31m \r"
    hostile = CaseOpened(acting_body="un.press", basis="own_act", title=title)
    print_history(output, history([event(0, hostile, remarks=("\x1b]0;x\x07",))]))
    print_cases(output, [summary(title=title)])
    print_case(output, summary(title=title))
    print_timeline(output, [TimelineItem(None, event(0, hostile), 0)])
    report = ImportReport("r", rows=1, rejected=[Rejected(2, "state_unknown", title)])
    print_import(output, report)

    told = capsys.readouterr().out
    assert told.count("[red]x[/red]") == 5
    assert not {"\x1b", "\x9b", "\x07", "\r"} & set(told)


def test_timeline_shows_both_clocks(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    items = [TimelineItem(PartialDate(value="2025"), event(0), 1_750_000_060_000)]
    print_timeline(output, [*items, TimelineItem(None, event(1), 0)])

    told = capsys.readouterr().out
    assert "2025        Statement issued" in told
    assert "recorded 2025-06-15 15:06:40, received here 2025-06-15 15:07:40 UTC" in told
    assert "undated     Statement issued" in told
    assert "2 acts" in told


def test_case_list_marks_invented_cases_and_shortens_many_states(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    states = ("AAA", "BBB", "CCC", "DDD", "EEE")
    print_cases(output, [summary(is_invented=True, states=states), summary(title="")])

    told = capsys.readouterr().out
    assert "INVENTED · A case  AAA BBB CCC DDD …" in told
    assert "EEE" not in told
    assert "untitled  POL" in told
    assert CASE.hex() in told
    assert "3 events, last 2025-06-15 15:06:40 UTC, by un, osce-odihr" in told
    assert "2 cases" in told


def test_empty_case_list_says_so(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    print_cases(output, [])

    assert capsys.readouterr().out == "0 cases\n"


def test_case_names_its_states(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    print_case(output, summary())
    print_case(output, summary(states=()))

    told = capsys.readouterr().out
    assert "POL (Poland)" in told
    assert "3, 1 not readable here" in told
    assert "none named" in told


def test_import_tells_each_row_and_counts_by_reason(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = [Rejected(2, "state_unknown", "'X'"), Rejected(9, "brand_new_reason", "why")]
    print_import(output, ImportReport("upr", 10, 8, 7, 1, rejected))

    told = capsys.readouterr().out
    assert "upr: 8 of 10 rows taken, 7 events added, 1 were there already" in told
    assert "line 2: state_unknown: 'X'" in told
    assert "1 left out: names a State that nobody knows" in told
    assert "1 left out: brand new reason" in told


def test_wrapped_text_keeps_its_column(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    print_wrapped(output, "start  ", " ".join(["word"] * 100))

    first, *more = capsys.readouterr().out.splitlines()
    assert first.startswith("start  word")
    assert more
    assert all(line.startswith("       word") for line in more)
    assert all(len(line) <= output.console.width for line in [first, *more])


@pytest.mark.parametrize("lying_ms", [2**62, -(2**62)])
def test_lying_clock_does_not_break_the_page(lying_ms: int) -> None:
    assert str(lying_ms) in time_text(lying_ms)


def test_nothing_is_said_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Output(is_json=True)
    print_history(silent, history([event(0)]))
    print_cases(silent, [summary()])

    assert capsys.readouterr().out == ""


def test_history_says_how_many_have_witnessed_an_event(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    print_history(output, history([event(0, witnessed_by=1, witnesses=2), event(1)]))

    told = " ".join(capsys.readouterr().out.split())
    assert "r/un/1#10, witnessed 1 of 2" in told
    assert told.count("witnessed") == 1
