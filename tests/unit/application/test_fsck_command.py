"""`registry fsck`, as an operator runs it: ten flipped bits, each named with log and index."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forking import run
from tests.unit.application.damage import changed, flipped, read, values
from tests.unit.application.federation_in_process import open_federation, opening, statement

REGISTRY = Path(sys.executable).with_name("registry")
FLIPS = ["entry"] * 3 + ["part"] * 3 + ["part key"] * 2 + ["note"] * 2
SEED = 11


@pytest.fixture
def beta(folder: Path) -> Path:
    """A stopped node that holds three logs and all their content."""
    with open_federation(folder) as nodes:
        case_id = nodes["alpha"].record(opening()).case_id
        nodes.carry_all()
        for number in range(4):
            for node in nodes.values():
                node.record(statement(f"number {number}"), case_id)
        nodes.carry_all()
    return folder / "beta"


def fsck(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run([REGISTRY, "fsck", folder, *options], folder.parent)


def test_ten_flipped_bits_are_each_found_with_log_and_index(beta: Path) -> None:
    rng = random.Random(SEED)
    held = values(beta)
    missed = []
    for kind in FLIPS:
        value = rng.choice(held[kind])
        with changed(beta, value, flipped(read(beta, value), rng)):
            done = fsck(beta)
        place = re.escape(value.origin) + (
            r"\b.*\bnote" if kind == "note" else rf" #{value.index}:"
        )
        if done.returncode != 1 or not re.search(place, done.stdout):
            missed.append((kind, value, done.returncode, done.stdout, done.stderr))

    assert missed == []
    assert {len(held[kind]) for kind in ("entry", "part", "part key")} == {13}


def test_sound_node_has_no_findings_and_ends_well(beta: Path) -> None:
    done = fsck(beta)

    assert (done.returncode, done.stdout.strip()) == (0, "no findings")


def test_findings_are_one_json_document(beta: Path) -> None:
    value = values(beta)["part"][-1]
    with changed(beta, value, flipped(read(beta, value), random.Random(SEED))):
        done = fsck(beta, "--json")
    (finding,) = json.loads(done.stdout)["findings"]

    assert done.returncode == 1
    assert (finding["origin"], finding["index"]) == (value.origin, value.index)
    assert finding["reason"] == "commitment_mismatch"


def test_folder_without_a_node_is_told_on_standard_error(tmp_path: Path) -> None:
    done = fsck(tmp_path)

    assert done.returncode not in (0, 1)
    assert done.stdout == ""
    assert "folder_error" in done.stderr
