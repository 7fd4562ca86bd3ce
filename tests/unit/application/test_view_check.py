"""Fsck compares the views with a fresh fold, and leaves them as they are."""

from contextlib import closing
from pathlib import Path

import sqlcipher3.dbapi2 as sqlcipher

from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import read_node_keys
from registry.application.verification import fsck_folder
from registry.store.check import Finding
from registry.store.sqlite import open_sqlite_store
from tests.unit.application.erasing_world import fold
from tests.unit.application.federation_in_process import open_node, opening, statement

NOW_MS = 1_800_000_000_000


def fsck(folder: Path) -> list[Finding]:
    return list(fsck_folder(folder, lambda _done, _total: None, now_ms=lambda: NOW_MS))


def folded(folder: Path) -> Path:
    """A stopped node with a case in its views."""
    node = open_node(folder, "alpha")
    case_id = node.record(opening()).case_id
    node.record(statement(), case_id)
    fold(node)
    node.registry.close()
    return folder / "alpha"


def change_views(folder: Path, statement_text: str) -> None:
    node = NodeFolder(folder)
    store = open_sqlite_store(
        node.database,
        author=None,
        guard=None,
        node_keys=read_node_keys(node, bytes),
        now_ms=lambda: 0,
        is_read_only=True,
    )
    key = store.existing_database_key("views")
    store.close()
    with closing(sqlcipher.connect(str(node.views_database), isolation_level=None)) as views:
        views.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        assert views.execute(statement_text).rowcount > 0


def test_sound_views_are_those_of_a_fresh_fold(folder: Path) -> None:
    assert fsck(folded(folder)) == []


def test_changed_document_is_named_by_view_and_key(folder: Path) -> None:
    alpha = folded(folder)
    change_views(alpha, "UPDATE documents SET row = replace(row, 'invented', 'other')")
    found = fsck(alpha)

    assert {each.reason for each in found} == {"views_mismatch"}
    assert any("view case" in each.detail for each in found)
    assert not any("matter" in each.detail for each in found), "rows hold content"


def test_missing_document_is_found(folder: Path) -> None:
    alpha = folded(folder)
    change_views(alpha, "DELETE FROM documents WHERE view = 'case'")

    assert {each.reason for each in fsck(alpha)} == {"views_mismatch"}


def test_damaged_file_of_views_is_a_finding_and_stays(folder: Path) -> None:
    alpha = folded(folder)
    views = alpha / "views.db"
    data = bytearray(views.read_bytes())
    data[5000] ^= 1
    views.write_bytes(data)

    assert [each.reason for each in fsck(alpha)] == ["views_damaged"]
    assert views.read_bytes() == bytes(data)
