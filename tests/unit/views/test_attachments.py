"""What a history shows of files: claims, cleaned, as far as the header agrees, and their state."""

from dataclasses import dataclass
from typing import Any

import pytest

from registry.domain.content import Attachment, StatementIssued
from registry.domain.identifiers import CaseId, Commitment, LogId
from registry.domain.vocabulary import EventKind
from registry.log.entry import ALL_MEMBERS, Header, PartCommitment
from registry.views.attachments import (
    AttachmentView,
    Further,
    attachments_of,
    with_clean_attachments,
)

LOG = LogId(b"l" * 32)


def header_with(parts: int) -> Header:
    part = PartCommitment(Commitment(b"c" * 32), 256, 0)
    return Header(
        version=1,
        registry_id=b"r" * 32,  # type: ignore[arg-type] # of no matter here
        log_id=LOG,
        index=7,
        roster_version=1,
        case_id=CaseId(b"i" * 16),
        kind=EventKind.STATEMENT_ISSUED,
        time_ms=1,
        refs=(),
        parts=(part,) * parts,
        audience=ALL_MEMBERS,
        request_id=b"",  # type: ignore[arg-type] # of no matter here
        control=b"",
    )


@dataclass
class Claim:
    """What a hostile author says of a file."""

    ordinal: int = 1
    file_name: str = "a.pdf"
    media_type: str = "application/pdf"

    def attachment(self) -> Attachment:
        fields: dict[str, Any] = {
            "ordinal": self.ordinal,
            "file_name": self.file_name,
            "media_type": self.media_type,
            "size": 3,
            "sha256": "0" * 64,
        }
        return Attachment(**fields)


def shown(*claims: Claim, parts: int = 3, further: Further | None = None) -> list[AttachmentView]:
    content = StatementIssued(
        title="Invented",
        acting_body="un",
        basis="own_act",
        attachments=tuple(claim.attachment() for claim in claims),
    )
    clean = with_clean_attachments(content)
    return list(attachments_of(header_with(parts), clean, further or Further((), ())))


@pytest.mark.parametrize("name", ["../../x", "a\x1b[2J", "fdp\u202eexe", "a\nb", "c:\\x"])
def test_name_that_another_node_let_through_is_shown_without_its_sting(name: str) -> None:
    (view,) = shown(Claim(file_name=name))

    assert "\ufffd" in view.file_name
    assert not set(view.file_name) & set("/\\:\x1b\u202e\n")


def test_claimed_type_that_is_none_is_shown_as_unknown() -> None:
    (view,) = shown(Claim(media_type="text/html\r\nx: y"))

    assert view.media_type == "application/octet-stream"


def test_file_that_the_header_does_not_have_is_not_shown() -> None:
    assert [view.ordinal for view in shown(Claim(1), Claim(2), Claim(3), Claim(63))] == [1, 2]
    assert shown(Claim(1), parts=1) == []
    assert attachments_of(header_with(3), None, Further((), ())) == ()


def test_of_two_claims_for_one_part_the_first_counts() -> None:
    (view,) = shown(Claim(1, "first.pdf"), Claim(1, "second.pdf"), parts=2)

    assert view.file_name == "first.pdf"


def test_state_is_that_of_the_part() -> None:
    further = Further(held={(LOG, 7, 1)}, erased={(LOG, 7, 2)})
    views = shown(Claim(1), Claim(2), parts=4, further=further)

    assert [(view.is_here, view.is_erased) for view in views] == [(True, False), (False, True)]
