"""The demo calls itself good only if digests are equal, logs proved and rows accounted for."""

import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from registry.application.verification import LogReport, VerificationReport
from registry.client import History, LogPlace, NodeDigest
from registry.domain.identifiers import CaseId, Origin, RegistryId, RootHash
from registry.views.case_file import LogPlace as ViewPlace
from registry_cli.demo_report import (
    DemoReport,
    print_digests,
    print_imports,
    print_verified,
    write_left_out,
)
from registry_cli.demonstration import Crash, RegisterImported
from registry_cli.federation import LocalNode, Mechanism
from registry_cli.importing import ImportReport, Rejected
from registry_cli.main import app
from registry_cli.output import Output, plain

SLUGS = ("un", "osce-odihr")
DIGEST = b"\x01" * 32
OTHER = b"\x02" * 32
ROOT = b"\x03" * 32


def log(slug: str, *findings: str) -> LogReport:
    """What was verified of one log."""
    return LogReport(f"r/{slug}/1", slug, 5, ROOT, 5, findings)


def verified(*logs: LogReport, digest: bytes = DIGEST) -> VerificationReport:
    """What was verified of one folder."""
    vector = (ViewPlace(Origin("r/un/1"), 5, RootHash(ROOT)),)
    return VerificationReport(b"\x09" * 32, logs, digest, 2, vector)


def seen(digest: bytes = DIGEST) -> History:
    """A case as a node sees it."""
    return History(CaseId(b"\x07" * 16), (), digest, ())


@pytest.fixture
def good() -> DemoReport:
    """A report of two nodes that ended as it must."""
    vector = (LogPlace("r/un/1", 5, ROOT),)
    rejected = [Rejected(3, "state_unknown", "'x' is no State")]
    taken = ImportReport("upr", rows=3, rows_taken=2, events_added=2, rejected=rejected)
    return DemoReport(
        Path("demo"),
        RegistryId(b"\x09" * 32),
        [LocalNode(Mechanism(slug, slug.upper()), Path(slug), "h:1") for slug in SLUGS],
        imports=(RegisterImported("un", taken),),
        poland={slug: seen() for slug in SLUGS},
        invented={slug: seen() for slug in SLUGS},
        verified={slug: verified(*(log(s) for s in SLUGS)) for slug in SLUGS},
        digests={slug: NodeDigest(DIGEST, 2, vector) for slug in SLUGS},
    )


def test_report_with_equal_digests_and_proved_logs_is_good(good: DemoReport) -> None:
    assert good.is_good


def test_other_digest_at_one_node_is_not_good(good: DemoReport) -> None:
    digests = {**good.digests, "un": replace(good.digests["un"], digest=OTHER)}

    assert not replace(good, digests=digests).is_good


def test_other_vector_at_one_node_is_not_good(good: DemoReport) -> None:
    digests = {**good.digests, "un": replace(good.digests["un"], vector=())}

    assert not replace(good, digests=digests).is_good


def test_folder_that_proves_another_digest_is_not_good(good: DemoReport) -> None:
    proved = {**good.verified, "un": replace(good.verified["un"], node_digest=OTHER)}

    assert not replace(good, verified=proved).is_good


def test_situation_that_two_nodes_see_differently_is_not_good(good: DemoReport) -> None:
    assert not replace(good, poland={**good.poland, "un": seen(OTHER)}).is_good


def test_invented_case_that_two_nodes_see_differently_is_not_good(good: DemoReport) -> None:
    assert not replace(good, invented={**good.invented, "un": seen(OTHER)}).is_good


def test_log_with_a_finding_is_not_good(good: DemoReport) -> None:
    proved = {**good.verified, "un": verified(log("un", "entry 2: bad"), log("osce-odihr"))}

    assert not replace(good, verified=proved).is_verified
    assert not replace(good, verified=proved).is_good


def test_log_that_was_not_verified_is_not_good(good: DemoReport) -> None:
    assert not replace(good, verified={**good.verified, "un": verified(log("un"))}).is_good


def test_node_that_was_not_asked_is_not_good(good: DemoReport) -> None:
    assert not replace(good, digests={"un": good.digests["un"]}).is_good


def test_row_that_is_neither_in_nor_told_is_not_good(good: DemoReport) -> None:
    lost = replace(good.imports[0].report, rows_taken=1)

    assert not replace(good, imports=(RegisterImported("un", lost),)).is_good


def test_report_before_anything_was_done_is_not_good() -> None:
    assert not DemoReport(Path("demo"), RegistryId(b""), []).is_good


def test_document_is_json_and_says_whether_it_is_good(good: DemoReport) -> None:
    document = json.loads(json.dumps(plain(good.document(["registry case list"]))))

    assert document["ok"] is True
    assert document["digests"]["un"]["digest"] == DIGEST.hex()
    assert document["commands"] == ["registry case list"]


def test_every_row_left_out_is_printed(
    good: DemoReport, capsys: pytest.CaptureFixture[str]
) -> None:
    print_imports(Output(is_json=False), good, Path("list.csv"))

    told = capsys.readouterr().out
    assert "upr line 3" in told
    assert "names a State that nobody knows: 'x' is no State" in told


def test_many_rows_left_out_are_counted_by_reason_and_the_file_is_named(
    good: DemoReport, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = [Rejected(n, "state_unknown", "x") for n in range(2, 32)]
    many = ImportReport("upr", rows=30, rejected=rejected)
    report = replace(good, imports=(RegisterImported("un", many),), crash=Crash("un", 7, 1.25))

    print_imports(Output(is_json=False), report, Path("list.csv"))

    told = capsys.readouterr().out
    assert "30 in upr: names a State that nobody knows" in told
    assert "list.csv" in told
    assert "line 2" not in told
    assert "un was killed (SIGKILL) after 7 rows" in told


def test_list_of_rows_left_out_is_complete(good: DemoReport, tmp_path: Path) -> None:
    path = tmp_path / "left-out.csv"
    write_left_out(path, good.imports)

    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "register": "upr",
        "line": "3",
        "reason": "state_unknown",
        "detail": "'x' is no State",
    }


def test_finding_is_printed_beside_its_folder_and_log(
    good: DemoReport, capsys: pytest.CaptureFixture[str]
) -> None:
    proved = {**good.verified, "un": verified(log("un", "entry 2: bad"), log("osce-odihr"))}
    print_verified(Output(is_json=False), replace(good, verified=proved))

    told = capsys.readouterr().out
    assert "5 BAD" in told
    assert "un: r/un/1: entry 2: bad" in told


def test_equal_vectors_are_printed_once_and_different_ones_by_node(
    good: DemoReport, capsys: pytest.CaptureFixture[str]
) -> None:
    print_digests(Output(is_json=False), good)
    told = capsys.readouterr().out
    assert told.count(DIGEST.hex()) == len(SLUGS)
    assert told.count(ROOT.hex()) == 1

    digests = {**good.digests, "un": replace(good.digests["un"], vector=())}
    print_digests(Output(is_json=False), replace(good, digests=digests))
    assert "un stands for" in capsys.readouterr().out


def test_demo_with_once_ends_by_itself_and_tells_no_commands(
    good: DemoReport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All else of a demo, also that it stays up otherwise: tests/e2e/test_demo.py."""

    @asynccontextmanager
    async def without_nodes(_: Path) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(registry_id=good.registry_id, nodes=good.nodes)

    async def nothing(*_: object) -> None:
        pass

    module = "registry_cli.commands.demo"
    monkeypatch.setattr(f"{module}.demonstrating", without_nodes)
    monkeypatch.setattr(f"{module}.DemoReport", lambda *_: good)
    monkeypatch.setattr(f"{module}._Run._act", nothing)
    monkeypatch.setattr(f"{module}._Run._prove", nothing)
    words = ["demo", "--once", "--json", "--folder", str(tmp_path / "once")]
    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["commands"] == []
