"""Cosignatures that this node knows: of each log and each witness the one of the largest size.

Kept so that they can be shown and handed on after a restart. They are no ratchet: what this member
itself may cosign is decided by the witness guard, which no backup of the database takes along.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import Origin, RootHash, log_id_of
from registry.log.checkpoint import Checkpoint, NoteSignature
from registry.log.cosignature import Cosignature
from registry.store.connections import DurableDatastore
from registry.store.rows import LogNumbers

_PUT: Final = """INSERT INTO cosignatures (log_no, witness, size, root, key_id, signature)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (log_no, witness) DO UPDATE SET size = excluded.size, root = excluded.root,
        key_id = excluded.key_id, signature = excluded.signature
    WHERE excluded.size >= size"""


class Cosignatures:
    """The cosignatures of one store; reads from any thread, writes through its one writer."""

    def __init__(
        self,
        datastore: DurableDatastore,
        numbers: LogNumbers,
        run: Callable[[Callable[[], Any]], "Future[Any]"],
    ) -> None:
        self._datastore = datastore
        self._numbers = numbers
        self._run = run

    def all(self) -> list[Cosignature]:
        """What is stored, in the order of logs and witnesses.

        Raises:
            StorageError: the disk failed.
        """
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT l.origin, c.* FROM cosignatures c JOIN logs l ON l.log_no = c.log_no "
                "ORDER BY c.log_no, c.witness"
            )
            return [
                Cosignature(
                    Checkpoint(Origin(row["origin"]), row["size"], RootHash(row["root"])),
                    NoteSignature(row["witness"], row["key_id"], row["signature"]),
                )
                for row in cursor.fetchall()
            ]

    def put(self, cosignatures: Sequence[Cosignature]) -> "Future[None]":
        """Stores cosignatures of registered logs in one transaction; smaller ones change nothing.

        Raises:
            DiskFull: there is no room even for this.

        The future fails with:
            NotFound: a log is not registered; nothing is stored.
            StorageError: the disk failed.
        """
        return self._run(lambda: self._put(cosignatures))

    def _put(self, cosignatures: Sequence[Cosignature]) -> None:
        with self._datastore.writing() as cursor:
            rows = [self._row(cursor, each) for each in cosignatures]
            cursor.executemany(_PUT, rows)

    def _row(self, cursor: SQLiteCursor, cosignature: Cosignature) -> tuple[Any, ...]:
        (origin, size, root), line = cosignature
        log_no = self._numbers.of(cursor, log_id_of(origin))
        return log_no, line.key_name, size, root, line.key_id, line.signature
