"""What view tests are made of: mechanisms that write typed events, and a node that reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from registry.domain.content import ActContent, encode_content, media_type_of
from registry.domain.identifiers import NO_CASE, CaseId, LeafHash, MemberId, RequestKey
from registry.domain.vocabulary import EventKind
from registry.log.author import EventDraft, PartDraft, draft_event
from registry.log.entry import ALL_MEMBERS, Audience, EventRef
from registry.log.links import Link, encode_link
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import HeldPart
from registry.views.case_file import CaseHistory, Reader
from tests.storage.storage_world import NOW_MS, Peer, author_of, roster, seed

OWN_MEMBER, PEER_MEMBER, OTHER_MEMBER = MemberId(1), MemberId(2), MemberId(3)
NO_KEY = RequestKey(b"")


def only(*members: MemberId) -> Audience:
    return Audience(is_all=False, member_ids=tuple(sorted(members)))


@dataclass
class Mechanism(Peer):
    """Another mechanism whose events carry typed content, or what it claims to be such."""

    def act(
        self,
        content: ActContent,
        *,
        case_id: CaseId,
        time_ms: int = NOW_MS,
        refs: Sequence[EventRef] = (),
        audience: Audience = ALL_MEMBERS,
        kind: int | None = None,
        not_before_ms: int = 0,
    ) -> EventRef:
        """Writes an event and returns the reference that others make to it."""
        part = PartDraft(
            seed(f"salt {self.origin} {len(self.entries)}"),
            media_type_of(content.kind),
            encode_content(content),
            not_before_ms,
        )
        return self.claim(
            part,
            kind=content.kind if kind is None else kind,
            case_id=case_id,
            time_ms=time_ms,
            refs=refs,
            audience=audience,
        )

    def claim(
        self,
        *parts: PartDraft,
        kind: int,
        case_id: CaseId,
        time_ms: int = NOW_MS,
        refs: Sequence[EventRef] = (),
        audience: Audience = ALL_MEMBERS,
    ) -> EventRef:
        """Writes an event of any kind with any parts, checked by nobody."""
        made = draft_event(
            log_id=self.log_id,
            case_id=case_id,
            kind=kind,
            time_ms=time_ms,
            parts=parts,
            audience=audience,
            request_id=NO_KEY,
        )
        return self.place(made, refs)

    def place(self, made: EventDraft, refs: Sequence[EventRef] = ()) -> EventRef:
        index = len(self.entries)
        entry = author_of(self.origin).write_entry(made, index=index, refs=tuple(refs))
        self.drafts.append(made)
        self.entries.append(entry)
        return EventRef(self.log_id, index, leaf_hash(entry))

    def empty(self, *, case_id: CaseId = NO_CASE, refs: Sequence[EventRef] = ()) -> EventRef:
        """Writes an event that has no content at all."""
        return self.claim(kind=1, case_id=case_id, refs=refs)

    def parts(self, indices: Iterable[int] | None = None) -> list[HeldPart]:
        """The parts of some events, of all if none are named."""
        wanted = range(len(self.entries)) if indices is None else indices
        return [
            HeldPart(self.log_id, index, ordinal, part.salt, part.media_type, part.content)
            for index in wanted
            for ordinal, part in enumerate(self.drafts[index].parts)
        ]


def writes(
    mechanism: Mechanism, kind: EventKind, case_id: CaseId, link: Link, control: bytes = b""
) -> EventRef:
    """Records an event on a link; `control` stands in the place of what the link means."""
    return mechanism.place(
        draft_event(
            log_id=mechanism.log_id,
            case_id=case_id,
            kind=kind,
            time_ms=NOW_MS,
            parts=(),
            audience=ALL_MEMBERS,
            request_id=NO_KEY,
            control=control or encode_link(link),
        )
    )


def take(
    store: EntryStore, *mechanisms: Mechanism, end: int | None = None, with_parts: bool = True
) -> None:
    """Stores what mechanisms wrote and this node does not hold yet."""
    for each in mechanisms:
        held = store.log_state(each.log_id).size
        store.ingest(each.batch(held, end)).result()
        if with_parts:
            store.put_parts(each.parts(range(store.log_state(each.log_id).size))).result()


def reader_of(store: EntryStore, member: MemberId = OWN_MEMBER) -> Reader:
    return Reader(store=store, roster=roster(), member_id=member)


def places(history: CaseHistory) -> list[tuple[str, int]]:
    """(mechanism, index) of each event, in order."""
    return [(event.mechanism, event.index) for event in history.events]


def digest_of(case_id: CaseId, leaves: Sequence[LeafHash]) -> bytes:
    """The digest of a case, computed from the design's words and not by our code."""
    return sha256(
        b"registry/history/v1\n" + case_id + len(leaves).to_bytes(8, "big") + b"".join(leaves)
    ).digest()
