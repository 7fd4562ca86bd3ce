"""Fsck judges entries and notes by the keys of their places, and what is stored of rotations."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.storage.storage_world import OWN, next_author_of, open_store, request, rotation_at
from tests.storage.test_check import findings


def test_rotations_of_the_key_are_checked_and_what_is_stored_of_them_too(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(request("before")).result()
    store.rotate_key(rotation_at, next_author_of(OWN)).result()
    store.append(request("after")).result()
    store.close()
    assert findings(tmp_path) == []

    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DELETE FROM key_rotations")
        connection.commit()
    reasons = {finding.reason for finding in findings(tmp_path)}
    assert reasons == {"bad_key_rotation", "bad_note_signature"}
