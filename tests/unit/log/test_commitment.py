"""Commitments bind content to one log, one salt and one media type."""

from hashlib import sha256

import pytest

from registry.domain.identifiers import LogId, log_id_of
from registry.errors import CommitmentMismatch, LimitExceeded
from registry.log.commitment import MEDIA_TYPE_MAX_BYTES, check_commitment, commit, padded_size
from tests.unit.log.log_world import ORIGIN, OTHER_LOG

LOG = log_id_of(ORIGIN)
SALT = b"\x09" * 32
FROZEN = "7a8f9ab009b16c15e7fa200efa44493bc447ba58cc18ade5800045e1a74a1f69"


def test_frozen_commitment() -> None:
    found = commit(log_id=LOG, salt=SALT, media_type="text/plain", content=b"content")

    assert found.hex() == FROZEN
    by_hand = b"registry/part/v1\n" + LOG + SALT + b"\x00\x0atext/plain" + b"content"
    assert sha256(by_hand).hexdigest() == FROZEN


def test_a_part_that_matches_is_accepted() -> None:
    expected = bytes.fromhex(FROZEN)

    check_commitment(expected, log_id=LOG, salt=SALT, media_type="text/plain", content=b"content")


@pytest.mark.parametrize(
    ("log_id", "salt", "media_type", "content"),
    [
        (OTHER_LOG, SALT, "text/plain", b"content"),
        (LOG, b"\x0a" * 32, "text/plain", b"content"),
        (LOG, SALT, "text/plai", b"ncontent"),
        (LOG, SALT, "text/html", b"content"),
        (LOG, SALT, "text/plain", b"contents"),
        (LOG, SALT, "text/plain", b""),
    ],
    ids=["copied to another log", "salt", "shifted", "media type", "longer", "empty"],
)
def test_a_changed_part_is_refused(
    log_id: LogId, salt: bytes, media_type: str, content: bytes
) -> None:
    with pytest.raises(CommitmentMismatch):
        check_commitment(
            bytes.fromhex(FROZEN),
            log_id=log_id,
            salt=salt,
            media_type=media_type,
            content=content,
        )


def test_a_salt_of_another_length_is_refused_even_if_the_hash_fits() -> None:
    content = b"x" * 40
    expected = commit(log_id=LOG, salt=SALT[:31], media_type="a/b", content=content)

    with pytest.raises(CommitmentMismatch):
        check_commitment(expected, log_id=LOG, salt=SALT[:31], media_type="a/b", content=content)


def test_a_peers_endless_media_type_is_refused() -> None:
    with pytest.raises(CommitmentMismatch):
        check_commitment(
            bytes(32),
            log_id=LOG,
            salt=SALT,
            media_type="x" * (MEDIA_TYPE_MAX_BYTES + 1),
            content=b"",
        )


def test_an_authors_endless_media_type_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        commit(log_id=LOG, salt=SALT, media_type="x" * (MEDIA_TYPE_MAX_BYTES + 1), content=b"")


def test_the_longest_media_type_has_a_commitment() -> None:
    assert commit(log_id=LOG, salt=SALT, media_type="x" * MEDIA_TYPE_MAX_BYTES, content=b"")


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, 256), (1, 256), (256, 256), (257, 512), (512, 512), (513, 1024), (2**20 + 1, 2**21)],
)
def test_a_header_shows_a_size_class_only(size_bytes: int, shown: int) -> None:
    assert padded_size(size_bytes) == shown
