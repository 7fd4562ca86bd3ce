"""What tests of attachments are made of: recorded files, raw uploads, memory of a process."""

import hashlib
import io
from pathlib import Path
from random import Random
from typing import Any

import grpc

from registry.api.v1 import attachments_pb2, attachments_pb2_grpc
from registry.client import HistoryEvent, RegistryClient, case
from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry_cli.federation import LocalNode
from tests.integration.federation_world import client_of, opened, statement, until

CHUNK = 262_144
MARK = b"attachment-canary-77c1d0"
"""Stands in every chunk of an invented file."""


def invented_file(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress and carry the mark every 64 KiB."""
    step = 64 * 1024
    random = Random(seed)
    blocks = [
        MARK + random.randbytes(min(step, size - at))[len(MARK) :] for at in range(0, size, step)
    ]
    return b"".join(blocks)[:size]


async def record_file(
    client: RegistryClient,
    content: bytes,
    *,
    name: str = "invented report.pdf",
    audience: AudienceChoice = EVERYONE,
    label: str = "file",
) -> tuple[CaseId, int]:
    """Opens a case and records a statement with one file; returns case and place."""
    opening = await client.open_case(f"case of {label}", opened(f"A case of {label} (invented)"))
    sent = await client.attachments.upload(
        f"upload of {label}", io.BytesIO(content), file_name=name, media_type="application/pdf"
    )
    receipt = await client.record(
        f"event of {label}",
        case(opening.case_id),
        statement("With a file"),
        audience=audience,
        upload_ids=(sent.upload_id,),
    )
    return opening.case_id, receipt.index


async def event_with_file(node: LocalNode, case_id: CaseId) -> HistoryEvent | None:
    async with client_of(node) as client:
        history = await client.history(case(case_id))
    return next((event for event in history.events if event.attachments), None)


async def until_file_is_here(node: LocalNode, case_id: CaseId) -> HistoryEvent:
    found: HistoryEvent | None = None

    async def is_here() -> bool:
        nonlocal found
        try:
            found = await event_with_file(node, case_id)
        except NotFound:  # the case has not come yet
            return False
        return found is not None and found.attachments[0].state == "present"

    await until(is_here, f"the file is at {node.mechanism.slug}")
    assert found is not None
    return found


async def downloaded(node: LocalNode, event: HistoryEvent) -> bytes:
    file = io.BytesIO()
    async with client_of(node) as client:
        await client.attachments.download(
            event.origin, event.index, 1, file, sha256=event.attachments[0].sha256.hex()
        )
    return file.getvalue()


def begin_request(content: bytes, **changes: Any) -> attachments_pb2.BeginUploadRequest:
    fields: dict[str, Any] = {
        "request_id": "raw upload",
        "size": len(content),
        "sha256": hashlib.sha256(content).digest(),
        "file_name": "report.pdf",
        "media_type": "application/pdf",
    }
    return attachments_pb2.BeginUploadRequest(**{**fields, **changes})


def stub_of(channel: grpc.aio.Channel) -> Any:
    return attachments_pb2_grpc.AttachmentServiceStub(channel)


def peak_memory_mib(node: LocalNode) -> float:
    """The largest resident set of a running node so far."""
    assert node.process is not None
    text = Path(f"/proc/{node.process.pid}/status").read_text(encoding="ascii")
    (line,) = (each for each in text.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
