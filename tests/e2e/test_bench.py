"""`registry bench` measures everything in one run, and leaves nothing behind however it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REGISTRY = Path(sys.executable).with_name("registry")
NUMBERS = (
    "append_one.ratio",
    "append_one.fsyncs_per_append",
    "append_32.ratio",
    "append_32.fsyncs_per_append",
    "replication.ratio",
    "replication.events_per_s",
    "replication.parts_per_s",
    "replication.raw_verify_per_s",
    "live.p50_ms",
    "live.p99_ms",
    "live.content_p50_ms",
    "fsync.p50_ms",
    "case_read.p50_ms",
    "record.p50_ms",
    "record.p99_ms",
    "long_case_read.p50_ms",
    "long_case_read.encrypted_parts",
    "verify.events_per_s",
    "receiver_rss_mb",
)
STANDS_BESIDE = {
    "append_one": {"durability", "fsyncs_per_append", "verified", "goal", "is_met"},
    "append_32": {"durability", "fsyncs_per_append", "verified", "goal", "is_met"},
    "replication": {"durability", "verified", "goal", "is_met"},
    "live": {"durability", "fsyncs_on_the_way", "verified", "goal", "is_met"},
    "record": {"durability", "verified", "goal", "is_met"},
    "long_case_read": {"goal", "is_met"},
}


def command(folder: Path, *options: str) -> list[str]:
    """A small run whose files go into `folder`."""
    return [str(REGISTRY), "bench", "--events", "2000", "--folder", str(folder), *options]


def started_from(folder: Path) -> list[str]:
    """Command lines of processes that have something to do with a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile
        if any(str(folder).encode() in word for word in words):
            found.append(b" ".join(words).decode())
    return found


def number_at(document: Any, path: str) -> float:
    for key in path.split("."):
        document = document[key]
    assert isinstance(document, int | float)
    return document


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(command(folder, "--json"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    assert started_from(folder) == []
    return done


def test_json_has_every_figure_as_a_number(run: subprocess.CompletedProcess[str]) -> None:
    document = json.loads(run.stdout)

    assert {path for path in NUMBERS if not number_at(document, path) > 0} == set()


def test_what_makes_a_figure_worth_something_stands_beside_it(
    run: subprocess.CompletedProcess[str],
) -> None:
    document = json.loads(run.stdout)

    assert {
        name: missing
        for name, keys in STANDS_BESIDE.items()
        if (missing := keys - set(document[name]))
    } == {}


def test_all_events_are_replicated_and_verified_again(
    run: subprocess.CompletedProcess[str],
) -> None:
    document = json.loads(run.stdout)

    assert document["replication"]["entries"] == 2000
    assert document["verify"]["events"] >= 2000 + document["live"]["events"]


def test_one_caller_pays_two_syncs_an_append_and_many_share_them(
    run: subprocess.CompletedProcess[str],
) -> None:
    document = json.loads(run.stdout)

    assert document["append_one"]["fsyncs_per_append"] == 2
    assert document["append_32"]["fsyncs_per_append"] < 1


def test_progress_is_told_on_standard_error(run: subprocess.CompletedProcess[str]) -> None:
    assert "replicating" in run.stderr


def test_catch_up_goes_on_after_a_kill_in_the_middle(tmp_path: Path) -> None:
    options = ["bench", "--catch-up", "--events", "20000", "--folder", str(tmp_path), "--json"]
    done = subprocess.run([str(REGISTRY), *options], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [each["events"] for each in document["rounds"]] == [2000, 20000]
    assert document["killed_at"] >= 10_000
    assert document["receiver_peak_mb"] > 0
    assert list(tmp_path.iterdir()) == []


def test_bench_told_to_end_stops_its_nodes_and_removes_its_folder(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "replicating" in line:  # one node runs, the other is being started
                break
        assert any("registry_node" in words for words in started_from(tmp_path))
        process.send_signal(signal.SIGTERM)
        process.communicate()

    assert process.returncode not in (0, -signal.SIGTERM)
    assert started_from(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
