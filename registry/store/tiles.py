"""The Merkle tree on disk: rows of 256 hashes, from which any perfect subtree is one short fold.

Level 0 holds the leaf hashes of complete tiles; the leaves after the last complete tile are hashed
from the entries when they are needed (at most 255). Level k >= 1 holds the roots of the tiles
below.
"""

from collections.abc import Callable, Sequence
from typing import Final

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import HASH_SIZE_BYTES, LeafHash
from registry.errors import CorruptDatabase
from registry.log.merkle import CompactRange, Subtree

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT

ReadLeaves = Callable[[int, int], Sequence[bytes]]
"""Leaf hashes of [start, end), hashed from the entries."""


def write_tiles(
    cursor: SQLiteCursor,
    log_no: int,
    start: int,
    leaves: Sequence[LeafHash],
    read_leaves: ReadLeaves,
) -> None:
    """Stores the tiles that leaves [start, start + len(leaves)) complete.

    Args:
        cursor: inside the transaction that stores the entries.
        log_no: the log's number.
        start: index of the first new leaf.
        leaves: the new leaves.
        read_leaves: reads older leaves of the tile that `start` falls into.
    """
    end = start + len(leaves)
    first = start // TILE_WIDTH
    if end // TILE_WIDTH == first:
        return
    pending = [*read_leaves(first * TILE_WIDTH, start), *leaves]
    for tile in range(first, end // TILE_WIDTH):
        at = (tile - first) * TILE_WIDTH
        hashes = pending[at : at + TILE_WIDTH]
        _put(cursor, log_no, 0, tile, b"".join(hashes))
        _add_root(cursor, log_no, 1, tile, _fold(hashes))


def fetch_subtree(
    cursor: SQLiteCursor, log_no: int, subtree: Subtree, read_leaves: ReadLeaves
) -> bytes:
    """Returns the hash of a perfect subtree of stored leaves."""
    level, height = divmod(subtree.level, TILE_HEIGHT)
    first = subtree.index << height
    tile, offset = divmod(first, TILE_WIDTH)
    count = 1 << height
    row = _get(cursor, log_no, level, tile)
    if row is None and level == 0:
        return _fold(read_leaves(first, first + count))
    hashes = row or b""
    if len(hashes) < (offset + count) * HASH_SIZE_BYTES:
        msg = f"tile {tile} of level {level} of the tree is cut short; run `registry fsck`"
        raise CorruptDatabase(msg)
    at = range(offset * HASH_SIZE_BYTES, (offset + count) * HASH_SIZE_BYTES, HASH_SIZE_BYTES)
    return _fold([hashes[place : place + HASH_SIZE_BYTES] for place in at])


def _add_root(cursor: SQLiteCursor, log_no: int, level: int, number: int, root: bytes) -> None:
    """Appends the root of tile `number` below to its row, and so on upwards."""
    tile, offset = divmod(number, TILE_WIDTH)
    kept = _get(cursor, log_no, level, tile) if offset else None
    hashes = (kept or b"")[: offset * HASH_SIZE_BYTES] + root
    _put(cursor, log_no, level, tile, hashes)
    if offset == TILE_WIDTH - 1:
        steps = range(0, len(hashes), HASH_SIZE_BYTES)
        parent = _fold([hashes[at : at + HASH_SIZE_BYTES] for at in steps])
        _add_root(cursor, log_no, level + 1, tile, parent)


def _fold(hashes: Sequence[bytes]) -> bytes:
    return CompactRange(0, ()).extend(LeafHash(each) for each in hashes).root()


def _get(cursor: SQLiteCursor, log_no: int, level: int, tile: int) -> bytes | None:
    cursor.execute(
        "SELECT hashes FROM tree WHERE log_no = ? AND level = ? AND tile = ?",
        (log_no, level, tile),
    )
    row = cursor.fetchone()
    return None if row is None else bytes(row["hashes"])


def _put(cursor: SQLiteCursor, log_no: int, level: int, tile: int, hashes: bytes) -> None:
    cursor.execute("INSERT OR REPLACE INTO tree VALUES (?, ?, ?, ?)", (log_no, level, tile, hashes))
