"""Recording: rules before signing, one event per request, sealed where the audience is named."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.application.recording import REQUEST_ID_MAX, RecordCommand
from registry.domain.audience import named
from registry.domain.content import (
    ActContent,
    EventPointer,
    FollowupInformation,
    PartialDate,
    VisitReportPublished,
)
from registry.domain.identifiers import CaseId, situation_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import (
    InvalidRequest,
    LogReadOnly,
    NotFound,
    RegistryError,
    RequestIdReused,
    RuleViolation,
)
from registry.log.entry import ALL_MEMBERS, Header, decode_header, split_entry
from registry.views.case_file import PartState
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    carry_entries,
    open_node,
    opening,
    statement,
)


def header_of(node: Node, index: int) -> Header:
    (entry,) = node.registry.store.entries(node.log_id, index, index + 1)
    return decode_header(split_entry(entry)[0])


def size_of(node: Node) -> int:
    return node.registry.store.log_state(node.log_id).size


def test_receipt_tells_where_the_event_stands(node: Node) -> None:
    node.clock.time_ms = START_MS + 5
    opened = node.record(opening())
    receipt = node.record(statement(), opened.case_id)

    assert receipt.case_id == opened.case_id
    assert (receipt.origin, receipt.index) == ("invented.example/alpha/1", 1)
    assert receipt.leaf_hash == node.registry.store.leaf_hash(node.log_id, 1)
    assert (receipt.was_recorded_before, receipt.time_ms) == (False, START_MS + 5)


def test_case_ids_and_salts_are_the_random_bytes_that_were_given(node: Node) -> None:
    opened = node.record(opening())
    node.record(statement(), opened.case_id)

    case_id, first_salt, second_salt = node.random_bytes.given
    parts = [node.registry.store.part(node.log_id, index, 0) for index in range(2)]

    assert (len(case_id), len(first_salt), len(second_salt)) == (16, 32, 32)
    assert opened.case_id == case_id
    assert [part.salt for part in parts if part] == [first_salt, second_salt]


# --- idempotency ----------------------------------------------------------------------------


def test_repeated_request_gives_the_same_event(node: Node) -> None:
    first = node.record(opening(), request_id="r")
    node.clock.time_ms += 1000
    again = node.record(opening(), request_id="r")

    assert dataclasses.replace(again, was_recorded_before=False) == first
    assert again.was_recorded_before
    assert size_of(node) == 1


def test_repeated_request_is_answered_after_a_restart(folder: Path) -> None:
    node = open_node(folder, "alpha")
    first = node.record(opening(), request_id="r")
    node.registry.close()
    node = open_node(folder, "alpha")

    again = node.record(opening(), request_id="r")
    node.registry.close()

    assert (again.case_id, again.was_recorded_before) == (first.case_id, True)


def test_repeated_requests_that_wait_together_make_one_event(node: Node) -> None:
    command = RecordCommand("r", "", None, opening())
    waiting = [node.registry.record(command) for _ in range(8)]
    receipts = [node.registry.receipt(future.result()) for future in waiting]

    assert {receipt.index for receipt in receipts} == {0}
    assert {receipt.case_id for receipt in receipts} == {receipts[0].case_id}
    assert [receipt.was_recorded_before for receipt in receipts].count(False) == 1


def test_request_ids_of_two_callers_do_not_meet(node: Node) -> None:
    keys = [("desk", "1"), ("desk1", ""), ("", "desk1"), ("des", "k1"), ("desk", "2")]
    for scope, request_id in keys:
        receipt = node.record(opening(), scope=scope, request_id=request_id or "x")
        assert not receipt.was_recorded_before

    assert size_of(node) == len(keys)


Change = Callable[[RecordCommand], RecordCommand]


@pytest.mark.parametrize(
    "change",
    [
        lambda command: dataclasses.replace(command, content=statement("other words")),
        lambda command: dataclasses.replace(command, audience=named("beta")),
        lambda command: dataclasses.replace(
            command, content=FollowupInformation(acting_body="a", basis="own_act")
        ),
        lambda command: dataclasses.replace(command, case_id=CaseId(b"c" * 16)),
        lambda command: dataclasses.replace(command, case_id=None, content=opening()),
    ],
    ids=["content", "audience", "kind", "case", "new case"],
)
def test_request_id_used_for_something_else_is_refused(node: Node, change: Change) -> None:
    opened = node.record(opening())
    command = RecordCommand("r", "desk", opened.case_id, statement())
    node.registry.record(command).result()

    with pytest.raises(RequestIdReused):
        node.registry.record(change(command)).result()

    assert size_of(node) == 2


def test_repetition_is_answered_whatever_the_rules_say_today(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = node.record(opening())
    node.record(statement(), opened.case_id, request_id="r")

    def forbid(*_: object, **__: object) -> None:
        msg = "forbidden today"
        raise RuleViolation(msg)

    monkeypatch.setattr("registry.application.recording.check_new_event", forbid)

    assert node.record(statement(), opened.case_id, request_id="r").was_recorded_before
    with pytest.raises(RuleViolation):
        node.record(statement(), opened.case_id, request_id="s")


@pytest.mark.parametrize("request_id", ["", "x" * (REQUEST_ID_MAX + 1)])
def test_request_id_of_another_length_is_refused(node: Node, request_id: str) -> None:
    with pytest.raises(InvalidRequest, match="request id"):
        node.registry.record(RecordCommand(request_id, "", None, opening()))


def test_request_key_tells_nothing_without_the_nodes_secret(nodes: Nodes) -> None:
    for node in nodes.values():
        node.record(opening(), request_id="r", scope="desk")
    keys = {header_of(node, 0).request_id for node in nodes.values()}

    assert len(keys) == 3
    assert {len(key) for key in keys} == {16}


# --- audience -------------------------------------------------------------------------------


def test_event_for_all_shows_its_kind(node: Node) -> None:
    node.record(opening())

    assert header_of(node, 0).kind == EventKind.CASE_OPENED
    assert header_of(node, 0).audience == ALL_MEMBERS


@pytest.mark.parametrize(
    ("mechanisms", "member_ids"),
    [
        (("beta",), (1, 2)),
        (("gamma", "beta", "gamma"), (1, 2, 3)),
        (("alpha",), (1,)),
    ],
)
def test_event_for_named_members_is_sealed_and_always_readable_by_its_author(
    node: Node, mechanisms: tuple[str, ...], member_ids: tuple[int, ...]
) -> None:
    opened = node.record(opening(), mechanisms=mechanisms)

    header = header_of(node, 0)
    assert (header.kind, header.audience.is_all) == (EventKind.SEALED, False)
    assert header.audience.member_ids == member_ids
    (event,) = node.registry.history(opened.case_id).events
    assert (event.kind, event.content_state) == ("case_opened", PartState.PRESENT)


def test_mechanism_that_nobody_knows_is_no_audience(node: Node) -> None:
    with pytest.raises(NotFound, match="nobody"):
        node.record(opening(), mechanisms=("nobody",))

    assert size_of(node) == 0


def test_situation_of_a_state_takes_public_records_only(node: Node) -> None:
    case_id = situation_case_id(node.registry.registry_id, "POL")

    with pytest.raises(RuleViolation, match="public records only"):
        node.record(statement(), case_id, mechanisms=("beta",))

    node.record(statement(), case_id)
    assert node.registry.case(case_id).title == "Situation in Poland"


# --- rules ----------------------------------------------------------------------------------


def pointing(index: int, origin: str = "invented.example/alpha/1") -> FollowupInformation:
    pointer = EventPointer(origin=origin, index=index)
    return FollowupInformation(acting_body="a", basis="own_act", about=pointer)


def visit(start: str, end: str) -> VisitReportPublished:
    return VisitReportPublished(
        acting_body="a",
        basis="own_act",
        visit_start_date=PartialDate(value=start),
        visit_end_date=PartialDate(value=end),
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (opening(), RuleViolation),
        (pointing(9), NotFound),
        (pointing(0, "invented.example/beta/1"), NotFound),
        (visit("2020-05-02", "2020-05-01"), RuleViolation),
    ],
    ids=["opened twice", "about nothing", "about another log", "ends before it starts"],
)
def test_rule_is_applied_before_anything_is_signed(
    node: Node, content: ActContent, error: type[RegistryError]
) -> None:
    opened = node.record(opening())
    given = len(node.random_bytes.given)

    with pytest.raises(error):
        node.registry.record(RecordCommand("r", "", opened.case_id, content))

    assert size_of(node) == 1
    assert len(node.random_bytes.given) == given


def test_event_may_be_about_one_of_its_case(node: Node) -> None:
    opened = node.record(opening())

    assert node.record(pointing(0), opened.case_id).index == 1


def test_event_is_not_about_one_of_another_case_or_of_none_yet(node: Node) -> None:
    node.record(opening())
    second = node.record(opening())

    with pytest.raises(NotFound, match="about"):
        node.record(pointing(0), second.case_id)
    pointer = EventPointer(origin="invented.example/alpha/1", index=0)
    with pytest.raises(NotFound, match="about"):
        node.record(opening().model_copy(update={"about": pointer}))


def test_event_is_not_about_a_void_one(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    opened = alpha.record(opening())
    nodes.carry_all()
    beta.record(statement(), opened.case_id)
    nodes.carry_all()
    about = pointing(0, beta.registry.own.origin)
    assert alpha.record(about, opened.case_id).index == 1
    alpha.registry.store.freeze(beta.log_id, 0, "bad_entry_signature", b"").result()

    with pytest.raises(NotFound, match="about"):
        alpha.record(about, opened.case_id)


def test_case_that_nobody_opened_takes_no_event(node: Node) -> None:
    with pytest.raises(NotFound, match="no such case"):
        node.record(statement(), CaseId(b"c" * 16))


def test_only_an_opening_opens_a_case(node: Node) -> None:
    with pytest.raises(RuleViolation, match="case_opened"):
        node.record(statement())


def test_case_that_another_opened_takes_events_once_it_has_arrived(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    opened = alpha.record(opening())
    with pytest.raises(NotFound):
        beta.record(statement(), opened.case_id)
    carry_entries(alpha, beta, alpha.log_id)

    beta.record(statement(), opened.case_id)

    (ref,) = header_of(beta, 0).refs
    assert (ref.log_id, ref.index, ref.leaf_hash) == (alpha.log_id, 0, opened.leaf_hash)


# --- a closed log ---------------------------------------------------------------------------


def test_log_takes_nothing_before_it_is_opened(folder: Path) -> None:
    node = open_node(folder, "alpha", opens_log=False)

    with pytest.raises(LogReadOnly, match="starting"):
        node.record(opening())
    node.registry.open_log()
    assert node.record(opening()).index == 0
    node.registry.close()


def test_log_that_was_closed_says_why(node: Node) -> None:
    node.registry.store.refuse_appends("the operator has stopped it")

    with pytest.raises(LogReadOnly, match="the operator"):
        node.record(opening())

    assert size_of(node) == 0


def test_lost_guard_is_made_anew_only_when_the_log_is_opened(folder: Path) -> None:
    node = open_node(folder, "alpha")
    node.record(opening())
    node.registry.close()
    guard = folder / "alpha" / "guard" / "guard.bin"
    shutil.rmtree(guard.parent)
    node = open_node(folder, "alpha", opens_log=False)
    assert not guard.exists()
    with pytest.raises(LogReadOnly):
        node.record(opening())

    node.registry.open_log()
    receipt = node.record(opening())
    node.registry.close()

    assert receipt.index == 1
    assert guard.stat().st_mode & 0o777 == 0o600
    node = open_node(folder, "alpha")
    assert node.record(opening()).index == 2
    node.registry.close()
