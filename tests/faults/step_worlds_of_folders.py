"""Worlds of a whole node's folder: keys are rotated, databases backed up and put back."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from registry.application.backing_up import back_up, read_backup
from registry.application.key_care.key_rotation import ask_for_rotation
from registry.application.key_care.node_keys import node_key_id, rotate_node_key
from registry.application.recording import RecordCommand
from registry.application.recovering import look_at, put_back
from registry.application.registry import Registry
from registry.application.verification import fsck_folder
from registry.log.facts import GuardVerdict
from registry_cli.federation import Mechanism, found_federation
from tests.faults.step_worlds import Act, Lost, require
from tests.integration.federation_world import opened as case_opened
from tests.storage.storage_world import NOW_MS

NODE = Mechanism("alone", "Alone (invented)")
OTHER = Mechanism("absent", "Absent (invented)")


def open_registry(folder: Path) -> Registry:
    return Registry.open(folder, now_ms=lambda: NOW_MS, random_bytes=os.urandom)


@contextmanager
def open_log(folder: Path) -> Iterator[Registry]:
    """The folder of a node whose start-up fence has let it pass."""
    with closing(open_registry(folder)) as registry:
        verdict = registry.store.own_state_against_guard().kind
        require(verdict is GuardVerdict.EQUAL, f"the guard says {verdict}")
        registry.open_log()
        yield registry


def record(folder: Path, *names: str) -> None:
    with open_log(folder) as registry:
        for name in names:
            command = RecordCommand(name, "", None, case_opened(f"{name} (invented)"))
            registry.record(command).result()


def require_recorded(folder: Path, *names: str) -> None:
    with open_log(folder) as registry:
        for name in names:
            command = RecordCommand(name, "", None, case_opened(f"{name} (invented)"))
            found = registry.record(command).result()
            require(found.was_recorded_before, f"{name} is lost")


def made_node(folder: Path) -> Path:
    """Founds a registry of two in a folder; returns that of the first."""
    _, nodes = found_federation(folder / "registry", "testing", [NODE, OTHER])
    return nodes[0].folder


class FolderWorld:
    """A folder with one node in it, closed between acts."""

    def make(self, folder: Path) -> None:
        record(made_node(folder), "first")

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Any]:
        yield self.node(folder)

    def node(self, folder: Path) -> Path:
        return folder / "registry" / NODE.slug

    def look_closed(self, folder: Path, done: Sequence[Act]) -> None:
        """A start mends nothing that would hide a loss here."""

    def check(self, folder: Path) -> None:
        found = list(fsck_folder(self.node(folder), lambda *_: None))
        require(not found, f"fsck found {found[:3]}")


class KeysWorld(FolderWorld):
    """The node key is rotated, then the log key."""

    name = "keys"
    its_own: tuple[str, ...] = ("rotation", "log_key", "node_key")

    def __init__(self) -> None:
        self._old_key = ""
        self.acts = [
            Act("node key", self._rotate_node_key, self._is_node_key_rotated),
            Act("log key", self._rotate_log_key, self._is_log_key_rotated),
        ]

    def make(self, folder: Path) -> None:
        super().make(folder)
        self._old_key = node_key_id(self.node(folder))

    def _rotate_node_key(self, folder: Path) -> None:
        if node_key_id(folder) == self._old_key:
            rotate_node_key(folder)
        record(folder, "second")

    def _is_node_key_rotated(self, folder: Path) -> None:
        require(node_key_id(folder) != self._old_key, "the node key is the old one")
        require_recorded(folder, "first", "second")

    def _rotate_log_key(self, folder: Path) -> None:
        with open_log(folder) as registry:
            rotations = registry.store.rotations(registry.own.log_id)
            is_wanted = registry.log_key.is_rotation_wanted
        if not rotations and not is_wanted:
            ask_for_rotation(folder)
        with open_log(folder) as registry:
            if registry.log_key.is_rotation_wanted:
                registry.log_key.rotate().result()
                registry.log_key.use()
        record(folder, "third")

    def _is_log_key_rotated(self, folder: Path) -> None:
        with open_log(folder) as registry:
            if not registry.store.rotations(registry.own.log_id):
                msg = "the rotation is lost"
                raise Lost(msg)
        require_recorded(folder, "first", "second", "third")


class BackupWorld(FolderWorld):
    """The databases are backed up, put back, and written on."""

    name = "backup"
    its_own: tuple[str, ...] = ("backup", "put_back")

    def __init__(self) -> None:
        self.acts = [
            Act("backup", self._back_up, self._is_backed_up),
            Act("put back", self._put_back, lambda node: require_recorded(node, "first")),
            Act("later", self._record_later, self._has_later),
        ]

    def _back_up(self, node: Path) -> None:
        out = _backup_of(node)
        if not out.exists():
            back_up(node, out, now_ms=NOW_MS, progress=lambda *_: None)

    def _is_backed_up(self, node: Path) -> None:
        out = _backup_of(node)
        require(read_backup(out).own_size == 1, "the backup is another")
        require(sorted(out.parent.glob(f"{out.name}*")) == [out], "a draft was left behind")

    def _put_back(self, node: Path) -> None:
        if read_backup(_backup_of(node)).own_size == look_at(node).comparison.database_size:
            put_back(
                node,
                _backup_of(node),
                may_replace=True,
                now_ms=lambda: NOW_MS,
                progress=lambda *_: None,
            )
        require(not list(node.glob("*putting-back*")), "a draft was left behind")

    def _record_later(self, node: Path) -> None:
        record(node, "later")

    def _has_later(self, node: Path) -> None:
        require_recorded(node, "first", "later")


def _backup_of(node: Path) -> Path:
    return node.parent.parent / "node.backup"
