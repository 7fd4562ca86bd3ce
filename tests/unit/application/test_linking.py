"""The links of a case are read to the last page of the list, however many there are."""

from pathlib import Path

import pytest

from registry.application import linking
from registry.application.linking import Linking
from registry.application.lists import Lists
from registry.application.request_keys import RequestKeys
from registry.application.situation_links import SituationLinks
from registry.domain.content import StatementIssued
from registry.domain.vocabulary import EventKind
from registry.log.links import LinkProposal
from registry.store.read_models import open_read_models
from registry.views.case_list import SituationNames
from registry.views.projector import Projector
from tests.storage.storage_world import OWN_ID, PEER, REGISTRY, VIEWS_KEY, case, open_store
from tests.unit.views.view_world import Mechanism, reader_of, take, writes

STATEMENT = StatementIssued(acting_body="a", basis="own_act")
PROPOSALS = 7


def test_every_proposal_to_a_case_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "_PAGE_LIMIT", 3)
    store, models = open_store(tmp_path), open_read_models(tmp_path / "views.db", VIEWS_KEY)
    peer, target = Mechanism(PEER), case(0)
    for number in range(1, PROPOSALS + 1):
        peer.act(STATEMENT, case_id=case(number))
        writes(peer, EventKind.CASE_LINK_PROPOSED, case(number), LinkProposal(target))
    take(store, peer)
    while Projector(reader_of(store), models).advance().is_behind:
        pass
    reader, requests = reader_of(store), RequestKeys(b"s" * 32)
    rules = SituationLinks(reader, OWN_ID, SituationNames(REGISTRY))

    links = Linking(reader, rules, Lists(models), requests).of_case(target)
    assert {each.case_id for each in links} == {case(n) for n in range(1, PROPOSALS + 1)}
    models.close()
    store.close()
