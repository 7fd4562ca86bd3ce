r"""Commitments: how a header binds content that lives outside the log.

    SHA-256("registry/part/v1\n" || log_id[32] || salt[32] || u16be(len(media_type)) || media_type
            || content)

The salt is random, kept and erased with the content; without it the commitment tells nothing about
the content. The log id makes a commitment worthless in another log's header.
"""

from hashlib import sha256
from typing import Final

from registry.domain.identifiers import Commitment, LogId
from registry.errors import CommitmentMismatch, LimitExceeded

SALT_SIZE_BYTES: Final = 32
MEDIA_TYPE_MAX_BYTES: Final = 65_535
"""What the length field in front of it can say."""
_PREFIX: Final = b"registry/part/v1\n"
_SMALLEST_CLASS: Final = 256


def commit(*, log_id: LogId, salt: bytes, media_type: str, content: bytes) -> Commitment:
    """Computes the commitment to a part; `salt` has 32 bytes.

    Raises:
        LimitExceeded: the media type is longer than 65,535 bytes.
    """
    return Commitment(sha256(_head(log_id, salt, media_type) + content).digest())


class CommitmentHash:
    """Computes the commitment to a part whose bytes come piece by piece."""

    def __init__(self, *, log_id: LogId, salt: bytes, media_type: str) -> None:
        """Starts with no bytes; `salt` has 32 bytes.

        Raises:
            LimitExceeded: the media type is longer than 65,535 bytes.
        """
        self._hash = sha256(_head(log_id, salt, media_type))

    def update(self, data: bytes) -> None:
        """Adds the next bytes."""
        self._hash.update(data)

    def commitment(self) -> Commitment:
        """Returns the commitment to all bytes so far."""
        return Commitment(self._hash.digest())


def check_commitment(
    expected: bytes, *, log_id: LogId, salt: bytes, media_type: str, content: bytes
) -> None:
    """Checks a part against its commitment.

    Raises:
        CommitmentMismatch: they do not belong together.
    """
    is_sound = len(salt) == SALT_SIZE_BYTES and len(media_type.encode()) <= MEDIA_TYPE_MAX_BYTES
    if not is_sound or expected != commit(
        log_id=log_id, salt=salt, media_type=media_type, content=content
    ):
        msg = f"content of {len(content)} bytes does not match the commitment in its header"
        raise CommitmentMismatch(msg)


def padded_size(size_bytes: int) -> int:
    """The size class a header shows: the next power of two, at least 256."""
    return max(_SMALLEST_CLASS, 1 << max(size_bytes - 1, 0).bit_length())


def _head(log_id: LogId, salt: bytes, media_type: str) -> bytes:
    """What is hashed before the bytes of a part."""
    kind = media_type.encode()
    if len(kind) > MEDIA_TYPE_MAX_BYTES:
        msg = f"a media type has at most {MEDIA_TYPE_MAX_BYTES} bytes, found {len(kind)}"
        raise LimitExceeded(msg)
    return _PREFIX + log_id + salt + len(kind).to_bytes(2, "big") + kind
