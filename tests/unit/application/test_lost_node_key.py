"""A node key that is lost for ever: cut short at any step, the replacement can be finished."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import write_secret
from registry.application.key_care.node_keys import replace_lost_node_key
from registry.errors import FolderError, NodeKeyMissing
from registry.store.connections import DurableDatastore
from registry.store.office import Office
from tests.unit.application.federation_in_process import open_node, opening

STEPS_MIN = 6


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture
def alpha(folder: Path) -> Path:
    """A stopped node with content, views and an office, whose node key is gone."""
    node = open_node(folder, "alpha")
    with closing(node.registry):
        node.record(opening())
        node.registry.projector.advance()
        with closing(office_of(node.registry)) as office:
            # Left open by a process that was killed: the files beside it stay.
            office.add_reads(1, "ada", "GetCase", {node.registry.store.case_ids(None, 1)[0]: 1})
            for name in ("office.db", "views.db"):
                for suffix in ("-wal", "-shm"):
                    shutil.copy(folder / "alpha" / f"{name}{suffix}", folder / f"{name}{suffix}")
    for file in folder.glob("*.db-*"):
        file.replace(folder / "alpha" / file.name)
    NodeFolder(folder / "alpha").node_key_file.unlink()
    return folder / "alpha"


def office_of(registry: Any) -> Office:
    return Office(registry.folder.office_database, registry.store.database_key("office"))


def crash_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Ends the work after a number of transactions, checkpoints, renames and deletions."""
    made = count()

    def end() -> None:
        if next(made) == steps:
            raise Crash

    def dying(name: str) -> None:
        before = getattr(DurableDatastore, name)

        @contextmanager
        def wrapped(self: DurableDatastore) -> Iterator[Any]:
            with before(self) as cursor:
                yield cursor
            end()

        monkeypatch.setattr(DurableDatastore, name, wrapped)

    def before_write(write: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*args: Any, **kwargs: Any) -> None:
            end()
            write(*args, **kwargs)

        return wrapped

    dying("writing")
    dying("outside_transaction")
    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, before_write(getattr(Path, name)))
    monkeypatch.setattr(
        f"{replace_lost_node_key.__module__}.write_secret", before_write(write_secret)
    )


def start(folder: Path) -> None:
    """Opens a node and its office as the node process does."""
    node = open_node(folder.parent, folder.name)
    with closing(node.registry), closing(office_of(node.registry)) as office:
        assert office.reads_before(None, 9) == []
        assert node.registry.store.database_key("views")


@pytest.mark.parametrize("goes_on_by", ["the next run", "a start"])
def test_replacement_that_crashes_at_any_step_is_finished(
    alpha: Path, monkeypatch: pytest.MonkeyPatch, goes_on_by: str
) -> None:
    whole = alpha.parent / "whole"
    shutil.copytree(alpha, whole)
    crashes = 0
    for steps in count():
        shutil.rmtree(alpha)
        shutil.copytree(whole, alpha)
        with monkeypatch.context() as patch:
            crash_after(patch, steps)
            try:
                replace_lost_node_key(alpha)
                break
            except Crash:
                crashes += 1
        if goes_on_by == "a start":
            try:
                start(alpha)
            except NodeKeyMissing:
                replace_lost_node_key(alpha)
        elif not NodeFolder(alpha).node_key_file.exists():
            replace_lost_node_key(alpha)
        start(alpha)
        assert (alpha / "office.db.lost").exists(), steps
        assert (alpha / "office.db-wal.lost").exists(), steps
        with pytest.raises(FolderError, match="not lost"):
            replace_lost_node_key(alpha)

    assert crashes > STEPS_MIN
    start(alpha)
