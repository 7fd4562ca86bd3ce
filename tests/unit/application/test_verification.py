"""Verify and fsck: a sound folder proves itself, a changed byte is found where it stands."""

import random
import shutil
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.founding import load_signer
from registry.application.verification import VerificationReport, fsck_folder, verify_folder
from registry.domain.identifiers import Origin, RootHash
from registry.errors import CorruptDatabase, FolderError, RosterError
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.store.check import Finding
from tests.unit.application.damage import Value, changed, flipped, read, run_statement, values
from tests.unit.application.federation_in_process import (
    MECHANISMS,
    Ceremony,
    Nodes,
    carry_entries,
    open_federation,
    open_node,
    opening,
    statement,
)

COUNT = 6
ORIGINS = [f"invented.example/{mechanism}/1" for mechanism in MECHANISMS]
ALPHA, BETA, GAMMA = ORIGINS


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def verify(folder: Path) -> VerificationReport:
    return verify_folder(folder, quiet)


def fsck(folder: Path) -> list[Finding]:
    return list(fsck_folder(folder, quiet))


def record(nodes: Nodes) -> None:
    """Six events of each node on one case, held by all, some content for two only."""
    case_id = nodes["alpha"].record(opening()).case_id
    nodes.carry_all()
    for number in range(COUNT):
        for name, node in nodes.items():
            is_last_of_alpha = name == "alpha" and number == COUNT - 1
            named = ("beta",) if number == 3 else ()
            if not is_last_of_alpha:
                node.record(statement(f"{name} {number}"), case_id, mechanisms=named)
    nodes.carry_all()


@pytest.fixture(scope="module")
def recorded(ceremony: Ceremony, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stopped nodes that hold six events of each log."""
    folder = tmp_path_factory.mktemp("recorded") / "federation"
    shutil.copytree(ceremony.roster_file.parent, folder)
    with open_federation(folder) as nodes:
        record(nodes)
    return folder


@pytest.fixture
def alpha(recorded: Path, tmp_path: Path) -> Path:
    """A fresh copy of one of the three folders, beside the others."""
    shutil.copytree(recorded, tmp_path / "recorded")
    return tmp_path / "recorded" / "alpha"


def findings(report: VerificationReport) -> dict[str, tuple[str, ...]]:
    return {log.origin: log.findings for log in report.logs if not log.ok}


# --- sound folders --------------------------------------------------------------------------


def test_sound_folders_verify_and_amount_to_one_digest(alpha: Path) -> None:
    reports = [verify(alpha.parent / name) for name in MECHANISMS]

    assert [report.ok for report in reports] == [True] * 3
    assert [fsck(alpha.parent / name) for name in MECHANISMS] == [[], [], []]
    assert len({report.node_digest for report in reports}) == 1
    assert len({report.vector for report in reports}) == 1
    assert {report.case_count for report in reports} == {1}
    assert [log.origin for log in reports[0].logs] == ORIGINS
    assert [(log.size, log.entries_verified) for log in reports[0].logs] == [(COUNT, COUNT)] * 3
    assert [log.root for log in reports[0].logs] == [log.root for log in reports[2].logs]


def test_verified_digest_is_the_one_that_the_running_node_shows(folder: Path) -> None:
    with open_federation(folder) as nodes:
        record(nodes)
        shown = nodes["beta"].registry.digest()
        report = verify(folder / "beta")
        assert fsck(folder / "beta") == []

    assert (report.node_digest, report.case_count) == (shown.digest, shown.case_count)
    assert report.vector == shown.vector
    assert report.registry_id == nodes["beta"].registry.registry_id


def test_node_that_was_never_written_to_verifies(folder: Path) -> None:
    open_node(folder, "alpha").registry.close()

    assert verify(folder / "alpha").ok
    assert fsck(folder / "alpha") == []


def test_log_that_is_being_fetched_verifies_up_to_its_note_and_beyond(folder: Path) -> None:
    with open_federation(folder) as nodes:
        alpha, beta, _ = nodes.values()
        opened = alpha.record(opening())
        carry_entries(alpha, beta, alpha.log_id)
        for _ in range(4):
            alpha.record(statement(), opened.case_id)
        carry_entries(alpha, beta, alpha.log_id, end=4)

    report = verify(folder / "beta")

    assert report.ok
    assert [log.entries_verified for log in report.logs] == [4, 0, 0]
    assert fsck(folder / "beta") == []


def test_progress_covers_every_entry_of_every_log(alpha: Path) -> None:
    heard: list[tuple[int, int]] = []
    verify_folder(alpha, lambda done, total: heard.append((done, total)))

    assert heard == sorted(heard)
    assert heard[-1] == (3 * COUNT, 3 * COUNT)


def test_long_log_is_verified_page_by_page(alpha: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verify(alpha)
    for page in (1, 2, 5):
        monkeypatch.setattr("registry.application.verification._PAGE", page)
        assert verify(alpha) == whole


# --- damage ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_flipped_bit_in_an_entry_is_found_by_both(alpha: Path, number: int) -> None:
    rng = random.Random(number)
    value = rng.choice(values(alpha)["entry"])
    with changed(alpha, value, flipped(read(alpha, value), rng)):
        report, found = verify(alpha), fsck(alpha)

    assert list(findings(report)) == [value.origin]
    assert any(each.startswith(f"entry {value.index}: ") for each in findings(report)[value.origin])
    assert (value.origin, value.index) in {(each.origin, each.index) for each in found}
    assert verify(alpha).ok


def test_entry_that_is_no_entry_any_more_is_found_in_the_frame_and_the_header(alpha: Path) -> None:
    (value, *_) = values(alpha)["entry"]
    old = read(alpha, value)
    for new in (b"", b"\xff" * len(old), old[:4] + b"\xff" * (len(old) - 4), old + b"x"):
        with changed(alpha, value, new):
            report = verify(alpha)

        assert findings(report)[value.origin][0].startswith(f"entry {value.index}: malformed_entry")
        assert (report.node_digest, report.vector) == (b"", ())


@pytest.mark.parametrize("number", range(8))
def test_flipped_bit_in_a_note_is_found_by_both(alpha: Path, number: int) -> None:
    rng = random.Random(number)
    value = rng.choice(values(alpha)["note"])
    with changed(alpha, value, flipped(read(alpha, value), rng)):
        report, found = verify(alpha), fsck(alpha)

    assert list(findings(report)) == [value.origin]
    assert findings(report)[value.origin][0].startswith("note: ")
    assert value.origin in {each.origin for each in found}


def test_note_of_an_older_size_is_found(alpha: Path) -> None:
    (note,) = [each for each in values(alpha)["note"] if each.origin == BETA]
    old = read(alpha, note)
    with open_federation(alpha.parent) as nodes:
        case_id = nodes["beta"].registry.store.case_ids(None, 1)[0]
        nodes["beta"].record(statement(), case_id)
        nodes.carry_all()

    with changed(alpha, note, old):
        assert list(findings(verify(alpha))) == [BETA]
        assert BETA in {each.origin for each in fsck(alpha)}


def test_second_history_that_its_author_signed_is_found(alpha: Path) -> None:
    signer = load_signer(NodeFolder(alpha.parent / "beta"), "log")
    forged = sign_checkpoint(Checkpoint(Origin(BETA), COUNT, RootHash(b"x" * 32)), signer)
    (note,) = [each for each in values(alpha)["note"] if each.origin == BETA]
    with changed(alpha, note, forged):
        report, found = verify(alpha), fsck(alpha)

    assert findings(report) == {
        BETA: (f"note: the entries do not lead to the signed root at {COUNT}",)
    }
    assert [(each.origin, each.reason) for each in found] == [(BETA, "root_mismatch")]


@pytest.mark.parametrize("number", range(8))
def test_flipped_bit_in_a_part_is_found_by_fsck(alpha: Path, number: int) -> None:
    rng = random.Random(number)
    value = rng.choice(values(alpha)["part"])
    with changed(alpha, value, flipped(read(alpha, value), rng)):
        found = fsck(alpha)

    assert {(each.origin, each.index, each.reason) for each in found} == {
        (value.origin, value.index, "commitment_mismatch")
    }


def test_changed_root_is_found_by_both(alpha: Path) -> None:
    value = Value("logs", "root", "origin = '" + GAMMA + "'", (), GAMMA, None)
    with changed(alpha, value, b"x" * 32):
        report, found = verify(alpha), fsck(alpha)

    assert list(findings(report)) == [GAMMA]
    assert findings(report)[GAMMA][0].startswith("root: ")
    assert (GAMMA, "root_mismatch") in {(each.origin, each.reason) for each in found}


def test_missing_entry_is_found_by_both(alpha: Path) -> None:
    run_statement(
        alpha,
        "DELETE FROM stored_events WHERE originator_version = 2 AND originator_id = "
        f"(SELECT lower(hex(log_id)) FROM logs WHERE origin = '{BETA}')",
    )

    report = verify(alpha)

    assert findings(report)[BETA][0] == f"entries between 0 and {COUNT} are missing"
    assert (BETA, 2, "misplaced_entry") in {(e.origin, e.index, e.reason) for e in fsck(alpha)}


def test_log_that_the_database_forgot_is_found(alpha: Path) -> None:
    run_statement(alpha, f"DELETE FROM logs WHERE origin = '{BETA}'")

    assert findings(verify(alpha)) == {BETA: ("the database does not know this log",)}
    assert "unknown_log" in {each.reason for each in fsck(alpha)}


def test_cases_that_cannot_be_read_though_every_log_verifies_are_told(alpha: Path) -> None:
    run_statement(alpha, "INSERT INTO case_entries SELECT case_no, 1, 999, 0 FROM case_ids")

    with pytest.raises(CorruptDatabase, match="fsck"):
        verify(alpha)
    assert {(e.origin, e.index, e.reason) for e in fsck(alpha)} == {
        (ALPHA, 999, "case_index_mismatch")
    }


def test_authors_fault_at_a_freeze_is_not_damage(alpha: Path) -> None:
    (value,) = [e for e in values(alpha)["entry"] if (e.origin, e.index) == (BETA, COUNT - 1)]
    run_statement(alpha, f"UPDATE logs SET frozen_at = {COUNT - 1} WHERE origin = '{BETA}'")
    with changed(alpha, value, flipped(read(alpha, value), random.Random(1))):
        report = verify(alpha)

    assert not any(each.startswith("entry") for each in findings(report)[BETA])


def test_changed_roster_proves_nothing(alpha: Path) -> None:
    kept = alpha / "roster" / "1.roster"
    data = kept.read_bytes()
    kept.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(RosterError):
        verify(alpha)
    with pytest.raises(RosterError):
        fsck(alpha)


def test_lost_or_damaged_guard_is_a_finding_beside_the_others(alpha: Path) -> None:
    guard = alpha / "guard" / "guard.bin"
    (value, *_) = values(alpha)["part"]
    guard.write_bytes(b"x" * 8192)
    with changed(alpha, value, b"x" * 40):
        damaged = fsck(alpha)
    guard.unlink()
    lost = fsck(alpha)

    assert [each.reason for each in damaged] == ["guard_error", "commitment_mismatch"]
    assert [(each.origin, each.reason) for each in lost] == [(ALPHA, "guard_error")]
    assert verify(alpha).ok


def test_database_that_was_rolled_back_behind_its_guard_is_found(folder: Path) -> None:
    with open_federation(folder) as nodes:
        opened = nodes["alpha"].record(opening())
    old = (folder / "alpha" / "log.db").read_bytes()
    with open_federation(folder) as nodes:
        nodes["alpha"].record(statement(), opened.case_id)
    (folder / "alpha" / "log.db").write_bytes(old)

    assert [(each.origin, each.reason) for each in fsck(folder / "alpha")] == [
        (ALPHA, "guard_ahead")
    ]


def test_folder_without_a_database_is_told(folder: Path) -> None:
    with pytest.raises(FolderError, match="no database"):
        verify(folder / "alpha")
    assert [each.reason for each in fsck(folder / "alpha")] == ["corrupt_database"]
