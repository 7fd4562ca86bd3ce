"""Worlds of a store's starts: the first one, after a migration, after a database was put back."""

from functools import partial
from pathlib import Path
from typing import Any

from registry.log.facts import GuardVerdict
from registry.store.sqlite import SqliteStore
from tests.faults.step_worlds import (
    OLD_EVENTS,
    Act,
    ClosedStore,
    StoreWorld,
    appended,
    node_store,
    opened_store,
    require,
)
from tests.storage.earlier_database import as_version_1
from tests.storage.storage_world import OWN, OWN_ID, PEER_ID, Peer, append, part_of


class MigrationWorld(StoreWorld):
    """A database of version 1 is opened; its parts are encrypted."""

    name = "migration"
    its_own: tuple[str, ...] = ("migration", "tombstones", "checkpoint")

    def __init__(self) -> None:
        super().__init__()
        self.acts = [
            Act("migrated", lambda _: None, self._has_old),
            appended("a"),
        ]

    def make(self, folder: Path) -> None:
        super().make(folder)
        as_version_1(folder)

    def _has_old(self, store: SqliteStore) -> None:
        for index in range(OLD_EVENTS):
            require(store.part(PEER_ID, index, 0) == part_of(self._peer, index), "a part is lost")
            require(store.part(OWN_ID, index, 0) is not None, "an own part is lost")


class NewWorld(ClosedStore):
    """A folder in which nothing is yet."""

    name = "new"
    its_own: tuple[str, ...] = ("guard",)
    acts = [appended("first")]  # noqa: RUF012 - a constant

    def make(self, folder: Path) -> None:
        """Nothing is there."""


class RecoveryWorld(ClosedStore):
    """A database that was put back; its own entries come from a peer."""

    name = "recovery"
    its_own: tuple[str, ...] = ("recovery", "ingest", "guard")
    signed = signed_before = 4

    def __init__(self) -> None:
        after = appended("after")
        self.acts = [
            Act("recovered", self._recover, self._is_recovered),
            Act("after", partial(self._recover, then=after), after.holds),
        ]

    def make(self, folder: Path) -> None:
        with node_store(folder) as store:
            append(store, "0", "1")
        kept = (folder / "log.db").read_bytes()
        with node_store(folder) as store:
            append(store, "2", "3")
            self._entries = store.entries(OWN_ID, 0, self.signed)
        (folder / "log.db").write_bytes(kept)

    def opened(self, folder: Path) -> Any:
        return opened_store(folder)

    def _recover(self, store: SqliteStore, *, then: Act | None = None) -> None:
        peer = Peer(OWN)
        peer.entries = self._entries
        held = store.log_state(OWN_ID).size
        if held < self.signed:
            verdict = store.own_state_against_guard().kind
            require(verdict is GuardVerdict.GUARD_AHEAD, f"the guard says {verdict}")
            store.ingest(peer.batch(held, 3, has_note=False)).result() if held < 3 else None
            store.ingest(peer.batch(3)).result()
        store.allow_appends()
        if then is not None:
            then.do(store)

    def _is_recovered(self, store: SqliteStore) -> None:
        found = store.entries(OWN_ID, 0, self.signed)
        require(found == self._entries, "what was signed did not come back")
