"""What the client returns: every field of a message arrives, and what is not known stays opaque."""

import pytest

from registry.api.v1 import admin_pb2, audit_pb2, cases_pb2, content_pb2
from registry.client import (
    CaseSummary,
    HistoryEvent,
    LogPlace,
    LogStatus,
    LogWitness,
    NodeStatus,
    PeerStatus,
    Receipt,
)
from registry.client.content_conversion import content_to_proto
from registry.client.standing import RosterFork, read_peer, read_status
from registry.client.values import read_event, read_item, read_place, read_receipt, read_summary
from registry.domain.content import PartialDate, StatementIssued
from registry.domain.identifiers import CaseId
from tests.unit.client.later_messages import UNKNOWN_FIELD_99, UNKNOWN_KIND

CASE = CaseId(bytes(range(16)))
STATEMENT = StatementIssued(acting_body="un", basis="own_act")


def event(**fields: object) -> cases_pb2.HistoryEvent:
    message = cases_pb2.HistoryEvent(
        position=3,
        mechanism="un",
        origin="o/un/1",
        index=7,
        leaf_hash=bytes(32),
        kind="statement_issued",
        recorded_ms=9,
        remarks=["a", "b"],
        content_state=cases_pb2.PART_STATE_PRESENT,
        content=content_to_proto(STATEMENT),
    )
    message.MergeFrom(cases_pb2.HistoryEvent(**fields))  # type: ignore[arg-type] # by name
    return message


def test_receipt_is_read() -> None:
    message = cases_pb2.EventReceipt(
        case_id=CASE, origin="o", index=1, leaf_hash=b"h", was_recorded_before=True, time_ms=2
    )

    assert read_receipt(message) == Receipt(CASE, "o", 1, b"h", was_recorded_before=True, time_ms=2)


def test_summary_is_read() -> None:
    message = cases_pb2.CaseSummary(
        case_id=CASE,
        title="t",
        states=["POL", "XXA"],
        mechanisms=["un"],
        event_count=1,
        unreadable_count=2,
        first_recorded_ms=3,
        last_recorded_ms=4,
        is_invented=True,
        is_situation=False,
    )

    assert read_summary(message) == CaseSummary(
        case_id=CASE,
        title="t",
        states=("POL", "XXA"),
        mechanisms=("un",),
        event_count=1,
        unreadable_count=2,
        first_recorded_ms=3,
        last_recorded_ms=4,
        is_invented=True,
        is_situation=False,
    )


def test_event_is_read() -> None:
    assert read_event(event()) == HistoryEvent(
        position=3,
        mechanism="un",
        origin="o/un/1",
        index=7,
        leaf_hash=bytes(32),
        kind="statement_issued",
        recorded_ms=9,
        content=STATEMENT,
        content_state="present",
        remarks=("a", "b"),
    )


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (cases_pb2.PART_STATE_UNSPECIFIED, "none"),
        (cases_pb2.PART_STATE_PRESENT, "present"),
        (cases_pb2.PART_STATE_NOT_HERE, "not_here"),
        (cases_pb2.PART_STATE_WITHHELD, "withheld"),
        (cases_pb2.PART_STATE_OPAQUE, "opaque"),
        (99, "opaque"),
    ],
)
def test_state_of_content_is_a_word(state: cases_pb2.PartState.ValueType, word: str) -> None:
    message = cases_pb2.HistoryEvent(content_state=state)

    assert read_event(message).content is None
    assert read_event(message).content_state == word


def test_every_state_of_content_has_a_word() -> None:
    words = {
        read_event(cases_pb2.HistoryEvent(content_state=number)).content_state
        for number in cases_pb2.PartState.values()
    }

    assert len(words) == len(cases_pb2.PartState.values())


@pytest.mark.parametrize(
    "content",
    [
        content_pb2.Content(),
        content_pb2.Content.FromString(UNKNOWN_KIND),
        content_pb2.Content(statement_issued=content_pb2.StatementIssued()),
        content_pb2.Content.FromString(UNKNOWN_FIELD_99),
    ],
)
def test_content_of_a_later_node_is_opaque_and_the_history_is_still_read(
    content: content_pb2.Content,
) -> None:
    message = event()
    message.content.CopyFrom(content)

    read = read_event(message)

    assert (read.content, read.content_state) == (None, "opaque")
    assert (read.origin, read.index, read.kind) == ("o/un/1", 7, "statement_issued")


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (None, None),
        (content_pb2.ActDate(value="2014-06"), PartialDate(value="2014-06")),
        (content_pb2.ActDate(), PartialDate()),
        (content_pb2.ActDate(value="2014-W24"), None),
    ],
)
def test_act_of_a_timeline_is_read(
    date: content_pb2.ActDate | None, expected: PartialDate | None
) -> None:
    item = read_item(cases_pb2.TimelineItem(act_date=date, event=event(), received_ms=5))

    assert (item.act_date, item.received_ms) == (expected, 5)
    assert item.event == read_event(event())


def test_place_is_read_from_both_services() -> None:
    expected = LogPlace("o", 2, b"r")

    assert read_place(cases_pb2.HistoryPlace(origin="o", size=2, root=b"r")) == expected
    assert read_place(audit_pb2.LogPlace(origin="o", size=2, root=b"r")) == expected


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [
        (admin_pb2.LOG_MODE_OPEN, True),
        (admin_pb2.LOG_MODE_READ_ONLY, False),
        (admin_pb2.LOG_MODE_UNSPECIFIED, False),
        (99, False),
    ],
)
def test_status_is_read(mode: admin_pb2.LogMode.ValueType, *, is_open: bool) -> None:
    message = admin_pb2.GetNodeStatusResponse(
        registry_name="n",
        registry_id=b"i",
        mechanism="un",
        origin="o",
        roster_version=1,
        mode=mode,
        mode_detail="d",
        software_version="v",
        projection_lag=6,
        roster_forks=[admin_pb2.RosterFork(mechanism="f", roster_hash=b"h")],
        is_first_sync=True,
        heads_compared_with=1,
        heads_needed=2,
        entries_behind=3,
        logs=[
            admin_pb2.LogStatus(origin="a", mechanism="b", size=2, parts_wanted=3, frozen_at=0),
            admin_pb2.LogStatus(
                origin="c",
                mechanism="d",
                size=4,
                parts_wanted=5,
                witnesses=[admin_pb2.LogWitness(mechanism="w", size=4, time_s=9)],
                witnessed_by=1,
            ),
        ],
    )

    assert read_status(message) == NodeStatus(
        registry_name="n",
        registry_id=b"i",
        mechanism="un",
        origin="o",
        roster_version=1,
        is_open=is_open,
        mode_detail="d",
        software_version="v",
        logs=(
            LogStatus("a", "b", 2, 3, 0),
            LogStatus("c", "d", 4, 5, None, witnesses=(LogWitness("w", 4, 9),), witnessed_by=1),
        ),
        projection_lag=6,
        roster_forks=(RosterFork("f", b"h"),),
        is_first_sync=True,
        heads_compared_with=1,
        heads_needed=2,
        entries_behind=3,
    )


def test_peer_is_read() -> None:
    fields = {
        "mechanism": "un",
        "display_name": "UN",
        "address": "a",
        "is_connected": True,
        "is_caught_up": False,
        "last_error": "e",
        "size_held": 1,
        "size_offered": 2,
        "last_heard_ms": 3,
        "frozen_at": 0,
        "witnessed_by": 4,
        "witnesses": 5,
    }

    assert read_peer(admin_pb2.PeerStatus(**fields)) == PeerStatus(**fields)  # type: ignore[arg-type] # by name
