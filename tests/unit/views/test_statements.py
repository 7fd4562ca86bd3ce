"""Rows of joint statements: at a node that holds all of it, and at one that was not invited."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.content import StatementCosigned, StatementDrafted, StatementIssued
from registry.domain.content.act import EventPointer
from registry.domain.content.dates import PartialDate
from registry.domain.content.statement_texts import frozen_hash
from registry.domain.identifiers import MemberId
from registry.log.entry import EventRef
from registry.store.sqlite import SqliteStore
from registry.views.acts import acts_of, confidential_places
from registry.views.case_file import read_history
from registry.views.rows import decode_row
from registry.views.statement_rows import StatementRow
from registry.views.statements import statement_documents
from tests.storage.storage_world import NOW_MS, OTHER, PEER, case, open_store
from tests.unit.domain.statement_world import TEXTS
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
AMONG = only(PEER_MEMBER, OTHER_MEMBER)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def at(mechanism: Mechanism, ref: EventRef) -> EventPointer:
    return EventPointer(origin=mechanism.origin, index=ref.index)


def slug_of(mechanism: Mechanism) -> str:
    return str(mechanism.origin).split("/")[1]


def told() -> tuple[Mechanism, Mechanism]:
    """The peer drafts and issues, the other one signs in between."""
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    own: dict[str, Any] = {"acting_body": "a", "basis": "own_act", "title": "Joint (invented)"}
    draft = peer.act(
        StatementDrafted(
            **own,
            texts=TEXTS,
            invited=(slug_of(other),),
            needed_signatures=1,
            release_ms=NOW_MS,
        ),
        case_id=CASE,
        audience=AMONG,
    )
    about = at(peer, draft)
    signed = other.act(
        StatementCosigned(
            **own,
            about=about,
            text_hash=frozen_hash(TEXTS),
            cosigned_date=PartialDate(value="2026-12-01"),
        ),
        case_id=CASE,
        audience=AMONG,
        refs=(draft,),
        time_ms=NOW_MS + 5,
    )
    issued = StatementIssued(
        **own, about=about, texts=TEXTS, cosignatures=(at(other, signed),), states=("EGY",)
    )
    peer.act(issued, case_id=CASE, refs=(signed,), time_ms=NOW_MS + 9)
    return peer, other


def rows(store: SqliteStore, member: MemberId) -> list[StatementRow]:
    history = read_history(reader_of(store, member), CASE)
    found = statement_documents(
        history, acts_of(history), confidential=confidential_places(history)
    )
    documents = list(found)
    assert len({each.key for each in documents}) == len(documents)
    return [decode_row(StatementRow, each.row) for each in documents]


def test_who_was_invited_sees_the_draft_and_who_signed_when(store: SqliteStore) -> None:
    peer, other = told()
    take(store, peer, other)

    (row,) = rows(store, PEER_MEMBER)

    assert (row.origin, row.index, row.status) == (peer.origin, 0, "issued")
    assert (row.invited, row.needed, row.standing) == ((slug_of(other),), 1, 1)
    assert row.languages == ("en", "fr", "es")
    assert row.issued == (peer.origin, 1)
    assert row.text_hash == frozen_hash(TEXTS)
    (signature,) = row.signatures
    assert (signature.state, signature.date) == ("signed", "2026-12-01")
    assert signature.recorded_ms == NOW_MS + 5
    assert row.is_confidential


def test_draft_shows_its_planned_time_and_what_it_replaces(store: SqliteStore) -> None:
    peer, other = told()
    take(store, peer, other, end=1)
    (row,) = rows(store, PEER_MEMBER)
    assert (row.status, row.release_ms, row.issued, row.replaces) == ("ready", NOW_MS, None, None)


def test_who_was_not_invited_sees_what_is_for_all_and_when_others_signed(
    store: SqliteStore,
) -> None:
    peer, other = told()
    take(store, peer, other, with_parts=False)
    store.put_parts(peer.parts([1])).result()

    (row,) = rows(store, OWN_MEMBER)

    assert (row.origin, row.index, row.status) == (peer.origin, 1, "issued")
    assert (row.invited, row.needed, row.standing) == ((), 0, 1)
    (signature,) = row.signatures
    assert (signature.mechanism, signature.state, signature.date) == (slug_of(other), "named", "")
    assert signature.recorded_ms == NOW_MS + 5
    assert not row.is_confidential
    assert row.states == ("EGY",)
