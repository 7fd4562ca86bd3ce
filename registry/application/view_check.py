"""Compares the views with a fresh fold of the logs, byte for byte; changes nothing of the node's.

The fresh fold goes into a folder that is deleted afterwards, encrypted under a key that is nowhere
kept: views hold plaintext. Views that have not come as far as the logs, or wait for an embargo that
has ended, are not compared: a running node folds them. Memory is that of both dumps.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder
from registry.domain.mechanisms import load_profiles
from registry.errors import StorageError
from registry.log.roster import Roster
from registry.store.check import Finding
from registry.store.read_models import ReadModels, open_read_models, read_existing
from registry.store.sealing import NodeKeys
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.views.case_file import Reader
from registry.views.projector import ENTRIES, PARTS, Projector

_KEY_BYTES: Final = 32
_LINES_MAX: Final = 20


def check_views(
    folder: NodeFolder,
    roster: Roster,
    node_keys: NodeKeys,
    *,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
) -> Iterator[Finding]:
    """Yields the documents that are not what the logs give, and a file that cannot be read.

    Raises:
        StorageError: the logs cannot be read: their own check says what is wrong.
    """
    if not folder.views_database.exists():
        return
    store = open_sqlite_store(
        folder.database,
        author=None,
        guard=None,
        node_keys=node_keys,
        now_ms=now_ms,
        is_read_only=True,
    )
    try:
        own = roster.member_by_slug(folder.mechanism)
        reader = Reader(store, roster, own.id, now_ms)
        yield from _compare(folder, store, reader, random_bytes, now_ms)
    finally:
        store.close()


def _compare(
    folder: NodeFolder,
    store: SqliteStore,
    reader: Reader,
    random_bytes: Callable[[int], bytes],
    now_ms: Callable[[], int],
) -> Iterator[Finding]:
    try:
        models = read_existing(folder.views_database, store.existing_database_key("views"))
    except StorageError as error:
        detail = f"the views cannot be read, a start or `registry rebuild` makes them anew: {error}"
        yield Finding(None, None, "views_damaged", detail)
        return
    if models is None:
        return  # of another projector version: a start makes them anew
    try:
        places = _places(models)
        found = set(models.dump().splitlines())
        is_due = bool(models.due_embargoes(now_ms()))
    except StorageError as error:
        yield Finding(None, None, "views_damaged", f"the views cannot be read: {error}")
        return
    finally:
        models.close()
    with tempfile.TemporaryDirectory() as scratch:
        fresh = open_read_models(Path(scratch) / "views.db", random_bytes(_KEY_BYTES))
        try:
            projector = Projector(reader, fresh, load_profiles(folder.profiles))
            while projector.advance().is_behind:
                pass
            if _places(fresh) != places or is_due:
                return
            yield from _differences(set(fresh.dump().splitlines()), found)
        finally:
            fresh.close()


def _places(models: ReadModels) -> tuple[int, int]:
    return models.place(ENTRIES), models.place(PARTS)


def _differences(expected: set[bytes], found: set[bytes]) -> Iterator[Finding]:
    """Names documents by view and key alone: their rows hold content."""
    for word, lines in (("missing or changed", expected - found), ("too many", found - expected)):
        for line in sorted(lines)[:_LINES_MAX]:
            view, key, *_ = line.decode(errors="replace").split(" ")
            detail = f"document {key[:32]} of view {view} is {word}: `registry rebuild` mends it"
            yield Finding(None, None, "views_mismatch", detail)
