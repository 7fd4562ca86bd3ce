"""The author's side: drafts, entries, checkpoints."""

import pytest

from registry.domain.identifiers import LeafHash, RequestKey, log_id_of
from registry.errors import LimitExceeded, MalformedEntry
from registry.log.author import Author, EventDraft, PartDraft, draft_event
from registry.log.checkpoint import verify_checkpoint
from registry.log.commitment import check_commitment
from registry.log.entry import (
    ALL_MEMBERS,
    TIME_MAX_MS,
    EventRef,
    decode_header,
    signed_message,
    split_entry,
)
from registry.log.merkle import EMPTY_ROOT
from registry.log.signing import verify
from tests.unit.log.log_world import CASE, ORIGIN, OTHER_LOG, REGISTRY, signer

AUTHOR = Author(signer=signer(11), registry_id=REGISTRY, origin=ORIGIN, roster_version=3)
PARTS = (
    PartDraft(b"\x01" * 32, "text/plain", b"first"),
    PartDraft(b"\x02" * 32, "application/pdf", bytes(300), not_before_ms=9),
)


def make_draft(*, time_ms: int = 7, parts: tuple[PartDraft, ...] = PARTS) -> EventDraft:
    return draft_event(
        log_id=AUTHOR.log_id,
        case_id=CASE,
        kind=5,
        time_ms=time_ms,
        parts=parts,
        audience=ALL_MEMBERS,
        request_id=RequestKey(b"\x07" * 16),
        control=b"control",
    )


def test_entry_says_what_the_draft_says_at_its_place() -> None:
    refs = (EventRef(OTHER_LOG, 4, LeafHash(b"\x05" * 32)),)
    header = decode_header(split_entry(AUTHOR.write_entry(make_draft(), index=2, refs=refs))[0])

    assert header.version == 1
    assert (header.registry_id, header.log_id, header.index) == (REGISTRY, log_id_of(ORIGIN), 2)
    assert (header.roster_version, header.case_id, header.kind) == (3, CASE, 5)
    assert (header.time_ms, header.refs, header.audience) == (7, refs, ALL_MEMBERS)
    assert (header.request_id, header.control) == (b"\x07" * 16, b"control")
    assert header.parts == make_draft().commitments


def test_entry_is_signed_by_the_log_key() -> None:
    header, signature = split_entry(AUTHOR.write_entry(make_draft(), index=0, refs=()))

    assert AUTHOR.public_key == signer(11).public_key
    assert verify(AUTHOR.public_key, signed_message(header), signature)


def test_draft_commits_to_its_parts_under_its_own_log() -> None:
    draft = make_draft()

    assert [(c.padded_size, c.not_before_ms) for c in draft.commitments] == [(256, 0), (512, 9)]
    for part, commitment in zip(PARTS, draft.commitments, strict=True):
        check_commitment(
            commitment.commitment,
            log_id=AUTHOR.log_id,
            salt=part.salt,
            media_type=part.media_type,
            content=part.content,
        )


def test_draft_that_breaks_the_format_is_not_signed() -> None:
    with pytest.raises(MalformedEntry):
        AUTHOR.write_entry(make_draft(time_ms=TIME_MAX_MS + 1), index=0, refs=())
    with pytest.raises(LimitExceeded):
        AUTHOR.write_entry(make_draft(parts=PARTS[:1] * 65), index=0, refs=())


def test_checkpoint_is_signed_by_the_log_key() -> None:
    note = AUTHOR.sign_checkpoint(0, EMPTY_ROOT)

    found = verify_checkpoint(note, origin=ORIGIN, log_key=AUTHOR.public_key)
    assert found == (ORIGIN, 0, EMPTY_ROOT)
