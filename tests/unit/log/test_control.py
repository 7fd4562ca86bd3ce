"""Control: written and read again; lies about its form by name."""

from typing import Any

import pytest

from registry.domain.identifiers import Commitment, LeafHash, LogId, MemberId
from registry.domain.vocabulary import EventKind
from registry.format.v1 import control_pb2
from registry.log.control import (
    AudienceWidened,
    ContentErased,
    ErasureReceipt,
    PartTarget,
    encode_control,
    parse_control,
    union,
)
from registry.log.entry import ALL_MEMBERS, Audience

OWN, OTHER = LogId(b"o" * 32), LogId(b"p" * 32)
LEAF, COMMITMENT = LeafHash(b"l" * 32), Commitment(b"c" * 32)
NAMED = Audience(is_all=False, member_ids=(MemberId(2), MemberId(5)))
INDEX = 7
TARGET = PartTarget(OWN, 3, 0, COMMITMENT)
WIDENED = AudienceWidened(3, LEAF, NAMED)
ERASED = ContentErased((TARGET, PartTarget(OWN, 3, 1, COMMITMENT)))
RECEIPT = ErasureReceipt(OTHER, 9, LEAF)
KINDS: dict[type, EventKind] = {
    AudienceWidened: EventKind.AUDIENCE_WIDENED,
    ContentErased: EventKind.CONTENT_ERASED,
    ErasureReceipt: EventKind.ERASURE_RECEIPT,
}


def read(control: Any, *, data: bytes | None = None) -> Any:
    encoded = encode_control(control) if data is None else data
    return parse_control(OWN, INDEX, KINDS[type(control)], encoded)


@pytest.mark.parametrize("control", [WIDENED, WIDENED._replace(audience=ALL_MEMBERS)])
def test_widening_is_read_as_written(control: AudienceWidened) -> None:
    assert read(control) == control


def test_erasure_and_receipt_are_read_as_written() -> None:
    assert read(ERASED) == ERASED
    assert read(RECEIPT) == RECEIPT


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(TARGET._replace(log_id=OTHER), id="part of another log"),
        pytest.param(TARGET._replace(index=INDEX), id="the event itself"),
        pytest.param(TARGET._replace(index=INDEX + 1), id="index above"),
        pytest.param(TARGET._replace(ordinal=64), id="ordinal that no header has"),
        pytest.param(TARGET._replace(commitment=Commitment(b"c" * 31)), id="short commitment"),
    ],
)
def test_erasure_with_one_lying_target_has_no_effect(lie: PartTarget) -> None:
    assert read(ContentErased((PartTarget(OWN, 2, 0, COMMITMENT), lie))) is None


@pytest.mark.parametrize("count", [0, 17])
def test_erasure_of_too_few_or_too_many_parts_has_no_effect(count: int) -> None:
    targets = tuple(TARGET._replace(ordinal=number) for number in range(count))
    assert read(ContentErased(targets)) is None


def test_erasure_that_names_a_part_twice_has_no_effect() -> None:
    twice = TARGET._replace(commitment=Commitment(b"d" * 32))
    assert read(ContentErased((TARGET, twice))) is None


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(Audience(is_all=False, member_ids=()), id="nobody"),
        pytest.param(Audience(is_all=True, member_ids=(MemberId(2),)), id="all and some"),
        pytest.param(Audience(is_all=False, member_ids=(MemberId(5), MemberId(2))), id="unsorted"),
        pytest.param(Audience(is_all=False, member_ids=(MemberId(0),)), id="member 0"),
    ],
)
def test_widening_to_a_malformed_audience_has_no_effect(audience: Audience) -> None:
    assert read(WIDENED._replace(audience=audience)) is None


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(WIDENED._replace(index=INDEX), id="of itself"),
        pytest.param(WIDENED._replace(leaf_hash=LeafHash(b"l")), id="short leaf hash"),
        pytest.param(RECEIPT._replace(log_id=OWN), id="receipt of the own log"),
        pytest.param(RECEIPT._replace(leaf_hash=LeafHash(b"")), id="receipt without leaf hash"),
        pytest.param(RECEIPT._replace(index=2**63), id="receipt of an index out of range"),
    ],
)
def test_control_about_what_cannot_be_has_no_effect(lie: Any) -> None:
    assert read(lie) is None


def test_tampered_control_has_no_effect() -> None:
    data = encode_control(ERASED)
    assert read(ERASED, data=data[:-1]) is None
    assert read(ERASED, data=data + b"\x50\x01") is None  # a field that this version does not know
    assert read(ERASED, data=b"\xff\xff") is None
    assert read(ERASED, data=b"") is None


def test_control_in_another_encoding_of_the_same_meaning_has_no_effect() -> None:
    message = control_pb2.ErasureReceipt.FromString(encode_control(RECEIPT))
    again = message.SerializeToString()
    assert read(RECEIPT, data=again + again) is None


def test_control_under_a_kind_that_has_none_has_no_effect() -> None:
    data = encode_control(ERASED)
    assert parse_control(OWN, INDEX, EventKind.SEALED, data) is None
    assert parse_control(OWN, INDEX, EventKind.NOTE_ADDED, data) is None


def test_union_admits_whom_one_of_the_two_admits() -> None:
    both = Audience(is_all=False, member_ids=(MemberId(2), MemberId(3), MemberId(5)))
    third = Audience(is_all=False, member_ids=(MemberId(3),))
    assert union(NAMED, third) == both
    assert union(NAMED, None) == NAMED
    assert union(NAMED, ALL_MEMBERS) == ALL_MEMBERS
