"""Guided changes of the roster on the command line: explained, asked, taken up again."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from registry.application.folder import NodeFolder
from registry.application.membership.ceremonies import is_leaving
from registry.application.membership.leaving import holds_all
from registry.application.membership.proposals import pending, take
from registry.errors import FolderError, InvalidRequest, NotFound, PeerUnavailable, RegistryError
from registry.log.member import Cut
from registry.log.merkle import EMPTY_ROOT
from registry_cli.commands import ceremonies
from registry_cli.main import app
from tests.unit.application.federation_in_process import found_federation, open_federation, opening
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


def run(*arguments: str | Path, answer: str = "") -> Result:
    return RUNNER.invoke(app, [str(each) for each in arguments], input=answer)


def told(*arguments: str | Path) -> Any:
    result = run(*arguments, "--yes", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def carry(source: Path, target: Path) -> None:
    take(NodeFolder(target), [each.data for each in pending(NodeFolder(source))])


def test_address_is_explained_asked_signed_and_taken_up_again(founded: Path) -> None:
    alpha, beta = founded / "alpha", founded / "beta"
    command = ("address", beta, "b.example:7443")
    no = run(*command, answer="n\n")
    assert no.exit_code == 1
    assert "the other nodes look for beta at b.example:7443" in no.output
    assert "beta is at b.example:7443 instead of 127.0.0.1:50051" in no.output
    assert pending(NodeFolder(beta)) == []

    yes = run(*command, answer="y\n")
    assert yes.exit_code == 0, yes.exception
    (proposal,) = pending(NodeFolder(beta))
    assert f"waiting: proposal {proposal.name}, signed by beta\n" in yes.output
    assert "still needed: 1 of alpha, gamma\n" in yes.output
    assert f"registry roster endorse-pending FOLDER {proposal.name[:8]}\n" in yes.output
    file = beta / "roster" / "proposals" / f"2-{proposal.name}.roster"
    assert f"hand them {file}\n" in yes.output
    assert file.exists()

    again = run(*command)
    assert again.exit_code == 0
    assert "Sign" not in again.output, "nothing is asked or signed twice"
    waits = told(*command)
    assert waits["words"] == told_words(file)
    assert f"words  {waits['words']}\n" in yes.output
    assert f"words  {waits['words']}\n" in again.output
    assert (waits["counts"], waits["missing"], waits["signed_by"]) == (False, 1, ["beta"])
    carry(beta, alpha)
    run("roster", "endorse-pending", alpha, proposal.name[:8])
    carry(alpha, beta)
    done = run(*command)
    assert "done: version 2 of the roster, which counts here, says so" in done.output
    assert told(*command) == {"counts": True, "version": 2}


def test_node_that_is_to_take_no_calls_says_what_that_means(founded: Path) -> None:
    beta = founded / "beta"
    asked = run("address", beta, "none", answer="n\n")

    assert "reached through the connections that it opens" in asked.output
    assert "beta is at no address (it takes no calls) instead of 127.0.0.1:50051" in asked.output
    assert told("address", beta, "none")["signed_by"] == ["beta"]


def told_words(file: Path) -> str:
    shown = run("roster", "show", file, "--json")
    return str(json.loads(shown.stdout)["words"])


def test_member_is_removed_by_the_same_command_at_each_of_the_others(founded: Path) -> None:
    alpha, beta = founded / "alpha", founded / "beta"
    first = run("remove", alpha, "gamma", "--reason", "left the cooperation", answer="y\n")
    assert first.exit_code == 0, first.exception
    assert (
        "  gamma is removed\n  invented.example/gamma/1 ends at 0 (left the cooperation), root"
        in first.output
    )
    assert "still needed: 1 of beta, gamma" in first.output
    carry(alpha, beta)
    second = run("remove", beta, "gamma", "--reason", "other words", answer="y\n")
    assert "a proposal of this change is here already, signed by alpha" in second.output
    assert "invented.example/gamma/1 ends at 0 (left the cooperation)" in second.output
    assert "done: version 2" in second.output


def test_proposal_of_something_else_is_named_and_nothing_competes_with_it(founded: Path) -> None:
    alpha, beta = founded / "alpha", founded / "beta"
    told("address", alpha, "a.example:7443")
    carry(alpha, beta)
    refused = run("remove", beta, "gamma", "--reason", "x", "--yes")

    assert isinstance(refused.exception, InvalidRequest)
    assert "alpha proposed something else for version 2 (alpha is at a.example:7443" in str(
        refused.exception
    )
    assert len(pending(NodeFolder(beta))) == 1


def test_who_cannot_be_asked_says_yes_and_what_makes_no_sense_is_refused(founded: Path) -> None:
    alpha = founded / "alpha"
    for words, error in (
        (("address", alpha, "a.example:7443", "--json"), InvalidRequest),
        (("address", alpha, "nowhere", "--yes"), InvalidRequest),
        (("remove", alpha, "alpha", "--reason", "x", "--yes"), InvalidRequest),
        (("remove", alpha, "delta", "--reason", "x", "--yes"), NotFound),
        (("remove", alpha, "gamma", "--reason", "", "--yes"), InvalidRequest),
    ):
        assert isinstance(run(*words).exception, error), words
    assert run("remove", alpha, "gamma").exit_code == 2, "a reason is asked for"
    assert pending(NodeFolder(alpha)) == []


def test_log_that_nobody_else_holds_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        nodes["alpha"].record(opening())
    alone = run("leave", tmp_path / "alpha", "--yes")
    assert isinstance(alone.exception, PeerUnavailable)
    assert "no other member holds all 1 events of this log yet" in str(alone.exception)
    assert "beta was not asked: " in alone.output
    assert pending(NodeFolder(tmp_path / "alpha")) == []

    async def short(*_: object) -> bytes:
        return b""

    monkeypatch.setattr(ceremonies, "held_checkpoint", short)
    behind = run("leave", tmp_path / "alpha", "--yes")
    assert isinstance(behind.exception, RegistryError)
    assert "gamma does not hold all 1 events of this log" in behind.output


def test_empty_log_is_left_without_asking_anybody(founded: Path) -> None:
    left = run("leave", founded / "gamma", answer="y\n")

    assert left.exit_code == 0, left.exception
    assert "invented.example/gamma/1 ends at 0 (leaves at its own wish)" in left.output
    assert "still needed: 2 of alpha, beta" in left.output


@pytest.mark.parametrize("proposed_by", ["gamma", "alpha"])
def test_node_is_not_started_between_the_look_at_its_log_and_its_signature(
    founded: Path, proposed_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gamma = founded / "gamma"
    if proposed_by == "alpha":
        told("remove", founded / "alpha", "gamma", "--reason", "x")
        carry(founded / "alpha", gamma)
    with NodeFolder(gamma).held():
        running = run("leave", gamma, "--yes")
    assert isinstance(running.exception, FolderError)
    assert "in use by a running node" in str(running.exception)
    asked = []

    def starts_meanwhile(question: str, **_: object) -> bool:
        asked.append(question)
        with pytest.raises(FolderError, match="in use"), NodeFolder(gamma).held():
            pass
        return True

    monkeypatch.setattr(typer, "confirm", starts_meanwhile)
    assert not any("gamma" in each.signed_by for each in pending(NodeFolder(gamma)))
    left = run("leave", gamma)
    assert left.exit_code == 0, left.exception
    assert len(asked) == 1
    with NodeFolder(gamma).held():
        assert is_leaving(NodeFolder(gamma)) or "done: version 2" in left.output


def test_proposal_that_would_void_own_events_is_not_signed_by_who_leaves(tmp_path: Path) -> None:
    found_federation(tmp_path)
    told("remove", tmp_path / "alpha", "gamma", "--reason", "x")
    with open_federation(tmp_path) as nodes:
        nodes["gamma"].record(opening())
    carry(tmp_path / "alpha", tmp_path / "gamma")
    refused = run("leave", tmp_path / "gamma", "--yes")

    assert isinstance(refused.exception, InvalidRequest)
    assert "ends this log at 0, and it holds 1 events" in str(refused.exception)
    (proposal,) = pending(NodeFolder(tmp_path / "gamma"))
    assert proposal.signed_by == ("alpha",)


def test_only_the_whole_log_is_all_of_it() -> None:
    assert not holds_all(b"no note", Cut(2, EMPTY_ROOT, "x"))
    assert holds_all(b"", Cut(0, EMPTY_ROOT, "x"))
