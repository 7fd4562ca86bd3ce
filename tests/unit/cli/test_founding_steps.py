"""The steps from nothing to a node, through the verbs that people type."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.membership.confirmation import words_of_file
from registry.client import load_profile
from registry.errors import FolderError, InvalidRequest, PeerUnavailable, RosterError
from registry.log.member import read_member_file
from registry_cli.federation import LocalNode, Mechanism, found_federation, running
from registry_cli.main import app
from registry_cli.surroundings import Surroundings

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
SLUGS = ("un", "osce-odihr")


def run(*arguments: str | Path) -> Any:
    """Runs a verb with --json; returns the document."""
    result = RUNNER.invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """A folder with two nodes that were founded by hand, and the roster beside them."""
    members = []
    for number, slug in enumerate(SLUGS):
        made = run(
            *("init", tmp_path / slug, "--registry", "test.example", "--mechanism", slug),
            *("--display-name", slug.upper(), "--address", f"127.0.0.1:{7000 + number}"),
        )
        members += ["--member", made["member_file"]]
    roster = tmp_path / "genesis.roster"
    registry_id = run("found", roster, *members)["registry_id"]
    for slug in SLUGS:
        assert run("roster", "endorse", tmp_path / slug, roster)["registry_id"] == registry_id
    run("join", tmp_path / SLUGS[0], roster, "--registry-id", registry_id)
    words = run("roster", "show", roster)["words"]
    run("join", tmp_path / SLUGS[1], roster, "--words", words.upper())
    return tmp_path


def test_node_that_takes_no_calls_tells_others_no_address_and_its_clients_one(
    tmp_path: Path,
) -> None:
    made = run(
        *("init", tmp_path / "un", "--registry", "test.example", "--mechanism", "un"),
        *("--display-name", "UN", "--address", "127.0.0.1:7000", "--no-inbound"),
    )
    member = read_member_file(Path(made["member_file"]).read_bytes())

    assert not member.takes_calls
    assert NodeFolder(tmp_path / "un").describe().address == "127.0.0.1:7000"


def test_all_see_the_same_words_at_each_step_and_are_told_what_they_are_for(tmp_path: Path) -> None:
    made = [
        run(
            *("init", tmp_path / slug, "--registry", "test.example", "--mechanism", slug),
            *("--display-name", slug.upper(), "--address", f"127.0.0.1:{7000 + number}"),
        )
        for number, slug in enumerate(SLUGS)
    ]
    assert made[0]["words"] == words_of_file(Path(made[0]["member_file"]).read_bytes())
    assert made[0]["words"] != made[1]["words"]
    roster = tmp_path / "genesis.roster"
    members = [each for one in made for each in ("--member", one["member_file"])]
    words = run("found", roster, *members)["words"]
    for slug in SLUGS:
        assert run("roster", "endorse", tmp_path / slug, roster)["words"] == words
    shown = RUNNER.invoke(app, ["roster", "show", str(roster)]).stdout
    assert f"words  {words}\n  ask another founder by telephone" in shown


def test_nobody_joins_by_other_words_or_without_being_told_any(joined: Path) -> None:
    roster = joined / "genesis.roster"
    words = run("roster", "show", roster)["words"]
    late = ["join", str(joined / "un"), str(roster)]
    other = "lusab" if not words.startswith("lusab") else "babad"
    wrong = " ".join([other, *words.split()[1:]])

    refused = RUNNER.invoke(app, [*late, "--words", wrong]).exception
    assert isinstance(refused, RosterError)
    assert "do not join; ask by telephone" in str(refused)
    both = ["--words", words, "--registry-id", "00" * 32]
    for told in ([], both, ["--words", "lusab babad"]):
        assert isinstance(RUNNER.invoke(app, [*late, *told]).exception, InvalidRequest)


def test_roster_tells_who_signed_it(joined: Path) -> None:
    shown = run("roster", "show", joined / "genesis.roster")

    assert {member["mechanism"]: member["endorsed"] for member in shown["members"]} == {
        "un": True,
        "osce-odihr": True,
    }


def test_client_gets_a_profile_that_loads(joined: Path) -> None:
    added = run(
        "client", "add", joined / "un", "desk-2", "--role", "viewer", "--out", joined / "profile"
    )

    assert load_profile(Path(added["profile"])).description.mechanism == "un"
    assert added["role"] == "viewer"
    assert [line["role"] for line in run("client", "list", joined / "un")] == ["viewer"]


def test_role_is_asked_for_changed_and_taken_away(joined: Path) -> None:
    missing = RUNNER.invoke(app, ["client", "add", str(joined / "un"), "x", "--out", "nowhere"])
    assert missing.exit_code != 0
    assert "--role" in missing.output
    run("client", "add", joined / "un", "desk", "--role", "officer", "--out", joined / "desk")

    run("client", "role", joined / "un", "desk", "auditor")
    assert [line["role"] for line in run("client", "list", joined / "un")] == ["auditor"]
    run("client", "remove", joined / "un", "desk")
    assert run("client", "list", joined / "un") == []


def test_new_folder_is_rebuilt_verified_and_checked(joined: Path) -> None:
    assert run("rebuild", joined / "un")["is_same"] is True
    verified = run("verify", joined / "un")

    assert verified["ok"] is True
    assert {log["mechanism"] for log in verified["logs"]} == set(SLUGS)
    assert run("fsck", joined / "un") == {"findings": []}


def test_steps_tell_people_what_comes_next(joined: Path) -> None:
    folder = joined / "third"
    result = RUNNER.invoke(
        app,
        [
            *("init", str(folder), "--registry", "test.example", "--mechanism", "third"),
            *("--display-name", "Third", "--address", "127.0.0.1:7009"),
        ],
    )

    assert "next: hand the member file to whoever founds the registry" in result.stdout
    assert str(folder / "keys") in result.stdout


def test_founding_does_not_overwrite_a_roster(joined: Path) -> None:
    before = (joined / "genesis.roster").read_bytes()
    result = RUNNER.invoke(app, ["found", str(joined / "genesis.roster"), "--member", "x"])

    assert result.exception is not None
    assert "choose another file" in str(result.exception)
    assert (joined / "genesis.roster").read_bytes() == before


def test_federation_is_not_founded_over_another(tmp_path: Path) -> None:
    mechanisms = [Mechanism(slug, slug.upper()) for slug in SLUGS]
    found_federation(tmp_path, "test.example", mechanisms)

    with pytest.raises(FolderError):
        found_federation(tmp_path, "test.example", mechanisms)


async def test_node_that_does_not_start_is_named_with_its_log_and_all_others_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mechanisms = [Mechanism(slug, slug.upper()) for slug in SLUGS]
    _, nodes = found_federation(tmp_path, "test.example", mechanisms)
    (tmp_path / "un" / "keys" / "tls.key").unlink()
    started = []
    start = LocalNode.start

    def noted_start(node: LocalNode) -> None:
        start(node)
        started.append(node.process)

    monkeypatch.setattr(LocalNode, "start", noted_start)
    with pytest.raises(PeerUnavailable, match=r"node of un did not open; see .*un/node\.log"):
        async with running(nodes):
            pytest.fail("a federation with a node that does not open is not running")

    assert len(started) == len(SLUGS)
    assert all(process is not None and process.poll() is not None for process in started)


def test_request_ids_come_from_the_randomness_that_was_brought() -> None:
    surroundings = Surroundings(now_ms=lambda: 0, random_bytes=lambda size: bytes(range(size)))

    assert surroundings.new_request_id() == "000102030405060708090a0b0c0d0e0f"
