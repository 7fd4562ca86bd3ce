"""Checks a large part against its commitment, chunk by chunk: memory stays that of one chunk."""

import sqlite3

from registry.domain.identifiers import LogId
from registry.errors import CommitmentMismatch, CorruptDatabase
from registry.log.commitment import CommitmentHash
from registry.store.chunks import iterate_chunks, open_head
from registry.store.parts import PartRow
from registry.store.sealing import NodeKeys, part_context


def check_large_part(
    connection: sqlite3.Connection,
    row: PartRow,
    place: tuple[LogId, int, int],
    commitment: bytes,
    node_keys: NodeKeys,
) -> None:
    """Checks head, size, chunks and commitment.

    Raises:
        CommitmentMismatch: the bytes are not those that were committed to.
        CorruptDatabase: something is missing or was changed.
        NodeKeyMissing: it was encrypted under a node key that is not here.
    """
    key = node_keys.unwrap(row.wrapped_key, part_context(*place))
    head = open_head(place, key, row.sealed)
    if head.large_bytes != row.size_bytes:
        msg = f"the head says {head.large_bytes} bytes, the row {row.size_bytes}"
        raise CorruptDatabase(msg)
    computed = CommitmentHash(log_id=place[0], salt=head.salt, media_type=head.media_type)
    for data in iterate_chunks(connection.execute, row[:3], key, head.large_bytes):
        computed.update(data)
    if computed.commitment() != commitment:
        msg = f"a large part of {head.large_bytes} bytes does not match its commitment"
        raise CommitmentMismatch(msg)
