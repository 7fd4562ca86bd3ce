"""`registry roster` on the command line: the whole way to a next version, in words."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from registry.application.membership.confirmation import words_of_file
from registry.errors import InvalidRequest, RosterError
from registry.peer_errors import RosterLacksOldMembers
from registry_cli.main import app
from tests.unit.application.federation_in_process import init
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, [str(each) for each in arguments])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_member_is_added_by_files_step_by_step(founded: Path) -> None:
    file = founded / "2.roster"
    member = init(founded, "delta")
    words = ("--add", member, "--address", "beta=b.example:7443", "--expires", "2031-05-01")
    proposed = run("roster", "propose", founded / "alpha", file, *words)
    assert proposed.exit_code == 0, proposed.exception
    assert "version 2 against version 1:" in proposed.output
    assert "delta joins as member 4" in proposed.output
    assert "beta is at b.example:7443" in proposed.output
    words = told(run("roster", "show", file, "--json"))["words"]
    assert f"words  {words_of_file(member.read_bytes())}\n  ask whoever made" in proposed.output
    assert f"words  {words}\n  read these words by telephone to those who sign" in proposed.output

    early = run("roster", "adopt", founded / "alpha", file)
    assert isinstance(early.exception, RosterLacksOldMembers)
    for name in ("alpha", "beta", "gamma"):
        endorsed = run("roster", "endorse", founded / name, file).output
        assert f"endorsed version 2\nwords  {words}\n" in endorsed
    shown = run("roster", "show", file)
    assert "version 2, threshold 3\nto be renewed by 2031-05-01\n" in shown.output
    assert "NOT SIGNED  The delta mechanism (invented)" in shown.output
    assert told(run("roster", "diff", founded / "gamma", file, "--json"))[0].startswith("beta is")
    adopted = run("roster", "adopt", founded / "alpha", file)
    assert "adopted version 2 with 4 active members" in adopted.output
    registry_id = told(run("roster", "show", founded / "1.roster", "--json"))["registry_id"]
    joined = run(
        "join",
        founded / "delta",
        founded / "1.roster",
        "--registry-id",
        registry_id,
        "--later",
        file,
    )
    assert "joined invented.example with 4 members" in joined.output


def test_removal_cuts_the_log_where_this_node_holds_it_and_asks_why(founded: Path) -> None:
    file = founded / "2.roster"
    proposing = ("roster", "propose", founded / "alpha", file, "--remove", "gamma")
    silent = run(*proposing)
    assert isinstance(silent.exception, InvalidRequest)
    assert "say why" in str(silent.exception)
    done = run(*proposing, "--reason", "left the cooperation")
    assert done.exit_code == 0, done.exception
    assert "  gamma is removed\n  invented.example/gamma/1 ends at 0 (left the" in done.output
    assert isinstance(run(*proposing, "--reason", "x").exception, InvalidRequest)
    shown = run("roster", "show", file).output
    assert "The gamma mechanism (invented), removed\n" in shown
    assert "  invented.example/gamma/1 ends at 0 (left the cooperation), root e3b0c442" in shown


def test_what_is_not_in_its_form_is_refused(founded: Path) -> None:
    file = founded / "2.roster"
    for words in (
        ("--address", "beta"),
        ("--address", "beta=nowhere"),
        ("--expires", "soon"),
    ):
        refused = run("roster", "propose", founded / "alpha", file, *words)
        assert isinstance(refused.exception, InvalidRequest), words
        assert not file.exists()


def test_proposal_is_shared_listed_and_endorsed_by_its_name(founded: Path) -> None:
    file = founded / "2.roster"
    run("roster", "propose", founded / "alpha", file, "--threshold", "3")
    assert "no proposal waits here" in run("roster", "pending", founded / "alpha").output
    run("roster", "endorse", founded / "alpha", file)
    name = told(run("roster", "share", founded / "alpha", file, "--json"))["name"]

    listed = run("roster", "pending", founded / "alpha")
    assert f"{name}  version 2, signed by alpha" in listed.output
    assert "threshold 3 instead of 2" in listed.output
    words = told(run("roster", "show", file, "--json"))["words"]
    assert f"words  {words}\n" in listed.output
    again = run("roster", "endorse-pending", founded / "alpha", name[:8])
    assert f"endorsed {name}, signed by alpha\nwords  {words}\n" in again.output
    unknown = run("roster", "endorse-pending", founded / "alpha", "ffffffff")
    assert isinstance(unknown.exception, InvalidRequest)


def test_words_of_a_new_epoch_are_told_where_its_file_is_made_and_where_it_is_proposed(
    founded: Path,
) -> None:
    made = run("new-epoch", founded / "gamma")
    assert made.exit_code == 0, made.exception
    file = told(run("new-epoch", founded / "gamma", "--json"))
    words = words_of_file(Path(file["member_file"]).read_bytes())
    assert file["words"] == words
    assert f"words  {words}\n  read these words by telephone to whoever takes" in made.output
    roster = founded / "2.roster"
    proposing = ("roster", "propose", founded / "alpha", roster, "--reason", "forked")
    proposed = run(*proposing, "--new-epoch", file["member_file"])
    assert proposed.exit_code == 0, proposed.exception

    assert f"of {file['member_file']}:\nwords  {words}\n  ask whoever made" in proposed.output
    assert "gamma begins epoch 2 with new keys: invented.example/gamma/2" in proposed.output
    assert "  invented.example/gamma/1 ends at 0 (forked), root e3b0c442" in proposed.output
    assert "another identity key" not in proposed.output
    shown = run("roster", "show", roster).output
    assert "  invented.example/gamma/1 ends at 0 (forked), root e3b0c442" in shown


def test_new_epoch_with_another_identity_key_is_proposed_only_if_somebody_says_so(
    founded: Path,
) -> None:
    made = run("new-epoch", founded / "gamma", "--all-keys")
    assert "registry roster propose --new-epoch FILE --all-keys --reason" in made.output
    roster = founded / "2.roster"
    file = founded / "gamma" / "epoch-2" / "gamma.member"
    proposing = ("roster", "propose", founded / "alpha", roster, "--new-epoch", file)
    refused = run(*proposing, "--reason", "stolen")
    assert isinstance(refused.exception, RosterError)
    assert "another identity key than gamma has in the roster" in str(refused.exception)
    assert not roster.exists()

    done = run(*proposing, "--reason", "stolen", "--all-keys")
    assert done.exit_code == 0, done.exception
    assert "gamma has another identity key" in done.output
    assert f"words  {words_of_file(file.read_bytes())}\n" in done.output
