"""`registry check-proof`: anyone checks a proof with a roster, and is not fooled."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from registry.errors import BadEntrySignature, EntryError, RosterError
from registry_cli.main import app
from tests.unit.application.federation_in_process import (
    found_federation,
    open_federation,
    opening,
    statement,
)

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


class Proven(NamedTuple):
    """A proof of event 1 of three, and the roster it was made under."""

    file: Path
    roster: Path
    registry_id: str
    case_id: str


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    folder = tmp_path_factory.mktemp("federation")
    ceremony = found_federation(folder)
    with open_federation(folder) as nodes:
        node = nodes["alpha"]
        opened = node.record(opening())
        for text in ("first", "second"):
            node.record(statement(text), opened.case_id)
        evidence = node.registry.proofs.inclusion_evidence("", 1)
    file = folder / "event.proof"
    file.write_bytes(evidence)
    return Proven(file, ceremony.roster_file, ceremony.registry_id.hex(), opened.case_id.hex())


def check(proven: Proven, *options: str, file: Path | None = None) -> Result:
    arguments = ["check-proof", str(file or proven.file), "--roster", str(proven.roster)]
    return RUNNER.invoke(app, [*arguments, *options])


def test_proof_is_told_with_its_place_and_checkpoint(proven: Proven) -> None:
    told = check(proven, "--registry-id", proven.registry_id).stdout

    assert "proven: event 1 of invented.example/alpha/1, under its checkpoint of 3 entries" in told
    assert "statement_issued" in told
    assert proven.case_id in told


def test_proof_is_told_to_machines(proven: Proven) -> None:
    told = json.loads(check(proven, "--json").stdout)

    assert (told["index"], told["checkpoint_size"]) == (1, 3)
    assert (told["case_id"], told["registry_id"]) == (proven.case_id, proven.registry_id)


def test_changed_proof_is_refused(proven: Proven, tmp_path: Path) -> None:
    data = bytearray(proven.file.read_bytes())
    data[data.index(bytes.fromhex(proven.case_id))] ^= 1
    changed = tmp_path / "changed.proof"
    changed.write_bytes(data)

    assert isinstance(check(proven, file=changed).exception, BadEntrySignature)


def test_anything_else_is_no_proof(proven: Proven, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\xff" * 100)

    assert isinstance(check(proven, file=other).exception, EntryError)


def test_roster_of_another_registry_is_refused(proven: Proven) -> None:
    result = check(proven, "--registry-id", "00" * 32)

    assert isinstance(result.exception, RosterError)
    assert "proven" not in result.stdout


def test_missing_file_is_told_by_name(proven: Proven, tmp_path: Path) -> None:
    result = check(proven, file=tmp_path / "nowhere")

    assert isinstance(result.exception, OSError)
