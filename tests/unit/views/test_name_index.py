"""The index of names: each once for each case and log, by keys, hidden with its case."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.content import ActContent, NamedPerson, Party, StatementIssued
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.names import fold_name, keys_of
from registry.domain.vocabulary import EventKind
from registry.store.candidates import Sharing
from registry.store.read_models import ReadModels, open_read_models
from registry.store.sqlite import SqliteStore
from registry.views import name_index
from registry.views.projector import Projector
from registry.views.rows import NameRow, decode_row
from tests.storage.storage_world import OTHER, PEER, VIEWS_KEY, case, open_store
from tests.unit.views.view_world import OWN_MEMBER, PEER_MEMBER, Mechanism, only, reader_of, take

AYO = NamedPerson(person_id="a1" * 16, name="Ayo Zemlinski", role="defender")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


def naming(*persons: NamedPerson, **fields: object) -> ActContent:
    return StatementIssued(acting_body="a", basis="own_act", persons=persons).model_copy(
        update=fields
    )


def found(
    store: SqliteStore, models: ReadModels, name: str, hidden: tuple[CaseId, ...] = ()
) -> list[NameRow]:
    Projector(reader_of(store), models).advance()
    keys = sorted(keys_of(fold_name(name)))
    sharing = Sharing(name_index.VIEW, name_index.KEY, keys, 10, hidden)
    return [decode_row(NameRow, text) for text in models.sharing(sharing)]


def test_name_stands_once_for_each_case_and_log_with_the_states_of_all_that_give_it(
    store: SqliteStore, models: ReadModels
) -> None:
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    peer.act(naming(AYO, states=("XXA",)), case_id=case(1))
    peer.act(naming(AYO, states=("XXB",)), case_id=case(1))
    other.act(naming(AYO), case_id=case(1))
    peer.act(naming(AYO), case_id=case(2))
    take(store, peer, other)
    rows = found(store, models, "ZEMLINSKY, A.")
    assert {(row.case_id, row.origin) for row in rows} == {
        (case(1), PEER),
        (case(1), OTHER),
        (case(2), PEER),
    }
    of_peer = next(row for row in rows if (row.case_id, row.origin) == (case(1), PEER))
    assert (of_peer.name, of_peer.kind, of_peer.index) == (AYO.name, "person", 0)
    assert of_peer.states == ("XXA", "XXB")


def test_organisation_stands_with_its_kind_and_without_an_id(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    party = Party(kind="community", name="Río Inventado", role="affected")
    peer.act(naming(parties=(party,)), case_id=case(1))
    take(store, peer)
    (row,) = found(store, models, "rio inventado")
    assert (row.kind, row.role, row.person_id) == ("community", "affected", "")


def test_row_is_confidential_only_if_every_act_that_gives_the_name_is(
    store: SqliteStore, models: ReadModels
) -> None:
    peer, few = Mechanism(PEER), only(OWN_MEMBER, PEER_MEMBER)
    kind = EventKind.SEALED
    peer.act(naming(AYO), case_id=case(1), audience=few, kind=kind)
    peer.act(naming(AYO), case_id=case(1))
    peer.act(naming(AYO), case_id=case(2), audience=few, kind=kind)
    take(store, peer)
    rows = {row.case_id: row for row in found(store, models, AYO.name)}
    assert (rows[case(1)].index, rows[case(1)].is_confidential) == (1, False)
    assert rows[case(2)].is_confidential


def test_rows_of_hidden_cases_and_names_without_letters_are_not_there(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    peer.act(naming(AYO), case_id=case(1))
    peer.act(naming(AYO.model_copy(update={"name": "12 34"})), case_id=case(2))
    take(store, peer)
    assert [row.case_id for row in found(store, models, AYO.name)] == [case(1)]
    assert found(store, models, AYO.name, hidden=(case(1),)) == []
    assert found(store, models, "12 34") == []
    assert models.rows(name_index.VIEW, []) == []


def test_names_that_only_look_like_one_another_in_their_parts_have_documents_of_their_own(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    for name, role in (("Ayo\0x", ""), ("Ayo", "x\0"), ("Ayo", "x")):
        peer.act(naming(AYO.model_copy(update={"name": name, "role": role})), case_id=case(1))
    take(store, peer)
    assert len(found(store, models, "Ayo")) == 3


def test_most_keys_in_common_come_first_and_the_rest_is_cut(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    for number in range(12):
        other = AYO.model_copy(update={"name": f"Ayo Quintavalle {'abcdefghijkl'[number]}"})
        peer.act(naming(other), case_id=case(number))
    peer.act(naming(AYO), case_id=case(20))
    take(store, peer)
    rows = found(store, models, "Ayo Zemlinski")
    assert rows[0].case_id == case(20)
    assert len(rows) <= 10


def test_name_is_found_where_more_have_its_words_than_can_be_counted(
    store: SqliteStore, models: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.store.candidates._COUNTED", 5)
    peer = Mechanism(PEER)

    def organisation(name: str, number: int) -> None:
        party = Party(kind="organisation", name=name)
        peer.act(naming(parties=(party,)), case_id=case(number))

    organisation("Centre for Rights", 0)
    organisation("Quintavalle Centre for Rights", 1)
    for number in range(2, 14):
        organisation(f"Centre for Rights {'abcdefghijklmnop'[number] * 3}", number)
    take(store, peer)

    assert found(store, models, "the Rights Centre")[0].case_id == case(0)
    assert found(store, models, "Centre for Rights Quintavale")[0].case_id == case(1)
    hidden = (case(1),)
    assert case(1) not in {
        row.case_id for row in found(store, models, "Quintavalle Centre for Rights", hidden)
    }
    # One word alone, which all have: the newest.
    rows = found(store, models, "Rights")
    assert [row.case_id for row in rows] == [case(n) for n in range(13, 8, -1)]


def test_act_of_a_case_takes_state_and_theme_of_the_case_where_it_names_none(
    store: SqliteStore, models: ReadModels
) -> None:
    peer = Mechanism(PEER)
    peer.act(
        example_of(EventKind.CASE_OPENED, states=["XXG"], themes=["land_rights"]), case_id=case(1)
    )
    peer.act(naming(), case_id=case(1))
    take(store, peer)
    Projector(reader_of(store), models).advance()
    assert models.cases_with("act", "in_state", "XXG") == [case(1)]
    assert models.cases_with("act", "on_theme", "land_rights") == [case(1)]
    assert models.cases_with("act", "acting", "yes") == [case(1)]
