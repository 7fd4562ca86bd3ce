"""What `peers` and `status` tell of who has witnessed what, and of who is silent or frozen."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from registry.client.standing import LogStatus, LogWitness, NodeStatus, PeerStatus, RosterFork
from registry_cli.commands import online
from registry_cli.main import app

HEARD_MS = 1_750_000_000_000
STATUS = NodeStatus(
    registry_name="testing",
    registry_id=b"i",
    mechanism="alpha",
    origin="testing/alpha/1",
    roster_version=1,
    is_open=True,
    mode_detail="",
    software_version="1",
    logs=(),
    projection_lag=0,
)


def peer(**changes: Any) -> PeerStatus:
    fields: dict[str, Any] = {
        "mechanism": "beta",
        "display_name": "Beta (invented)",
        "address": "127.0.0.1:1",
        "is_connected": True,
        "is_caught_up": True,
        "last_error": "",
        "size_held": 7,
        "size_offered": 7,
        "last_heard_ms": HEARD_MS,
        "witnessed_by": 1,
        "witnesses": 2,
    }
    return PeerStatus(**{**fields, **changes})


def told(monkeypatch: pytest.MonkeyPatch, answer: object, *command: str) -> str:
    monkeypatch.setattr(online, "with_client", lambda *_: answer)
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
    result = runner.invoke(app, [*command, "--profile", str(Path("unused"))])
    assert result.exit_code == 0, result.exception
    return result.output


def test_peer_that_is_heard_is_told_with_its_witnesses(monkeypatch: pytest.MonkeyPatch) -> None:
    output = told(monkeypatch, (peer(),), "peers")

    assert "caught up            7 of 7 events, witnessed 1 of 2" in output
    assert "last heard" not in output


def test_silent_and_frozen_peers_are_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    silent, unheard = peer(is_connected=False), peer(is_connected=False, last_heard_ms=0)
    output = told(monkeypatch, (silent, unheard, peer(frozen_at=3)), "peers")

    assert "last heard: 2025-06-15 15:06:40 UTC" in output
    assert "last heard: not since this node started" in output
    assert "FROZEN at 3" in output


def test_status_tells_of_a_first_sync_and_with_how_many_heads_were_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behind = replace(STATUS, is_first_sync=True, heads_compared_with=1, heads_needed=2)
    output = told(monkeypatch, replace(behind, entries_behind=7), "status")

    assert (
        "FIRST SYNC not done: 7 events behind; heads compared with 1 member, 2 are need" in output
    )
    whole = told(monkeypatch, replace(STATUS, heads_compared_with=3), "status")
    assert "heads compared with 3 members\n" in whole
    assert "FIRST SYNC" not in whole


def test_status_tells_of_two_rosters_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    forked = replace(STATUS, roster_forks=(RosterFork("beta", b"\xab" * 32),))

    output = told(monkeypatch, forked, "status")
    assert "ROSTER FORKED: beta holds another version 1, validly signed too (abab" in output


def test_status_tells_how_many_have_witnessed_each_log(monkeypatch: pytest.MonkeyPatch) -> None:
    witnesses = (LogWitness("beta", 7, 1), LogWitness("gamma", 3, 1))
    log = LogStatus("testing/alpha/1", "alpha", 7, 0, None, witnesses=witnesses, witnessed_by=1)
    status = replace(STATUS, logs=(log,))

    assert "7 events, 0 to fetch, witnessed 1 of 2" in told(monkeypatch, status, "status")
    shown = json.loads(told(monkeypatch, status, "status", "--json"))
    assert shown["logs"][0]["witnesses"][1] == {"mechanism": "gamma", "size": 3, "time_s": 1}
