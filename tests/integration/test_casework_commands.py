"""Casework on the command line: lists, the board and its calendar, links, references, a watch."""

import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from icalendar import Calendar
from typer.testing import CliRunner, Result

from registry.errors import InvalidRequest, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
OWN_ACT = ("--field", "acting_body=un.sr-defenders", "--field", "basis=own_act")
STATE = "XXD"
CANARY = "Zemlinski"


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def record(node: LocalNode, kind: str, case_id: str = "", *fields: str) -> dict[str, Any]:
    written = [word for field in fields for word in ("--field", field)]
    case = ["--case", case_id] if case_id else []
    result = run(node, "record", kind, *case, *OWN_ACT, *written, "--audience", "all", "--json")
    receipt: dict[str, Any] = told(result)["receipt"]
    return receipt


def until_listed(node: LocalNode, *arguments: str) -> list[Any]:
    deadline = monotonic() + 20
    while True:
        found: list[Any] = told(run(node, *arguments, "--json"))
        if found or monotonic() > deadline:
            assert found, arguments
            return found
        sleep(0.05)


@pytest.fixture(scope="module")
def letter(federation: list[LocalNode]) -> dict[str, Any]:
    node = federation[0]
    opened = record(
        node,
        "case_opened",
        "",
        f"title=Commands, {CANARY} (invented)",
        f"states={STATE}",
        "is_invented=yes",
        "own_number=CMD-7",
        "parties=company:Invented Mining Ltd:respondent",
    )
    return record(
        node,
        "communication_sent",
        opened["case_id"],
        "instrument=un.al",
        f"addressee_state={STATE}",
        "sent_date=2024-01-10",
        "references=AL XXD 3/2024",
        f"title=About {CANARY}",
    )


def test_board_shows_what_is_overdue_and_writes_a_calendar_without_names(
    alpha: LocalNode, letter: dict[str, Any], tmp_path: Path
) -> None:
    (due,) = until_listed(alpha, "board", "--state", STATE.lower(), "--overdue")
    assert (due["due"], due["is_overdue"], due["event"]["index"]) == (
        "2024-03-10",
        True,
        letter["index"],
    )
    shown = run(alpha, "board", "--state", STATE)
    assert "2024-03-10  overdue  reply due (by the clock)  XXD  un.al" in shown.output

    file = tmp_path / "dates.ics"
    written = run(alpha, "board", "--state", STATE, "--ics", str(file))
    assert written.exit_code == 0
    assert CANARY not in file.read_text()
    assert "Mining" not in file.read_text()
    (event,) = Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert str(event["SUMMARY"]) == "reply due: XXD (un.al)"
    assert event["DTSTART"].to_ical() == b"20240310"
    piped = run(alpha, "board", "--state", STATE, "--ics", "-")
    assert piped.stdout_bytes == file.read_bytes()


def test_acts_and_cases_are_found_by_words_state_and_instrument(
    alpha: LocalNode, letter: dict[str, Any]
) -> None:
    del letter
    acts = until_listed(alpha, "acts", "--state", STATE, "--kind", "case_opened")
    assert "Invented Mining" not in json.dumps(acts)
    assert until_listed(alpha, "acts", "--text", "mining ltd", "--state", STATE)
    (case,) = until_listed(alpha, "case", "list", "--text", "commands zemlin")
    assert case["own_numbers"] == ["CMD-7"]
    assert "About" in run(alpha, "acts", "--instrument", "un.al", "--state", STATE).output
    found = told(run(alpha, "reference", "find", "al xxd 03/2024", "--json"))
    assert found["parsed"]["normal"] == "XXD 3/2024"
    assert [place["written"] for place in found["places"]] == ["AL XXD 3/2024"]
    numbered = told(run(alpha, "reference", "find", "cmd-7", "--json"))
    assert len(numbered["places"]) == 1
    assert "AL XXD 3/2024" in run(alpha, "reference", "find", "XXD 3/2024").output
    refused = run(alpha, "acts", "--since", "soon")
    assert isinstance(refused.exception, InvalidRequest)


def test_case_shows_its_status_and_its_disagreements(
    alpha: LocalNode, letter: dict[str, Any]
) -> None:
    shown = run(alpha, "case", "show", letter["case_id"])
    assert "status     open" in shown.output
    assert "numbers    CMD-7" in shown.output
    assert told(run(alpha, "case", "show", letter["case_id"], "--json"))["disagreements"] == []


def test_followups_and_concordances_are_listed(alpha: LocalNode, letter: dict[str, Any]) -> None:
    case_id = letter["case_id"]
    fields = [f"addressee_state={STATE}", "title=An invented ask", "made_date=2024-02"]
    asked = [record(alpha, "recommendation_made", case_id, *fields) for _ in range(2)]
    places = [f"{each['origin']}#{each['index']}" for each in asked]
    record(
        alpha,
        "followup_assessed",
        case_id,
        f"about={places[0]}",
        "grade=ccpr:A",
        "assessed_date=2025",
    )
    record(alpha, "concordance_proposed", case_id, f"about={places[0]}", f"same_as={places[1]}")
    (row,) = until_listed(alpha, "followups", "--state", STATE, "--status", "ambiguous")
    assert row["assessments"][0]["value"] == "A"
    assert "ccpr: A" in run(alpha, "followups", "--state", STATE).output
    until_listed(alpha, "concordances", "--event", places[1])
    assert "proposed" in run(alpha, "concordances", "--status", "proposed").output


def test_links_are_proposed_listed_and_ended(alpha: LocalNode, letter: dict[str, Any]) -> None:
    other = record(alpha, "case_opened", "", "title=Another (invented)")["case_id"]
    case_id = letter["case_id"]
    proposed = told(run(alpha, "link", "propose", case_id, other, "--json"))["receipt"]
    place = f"{proposed['origin']}#{proposed['index']}"
    until_listed(alpha, "link", "list", other)
    listed = run(alpha, "link", "list", case_id)
    assert place in listed.output
    assert "proposed" in listed.output
    own = run(alpha, "link", "accept", place)
    assert "link_answered_by_another" in str(own.exception)
    assert "ended as event" in run(alpha, "link", "end", place).output
    again = run(alpha, "link", "end", place)
    assert "link_ended" in str(again.exception)
    history = run(alpha, "case", "history", case_id, "--linked")
    assert "proposes that another case belongs together with this one" in history.output
    nowhere = run(alpha, "link", "decline", f"{proposed['origin']}#0")
    assert isinstance(nowhere.exception, NotFound)


def test_watch_ends_when_all_was_told_and_goes_on_from_its_cursor(
    alpha: LocalNode, letter: dict[str, Any]
) -> None:
    case_id = letter["case_id"]
    first = run(alpha, "case", "watch", case_id, "--once", "--json")
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert {line["event"]["kind"] for line in lines if line["event"]} >= {"communication_sent"}
    cursor = lines[-1]["cursor"]
    assert lines[-1]["is_caught_up"]
    record(alpha, "note_added", case_id, "title=After the cursor")
    after = run(alpha, "case", "watch", case_id, "--once", "--cursor", cursor)
    assert "After the cursor" in after.output
    assert "Communication sent" not in after.output
    assert "(invented)" in run(alpha, "case", "watch", "--once").output


def test_mechanisms_and_kinds_are_told_in_words() -> None:
    shown = RUNNER.invoke(app, ["mechanisms", "wgad"])
    assert "60 days to reply" in shown.output
    assert "to be confirmed: followup_months" in shown.output
    assert len(json.loads(RUNNER.invoke(app, ["mechanisms", "--json"]).stdout)) == 14
    assert isinstance(RUNNER.invoke(app, ["mechanisms", "nobody"]).exception, InvalidRequest)
    french = RUNNER.invoke(app, ["kinds", "--language", "fr"])
    assert "Réponse reçue" in french.output
    assert isinstance(RUNNER.invoke(app, ["kinds", "--language", "xx"]).exception, InvalidRequest)


def test_source_of_a_submission_comes_from_a_file_and_stays_at_the_desk(
    alpha: LocalNode, letter: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "source.json"
    file.write_text(json.dumps({"name": "Ayo Lindqvist", "contact": "by hand"}))
    words = ("record", "submission_received", "--case", letter["case_id"], *OWN_ACT)
    receipt = told(run(alpha, *words, "--source", str(file), "--json"))["receipt"]

    kept = told(run(alpha, "desk", "source", str(receipt["index"]), "--json"))
    assert "Lindqvist" in json.dumps(kept)
    history = run(alpha, "case", "history", letter["case_id"], "--json")
    assert "Lindqvist" not in history.output
    for wrong in ('{"name": 1}', '{"who": "x"}', "{}", "[]", "nothing"):
        file.write_text(wrong)
        refused = run(alpha, *words, "--source", str(file))
        assert isinstance(refused.exception, InvalidRequest)
        assert "--source" in str(refused.exception)
