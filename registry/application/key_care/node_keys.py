"""The node key: the file that opens the content of a node's databases.

    keys/node.key        the node key, 0600, one line of hexadecimal
    keys/node.key.next   while it is being rotated: the new one; both open content

It never leaves the folder `keys`: a database or a backup of one without it shows headers, sizes and
times, and no content. A rotation that was cut short goes on at the next start.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_secret, write_secret
from registry.errors import FolderError, NodeKeyMissing
from registry.store.content_loss import drop_unreadable_content, holds_encrypted_content
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder
from registry.store.sealing import KEY_SIZE_BYTES, NodeKeys, key_id
from registry.store.sqlite import SqliteStore, open_sqlite_store


def load_node_keys(folder: NodeFolder, random_bytes: Callable[[int], bytes]) -> NodeKeys:
    """Reads the node key; makes it for a node of an earlier version that has none.

    Args:
        folder: the node's folder.
        random_bytes: the source of data keys and nonces.

    Raises:
        NodeKeyMissing: there is encrypted content and no node key.
        KeyFileError: the file is readable by others, or malformed.
    """
    if not folder.node_key_file.exists() and not holds_encrypted_content(folder.database):
        write_secret(folder.node_key_file, os.urandom(KEY_SIZE_BYTES))
    return read_node_keys(folder, random_bytes)


def read_node_keys(folder: NodeFolder, random_bytes: Callable[[int], bytes]) -> NodeKeys:
    """Reads the node key; changes nothing.

    Args:
        folder: the node's folder.
        random_bytes: the source of data keys and nonces.

    Raises:
        NodeKeyMissing: there is no node key.
        KeyFileError: the file is readable by others, or malformed.
    """
    if not folder.node_key_file.exists():
        msg = (
            f"{folder.node_key_file} is missing: without it no content in {folder.database} "
            "can be read. Put it back from where you keep it; if it is lost for ever, see "
            "`registry keys replace-lost-node-key --help`"
        )
        raise NodeKeyMissing(msg)
    current = read_secret(folder.node_key_file, KEY_SIZE_BYTES)
    if folder.next_node_key_file.exists():
        following = read_secret(folder.next_node_key_file, KEY_SIZE_BYTES)
        return NodeKeys(following, (current,), random_bytes=random_bytes)
    return NodeKeys(current, random_bytes=random_bytes)


def node_key_id(folder_path: Path) -> str:
    """Names a folder's node key without telling anything of it, in hexadecimal.

    Raises:
        FolderError: no node is there.
        KeyFileError: the file is missing, readable by others, or malformed.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    return key_id(read_secret(folder.node_key_file, KEY_SIZE_BYTES)).hex()


def rotate_node_key(folder_path: Path) -> int:
    """Replaces the node key of a stopped node; content is not written anew, only its keys.

    Afterwards the old key opens nothing in the database. Cut short, the next call or the next
    start finishes it.

    Returns:
        How many data keys were wrapped anew.

    Raises:
        FolderError: no node is there, or it is running.
        KeyFileError, NodeKeyMissing, StorageError: as named.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with folder.held():
        keys = load_node_keys(folder, os.urandom)
        if not folder.next_node_key_file.exists():
            write_secret(folder.next_node_key_file, os.urandom(KEY_SIZE_BYTES))
            reach(Step.NODE_KEY_MADE)
            keys = load_node_keys(folder, os.urandom)
        with closing(_opened(folder, keys)) as store:
            return finish_rotation(folder, store)


def finish_rotation(folder: NodeFolder, store: SqliteStore) -> int:
    """Goes on with a rotation that was begun; returns how many data keys were wrapped anew."""
    if not folder.next_node_key_file.exists():
        return 0
    count = store.rewrap_data_keys()
    folder.next_node_key_file.replace(folder.node_key_file)
    reach(Step.NODE_KEY_REPLACED)
    sync_folder(folder.keys)
    return count


def replace_lost_node_key(folder_path: Path) -> tuple[int, int]:
    """Gives a stopped node a new node key after the old one was lost.

    What the old key sealed is deleted; it is asked again of the other members of each audience.
    What only this node held is lost. The office's records (who did what, sources, reads) cannot
    be opened either: they are moved aside, to office.db.lost.

    Returns:
        How many parts were deleted, and how many of them are of the own log.

    Raises:
        FolderError: no node is there, it is running, or its node key is not lost.
    """
    folder = NodeFolder(folder_path)
    own = folder.describe().origin
    with folder.held():
        if folder.node_key_file.exists():
            msg = f"{folder.node_key_file} is there: it is not lost; move it away if it is wrong"
            raise FolderError(msg)
        # First of all: while content is there that needs the old key, no start makes a new one,
        # and whatever is cut short here can be repeated.
        _put_aside(folder)
        lost = drop_unreadable_content(folder.database, own)
        write_secret(folder.node_key_file, os.urandom(KEY_SIZE_BYTES))
    return lost


def _put_aside(folder: NodeFolder) -> None:
    """Deletes the views and moves the office's records away: only the old key opened them."""
    views, office = folder.views_database, folder.office_database
    for suffix in ("", "-wal", "-shm"):
        views.with_name(views.name + suffix).unlink(missing_ok=True)
        file = office.with_name(office.name + suffix)
        if file.exists():
            file.replace(file.with_name(f"{file.name}.lost"))
    sync_folder(office.parent)


def _opened(folder: NodeFolder, keys: NodeKeys) -> SqliteStore:
    return open_sqlite_store(
        folder.database, author=None, guard=None, node_keys=keys, now_ms=lambda: 0
    )
