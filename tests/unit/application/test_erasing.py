"""Erasure and widening across a federation in one process: effects, lies, restores, byte scans."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.application.erasing import ControlRequests, ErasureTarget
from registry.application.lists import Ask
from registry.application.request_keys import RequestKeys
from registry.domain.audience import EVERYONE, named
from registry.domain.identifiers import Commitment, LeafHash
from registry.domain.vocabulary import EventKind
from registry.errors import NotFound, RuleViolation
from registry.log.author import PartDraft, draft_event
from registry.log.control import (
    ContentErased,
    ErasureReceipt,
    PartTarget,
    encode_control,
)
from registry.log.entry import ALL_MEMBERS
from registry.store.values import AppendRequest, HeldPart
from registry.views.case_file import PartState, Reader
from tests.unit.application.erasing_world import (
    CANARY,
    EVERYTHING,
    commitment,
    erase,
    files_with,
    fold,
    held,
    say,
    stored_bytes,
)
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    carry_parts,
    found_federation,
    open_federation,
    open_node,
    opening,
    statement,
    with_gone,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found_federation(tmp_path)
    return tmp_path


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with open_federation(folder) as opened:
        yield opened


def test_erased_content_is_gone_on_every_node_and_the_views_lose_it(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    nodes.carry_all()
    for node in nodes.values():
        fold(node)
        assert node.registry.case(opened.case_id).title == CANARY
        assert held(node, alpha.log_id, opened.index) is not None
    erase(alpha, ErasureTarget(opened.index, 0))
    nodes.carry_all()
    for node in nodes.values():
        assert held(node, alpha.log_id, opened.index) is None
        event = node.registry.history(opened.case_id).events[0]
        assert (event.content, event.content_state) == (None, PartState.ERASED)
        fold(node)
        page = node.registry.lists.cases(Ask(9))
        assert CANARY not in page.rows[0].title


@pytest.mark.parametrize("mechanism", ["alpha", "beta"])
def test_no_file_of_an_erased_part_is_left_where_the_scan_found_it_before(
    folder: Path, nodes: Nodes, mechanism: str
) -> None:
    alpha, node = nodes["alpha"], nodes[mechanism]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    nodes.carry_all()
    needles = stored_bytes(node, alpha.log_id, opened.index)
    for needle in needles:
        assert files_with(folder / mechanism, (needle,))  # the scan can see it
    erase(alpha, ErasureTarget(opened.index, 0))
    nodes.carry_all()
    assert node.registry.store.finish_erasures().result()
    assert files_with(folder / mechanism, needles) == []


def test_reader_that_keeps_the_wal_busy_only_puts_its_cleaning_off(
    folder: Path, nodes: Nodes
) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    needles = stored_bytes(alpha, alpha.log_id, opened.index)
    store: Any = alpha.registry.store
    with store._datastore.reading() as cursor:
        cursor.execute("SELECT count(*) FROM parts")
        cursor.fetchone()
        erase(alpha, ErasureTarget(opened.index, 0))
        assert not store.finish_erasures().result()
    assert store.finish_erasures().result()
    assert files_with(folder / "alpha", needles) == []


def test_erasure_by_another_log_has_no_effect(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    opened = alpha.record(opening(), audience=EVERYONE)
    nodes.carry_all()
    target = PartTarget(alpha.log_id, opened.index, 0, commitment(alpha, opened.index))
    for number in range(3):
        beta.record(statement(f"{number}"), opened.case_id, audience=EVERYONE)
    lie = say(beta, opened.case_id, ContentErased((target,)))
    nodes.carry_all()
    for node in nodes.values():
        assert held(node, alpha.log_id, opened.index) is not None
        state = node.registry.store.log_state(beta.log_id)
        assert (state.frozen_at, state.size) == (None, lie + 1)
        told = [e for e in node.registry.history(opened.case_id).events if e.index == lie]
        assert told[0].content_state is PartState.OPAQUE


@pytest.mark.parametrize("lie", ["wrong commitment", "another case", "ordinal", "one of two"])
def test_erasure_whose_target_does_not_match_has_no_effect_anywhere(nodes: Nodes, lie: str) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(), audience=EVERYONE)
    elsewhere = alpha.record(opening("Another"), audience=EVERYONE)
    good = PartTarget(alpha.log_id, opened.index, 0, commitment(alpha, opened.index))
    wrong = PartTarget(alpha.log_id, elsewhere.index, 0, commitment(alpha, elsewhere.index))
    targets = {
        "wrong commitment": (good._replace(commitment=Commitment(b"x" * 32)),),
        "another case": (wrong,),
        "ordinal": (good._replace(ordinal=1),),
        "one of two": (good, wrong),
    }[lie]
    say(alpha, opened.case_id, ContentErased(targets))
    nodes.carry_all()
    for node in nodes.values():
        assert held(node, alpha.log_id, opened.index) is not None
        assert held(node, alpha.log_id, elsewhere.index) is not None


def test_tampered_control_has_no_effect_and_freezes_nothing(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(), audience=EVERYONE)
    target = PartTarget(alpha.log_id, opened.index, 0, commitment(alpha, opened.index))
    erased = ContentErased((target,))
    say(alpha, opened.case_id, erased, data=encode_control(erased)[:-1])
    nodes.carry_all()
    assert held(nodes["beta"], alpha.log_id, opened.index) is not None
    assert nodes["beta"].registry.store.log_state(alpha.log_id).frozen_at is None


def test_stale_peer_cannot_bring_an_erased_part_back(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes["alpha"], nodes["beta"], nodes["gamma"]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    nodes.carry_all()
    stale = held(beta, alpha.log_id, opened.index)
    assert stale is not None
    erase(alpha, ErasureTarget(opened.index, 0))
    carry_entries(alpha, gamma, alpha.log_id)
    assert held(gamma, alpha.log_id, opened.index) is None
    gamma.registry.store.put_parts([stale]).result()
    assert held(gamma, alpha.log_id, opened.index) is None
    place = [(opened.index, 0)]
    gamma.registry.store.set_parts_below(alpha.log_id, opened.index + 1, place).result()
    assert gamma.registry.store.wanted_parts(alpha.log_id, 9) == []


def test_erased_commitment_is_not_stored_under_another_place_either(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    part = held(alpha, alpha.log_id, opened.index)
    assert part is not None
    draft = draft_event(
        log_id=alpha.log_id,
        case_id=opened.case_id,
        kind=EventKind.NOTE_ADDED,
        time_ms=alpha.clock(),
        parts=(_draft_of(part),),
        audience=ALL_MEMBERS,
        request_id=b"",  # type: ignore[arg-type] # none
    )
    copied = alpha.registry.store.append(AppendRequest(draft, b"")).result()
    assert commitment(alpha, copied.index) == commitment(alpha, opened.index)
    erase(alpha, ErasureTarget(opened.index, 0))
    carry_entries(alpha, beta, alpha.log_id)
    carry_parts(alpha, beta, alpha.log_id)
    assert held(beta, alpha.log_id, copied.index) is None


def _draft_of(part: HeldPart) -> PartDraft:
    return PartDraft(part.salt, part.media_type, part.content)


def test_node_that_was_away_erases_on_return_and_confirms(nodes: Nodes) -> None:
    alpha, gamma = nodes["alpha"], nodes["gamma"]
    opened = alpha.record(opening(CANARY), audience=EVERYONE)
    nodes.carry_all()
    erased = erase(alpha, ErasureTarget(opened.index, 0))
    beta = nodes["beta"]
    carry_entries(alpha, beta, alpha.log_id)
    assert beta.registry.confirm_erasures(EVERYTHING) == 1
    carry_entries(beta, alpha, beta.log_id)
    status = alpha.registry.erasure_status("", erased.index)
    known = {each.member.slug: each.confirmed_ms is not None for each in status.confirmations}
    assert known == {"beta": True, "gamma": False}
    nodes.carry_all()
    assert held(gamma, alpha.log_id, opened.index) is None
    assert gamma.registry.confirm_erasures(EVERYTHING) == 1
    assert gamma.registry.confirm_erasures(EVERYTHING) == 0
    nodes.carry_all()
    status = alpha.registry.erasure_status("", erased.index)
    assert all(each.confirmed_ms is not None for each in status.confirmations)


def test_only_the_audience_is_asked_to_confirm(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(CANARY), audience=named("beta"))
    nodes.carry_all()
    erased = erase(alpha, ErasureTarget(opened.index, 0))
    nodes.carry_all()
    assert nodes["gamma"].registry.confirm_erasures(EVERYTHING) == 0
    status = alpha.registry.erasure_status("", erased.index)
    assert [each.member.slug for each in status.confirmations] == ["beta"]


@pytest.mark.parametrize("is_removed", [True, False])
def test_holder_that_has_left_stays_in_the_list_and_is_not_done_by_silence(
    nodes: Nodes, *, is_removed: bool
) -> None:
    alpha = nodes["alpha"]
    registry = alpha.registry
    opened = alpha.record(opening(CANARY), audience=named("beta"))
    nodes.carry_all()
    erased = erase(alpha, ErasureTarget(opened.index, 0))
    roster = with_gone(registry.roster, "beta", is_removed=is_removed)
    reader = Reader(registry.store, roster, registry.own.id)
    control = ControlRequests(reader, registry.recording, registry.consents, RequestKeys(b"k" * 32))

    status = control.status(alpha.log_id, erased.index)
    assert [(e.member.slug, e.member.is_active, e.confirmed_ms) for e in status.confirmations] == [
        ("beta", False, None)
    ]
    # What it confirmed while it took part stays confirmed.
    nodes.carry_all()
    assert nodes["beta"].registry.confirm_erasures(EVERYTHING) == 1
    nodes.carry_all()
    (beta,) = control.status(alpha.log_id, erased.index).confirmations
    assert (beta.member.is_active, beta.confirmed_ms is None) == (False, False)


def test_receipt_for_an_erasure_that_does_not_exist_confirms_nothing(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    opened = alpha.record(opening(), audience=EVERYONE)
    nodes.carry_all()
    say(beta, opened.case_id, ErasureReceipt(alpha.log_id, 1, LeafHash(b"x" * 32)))
    nodes.carry_all()
    with pytest.raises(NotFound):
        alpha.registry.erasure_status("", 1)
    erased = erase(alpha, ErasureTarget(opened.index, 0))
    assert erased.index == 1
    status = alpha.registry.erasure_status("", erased.index)
    assert all(each.confirmed_ms is None for each in status.confirmations)


def test_request_digest_of_an_erased_event_is_forgotten(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(CANARY), request_id="one", audience=EVERYONE)
    erase(alpha, ErasureTarget(opened.index, 0))
    store: Any = alpha.registry.store
    with store._datastore.reading() as cursor:
        cursor.execute("SELECT request_digest FROM recent_appends WHERE entry_index = 0")
        assert cursor.fetchone()["request_digest"] is None
    again = alpha.record(opening("Other"), request_id="one", audience=EVERYONE)
    assert (again.index, again.was_recorded_before) == (opened.index, True)


def test_erasing_twice_is_refused_and_repeating_the_request_is_not(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(), audience=EVERYONE)
    first = erase(alpha, ErasureTarget(opened.index, 0))
    again = erase(alpha, ErasureTarget(opened.index, 0))
    assert (again.index, again.was_recorded_before) == (first.index, True)
    with pytest.raises(RuleViolation, match="erased already"):
        erase(alpha, ErasureTarget(opened.index, 0), request_id="other")
    with pytest.raises(NotFound):
        erase(alpha, ErasureTarget(opened.index, 0, Commitment(b"x" * 32)), request_id="third")


# --- restores -----------------------------------------------------------------------------------


def copy_database(folder: Path, mechanism: str, to: Path) -> None:
    """A backup made while the node is closed."""
    shutil.copytree(folder / mechanism, to)


@pytest.mark.parametrize("mechanism", ["alpha", "beta"])
def test_older_database_loses_erased_content_before_anything_is_read(
    folder: Path, mechanism: str
) -> None:
    with open_federation(folder) as nodes:
        log_id = nodes["alpha"].log_id
        opened = nodes["alpha"].record(opening(CANARY), audience=EVERYONE)
        nodes.carry_all()
        needles = stored_bytes(nodes[mechanism], log_id, opened.index)
        fold(nodes[mechanism])
    backup = folder / "backup"
    copy_database(folder, mechanism, backup)
    with open_federation(folder) as nodes:
        erase(nodes["alpha"], ErasureTarget(opened.index, 0))
        nodes.carry_all()
    for name in ("log.db", "views.db"):
        shutil.copy(backup / name, folder / mechanism / name)
        for suffix in ("-wal", "-shm"):
            (folder / mechanism / f"{name}{suffix}").unlink(missing_ok=True)
    assert files_with(folder / mechanism, needles) == ["log.db"]
    node = open_node(folder, mechanism, opens_log=False)
    try:
        assert held(node, log_id, opened.index) is None
        assert node.registry.store.finish_erasures().result()
        assert files_with(folder / mechanism, needles) == []
        fold(node)
        page = node.registry.lists.cases(Ask(9))
        assert all(CANARY not in row.title for row in page.rows)
    finally:
        node.registry.close()


def test_lost_journal_is_made_again_from_the_database(folder: Path) -> None:
    with open_federation(folder) as nodes:
        opened = nodes["alpha"].record(opening(CANARY), audience=EVERYONE)
        erase(nodes["alpha"], ErasureTarget(opened.index, 0))
    journal = folder / "alpha" / "guard" / "tombstones.bin"
    written = journal.read_bytes()
    journal.unlink()
    node = open_node(folder, "alpha")
    node.registry.close()
    assert journal.read_bytes() == written


def test_restore_without_the_journal_erases_when_the_logs_come_again(folder: Path) -> None:
    with open_federation(folder) as nodes:
        opened = nodes["alpha"].record(opening(CANARY), audience=EVERYONE)
        nodes.carry_all()
        log_id = nodes["alpha"].log_id
    copy_database(folder, "beta", folder / "snapshot")
    with open_federation(folder) as nodes:
        erase(nodes["alpha"], ErasureTarget(opened.index, 0))
        nodes.carry_all()
    shutil.rmtree(folder / "beta")
    shutil.copytree(folder / "snapshot", folder / "beta")
    with open_federation(folder) as nodes:
        assert held(nodes["beta"], log_id, opened.index) is not None
        carry_entries(nodes["alpha"], nodes["beta"], log_id)
        assert held(nodes["beta"], log_id, opened.index) is None


def test_crash_between_journal_and_commit_can_be_followed_by_the_erasure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = open_node(folder, "alpha")
    opened = node.record(opening(CANARY), audience=EVERYONE)
    store: Any = node.registry.store
    erasing = store._writing._erasing
    apply = erasing.apply

    def applied_then_cut(*arguments: Any, **named_ones: Any) -> None:
        apply(*arguments, **named_ones)
        raise OSError(5, "cut")

    monkeypatch.setattr(erasing, "apply", applied_then_cut)
    with pytest.raises(Exception, match="cut"):
        erase(node, ErasureTarget(opened.index, 0))
    node.registry.close()
    node = open_node(folder, "alpha")
    try:
        assert held(node, node.log_id, opened.index) is None
        receipt = erase(node, ErasureTarget(opened.index, 0))
        assert not receipt.was_recorded_before
        assert node.registry.erasure_status("", receipt.index).erased_ms
    finally:
        node.registry.close()
