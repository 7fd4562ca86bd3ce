"""`registry check-fault-proof`: anyone checks with a roster what an author did."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from registry.application.folder import NodeFolder
from registry.application.membership.founding import load_signer
from registry.application.membership.rosters import load_roster
from registry.client import LogStatus, PeerStatus
from registry.errors import BadNoteSignature, EntryError, RosterError
from registry.log.fault_proof import SignedPrefix, two_entries, two_histories
from registry.log.signing import Ed25519Signer
from registry_cli.commands.online import _frozen
from registry_cli.main import app
from tests.faults.honest_peer import HonestPeer
from tests.unit.application.federation_in_process import found_federation

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
PARTED, SIZE = 3, 6
ORIGIN = "invented.example/beta/1"


class Forked(NamedTuple):
    """An author's two histories, and the roster."""

    one: HonestPeer
    other: HonestPeer
    roster: Path
    registry_id: str


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Forked:
    folder = tmp_path_factory.mktemp("federation")
    ceremony = found_federation(folder)
    node = NodeFolder(folder / "beta")
    own = load_roster(node).member_by_slug("beta")
    one = HonestPeer(own.origin, ceremony.registry_id, load_signer(node, "log"))
    for number in range(SIZE):
        one.write(f"event {number}")
    other = one.fork_at(PARTED)
    for number in range(PARTED, SIZE):
        other.write(f"another event {number}")
    return Forked(one, other, ceremony.roster_file, ceremony.registry_id.hex())


def prefix(author: HonestPeer) -> SignedPrefix:
    root = author.range_at(PARTED + 1).root()
    return SignedPrefix(author.note_at(SIZE), (), root, author.path(PARTED + 1, SIZE))


def histories(forked: Forked) -> bytes:
    both = prefix(forked.one), prefix(forked.other)
    return two_histories(forked.one.origin, PARTED + 1, *both)


def check(forked: Forked, data: bytes, folder: Path, *options: str) -> Result:
    file = folder / "fault.proof"
    file.write_bytes(data)
    arguments = ["check-fault-proof", str(file), "--roster", str(forked.roster)]
    return RUNNER.invoke(app, [*arguments, *options])


def test_fault_is_told_with_the_place_where_the_log_ends(forked: Forked, tmp_path: Path) -> None:
    told = check(forked, histories(forked), tmp_path, "--registry-id", forked.registry_id).stdout

    assert f"proven: the author of {ORIGIN} signed two histories" in told
    assert f"the log ends at {PARTED}: that event and all behind it are void" in told
    assert forked.registry_id in told


def test_two_events_for_one_place_are_told_as_such(forked: Forked, tmp_path: Path) -> None:
    entries = forked.one.entries[PARTED], forked.other.entries[PARTED]
    told = check(forked, two_entries(forked.one.origin, PARTED, entries, ()), tmp_path).stdout

    assert f"proven: the author of {ORIGIN} signed two events for one place" in told


def test_fault_is_told_to_machines(forked: Forked, tmp_path: Path) -> None:
    told = json.loads(check(forked, histories(forked), tmp_path, "--json").stdout)

    assert (told["frozen_at"], told["reason"]) == (PARTED, "two_histories")
    assert (told["origin"], told["rotations"]) == (ORIGIN, 0)


def test_proof_that_a_stranger_made_is_refused(forked: Forked, tmp_path: Path) -> None:
    forged = HonestPeer(
        forked.one.origin, forked.one.registry_id, Ed25519Signer(b"t" * 32), forked.other.entries
    )
    data = two_histories(forked.one.origin, PARTED + 1, prefix(forked.one), prefix(forged))

    result = check(forked, data, tmp_path)

    assert isinstance(result.exception, BadNoteSignature)
    assert "proven" not in result.stdout


def test_anything_else_is_no_proof_and_another_roster_is_refused(
    forked: Forked, tmp_path: Path
) -> None:
    assert isinstance(check(forked, b"\xff", tmp_path).exception, EntryError)
    other = check(forked, histories(forked), tmp_path, "--registry-id", "00" * 32)
    assert isinstance(other.exception, RosterError)


def test_status_says_where_a_log_ends_and_by_which_proof() -> None:
    log = LogStatus(ORIGIN, "beta", 6, 0, None)
    assert _frozen(log) == ""
    log = LogStatus(ORIGIN, "beta", 6, 0, 3, "two_histories", has_fault_proof=True)
    told = f", FROZEN at 3 (two_histories; the proof: registry fault-proof {ORIGIN})"
    assert _frozen(log) == told
    peer = PeerStatus(
        mechanism="beta",
        display_name="Beta",
        address="a:1",
        is_connected=True,
        is_caught_up=True,
        last_error="",
        size_held=6,
        size_offered=6,
        frozen_at=3,
        frozen_reason="cut_by_roster",
    )
    assert _frozen(peer) == ", FROZEN at 3 (cut_by_roster)"
