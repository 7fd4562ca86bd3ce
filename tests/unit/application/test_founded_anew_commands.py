"""Founded anew by a node that lags: who goes on is told that its own events would be void."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.application.folder import NodeFolder
from registry.application.membership.cuts import check_own_ends
from registry.application.membership.rosters import load_roster
from registry.log.roster import decode_roster, decode_signed_roster
from registry.peer_errors import RosterCutsOwnLog
from registry_cli.main import app
from tests.unit.application.federation_in_process import (
    REGISTRY_NAME,
    found_federation,
    open_federation,
    opening,
)

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, [str(each) for each in arguments])


def done(*arguments: str | Path) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def founded_anew(folder: Path, by: str) -> tuple[Path, str]:
    """Beta records two events that nobody has heard of; then a node founds anew."""
    found_federation(folder)
    with open_federation(folder) as nodes:
        for _ in range(2):
            nodes["beta"].record(opening())
    files: list[str] = []
    for name in ("alpha", "beta"):
        files += ["--member", done("new-epoch", folder / name)["member_file"]]
    roster = folder / "anew.roster"
    told = done("found-anew", folder / by, roster, *files, "--reason", "locked")
    return roster, told["registry_id"]


def test_own_events_that_would_be_void_are_told_before_the_signature_and_before_going_over(
    tmp_path: Path,
) -> None:
    roster, registry_id = founded_anew(tmp_path, "alpha")
    beta = tmp_path / "beta"
    refused = run("roster", "endorse", beta / "epoch-2", roster)
    assert isinstance(refused.exception, RosterCutsOwnLog)
    assert f"{REGISTRY_NAME}/beta/1 at 0, and this node holds 2 events" in str(refused.exception)
    assert f"  {REGISTRY_NAME}/beta/1 ends at 0 (locked), root e3b0c442" in refused.output
    assert decode_signed_roster(roster.read_bytes()).signatures == ()

    done("roster", "endorse", tmp_path / "alpha" / "epoch-2", roster)
    done("roster", "endorse", beta / "epoch-2", roster, "--accept-void")
    joining = ("join-anew", beta, roster, "--registry-id", registry_id)
    refused = run(*joining)
    assert isinstance(refused.exception, RosterCutsOwnLog)
    assert load_roster(NodeFolder(beta)).registry_id.hex() != registry_id
    done(*joining, "--accept-void")
    assert load_roster(NodeFolder(beta)).registry_id.hex() == registry_id


def test_nothing_is_asked_where_all_own_events_stay(tmp_path: Path) -> None:
    roster, registry_id = founded_anew(tmp_path, "beta")
    for name in ("alpha", "beta"):
        endorsed = run("roster", "endorse", tmp_path / name / "epoch-2", roster)
        assert f"  {REGISTRY_NAME}/beta/1 ends at 2 (locked), root " in endorsed.output
    shown = run("roster", "show", roster).output
    assert f"  {REGISTRY_NAME}/beta/1 ends at 2 (locked), root " in shown
    for name in ("alpha", "beta"):
        done("join-anew", tmp_path / name, roster, "--registry-id", registry_id)


def test_log_that_a_roster_names_nowhere_is_all_void(tmp_path: Path) -> None:
    roster, _ = founded_anew(tmp_path, "beta")
    anew = decode_roster(decode_signed_roster(roster.read_bytes()).roster)
    others = tuple(member for member in anew.members if member.slug != "beta")
    without = replace(anew, members=others, threshold=1)
    with pytest.raises(RosterCutsOwnLog, match="2 would be void"):
        check_own_ends(tmp_path / "beta", without)
