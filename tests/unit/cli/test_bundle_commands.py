"""`registry bundle` on the command line: words, JSON, exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.application.bundles.since import read_since
from registry.domain.identifiers import log_id_of
from registry.errors import (
    BundleForAnother,
    BundleGap,
    CommitmentMismatch,
    InvalidRequest,
    MalformedBundle,
    RegistryError,
    TruncatedStream,
)
from registry.log.bundle import BundleHead, BundleSealed
from registry_cli.errors import EXIT_BAD_BYTES, exit_code
from registry_cli.main import app
from tests.unit.application.bundle_world import (
    Bundles,
    make_bundles,
    records_of,
    rewritten,
    take,
)
from tests.unit.application.test_bundles_of_liars import forked, invented, sealed

REGISTRY = Path(sys.executable).with_name("registry")
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
ALPHA = "invented.example/alpha/1"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    return make_bundles(tmp_path_factory.mktemp("bundles"))


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, ["bundle", *(str(each) for each in arguments)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_whole_way_in_words(bundles: Bundles, tmp_path: Path) -> None:
    beta = bundles.fresh(tmp_path / "beta")
    shown = run("show", bundles.second).output
    assert "bundle of invented.example, whole: " in shown
    assert "rosters     1 to 1\n" in shown
    assert f"  {ALPHA:<44} 12 to 20\n" in shown
    assert "  invented.example/beta/1                      nothing new, 3 held\n" in shown
    assert "parts, sealed to beta (The beta mechanism (invented))" in shown

    early = run("import", beta, bundles.second)
    assert isinstance(early.exception, BundleGap)
    first = run("import", beta, bundles.first)
    assert f"  {ALPHA:<44} 0 to 12\nentries" in first.output.replace(
        "  invented.example/beta/1                      nothing new, 3 held\n", ""
    )
    assert "entries  12 new\ncontent  10 parts new, 3 here already or erased, 0 not" in first.output

    second = told(run("import", beta, bundles.second, "--json"))
    assert second["logs"][0]["before"] == 12
    assert second["logs"][0]["after"] == 20
    assert second["parts_stored"] == 7


def test_export_says_what_leaves_and_preview_writes_nothing(
    bundles: Bundles, tmp_path: Path
) -> None:
    alpha = bundles.fresh(tmp_path / "alpha", "alpha")
    file = tmp_path / "to-beta.bundle"
    before = run("export", alpha, file, "--to", "beta", "--preview")
    assert "parts, sealed to beta\nnothing was written\n" in before.output
    assert not file.exists()

    written = run("export", alpha, file, "--to", "beta", "--since", bundles.first)
    assert f"  {ALPHA:<44} 12 to 20\n" in written.output
    assert f"{file.stat().st_size} bytes written to {file}" in written.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert isinstance(run("export", alpha, file).exception, InvalidRequest)
    bare = run("export", alpha, tmp_path / "bare.bundle")
    assert "content  none: say --to MECHANISM" in bare.output


def test_show_needs_no_node_and_says_it_in_json(bundles: Bundles) -> None:
    whole = told(run("show", bundles.whole, "--json"))
    assert whole["is_whole"] is True
    assert whole["recipient"] == "beta"
    assert whole["logs"][0] == {"origin": ALPHA, "start": 0, "size": 20}
    assert told(run("show", bundles.bare, "--json"))["recipient"] is None
    assert "content     none" in run("show", bundles.bare).output


@pytest.mark.parametrize(
    ("error", "status"),
    [(MalformedBundle, 7), (TruncatedStream, 7), (BundleForAnother, 2), (BundleGap, 6)],
)
def test_exit_codes(error: type[RegistryError], status: int) -> None:
    assert exit_code(error("x")) == status


def test_another_history_is_named_and_standard_output_is_json_alone(
    bundles: Bundles, tmp_path: Path
) -> None:
    """As a process: what is logged on the way is a remark."""
    beta = bundles.fresh(tmp_path / "beta")
    take(beta, forked(bundles, tmp_path, 1, "one"))
    other = forked(bundles, tmp_path, 2, "two")

    command = [str(REGISTRY), "bundle", "import", str(beta), str(other), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == EXIT_BAD_BYTES, done
    log = json.loads(done.stdout)["logs"][0]
    assert (log["origin"], log["reason"]) == (ALPHA, "root_mismatch")
    assert "log_contradicted" in done.stderr


def test_proof_of_a_fault_is_told_when_it_is_made_given_shown_and_taken(
    bundles: Bundles, tmp_path: Path
) -> None:
    beta, gamma = bundles.fresh(tmp_path / "beta"), bundles.fresh(tmp_path / "gamma", "gamma")
    take(beta, forked(bundles, tmp_path, 1, "one"))
    words = f"frozen   {ALPHA} from 20 on, proven: two_entries\n"

    made = run("import", beta, forked(bundles, tmp_path, 2, "two"))
    given = run("export", beta, tmp_path / "back.bundle")
    shown = run("show", tmp_path / "back.bundle")
    taken = run("import", gamma, tmp_path / "back.bundle")

    assert (made.exit_code, taken.exit_code) == (EXIT_BAD_BYTES, 0)
    assert words in made.output
    assert words in taken.output
    assert "faults   1 proofs of what authors did wrong\n" in given.output
    assert "void from 20 on, if it holds\n" in shown.output
    document = told(run("show", tmp_path / "back.bundle", "--json"))
    assert document["faults"] == [{"origin": ALPHA, "frozen_at": 20}]


def test_import_that_stops_says_what_stays(bundles: Bundles, tmp_path: Path) -> None:
    beta = bundles.fresh(tmp_path / "beta")
    lie = rewritten(bundles.whole, tmp_path / "lie.bundle", sealed(bundles, (invented(1),)))

    stopped = run("import", beta, lie)

    assert isinstance(stopped.exception, CommitmentMismatch)
    assert "entries  20 new\n" in stopped.output
    assert "was verified and stays, as with a peer that breaks off" in stopped.output


def test_entries_alone_are_taken_of_a_bundle_for_another(bundles: Bundles, tmp_path: Path) -> None:
    gamma = bundles.fresh(tmp_path / "gamma", "gamma")
    sealed_parts = sum(
        each.part_count for each in records_of(bundles.whole) if isinstance(each, BundleSealed)
    )
    taken = run("import", gamma, bundles.whole, "--without-content")
    assert f"{sealed_parts} left sealed" in taken.output


# --- what the recipient holds ------------------------------------------------------------------


def test_sizes_are_read_from_whatever_says_them(bundles: Bundles, tmp_path: Path) -> None:
    log_id, other = log_id_of(ALPHA), log_id_of("invented.example/beta/1")
    note = next(e.note for e in records_of(bundles.first) if isinstance(e, BundleHead))
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"logs": [{"origin": ALPHA, "size": 12, "parts_wanted": 0}]}))
    text, document = tmp_path / "note.txt", tmp_path / "note.json"
    text.write_bytes(note.rstrip(b"\n"))
    document.write_text(json.dumps({"checkpoint": note.decode()}))

    assert read_since("") == {}
    assert read_since(str(bundles.first)) == {log_id: 12, other: 3}
    for file in (status, text, document):
        assert read_since(str(file)) == {log_id: 12}
    assert read_since(f"{ALPHA}=12, invented.example/beta/1=3") == {log_id: 12, other: 3}


def test_sizes_of_more_logs_than_a_file_name_has_room_for_are_read() -> None:
    sizes = {f"invented.example/member-{number}/1": number for number in range(200)}

    held = read_since(",".join(f"{origin}={size}" for origin, size in sizes.items()))

    assert held == {log_id_of(origin): size for origin, size in sizes.items()}


@pytest.mark.parametrize(
    "text",
    [
        *("nothing.bundle", f"{ALPHA}=many", "=3", f"{ALPHA}=-1", "\udcff=3", "name/" * 2000),
        *(f"{ALPHA}={2**63}", f"{ALPHA}={'9' * 5000}"),
        *("[]", "{}", '{"logs": [{}]}', "words", "[" * 5000, '{"checkpoint": "\\ud800"}'),
        '{"logs": [{"origin": "\\ud800", "size": 1}]}',
    ],
)
def test_what_says_no_sizes_is_refused(tmp_path: Path, text: str) -> None:
    given = text
    if text[0] in "[{" or text == "words":
        (tmp_path / "file").write_text(text)
        given = str(tmp_path / "file")
    with pytest.raises(InvalidRequest):
        read_since(given)


def test_a_size_that_is_too_large_gives_nothing_of_that_log(
    bundles: Bundles, tmp_path: Path
) -> None:
    alpha = bundles.fresh(tmp_path / "alpha", "alpha")
    report = told(run("export", alpha, tmp_path / "x", "--since", f"{ALPHA}=999", "--json"))
    assert report["logs"][0] == {"origin": ALPHA, "start": 20, "size": 20}
