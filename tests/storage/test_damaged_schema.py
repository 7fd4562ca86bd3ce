"""A database whose schema is no text is refused by name: by fsck, by the store, as a backup."""

import re
from pathlib import Path

import pytest

from registry.errors import CorruptDatabase, FolderError
from registry.store.backup import read_about
from registry.store.check import check_store
from tests.storage.storage_world import open_store, roster


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """SQLite quotes the name of the table that it cannot read, and that name is no UTF-8."""
    open_store(tmp_path).close()
    whole = (tmp_path / "log.db").read_bytes()
    changed = re.sub(rb"tablelogslogs(.?)CREATE", b"table\xf1ogslogs\\1XREATE", whole, count=1)
    assert changed != whole
    (tmp_path / "log.db").write_bytes(changed)
    return tmp_path / "log.db"


def test_schema_that_is_no_text_is_a_finding(damaged: Path) -> None:
    (finding,) = check_store(damaged, roster(), node_keys=None)

    assert finding.reason == "corrupt_database"


def test_store_with_a_schema_that_is_no_text_is_corrupt(damaged: Path) -> None:
    with pytest.raises(CorruptDatabase):
        open_store(damaged.parent)


def test_backup_with_a_schema_that_is_no_text_is_none(damaged: Path) -> None:
    with pytest.raises(FolderError):
        read_about(damaged)
