"""What is sealed in a bundle, in clear: parts, chunks of large parts, and padding.

    sealed   u32be(length) || a registry.format.v1.BundleContent || zeros

The zeros bring every record to a size that follows from the size classes in the headers: a sealed
record tells no more of its parts than the log does. So an empty content is padding alone.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from google.protobuf.message import DecodeError

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId
from registry.errors import MalformedBundle
from registry.format.v1 import bundle_pb2

_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class BundlePart:
    """One part with all that its commitment covers."""

    log_id: LogId
    index: int
    ordinal: int
    salt: bytes
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class BundleChunk:
    """One chunk of a large part; `size` is that of the whole part, bytes."""

    log_id: LogId
    index: int
    ordinal: int
    salt: bytes
    media_type: str
    size: int
    chunk_no: int
    data: bytes


Content: TypeAlias = tuple[BundlePart, ...] | BundleChunk


def encode_content(content: Content, padded_bytes: int) -> bytes:
    """Serializes what is sealed, with zeros up to the next multiple of `padded_bytes`."""
    message = bundle_pb2.BundleContent()
    if isinstance(content, BundleChunk):
        chunk = bundle_pb2.BundleChunk(
            **_place(content), size=content.size, chunk=content.chunk_no, data=content.data
        )
        message.chunk.CopyFrom(chunk)
    else:
        for part in content:
            message.parts.add(**_place(part), content=part.content)
    data = message.SerializeToString(deterministic=True)
    framed = len(data).to_bytes(_LENGTH_BYTES, "big") + data
    return framed + bytes(-len(framed) % padded_bytes)


def decode_content(data: bytes) -> Content:
    """Reads what was sealed; an empty tuple is padding alone.

    Raises:
        MalformedBundle: it is none.
    """
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
    if not _LENGTH_BYTES <= end <= len(data) or any(data[end:]):
        msg = "what was sealed in the bundle has another length than it says"
        raise MalformedBundle(msg)
    message = bundle_pb2.BundleContent()
    try:
        message.MergeFromString(data[_LENGTH_BYTES:end])
    except DecodeError as error:
        msg = "what was sealed in the bundle is no content"
        raise MalformedBundle(msg) from error
    if not message.HasField("chunk"):
        return tuple(
            [BundlePart(**_read_place(part), content=part.content) for part in message.parts]
        )
    chunk = message.chunk
    return BundleChunk(**_read_place(chunk), size=chunk.size, chunk_no=chunk.chunk, data=chunk.data)


def _place(part: BundlePart | BundleChunk) -> dict[str, Any]:
    return {
        "log_id": part.log_id,
        "index": part.index,
        "ordinal": part.ordinal,
        "salt": part.salt,
        "media_type": part.media_type,
    }


def _read_place(part: bundle_pb2.BundlePart | bundle_pb2.BundleChunk) -> dict[str, Any]:
    if len(part.log_id) != HASH_SIZE_BYTES:
        msg = f"a log id has {HASH_SIZE_BYTES} bytes, found {len(part.log_id)} in a bundle"
        raise MalformedBundle(msg)
    return {
        "log_id": LogId(part.log_id),
        "index": part.index,
        "ordinal": part.ordinal,
        "salt": part.salt,
        "media_type": part.media_type,
    }
