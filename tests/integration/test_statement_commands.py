"""`registry statement`: two secretariats draft, sign, issue, correct and withdraw at a terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.errors import InvalidRequest, NotFound, RuleViolation
from registry_cli.federation import LocalNode
from registry_cli.main import app

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
PATIENCE_S = 90.0


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def told(node: LocalNode, *arguments: str) -> Any:
    result = run(node, *arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def place_of(answer: Any) -> str:
    return f"{answer['receipt']['origin']}#{answer['receipt']['index']}"


def until_shown(node: LocalNode, place: str, enough: Callable[[Any], bool]) -> Any:
    deadline = monotonic() + PATIENCE_S
    while True:
        result = run(node, "statement", "show", place, "--json")
        found = json.loads(result.stdout) if result.exit_code == 0 else None
        if found is not None and enough(found["statement"]):
            return found
        assert monotonic() < deadline, (place, result.output)
        sleep(0.05)


@pytest.fixture(scope="module")
def case_id(federation: list[LocalNode]) -> str:
    opened = told(
        federation[0],
        *("record", "case_opened", "--audience", "all"),
        *("--field", "title=A case for statements (invented)", "--field", "is_invented=yes"),
        *("--field", "acting_body=test.desk", "--field", "basis=own_act"),
    )
    return str(opened["receipt"]["case_id"])


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    (tmp_path / "en.txt").write_text("We call for release (invented).\n\nNow.\n")
    (tmp_path / "fr.txt").write_text("Nous demandons la lib\xe9ration (invent\xe9).\n", "utf-8")
    return ["--text", f"en={tmp_path / 'en.txt'}", "--text", f"fr={tmp_path / 'fr.txt'}"]


def drafted(node: LocalNode, case_id: str, *further: str) -> str:
    return place_of(
        told(
            node,
            *("statement", "draft", case_id, "--title", "Joint (invented)", "--body", "test.desk"),
            *("--invented", *further),
        )
    )


def test_statement_goes_from_draft_to_correction_at_the_terminal(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode, case_id: str, texts: list[str]
) -> None:
    place = drafted(alpha, case_id, *texts, "--invite", "beta", "--state", "xxa")
    shown = run(alpha, "statement", "show", place).output
    assert "INVENTED · Joint (invented)" in shown
    assert "draft, 0 of 1 of 1 signed" in shown
    assert "missing     1 of: beta" in shown
    assert "[fr]" in shown

    read = until_shown(beta, place, lambda each: each["status"] == "draft")
    text_hash = read["statement"]["text_hash"]
    assert text_hash in shown
    wrong = run(beta, "statement", "cosign", place, "--hash", "0" * 64, "--body", "test.beta")
    assert isinstance(wrong.exception, InvalidRequest)
    early = run(alpha, "statement", "issue", place)
    assert isinstance(early.exception, RuleViolation)
    assert "not among them: beta" in str(early.exception)
    told(beta, "statement", "cosign", place, "--hash", text_hash, "--body", "test.beta")
    until_shown(alpha, place, lambda each: each["status"] == "ready")

    issued = run(alpha, "statement", "issue", place)
    assert "issued as event testing/alpha/1#" in issued.output, issued.exception
    assert isinstance(run(gamma, "statement", "show", place).exception, NotFound)
    at = until_shown(beta, place, lambda each: each["status"] == "issued")["statement"]["issued"]
    public = f"{at['origin']}#{at['index']}"
    until_shown(gamma, public, lambda each: each["standing"] == 1)
    assert "signed, says its author" in run(gamma, "statement", "show", public).output
    joined = run(gamma, "statement", "cosign", public, "--hash", text_hash, "--body", "test.gamma")
    assert "cosigned as event testing/gamma/1#" in joined.output
    until_shown(alpha, public, lambda each: each["standing"] == 2)
    assert "joined later" in run(alpha, "statement", "show", public).output

    empty = run(alpha, "statement", "correct", place)
    assert isinstance(empty.exception, InvalidRequest)
    told(alpha, "statement", "correct", place, "--correction", "It was on Monday.", *texts[:2])
    corrected = run(alpha, "statement", "show", place).output
    assert "It was on Monday." in corrected
    assert "the signatures are not of this" in corrected
    assert "superseded" in corrected
    withdrawn = run(gamma, "statement", "withdraw", public, "--body", "test.gamma")
    assert "withdrawn as event testing/gamma/1#" in withdrawn.output
    until_shown(alpha, public, lambda each: each["standing"] == 1)


def test_statements_are_listed_with_how_they_stand(
    alpha: LocalNode, case_id: str, texts: list[str]
) -> None:
    first = drafted(alpha, case_id, *texts, "--invite", "beta,gamma", "--needed", "1")
    second = drafted(alpha, case_id, *texts[:2], "--invite", "beta", "--replaces", first)
    told(alpha, "statement", "withdraw", second)
    deadline = monotonic() + PATIENCE_S
    while True:
        rows = told(alpha, "statement", "list", "--case", case_id)
        found = {f"{r['event']['origin']}#{r['event']['index']}": r for r in rows}
        if found.get(second, {}).get("status") == "withdrawn":
            break
        assert monotonic() < deadline, rows
        sleep(0.05)
    assert (found[first]["status"], found[first]["needed"]) == ("superseded", 1)
    assert found[second]["replaces"]["index"] == int(first.partition("#")[2])
    printed = run(alpha, "statement", "list", "--case", case_id, "--status", "withdrawn").output
    assert second in printed
    assert first not in printed
    nothing = run(alpha, "statement", "list", "--state", "QMA")
    assert "no statement fits" in nothing.output


def test_release_is_planned_in_the_draft_and_kept_by_the_issue(
    alpha: LocalNode, case_id: str, texts: list[str]
) -> None:
    planned = drafted(alpha, case_id, *texts, "--release", "2035-12-01T09:00")
    assert "2035-12-01 09:00:00 UTC (planned)" in run(alpha, "statement", "show", planned).output
    told(alpha, "statement", "issue", planned)
    assert "released at 2035-12-01 09:00 UTC" in run(alpha, "statement", "show", planned).output

    missed = drafted(alpha, case_id, *texts, "--release", "2020-12-01T09:00")
    late = run(alpha, "statement", "issue", missed)
    assert "say --at TIME, or --now" in str(late.exception)
    assert place_of(told(alpha, "statement", "issue", missed, "--now", "--date", "2026-12-02"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--text", "en"), "LANGUAGE=FILE"),
        (("--text", "en=/nowhere/at-all"), "cannot be read"),
        (("--replaces", "nonsense"), "ORIGIN#INDEX"),
        (("--release", "tomorrow"), "--release: expected a time"),
    ],
)
def test_what_is_typed_wrongly_is_refused_before_anything_is_sent(
    alpha: LocalNode, case_id: str, arguments: tuple[str, ...], words: str
) -> None:
    result = run(
        alpha, "statement", "draft", case_id, "--title", "Wrong", "--body", "test.desk", *arguments
    )
    assert isinstance(result.exception, InvalidRequest)
    assert words in str(result.exception)
