"""What a node says of an event's content: readable, missing, withheld, or not to be trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.content import StatementIssued
from registry.domain.vocabulary import EventKind
from registry.log.author import PartDraft
from registry.log.entry import ALL_MEMBERS, Audience
from registry.store.entries import EntryStore
from registry.store.sqlite import SqliteStore
from registry.views.case_file import PartState, read_history
from tests.storage.storage_world import PEER, case, open_store, seed
from tests.unit.views.view_world import (
    OTHER_MEMBER,
    OWN_MEMBER,
    PEER_MEMBER,
    Mechanism,
    only,
    reader_of,
    take,
)

CASE = case(1)
STATEMENT = StatementIssued(acting_body="coe.commissioner", basis="own_act", title="A statement")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def peer() -> Mechanism:
    return Mechanism(PEER)


@pytest.mark.parametrize(
    ("audience", "state"),
    [
        (ALL_MEMBERS, PartState.NOT_HERE),
        (only(OWN_MEMBER, PEER_MEMBER), PartState.NOT_HERE),
        (only(PEER_MEMBER, OTHER_MEMBER), PartState.WITHHELD),
    ],
)
def test_content_that_is_not_held_is_explained(
    store: EntryStore, peer: Mechanism, audience: Audience, state: PartState
) -> None:
    peer.act(STATEMENT, case_id=CASE, kind=EventKind.SEALED, audience=audience)
    take(store, peer, with_parts=False)

    (event,) = read_history(reader_of(store, OWN_MEMBER), CASE).events

    assert (event.kind, event.content, event.content_state) == ("sealed", None, state)


def test_sealed_event_shows_its_kind_to_who_holds_the_content(
    store: EntryStore, peer: Mechanism
) -> None:
    peer.act(STATEMENT, case_id=CASE, kind=EventKind.SEALED, audience=only(OWN_MEMBER, PEER_MEMBER))
    take(store, peer)

    (event,) = read_history(reader_of(store), CASE).events

    assert (event.kind, event.content_state) == ("statement_issued", PartState.PRESENT)
    assert event.content == STATEMENT


def test_event_without_content_says_so(store: EntryStore, peer: Mechanism) -> None:
    peer.empty(case_id=CASE)
    take(store, peer)

    (event,) = read_history(reader_of(store), CASE).events

    assert (event.content, event.content_state) == (None, PartState.NONE)


@pytest.mark.parametrize(
    ("kind", "media_type", "content", "shown"),
    [
        (EventKind.STATEMENT_ISSUED, "text/plain", b"words", "statement_issued"),
        (EventKind.SEALED, "text/plain", b"words", "sealed"),
        (
            EventKind.STATEMENT_ISSUED,
            "application/vnd.registry.statement_issued+json;v=1",
            b"{}",
            "statement_issued",
        ),
        (
            EventKind.SEALED,
            "application/vnd.registry.statement_issued+json;v=1",
            b"no json",
            "statement_issued",
        ),
        (
            EventKind.REPLY_RECEIVED,
            "application/vnd.registry.statement_issued+json;v=1",
            b'{"acting_body":"a","basis":"own_act"}',
            "reply_received",
        ),
    ],
    ids=["unknown type", "sealed unknown type", "no fields", "sealed no json", "another kind"],
)
def test_content_that_cannot_be_trusted_is_opaque(
    store: EntryStore,
    peer: Mechanism,
    kind: EventKind,
    media_type: str,
    content: bytes,
    shown: str,
) -> None:
    peer.claim(PartDraft(seed("salt"), media_type, content), kind=kind, case_id=CASE)
    take(store, peer)

    (event,) = read_history(reader_of(store), CASE).events

    assert (event.content, event.content_state) == (None, PartState.OPAQUE)
    assert event.kind == shown


def test_event_of_an_unknown_kind_is_kept_and_shown(store: EntryStore, peer: Mechanism) -> None:
    part = PartDraft(seed("salt"), "application/vnd.registry.new_thing+json;v=1", b"{}")
    peer.claim(part, kind=9_999, case_id=CASE)
    take(store, peer)

    (event,) = read_history(reader_of(store), CASE).events

    assert event.content_state is PartState.OPAQUE
    assert "9999" in event.kind


def test_later_parts_of_an_event_do_not_stand_for_its_content(
    store: EntryStore, peer: Mechanism
) -> None:
    content = PartDraft(
        seed("salt"),
        "application/vnd.registry.statement_issued+json;v=1",
        b'{"acting_body":"a","basis":"own_act"}',
    )
    attachment = PartDraft(seed("salt 2"), "image/png", b"picture")
    peer.claim(content, attachment, kind=EventKind.STATEMENT_ISSUED, case_id=CASE)
    take(store, peer, with_parts=False)
    store.put_parts(peer.parts()[1:]).result()

    (event,) = read_history(reader_of(store), CASE).events

    assert event.content_state is PartState.NOT_HERE
