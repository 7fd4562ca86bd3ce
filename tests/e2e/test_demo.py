"""`registry demo`, run as users run it: five nodes, real records, equal digests, proved logs."""

import contextlib
import csv
import hashlib
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REGISTRY = Path(sys.executable).with_name("registry")
MECHANISMS = {"un", "iachr", "coe-commissioner", "osce-odihr", "observatory"}
STORY_KINDS = {
    "submission_received",
    "consent_recorded",
    "peers_asked",
    "peer_answered",
    "communication_sent",
    "measure_granted",
    "detention_recorded",
    "trial_observed",
    "opinion_adopted",
    "intent_declared",
    "intent_answered",
    "intent_withdrawn",
    "statement_drafted",
    "statement_cosigned",
    "statement_issued",
    "reprisal_alleged",
    "accountability_step",
    "recommendation_made",
    "followup_assessed",
    "meeting_held",
    "commitment_made",
    "practice_shared",
    "person_released",
}
"""Of what the story must tell, at whichever node it can be read."""
STORY_WORDS = {
    "un": (
        "these ",
        "contact us",
        "is ready: 2 of 3",
        "shown by all nodes at one time",
        "71 days in detention",
        "ALERTED",
    ),
    "iachr": (
        "for information, no duplication",
        "is WARNED of a duplication",
        "has no alert",
        "no investigation",
        "CAME AGAIN after impunity",
    ),
    "coe-commissioner": (
        "none known here",
        "neither what nor about whom",
        "ALERTED",
        "its agenda: arbitrary detention, reprisals and impunity",
        "finds it again from the case",
        "CLASHES",
        "meets no other one",
        "makes the same bytes as un",
    ),
    "osce-odihr": ("what has not been tried", "as iachr knew it then"),
    "observatory": ("osce-odihr (late)", "ALERTED", "emblematic"),
}
"""What looks must tell, at the node that is asked."""
MOST_LEFT_OUT = 20
DEMO_S = 600
AT = "originator_id = ? AND originator_version = ?"


def environment(home: Path) -> dict[str, str]:
    """An environment with nothing of the user's own in it."""
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


def registry_command(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(
        [REGISTRY, *arguments],
        cwd=home.parent,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if "registry_node" in line and str(folder) in line:
            found.append(line)
    return found


def node_facts(folder: Path, mechanism: str) -> list[str]:
    """The facts that a node logged, in order."""
    lines = (folder / mechanism / "node.log").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def check_outcome(document: dict[str, Any]) -> None:
    """Checks what every run of the demo must come to."""
    assert document["ok"] is True
    assert {node["mechanism"] for node in document["nodes"]} == MECHANISMS
    assert document["records"] > 3_500

    digests = document["digests"]
    assert set(digests) == MECHANISMS
    assert len({each["digest"] for each in digests.values()}) == 1
    assert len({json.dumps(each["vector"]) for each in digests.values()}) == 1

    verified = document["verified"]
    assert set(verified) == MECHANISMS
    logs = [log for report in verified.values() for log in report["logs"]]
    assert len(logs) == len(MECHANISMS) ** 2
    assert all(log["findings"] == [] for log in logs)
    assert all(log["entries_verified"] == log["size"] > 0 for log in logs)
    assert {r["node_digest"] for r in verified.values()} == {digests["un"]["digest"]}

    check_histories(document)
    check_left_out(document)


def check_histories(document: dict[str, Any]) -> None:
    """Checks Poland's situation and the invented case."""
    poland = document["poland"]
    assert len(poland) == 2
    assert len({history["digest"] for history in poland.values()}) == 1
    for history in poland.values():
        (opinion,) = (e for e in history["events"] if e["kind"] == "legal_review_issued")
        assert opinion["mechanism"] == "osce-odihr"
        assert opinion["content"]["references"] == ["NGO-POL/303/2017"]
        assert opinion["content"]["issued_date"]["value"] == "2017-08-22"
        assert opinion["content"]["basis"] == "public_record"
        assert {e["mechanism"] for e in history["events"]} >= MECHANISMS - {"observatory", "iachr"}

    check_story(document)


def check_story(document: dict[str, Any]) -> None:
    """Checks the invented case: every scene told, and each node shown what is for it."""
    deeds = [told for told in document["story"] if told["receipt"]]
    looks = [told for told in document["story"] if not told["receipt"]]
    assert {told["mechanism"] for told in document["story"]} == MECHANISMS
    assert all(line for told in looks for line in told["lines"])
    for slug, expected in STORY_WORDS.items():
        lines = "\n".join(line for t in looks if t["mechanism"] == slug for line in t["lines"])
        assert [words for words in expected if words not in lines] == []
    kinds = STORY_KINDS
    assert set(document["invented_case"]) == MECHANISMS
    for slug, history in document["invented_case"].items():
        events = history["events"]
        assert [(event["origin"], event["index"]) for event in events] == [
            (told["receipt"]["origin"], told["receipt"]["index"]) for told in deeds
        ]
        for event, told in zip(events, deeds, strict=True):
            is_held = slug == told["mechanism"] or bool({slug, "all"} & set(told["held_by"]))
            assert (event["content"] is not None) is is_held, (slug, told["name"])
        readable = [event["content"] for event in events if event["content"]]
        assert all(content["is_invented"] for content in readable)
        assert all(content["states"] == ["XXA"] for content in readable)
        assert all(event["remarks"] == [] for event in events)
        kinds = kinds - {event["kind"] for event in events}
        named = "Valdombra" in json.dumps(history)
        assert named is (slug in {"un", "iachr", "observatory"})
    assert kinds == set()
    assert len({history["digest"] for history in document["invented_case"].values()}) == 1


def check_left_out(document: dict[str, Any]) -> None:
    """Checks that each row that stayed out is told, with line and reason."""
    for each in document["imports"]:
        report = each["report"]
        told = {row["line"] for row in report["rejected"] if row["reason"] and row["detail"]}
        assert report["rows"] - report["rows_taken"] <= len(told) <= MOST_LEFT_OUT


def read_document(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Reads the JSON document of a process that goes on."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            document: dict[str, Any] = json.loads(text)
            return document
    raise AssertionError(process.stderr.read() if process.stderr else text)


@dataclass(frozen=True)
class Ended:
    """A demo that has ended: its folder, its document, and its commands as they were pasted."""

    folder: Path
    document: dict[str, Any]
    pasted: subprocess.CompletedProcess[str]
    exit_code: int


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A demo that stayed up after a node was killed in the middle of the import, and was ended."""
    work = tmp_path_factory.mktemp("demo")
    folder, elsewhere = work / "kept", work / "elsewhere"
    elsewhere.mkdir()
    process = subprocess.Popen(
        [REGISTRY, "demo", "--json", "--kill-during-import", "--folder", folder],
        cwd=work,
        env=environment(work / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            document = read_document(process)
            pasted = subprocess.run(
                ["bash", "-e", "-c", "\n".join(document["commands"])],
                cwd=elsewhere,
                env=environment(work / "home"),
                capture_output=True,
                text=True,
                timeout=DEMO_S,
                check=False,
            )
        finally:
            process.terminate()
        return Ended(folder, document, pasted, process.wait(DEMO_S))


def test_demo_with_a_killed_node_ends_with_equal_digests_and_all_logs_verified(
    demo: Ended,
) -> None:
    check_outcome(demo.document)
    assert demo.document["killed"]["mechanism"] == "un"
    assert 0 < demo.document["killed"]["rows_done"] < 1_022
    assert node_facts(demo.folder, "un").count("node_started") == 2
    assert node_facts(demo.folder, "observatory").count("node_started") == 1


def test_commands_that_a_demo_tells_work(demo: Ended) -> None:
    assert demo.pasted.returncode == 0, demo.pasted.stderr
    assert "NGO-POL/303/2017" in demo.pasted.stdout
    assert demo.document["digests"]["un"]["digest"] in demo.pasted.stdout
    assert any(shlex.split(command)[-1] == "POL" for command in demo.document["commands"])


def test_demo_that_is_ended_stops_its_nodes(demo: Ended) -> None:
    assert demo.exit_code == 0
    assert processes_of(demo.folder) == []
    assert node_facts(demo.folder, "un")[-1] == "node_stopped"
    assert node_facts(demo.folder, "un").count("node_stopped") == 1


def test_demo_keeps_a_file_of_every_row_left_out(demo: Ended) -> None:
    folder, document = demo.folder, demo.document
    with (folder / "rows-left-out.csv").open(encoding="utf-8", newline="") as file:
        kept = [(row["register"], int(row["line"]), row["reason"]) for row in csv.DictReader(file)]

    told = [
        (each["report"]["register"], row["line"], row["reason"])
        for each in document["imports"]
        for row in each["report"]["rejected"]
    ]
    assert kept == told != []


def test_demo_writes_a_briefing_that_names_nobody_to_those_who_may_not_know(
    demo: Ended,
) -> None:
    folder, document = demo.folder, demo.document
    told = "\n".join(line for each in document["story"] for line in each["lines"])
    text = (folder / "briefing.md").read_text(encoding="utf-8")

    assert str(folder / "briefing.md") in told
    assert str(folder / "briefing.pdf") in told
    assert (folder / "briefing.pdf").read_bytes().startswith(b"%PDF-")
    assert document["story"][0]["receipt"]["case_id"] in text
    assert "UA XXA 1/2025" in text
    assert "Valdombra" not in text


def test_folder_of_a_demo_is_not_used_twice(demo: Ended, tmp_path: Path) -> None:
    done = registry_command("demo", "--once", "--folder", demo.folder, home=tmp_path / "home")

    assert done.returncode == 5
    assert "folder_error" in done.stderr
    assert (demo.folder / "un" / "node.json").exists()


def test_flipped_bit_in_a_kept_folder_is_found_with_log_and_index(
    demo: Ended, tmp_path: Path
) -> None:
    """The demo's own checks can fail: what it calls finds one changed bit."""
    damaged = tmp_path / "observatory"
    shutil.copytree(demo.folder / "observatory", damaged)
    place = (hashlib.sha256(b"demo.registry.example/un/1").hexdigest(), 700)
    with contextlib.closing(sqlite3.connect(damaged / "log.db")) as database:
        (entry,) = database.execute(f"SELECT state FROM stored_events WHERE {AT}", place).fetchone()
        flipped = bytes([*entry[:-1], entry[-1] ^ 1])
        database.execute(f"UPDATE stored_events SET state = ? WHERE {AT}", (flipped, *place))
        database.commit()

    found = registry_command("verify", damaged, home=tmp_path / "home")
    assert found.returncode == 1
    assert "entry 700: " in found.stdout

    found = registry_command("fsck", damaged, home=tmp_path / "home")
    assert found.returncode == 1
    assert "demo.registry.example/un/1 #700: " in found.stdout


def test_kept_node_serves_again(demo: Ended, tmp_path: Path) -> None:
    folder, document = demo.folder, demo.document
    (node,) = (each for each in document["nodes"] if each["mechanism"] == "un")
    process = subprocess.Popen(
        [REGISTRY, "serve", node["folder"], "--json"],
        cwd=tmp_path,
        env=environment(tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert read_document(process)["mechanism"] == "un"
            assert process.stderr is not None
            started = json.loads(process.stderr.readline())
            assert started["event"] == "node_started"
            told = registry_command(
                "case", "show", "POL", "--profile", node["profile"], home=tmp_path / "home"
            )
            assert told.returncode == 0, told.stderr
            assert "Situation in Poland" in told.stdout
        finally:
            process.terminate()
            process.communicate(timeout=DEMO_S)
    assert process.returncode == 0
    assert processes_of(folder) == []
