"""The set-up of a content theft: an event for two of three members, and the third that wants it."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.api.v1 import replication_pb2
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.domain.audience import named
from registry.domain.identifiers import CaseId, LogId, RequestKey
from registry.domain.vocabulary import EventKind
from registry.log.author import PartDraft, draft_event
from registry.log.entry import ALL_MEMBERS, PartCommitment, decode_header, split_entry
from registry.store.values import AppendRequest
from registry_cli.federation import LocalNode
from tests.integration.federation_world import opened, statement

CANARY: Final = "canary-5b1e90-which-must-not-travel"


def open_registry(node: LocalNode) -> Registry:
    """Opens the folder of a node that is not running."""
    return Registry.open(
        node.folder, now_ms=lambda: time.time_ns() // 1_000_000, random_bytes=os.urandom
    )


@dataclass(frozen=True)
class Secret:
    """An event with content that only some may hold."""

    log_id: LogId
    index: int
    commitment: PartCommitment

    def part_id(self, ordinal: int = 0) -> replication_pb2.PartId:
        return replication_pb2.PartId(
            log_id=self.log_id,
            index=self.index,
            ordinal=ordinal,
            commitment=self.commitment.commitment,
        )


def record_secret(author: LocalNode, audience: tuple[str, ...]) -> Secret:
    """Records an open case and in it one event for `audience` alone, at a stopped node."""
    registry = open_registry(author)
    try:
        registry.open_log()
        case = registry.record(
            RecordCommand("secret-case", "", None, opened("A case with a secret (invented)"))
        ).result()
        case_id = decode_header(split_entry(case.entry)[0]).case_id
        sealed = registry.record(
            RecordCommand(
                "secret", "", CaseId(case_id), statement("Sealed", summary=CANARY), named(*audience)
            )
        ).result()
        header = decode_header(split_entry(sealed.entry)[0])
        assert header.kind == EventKind.SEALED
        return Secret(registry.own.log_id, sealed.index, header.parts[0])
    finally:
        registry.close()


def copy_commitment(thief: LocalNode, secret: Secret) -> int:
    """Signs an event in the thief's own log, for all, that carries the secret's commitment."""
    registry = open_registry(thief)
    try:
        registry.open_log()
        own = draft_event(
            log_id=registry.own.log_id,
            case_id=CaseId(b"t" * 16),
            kind=EventKind.STATEMENT_ISSUED,
            time_ms=1_790_000_000_000,
            parts=(PartDraft(b"s" * 32, "application/json", b"{}"),),
            audience=ALL_MEMBERS,
            request_id=RequestKey(b"k" * 16),
        )
        draft = own._replace(parts=(), commitments=(secret.commitment,))
        return registry.store.append(AppendRequest(draft, b"d" * 32)).result().index
    finally:
        registry.close()


def write_parts(author: LocalNode, contents: Sequence[bytes]) -> list[replication_pb2.PartId]:
    """Writes one event for all with these parts, at a stopped node; returns what to ask for."""
    registry = open_registry(author)
    try:
        registry.open_log()
        parts = tuple(PartDraft(b"s" * 32, "application/octet-stream", text) for text in contents)
        draft = draft_event(
            log_id=registry.own.log_id,
            case_id=CaseId(b"p" * 16),
            kind=EventKind.STATEMENT_ISSUED,
            time_ms=1_790_000_000_000,
            parts=parts,
            audience=ALL_MEMBERS,
            request_id=RequestKey(b"p" * 16),
        )
        index = registry.store.append(AppendRequest(draft, b"d" * 32)).result().index
        return [
            Secret(registry.own.log_id, index, commitment).part_id(ordinal)
            for ordinal, commitment in enumerate(draft.commitments)
        ]
    finally:
        registry.close()


def bytes_of(node: LocalNode) -> bytes:
    """All that a node's folder holds on disk, its log included."""
    return b"".join(file.read_bytes() for file in sorted(node.folder.rglob("*")) if file.is_file())


def held_content(node: LocalNode, secret: Secret) -> bytes:
    """What a node that is not running holds of a secret, decrypted; empty = nothing."""
    registry = open_registry(node)
    try:
        part = registry.store.part(secret.log_id, secret.index, 0)
        return b"" if part is None else part.content
    finally:
        registry.close()
