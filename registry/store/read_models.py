"""Read models on SQLite: documents that the views fold, and the places in the logs they stand for.

A database of its own, apart from the logs, because it holds plaintext and can be rebuilt; it is
encrypted as a whole. Documents and places are written in one transaction on eventsourcing's
tracking recorder. What a document says is the views' own affair: here it has a place in the order
of its view, facets by which it is filtered, words by which it is found, and a row to show.

    documents(id, view, key, case_id, sort, row, facets, seal)   row: canonical JSON; seal: a hash
    facets(view, name, value, sort, id)              one row for each facet of a document
    texts(text)                                      FTS5, by document id
    embargoes(case_id, until_ms)                     cases that read differently after that time
    tracking(application_name, notification_id)      one row per stream, by the library
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteTrackingRecorder

from registry.domain.identifiers import CaseId
from registry.errors import CorruptDatabase, StorageError
from registry.store.candidates import Sharing, rows_sharing, rows_with_keys
from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore
from registry.store.read_queries import Page, Query, read_page

PROJECTOR_VERSION: Final = 9
"""Raised whenever documents are folded differently: an older database is dropped and rebuilt."""
_VERSION_STREAM: Final = f"version {PROJECTOR_VERSION}"
DAMAGE_MARK: Final = "-damaged"
"""What the name of the mark has beside that of the database."""
_TABLES: Final = ("documents", "facets", "texts", "embargoes", "tracking")

Facets = tuple[tuple[str, str], ...]


class Document(NamedTuple):
    """One row of a view.

    Attributes:
        view: such as `case` or `act`.
        key: names it within its view, the same after each fold.
        sort: places it among the others of its view, as text.
        row: what is shown, canonical JSON.
        facets: (name, value) by which it is filtered; a name may stand more than once.
        text: the words by which it is found.
    """

    view: str
    key: bytes
    sort: str
    row: str
    facets: Facets = ()
    text: str = ""

    def seal(self) -> bytes:
        """A hash over all of it: a document with the same seal is not written again."""
        parts = (self.sort, self.row, _json(self.facets), self.text)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class CaseFold:
    """Everything that the views say of one case.

    Attributes:
        case_id: the case.
        documents: all of them; none = the case is in no view.
        until_ms: when it reads differently for time alone, milliseconds UTC; 0 = never.
        events: how many events it was folded from.
    """

    case_id: CaseId
    documents: tuple[Document, ...]
    until_ms: int = 0
    events: int = 0


class ReadModels(SQLiteTrackingRecorder):
    """The documents of all views and the places reached in the streams they are folded from."""

    def __init__(self, datastore: EncryptedDatastore, mark: Path | None = None) -> None:
        """Takes over the datastore.

        Args:
            datastore: the database.
            mark: a file that is made where there may be damage: who opens the database next looks
                at every page. None = no file is made.
        """
        super().__init__(datastore)
        self._encrypted = datastore
        self._mark = mark
        self._damage = ""
        self.times_cleared = 0
        """How often all was forgotten; counted before anything is folded again."""

    def construct_create_table_statements(self) -> list[str]:
        """Adds our tables to the library's."""
        return [
            *super().construct_create_table_statements(),
            """CREATE TABLE IF NOT EXISTS documents (
                id INTEGER PRIMARY KEY, view TEXT NOT NULL, key BLOB NOT NULL,
                case_id BLOB NOT NULL, sort TEXT NOT NULL, row TEXT NOT NULL,
                facets TEXT NOT NULL, seal BLOB NOT NULL, UNIQUE (view, key))""",
            "CREATE INDEX IF NOT EXISTS documents_by_case ON documents (case_id)",
            "CREATE INDEX IF NOT EXISTS documents_by_sort ON documents (view, sort, id)",
            """CREATE TABLE IF NOT EXISTS facets (
                view TEXT, name TEXT, value TEXT, sort TEXT, id INTEGER,
                PRIMARY KEY (view, name, value, sort, id)) WITHOUT ROWID""",
            """CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(text,
                tokenize='unicode61 remove_diacritics 2')""",
            # What is deleted leaves the index at once, not when pages are merged some day. A table
            # without a copy of the text cannot do that: it keeps the words of what was deleted.
            "INSERT INTO texts (texts, rank) VALUES ('secure-delete', 1)",
            """CREATE TABLE IF NOT EXISTS embargoes (
                case_id BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID""",
        ]

    def make_tables(self) -> None:
        """Makes those that are not there."""
        with self._noticing_damage():
            self.create_table()

    def place(self, stream: str) -> int:
        """Returns the id of the last change of a stream that is folded; 0 = none."""
        with self._noticing_damage():
            return self.max_tracking_id(stream) or 0

    def save(self, folds: Iterable[CaseFold], places: Mapping[str, int]) -> None:
        """Replaces what the views say of some cases and moves the streams' places forward.

        All or nothing.
        """
        with self._transaction(commit=True) as cursor:
            for fold in folds:
                _replace(cursor, fold)
            for stream, place in places.items():
                self._insert_tracking(cursor, Tracking(stream, place))

    def row(self, view: str, key: bytes) -> str | None:
        """Returns the row of one document, or None if it is not there (yet)."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT row FROM documents WHERE view = ? AND key = ?", (view, key))
            found = cursor.fetchone()
            return None if found is None else self._sound([str(found["row"])])[0]

    def cases_with(self, view: str, name: str, value: str) -> list[CaseId]:
        """The cases of the documents with a facet, each once."""
        with self._transaction(commit=False) as cursor:
            cursor.execute(
                "SELECT DISTINCT case_id FROM documents WHERE id IN (SELECT id FROM facets "
                "WHERE view = ? AND name = ? AND value = ?)",
                (view, name, value),
            )
            return [CaseId(row["case_id"]) for row in cursor.fetchall()]

    def due_embargoes(self, now_ms: int) -> list[CaseId]:
        """The cases that read differently since a time that has passed."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT case_id FROM embargoes WHERE until_ms <= ?", (now_ms,))
            return [CaseId(row["case_id"]) for row in cursor.fetchall()]

    def page(self, query: Query) -> Page:
        """Reads one page of a view.

        Raises:
            InvalidRequest: the page token is not one of ours.
        """
        with self._transaction(commit=False) as cursor:
            page = read_page(cursor, query)
            self._sound(page.rows)
            return page

    def sharing(self, wanted: Sharing) -> list[str]:
        """The rows of the documents that share the most values of a facet; see `candidates`."""
        with self._transaction(commit=False) as cursor:
            return self._sound(rows_sharing(cursor, wanted))

    def rows(self, view: str, keys: Collection[bytes]) -> list[str]:
        """The rows of the documents of a view that have one of some keys; in no order."""
        with self._transaction(commit=False) as cursor:
            return self._sound(rows_with_keys(cursor, view, keys))

    def dump(self) -> bytes:
        """All documents as canonical lines, to compare a rebuild byte for byte."""
        with self._transaction(commit=False) as cursor:
            cursor.execute(
                "SELECT view, hex(key), sort, row, facets, hex(seal) FROM documents "
                "ORDER BY view, key"
            )
            rows = self._sound(f"{' '.join(row)}\n" for row in cursor.fetchall())
            return "".join(rows).encode()

    def clear(self) -> None:
        """Forgets all documents and places, so that the next fold starts from nothing."""
        with self._transaction(commit=True) as cursor:
            for table in _TABLES:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name
            self._insert_tracking(cursor, Tracking(self.table_migration_identifier, 1))
            self._insert_tracking(cursor, Tracking(_VERSION_STREAM, 1))
        self.times_cleared += 1

    def check(self) -> None:
        """Reads every page, seconds for each gigabyte; CorruptDatabase if one is wrong."""
        with self._noticing_damage():
            answer = self._encrypted.quick_check()
            if answer != "ok":
                msg = f"the read models are damaged: {answer}"
                raise CorruptDatabase(msg)

    def truncate_wal(self) -> bool:
        """Empties the write-ahead log; False = a reader holds it, what was replaced stays there.

        Raises:
            StorageError: the disk failed.
        """
        with self._noticing_damage():
            return self._encrypted.truncate_wal()

    def close(self) -> None:
        """Closes the database."""
        self.datastore.close()

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with self._noticing_damage(), self.datastore.transaction(commit=commit) as cursor:
            yield cursor

    @contextmanager
    def _noticing_damage(self) -> Iterator[None]:
        if self._damage:
            # Other pages may be sound: lists that lack some of their rows are worse than none.
            raise CorruptDatabase(self._damage)
        try:
            with translated():
                yield
        except (StorageError, MemoryError) as error:
            # SQLCipher gives a page that does not fit as zeros, and tells so at the next one: what
            # SQLite makes of such pages meanwhile goes by other names.
            if self._mark is not None:
                with suppress(OSError):
                    self._mark.touch()
            if isinstance(error, CorruptDatabase):
                self._damage = str(error)
            raise

    def _sound(self, rows: Iterable[str]) -> list[str]:
        """The rows, which are JSON: zeros are what is left of a page that could not be read.

        Raises:
            CorruptDatabase: there are zeros.
        """
        found = list(rows)
        if any("\0" in row for row in found):
            msg = "a page of the read models is damaged"
            raise CorruptDatabase(msg)
        return found


def open_read_models(path: Path, key: bytes) -> ReadModels:
    """Opens or makes the database.

    One of another projector version, under another key, in clear, or damaged starts empty. Every
    page is read only if there is a mark that something may be damaged: it takes seconds for each
    gigabyte; the scrub does it now and then.

    Args:
        path: the file.
        key: 32 bytes, see `EntryStore.database_key`.
    """
    mark = path.with_name(path.name + DAMAGE_MARK)
    models = _open_current(path, key, mark)
    if models is not None:
        mark.unlink(missing_ok=True)
        return models
    # Nothing is lost with it: all is folded from the logs again. Tables of another version may hold
    # what was erased since, and go with the file. The mark goes last.
    for suffix in ("", "-wal", "-shm", DAMAGE_MARK):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    models = _open(path, key, mark)
    models.clear()
    return models


def _open_current(path: Path, key: bytes, mark: Path) -> ReadModels | None:
    """What is there; None = it is of another projector version, or damaged as far as is looked."""
    try:
        models = _open(path, key, mark)
    except CorruptDatabase:
        return None
    try:
        if models.place(_VERSION_STREAM):
            return models
    except CorruptDatabase:
        pass
    except BaseException:
        models.close()
        raise
    models.close()
    return None


def read_existing(path: Path, key: bytes) -> ReadModels | None:
    """Opens what is there and makes nothing anew; None = of another projector version.

    Raises:
        StorageError: it is damaged, or not under this key.
    """
    models = ReadModels(EncryptedDatastore(path, key))
    try:
        models.check()
        is_current = bool(models.place(_VERSION_STREAM))
    except BaseException:
        models.close()
        raise
    if not is_current:
        models.close()
        return None
    return models


def _open(path: Path, key: bytes, mark: Path) -> ReadModels:
    models = ReadModels(EncryptedDatastore(path, key), mark)
    try:
        if mark.exists():
            models.check()
        models.make_tables()
    except BaseException:
        models.close()
        raise
    return models


def _replace(cursor: SQLiteCursor, fold: CaseFold) -> None:
    """Writes the documents of a case that changed and takes out those that are no more."""
    cursor.execute(
        "SELECT id, view, key, sort, facets, seal FROM documents WHERE case_id = ?",
        (fold.case_id,),
    )
    before = {(row["view"], bytes(row["key"])): row for row in cursor.fetchall()}
    for document in fold.documents:
        old = before.pop((document.view, document.key), None)
        seal = document.seal()
        if old is not None and bytes(old["seal"]) == seal:
            continue
        if old is not None:
            _take_out(cursor, old["id"], old["view"], old["sort"], old["facets"])
        _put_in(cursor, fold.case_id, document, seal, None if old is None else old["id"])
    for old in before.values():
        _take_out(cursor, old["id"], old["view"], old["sort"], old["facets"])
    cursor.execute("DELETE FROM embargoes WHERE case_id = ?", (fold.case_id,))
    if fold.until_ms:
        cursor.execute("INSERT INTO embargoes VALUES (?, ?)", (fold.case_id, fold.until_ms))


def _put_in(
    cursor: SQLiteCursor, case_id: CaseId, document: Document, seal: bytes, kept_id: int | None
) -> None:
    """A document that changed keeps its id: a page that comes next leaves nothing out."""
    facets = tuple(sorted(set(document.facets)))
    cursor.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            kept_id,
            document.view,
            document.key,
            case_id,
            document.sort,
            document.row,
            _json(facets),
            seal,
        ),
    )
    new_id = cursor.fetchone()[0]
    cursor.executemany(
        "INSERT INTO facets VALUES (?, ?, ?, ?, ?)",
        [(document.view, name, value, document.sort, new_id) for name, value in facets],
    )
    if document.text:
        cursor.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (new_id, document.text))


def _take_out(cursor: SQLiteCursor, old_id: int, view: str, sort: str, facets: str) -> None:
    cursor.execute("DELETE FROM documents WHERE id = ?", (old_id,))
    cursor.executemany(
        "DELETE FROM facets WHERE view = ? AND name = ? AND value = ? AND sort = ? AND id = ?",
        [(view, name, value, sort, old_id) for name, value in json.loads(facets)],
    )
    cursor.execute("DELETE FROM texts WHERE rowid = ?", (old_id,))


def _json(facets: Iterable[tuple[str, str]]) -> str:
    return json.dumps(list(facets), ensure_ascii=False, separators=(",", ":"))
