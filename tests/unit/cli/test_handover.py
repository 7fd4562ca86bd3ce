"""`registry handover`: the new person first, then the one that leaves; what is left is said."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from registry.application.clients import add_client, read_clients
from registry.application.folder import NodeFolder
from registry.application.membership.proposals import pending
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import load_profile
from registry.errors import InvalidRequest
from registry_cli.main import app
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


def run(*arguments: str | Path, answer: str = "") -> Result:
    return RUNNER.invoke(app, [str(each) for each in arguments], input=answer)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in read_clients(NodeFolder(folder)).values())


def test_desk_is_handed_over_and_the_command_may_be_given_again(founded: Path) -> None:
    alpha = founded / "alpha"
    add_client(alpha, "ada", founded / "ada", Role.PUBLISHER)
    add_client(alpha, "ben", founded / "ben", Role.OFFICER)
    words = ("--leaving", "ada", "--arriving", "carol", "--out", founded / "carol")

    no = run("handover", alpha, *words, answer="n\n")
    assert no.exit_code == 1
    assert "carol (publisher) may use this node from now on" in no.output
    assert "ada (publisher) is refused from the next call on" in no.output
    assert names(alpha) == ["ada", "ben"]
    yes = run("handover", alpha, *words, answer="y\n")
    assert yes.exit_code == 0, yes.exception
    assert "who may use it: ben (officer), carol (publisher)" in yes.output
    assert "CAREFUL" not in yes.output
    assert "registry keys rotate-node-key" in yes.output
    assert "`registry keys rotate-log-key`, twice" in yes.output
    assert names(alpha) == ["ben", "carol"]
    assert load_profile(founded / "carol").description.name == "carol"

    again = run("handover", alpha, *words)
    assert again.exit_code == 0, again.exception
    assert "Do this?" not in again.output
    assert "ada may not use this node" in again.output


def test_handover_that_leaves_nobody_to_approve_or_to_record_says_so(founded: Path) -> None:
    alpha = founded / "alpha"
    add_client(alpha, "ada", founded / "ada", Role.PUBLISHER)
    add_client(alpha, "ben", founded / "ben", Role.OFFICER)
    pair = run("handover", alpha, "--leaving", "ada", answer="n\n")
    assert "CAREFUL: to publish or to erase takes an officer and a publisher" in pair.output
    nobody = run("handover", alpha, "--leaving", "ada", "--leaving", "ben", answer="n\n")
    assert "CAREFUL: nobody is left who may record" in nobody.output
    alone = Policy(two_people_to_publish=False, two_people_to_erase=False)
    write_policy(NodeFolder(alpha), alone)
    done = run("handover", alpha, "--leaving", "ada", "--yes", "--json")
    assert json.loads(done.stdout) == {
        "clients": [{"name": "ben", "role": "officer"}],
        "lacks": [],
    }


def test_name_of_the_mechanism_is_proposed_to_the_others(founded: Path) -> None:
    alpha = founded / "alpha"
    named = run("handover", alpha, "--display-name", "Another name (invented)", answer="y\n")

    assert named.exit_code == 0, named.exception
    assert (
        "alpha is named 'Another name (invented)' instead of 'The alpha mechanism (invented)'"
        in named.output
    )
    assert "still needed: 1 of beta, gamma" in named.output
    assert len(pending(NodeFolder(alpha))) == 1


def test_handover_of_nobody_or_into_no_folder_is_refused(founded: Path) -> None:
    for words in ((), ("--arriving", "carol"), ("--arriving", "x", "--role", "y", "--out", "z")):
        refused = run("handover", founded / "alpha", *words, "--yes")
        assert isinstance(refused.exception, InvalidRequest), words
