"""The author's side: drafts of events, entries signed with the log key, checkpoints.

A draft is made by whoever asks (content hashed once, in the asker's thread); index and refs are
known only inside the writer's transaction, where the header is completed and signed.
"""

from typing import NamedTuple

from registry.domain.identifiers import (
    CaseId,
    LogId,
    Origin,
    RegistryId,
    RequestKey,
    RootHash,
    log_id_of,
)
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.commitment import commit, padded_size
from registry.log.entry import (
    Audience,
    EventRef,
    Header,
    PartCommitment,
    encode_header,
    frame_entry,
    signed_message,
)
from registry.log.signing import Signer


class PartDraft(NamedTuple):
    """Content to be committed to; `salt` has 32 fresh random bytes."""

    salt: bytes
    media_type: str
    content: bytes
    not_before_ms: int = 0


class EventDraft(NamedTuple):
    """An event before it has a place: everything but index, refs and signature."""

    case_id: CaseId
    kind: int
    time_ms: int
    parts: tuple[PartDraft, ...]
    commitments: tuple[PartCommitment, ...]
    audience: Audience
    request_id: RequestKey
    control: bytes


def draft_event(
    *,
    log_id: LogId,
    case_id: CaseId,
    kind: int,
    time_ms: int,
    parts: tuple[PartDraft, ...],
    audience: Audience,
    request_id: RequestKey,
    control: bytes = b"",
) -> EventDraft:
    """Makes a draft and commits to its parts under the log that will hold it."""
    commitments = tuple(
        PartCommitment(
            commitment=commit(
                log_id=log_id, salt=part.salt, media_type=part.media_type, content=part.content
            ),
            padded_size=padded_size(len(part.content)),
            not_before_ms=part.not_before_ms,
        )
        for part in parts
    )
    return EventDraft(
        case_id=case_id,
        kind=kind,
        time_ms=time_ms,
        parts=parts,
        commitments=commitments,
        audience=audience,
        request_id=request_id,
        control=control,
    )


class Author:
    """Writes one log."""

    def __init__(
        self, *, signer: Signer, registry_id: RegistryId, origin: Origin, roster_version: int
    ) -> None:
        self._signer = signer
        self._registry_id = registry_id
        self._roster_version = roster_version
        self.origin = origin
        self.log_id: LogId = log_id_of(origin)

    @property
    def public_key(self) -> bytes:
        """The log key, 32 bytes."""
        return self._signer.public_key

    def write_entry(self, draft: EventDraft, *, index: int, refs: tuple[EventRef, ...]) -> bytes:
        """Completes and signs a header; returns the framed entry.

        Raises:
            MalformedEntry, LimitExceeded: the draft breaks the header's format.
        """
        header = encode_header(
            Header(
                version=1,
                registry_id=self._registry_id,
                log_id=self.log_id,
                index=index,
                roster_version=self._roster_version,
                case_id=draft.case_id,
                kind=draft.kind,
                time_ms=draft.time_ms,
                refs=refs,
                parts=draft.commitments,
                audience=draft.audience,
                request_id=draft.request_id,
                control=draft.control,
            )
        )
        return frame_entry(header, self._signer.sign(signed_message(header)))

    def sign_checkpoint(self, size: int, root: RootHash) -> bytes:
        """Signs the log's size and root; returns the note."""
        return sign_checkpoint(Checkpoint(self.origin, size, root), self._signer)
