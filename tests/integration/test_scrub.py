"""Two running nodes: what is damaged on one's disk comes back from the other."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.application.verification import fsck_folder
from registry.client.client import situation
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    client_of,
    found,
    start_all,
    statement,
    stop_all,
    until,
    until_equal,
)

FLIPPED = "CAST(substr({0}, 1, length({0}) - 1) || x'00' || x'01' AS BLOB)"
LOG = "(SELECT log_no FROM logs WHERE origin = '{0}')"
ID = "(SELECT lower(hex(log_id)) FROM logs WHERE origin = '{0}')"
NEW = situation("XXA")
PEER, OWN = "testing/alpha/1", "testing/beta/1"
DAMAGES = {
    "an entry of another log": (
        f"UPDATE stored_events SET state = {FLIPPED.format('state')} WHERE originator_version = 1 "
        f"AND originator_id = {ID.format(PEER)}"
    ),
    "an entry of the own log": (
        f"UPDATE stored_events SET state = x'00' WHERE originator_version = 1 "
        f"AND originator_id = {ID.format(OWN)}"
    ),
    "content of another log": (
        f"UPDATE parts SET sealed = {FLIPPED.format('sealed')} WHERE entry_index = 0 "
        f"AND log_no = {LOG.format(PEER)}"
    ),
    "the key of own content": (
        f"UPDATE parts SET wrapped_key = x'00' WHERE entry_index = 2 AND log_no = {LOG.format(OWN)}"
    ),
    "the root of another log": f"UPDATE logs SET root = zeroblob(32) WHERE origin = '{PEER}'",
}


async def record(alpha: LocalNode, beta: LocalNode) -> None:
    async with client_of(alpha) as a, client_of(beta) as b:
        await a.record("0", NEW, statement("One of alpha's"))
        await b.record("1", NEW, statement("One of beta's"))
        for number in range(3):
            await a.record(f"a {number}", NEW, statement(f"alpha {number}"))
            await b.record(f"b {number}", NEW, statement(f"beta {number}"))
    await until_equal([alpha, beta], case_count=1)


def lines(node: LocalNode, event: str) -> list[dict[str, object]]:
    found_lines = [json.loads(line) for line in node.log_file.read_text().splitlines()]
    return [line for line in found_lines if line["event"] == event]


async def is_quiet(node: LocalNode) -> bool:
    """Everything is held and folded: whoever else reads a damaged entry ends the node."""
    async with client_of(node) as client:
        status = await client.node_status()
    return not status.projection_lag and all(not log.parts_wanted for log in status.logs)


def test_damage_of_every_kind_comes_back_from_the_other_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_NODE_SCRUB_PERIOD_S", "0.5")
    nodes = found(tmp_path, "alpha", "beta")
    alpha, beta = nodes
    try:
        start_all(nodes)
        asyncio.run(record(alpha, beta))
        asyncio.run(until(lambda: is_quiet(beta), "beta holds and has folded all"))
        with closing(sqlite3.connect(beta.folder / "log.db", isolation_level=None)) as database:
            database.execute("PRAGMA busy_timeout = 10000")
            for what, damage in DAMAGES.items():
                assert database.execute(damage).rowcount == 1, what

        async def is_repaired() -> bool:
            return len(lines(beta, "damage_repaired")) >= len(DAMAGES)

        asyncio.run(until(is_repaired, "all that was damaged is repaired"))

        async def is_told() -> bool:
            async with client_of(beta) as client:
                scrub = (await client.node_status()).scrub
            return scrub.finished_ms > 0 and (scrub.found, scrub.left) == (0, 0)

        asyncio.run(until(is_told, "the next scrub finds nothing"))

        async def goes_on() -> None:
            async with client_of(beta) as client:
                await client.record("4", NEW, statement("After the repair"))

        asyncio.run(goes_on())
    finally:
        stop_all(nodes)

    assert lines(beta, "damage_left") == []
    assert list(fsck_folder(beta.folder, lambda _done, _total: None)) == []


def test_damage_that_nobody_can_repair_is_told_and_stops_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_NODE_SCRUB_PERIOD_S", "0.5")
    nodes = found(tmp_path, "alpha", "beta")
    alpha, beta = nodes
    try:
        start_all(nodes)
        asyncio.run(record(alpha, beta))
        asyncio.run(until(lambda: is_quiet(beta), "beta holds and has folded all"))
        stop_all([alpha])
        with closing(sqlite3.connect(beta.folder / "log.db", isolation_level=None)) as database:
            database.execute("PRAGMA busy_timeout = 10000")
            assert database.execute(DAMAGES["an entry of the own log"]).rowcount == 1

        async def is_read_only() -> bool:
            async with client_of(beta) as client:
                status = await client.node_status()
            return not status.is_open and status.scrub.left == 1

        asyncio.run(until(is_read_only, "beta appends nothing on top of damage"))
        start_all([alpha])

        async def is_open() -> bool:
            async with client_of(beta) as client:
                return (await client.node_status()).is_open

        asyncio.run(until(is_open, "beta is open when alpha is back and the entry repaired"))
    finally:
        stop_all(nodes)

    assert {line["log"] for line in lines(beta, "damage_left")} == {"beta"}
    assert lines(beta, "log_stopped") == lines(beta, "log_frozen") == []
    assert list(fsck_folder(beta.folder, lambda _done, _total: None)) == []


@pytest.mark.parametrize("origin", [PEER, OWN])
def test_damage_that_others_meet_before_the_scrub_ends_no_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("REGISTRY_NODE_SCRUB_PERIOD_S", "6")
    nodes = found(tmp_path, "alpha", "beta")
    alpha, beta = nodes
    try:
        start_all(nodes)
        asyncio.run(record(alpha, beta))
        asyncio.run(until(lambda: is_quiet(beta), "beta holds and has folded all"))
        with closing(sqlite3.connect(beta.folder / "log.db", isolation_level=None)) as database:
            database.execute("PRAGMA busy_timeout = 10000")
            spoilt = (
                "UPDATE stored_events SET state = x'00' WHERE originator_version = "
                f"(SELECT size - 1 FROM logs WHERE origin = '{origin}') "
                f"AND originator_id = {ID.format(origin)}"
            )
            assert database.execute(spoilt).rowcount == 1

        async def goes_on() -> None:
            async with client_of(alpha) as client:
                await client.record("later", NEW, statement("Of the same case"))

        asyncio.run(goes_on())
        asyncio.run(until(lambda: is_told(beta), "a reader has met it"))
        asyncio.run(until(lambda: is_mended(beta), "the scrub has repaired it"))
        asyncio.run(until_equal([alpha, beta], case_count=1))
        asyncio.run(until(lambda: is_quiet(beta), "all is folded after the repair"))
    finally:
        stop_all(nodes)

    assert lines(beta, "node_failed") == []
    assert list(fsck_folder(beta.folder, lambda _done, _total: None)) == []


async def is_told(node: LocalNode) -> bool:
    return any(lines(node, event) for event in ("fold_postponed", "fetch_failed", "parts_failed"))


async def is_mended(node: LocalNode) -> bool:
    return bool(lines(node, "damage_repaired"))
