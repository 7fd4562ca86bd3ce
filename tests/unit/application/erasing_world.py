"""What tests of erasure and widening do: erase, widen, sign any control, look at stored bytes."""

from pathlib import Path
from typing import Any

from registry.application.erasing import EraseCommand, ErasureTarget, WidenCommand
from registry.application.recording import Receipt
from registry.domain.identifiers import Commitment, LogId
from registry.domain.vocabulary import EventKind
from registry.log.author import draft_event
from registry.log.control import (
    AudienceWidened,
    ContentErased,
    Control,
    ErasureReceipt,
    encode_control,
)
from registry.log.entry import ALL_MEMBERS, decode_header, split_entry
from registry.store.values import AppendRequest, HeldPart
from tests.unit.application.federation_in_process import (
    Node,
)

CANARY = "canary-7f3a99"
EVERYTHING = 2**63 - 1
"""An id above that of every change."""
KINDS = {
    AudienceWidened: EventKind.AUDIENCE_WIDENED,
    ContentErased: EventKind.CONTENT_ERASED,
    ErasureReceipt: EventKind.ERASURE_RECEIPT,
}


def erase(node: Node, *targets: ErasureTarget, request_id: str = "erase") -> Receipt:
    command = EraseCommand(request_id, "", targets)
    return node.registry.receipt(node.registry.erase(command).result())


def widen(node: Node, index: int, *slugs: str, request_id: str = "widen") -> Receipt:
    command = WidenCommand(request_id, "", index, slugs)
    return node.registry.receipt(node.registry.widen(command).result())


def say(node: Node, case: Any, control: Control, *, data: bytes | None = None) -> int:
    """Signs any control, as a node that keeps no rules can."""
    draft = draft_event(
        log_id=node.log_id,
        case_id=case,
        kind=KINDS[type(control)],
        time_ms=node.clock(),
        parts=(),
        audience=ALL_MEMBERS,
        request_id=b"",  # type: ignore[arg-type] # none
        control=encode_control(control) if data is None else data,
    )
    return node.registry.store.append(AppendRequest(draft, b"")).result().index


def commitment(node: Node, index: int, ordinal: int = 0) -> Commitment:
    (entry,) = node.registry.store.entries(node.log_id, index, index + 1)
    return decode_header(split_entry(entry)[0]).parts[ordinal].commitment


def held(node: Node, log_id: LogId, index: int) -> HeldPart | None:
    return node.registry.store.part(log_id, index, 0)


def fold(node: Node) -> None:
    while node.registry.projector.advance().is_behind:
        pass


def stored_bytes(node: Node, log_id: LogId, index: int) -> tuple[bytes, bytes]:
    """The ciphertext of a part and its wrapped data key as they stand in the database."""
    store: Any = node.registry.store
    with store._datastore.reading() as cursor:
        cursor.execute(
            "SELECT p.sealed, p.wrapped_key FROM parts p JOIN logs l ON l.log_no = p.log_no "
            "WHERE l.log_id = ? AND p.entry_index = ?",
            (log_id, index),
        )
        row = cursor.fetchone()
        return bytes(row["sealed"])[:48], bytes(row["wrapped_key"])


def files_with(folder: Path, needles: tuple[bytes, ...]) -> list[str]:
    """The files that hold any of these bytes."""
    assert all(len(needle) >= 48 for needle in needles)
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]
