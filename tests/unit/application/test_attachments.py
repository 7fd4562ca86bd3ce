"""Files of events at their author's node: what may be recorded, and who may have the bytes when."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.recording import RecordCommand
from registry.application.sharing import sharable_large_part
from registry.domain.audience import AudienceChoice, named
from registry.domain.content import ActContent, Attachment, StatementIssued
from registry.domain.content.attachment import ATTACHMENT_MEDIA_TYPE
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest, NotFound, RuleViolation
from registry.log.entry import Header, decode_header, split_entry
from registry.store.chunks import CHUNK_BYTES
from registry.store.uploads import UploadClaim
from registry.store.values import UploadRef
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    found_federation,
    open_federation,
    opening,
    statement,
)
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn

OWNER = b"o" * 32
CONTENT = bytes(range(251)) * 1_100
HOUR_MS = 3_600_000


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path / "federation")
    with open_federation(tmp_path / "federation") as opened:
        yield opened


def send(node: Node, *, name: str = "a.pdf", label: str = "upload") -> UploadRef:
    desk = node.registry.attachments
    claim = UploadClaim(len(CONTENT), hashlib.sha256(CONTENT).digest(), name, "")
    upload = desk.begin(OWNER, label, claim)
    for at in range(0, len(CONTENT), CHUNK_BYTES):
        upload = desk.put(upload.ref, at, CONTENT[at : at + CHUNK_BYTES])
    return upload.ref


def record(
    node: Node,
    case_id: CaseId,
    content: ActContent,
    *refs: UploadRef,
    audience: AudienceChoice | None = None,
    not_before_ms: int = 0,
) -> tuple[int, Header]:
    command = RecordCommand(
        request_id="with files",
        scope="",
        case_id=case_id,
        content=content,
        audience=audience or named("beta"),
        not_before_ms=not_before_ms,
        attachments=refs,
    )
    appended = node.registry.record(command).result()
    return appended.index, decode_header(split_entry(appended.entry)[0])


def may_have(author: Node, member: Node, index: int, header: Header) -> bool:
    registry = author.registry
    found = sharable_large_part(
        registry.store,
        member.registry.own,
        ((author.log_id, index, 1), header.parts[1].commitment),
        consents=registry.consents,
        now_ms=registry.clock_ms(),
    )
    return found is not None


def test_file_is_a_part_of_its_event_and_described_in_its_content(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    index, header = record(alpha, case_id, statement(), send(alpha))

    assert [part.padded_size for part in header.parts][1:] == [2 * CHUNK_BYTES]
    part = alpha.registry.store.part(alpha.log_id, index, 1)
    assert part is not None
    assert (part.media_type, part.size) == (ATTACHMENT_MEDIA_TYPE, len(CONTENT))
    event = alpha.registry.history(case_id).events[-1]
    (shown,) = event.attachments
    assert (shown.ordinal, shown.file_name, shown.size) == (1, "a.pdf", len(CONTENT))
    assert shown.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert shown.is_here


def test_content_may_not_describe_files_itself(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    lie = Attachment(ordinal=1, file_name="x", size=1, sha256="0" * 64)
    content = statement().model_copy(update={"attachments": (lie,)})

    with pytest.raises(InvalidRequest, match="uploads"):
        record(alpha, case_id, content)


def test_same_request_is_answered_the_same_after_its_upload_is_gone(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    ref = send(alpha)

    first = record(alpha, case_id, statement(), ref)
    assert record(alpha, case_id, statement(), ref) == first
    # Sent once more in vain: the same file under the same request has the same id.
    assert send(alpha) == ref
    assert record(alpha, case_id, statement(), ref) == first


def test_large_part_goes_to_its_audience_only(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    case_id = alpha.record(opening()).case_id
    index, header = record(alpha, case_id, statement(), send(alpha))

    assert may_have(alpha, beta, index, header)
    assert not may_have(alpha, gamma, index, header)


def test_file_of_an_event_that_names_a_person_stops_with_the_consent(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    case_id = alpha.record(opening()).case_id
    alpha.record(consent("share_with_mechanisms", "beta"), case_id)
    index, header = record(alpha, case_id, naming(AYO), send(alpha))
    assert may_have(alpha, beta, index, header)

    alpha.record(withdrawn(), case_id)
    assert not may_have(alpha, beta, index, header)


def test_withdrawal_takes_no_file(nodes: Nodes) -> None:
    """It goes to everyone who may hold the names, and nobody can look into a file for others."""
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id

    with pytest.raises(RuleViolation, match="attachments"):
        record(alpha, case_id, withdrawn(), send(alpha))


def test_protected_name_in_a_file_name_keeps_the_event_here(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    alpha.record(consent("names_to_state"), case_id)
    ref = send(alpha, name="statement of Zemlinski.pdf")

    with pytest.raises(RuleViolation, match="share_with_mechanisms"):
        record(alpha, case_id, statement(), ref)


def test_file_is_under_the_embargo_of_its_event(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    case_id = alpha.record(opening()).case_id
    ends_ms = alpha.clock.time_ms + HOUR_MS
    index, header = record(alpha, case_id, statement(), send(alpha), not_before_ms=ends_ms)
    place = (alpha.log_id, index, 1)

    assert not may_have(alpha, beta, index, header)
    assert alpha.registry.attachments.locate(*place, now_ms=ends_ms - 1)
    alpha.clock.time_ms = ends_ms
    assert may_have(alpha, beta, index, header)


def test_nothing_is_found_at_a_place_that_has_no_file(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    index, _ = record(alpha, case_id, StatementIssued(**statement().model_dump()), send(alpha))
    desk = alpha.registry.attachments

    assert desk.locate(alpha.log_id, index, 1, now_ms=0)
    for wrong_index, ordinal in ((index, 0), (index, 2), (index + 1, 1), (0, 1), (-1, 1)):
        with pytest.raises(NotFound):
            desk.locate(alpha.log_id, wrong_index, ordinal, now_ms=0)
