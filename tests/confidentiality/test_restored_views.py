"""A database that was restored beside newer read models: what they tell is folded anew."""

import sqlite3
from contextlib import closing
from pathlib import Path

from registry.application.lists import Ask
from tests.confidentiality.scanning import back_up
from tests.unit.application.federation_in_process import (
    Nodes,
    found_federation,
    open_federation,
    opening,
)


def listed(nodes: Nodes, slug: str) -> dict[str, int]:
    """Titles and numbers of events of the cases in a node's list, folded as far as can be."""
    registry = nodes[slug].registry
    while registry.projector.advance().is_behind:
        pass
    assert registry.projector.lag() == 0
    page = registry.lists.cases(Ask(100))
    return {row.title: row.event_count for row in page.rows}


def restored_beside_newer_views(folder: Path) -> dict[str, int]:
    """Leaves beta's folder with an old database and newer read models; returns what these list."""
    found_federation(folder, ("alpha", "beta"))
    database = folder / "beta" / "log.db"
    with open_federation(folder, ("alpha", "beta")) as nodes:
        nodes["alpha"].record(opening("first"))
        nodes.carry_all()
        listed(nodes, "beta")
    back_up(database, folder / "old.db")
    with open_federation(folder, ("alpha", "beta")) as nodes:
        nodes["alpha"].random_bytes.label = "alpha again"
        for number in range(5):
            nodes["alpha"].record(opening(f"later {number}"))
        nodes.carry_all()
        complete = listed(nodes, "beta")
    database.write_bytes((folder / "old.db").read_bytes())
    for suffix in ("-wal", "-shm"):
        database.with_name(f"log.db{suffix}").unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT count(*) FROM stored_events").fetchone() == (1,)
    return complete


def test_status_of_a_restored_node_never_claims_less_than_no_lag(tmp_path: Path) -> None:
    restored_beside_newer_views(tmp_path)
    with open_federation(tmp_path, ("alpha", "beta")) as nodes:
        assert nodes["beta"].registry.projector.lag() >= 0


def test_restored_node_lists_what_arrives_first_after_the_restore(tmp_path: Path) -> None:
    complete = restored_beside_newer_views(tmp_path)
    assert len(complete) == 6
    with open_federation(tmp_path, ("alpha", "beta")) as nodes:
        nodes["beta"].random_bytes.label = "beta again"
        nodes["beta"].record(opening("after the restore"))
        nodes.carry_all()
        assert listed(nodes, "beta") == complete | {"after the restore": 1}
