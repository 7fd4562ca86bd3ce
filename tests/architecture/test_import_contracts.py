"""The import contracts hold on the tree and are broken by the first offending import."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
NAMES = {contract["id"]: contract["name"] for contract in CONTRACTS}


class Offence(NamedTuple):
    contract: str
    module: str
    statement: str


OFFENCES = [
    Offence("layers", "registry/domain/identifiers.py", "import registry.log"),
    Offence("layers", "registry/store/__init__.py", "import registry.replication"),
    Offence("layers", "registry/log/__init__.py", "import registry.client"),
    Offence("layers", "registry/stray.py", ""),
    Offence("services", "registry/application/__init__.py", "import registry_node"),
    Offence("services", "services/registry_cli/__init__.py", "import registry_node"),
    Offence("cli", "services/registry_cli/__init__.py", "import registry.store"),
    Offence("cli", "services/registry_cli/__init__.py", "import registry.replication"),
    Offence("cli", "services/registry_cli/__init__.py", "import registry.views"),
    Offence("pure", "registry/domain/__init__.py", "import time"),
    Offence("pure", "registry/log/__init__.py", "from random import random"),
    Offence("pure", "registry/replication/__init__.py", "import asyncio.queues"),
    Offence("pure", "registry/errors.py", "import threading"),
    Offence("sql", "registry/application/__init__.py", "import sqlite3"),
    Offence("sql", "services/registry_node/__init__.py", "import psycopg.rows"),
    Offence("sql", "registry/views/__init__.py", "import eventsourcing.persistence"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their contracts that a test may spoil."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("registry", "services"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def verdicts(tree: Path) -> dict[str, str]:
    """Returns KEPT or BROKEN for the name of each contract."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(tree), str(tree / "services"))),
        "COLUMNS": "300",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    found = {
        name: verdict
        for name in NAMES.values()
        for verdict in ("KEPT", "BROKEN")
        if f"{name} {verdict}" in done.stdout
    }
    assert len(found) == len(NAMES), done.stdout + done.stderr
    return found


def test_every_contract_is_kept() -> None:
    assert verdicts(ROOT) == dict.fromkeys(NAMES.values(), "KEPT")


def test_every_contract_has_an_offence_that_breaks_it() -> None:
    assert {offence.contract for offence in OFFENCES} == set(NAMES)


@pytest.mark.parametrize(
    "offence", OFFENCES, ids=lambda offence: f"{offence.module}: {offence.statement or 'stray'}"
)
def test_an_offending_import_breaks_its_contract(tree: Path, offence: Offence) -> None:
    module = tree / offence.module
    text = module.read_text() if module.exists() else '"""Stands outside the layers."""\n'
    module.write_text(f"{text}\n{offence.statement}\n")

    assert verdicts(tree)[NAMES[offence.contract]] == "BROKEN"


def test_the_sql_contract_covers_everything_but_the_store() -> None:
    (sources,) = (set(c["source_modules"]) for c in CONTRACTS if c["id"] == "sql")
    packages = {
        f"registry.{path.stem}"
        for path in (ROOT / "registry").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}

    assert sources == (packages | services) - {"registry.__init__", "registry.store"}
