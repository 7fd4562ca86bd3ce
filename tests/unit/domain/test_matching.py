"""Private matching: both find what both hold, nothing else can be read from the messages.

The group functions are libsodium's; here an independent edwards25519 in plain integers (RFC 8032's
formulas) says the same, so that the protocol does not hang on one binding.
"""

import hashlib
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.matching import (
    SIZE_CLASSES,
    MatchedName,
    blinded,
    blinded_again,
    blinded_list,
    held_by_both,
    new_secret,
    normal_form,
    read_points,
    write_points,
)
from registry.errors import InvalidContent, RuleViolation

NONCE: Final = bytes(range(32))
P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
Affine = tuple[int, int]


def source(seed: int) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def person(name: str) -> MatchedName:
    return MatchedName("person", name)


def organisation(name: str) -> MatchedName:
    return MatchedName("organisation", name)


# --- edwards25519 in integers ---------------------------------------------------------------------


def added(one: Affine, other: Affine) -> Affine:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar: int, point: Affine) -> Affine:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = added(total, point)
        point, scalar = added(point, point), scalar >> 1
    return total


def decompressed(data: bytes) -> Affine:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number % 2**255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return (P - x if x & 1 != sign else x), y


def compressed(point: Affine) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def test_blinding_is_multiplication_in_the_subgroup_of_prime_order() -> None:
    secret = new_secret(source(1))
    one = (1).to_bytes(32, "little")
    plain = blinded(one, NONCE, person("Ayo Zemlinski"))

    assert times(L, decompressed(plain)) == (0, 1)
    expected = compressed(times(int.from_bytes(secret, "little"), decompressed(plain)))
    assert blinded(secret, NONCE, person("Ayo Zemlinski")) == expected
    assert blinded_again(secret, [plain]) == (expected,)


def test_point_of_a_name_is_frozen() -> None:
    """Both sides must map a name alike, whatever their version: this never changes."""
    one = (1).to_bytes(32, "little")

    assert blinded(one, NONCE, person("Ayo Zemlinski")).hex() == FROZEN_POINT


FROZEN_POINT: Final = "a3796785a408ef3779a096e7913776f1eafe4a5902ff9d196d3f6594ea260fdb"


# --- the protocol ---------------------------------------------------------------------------------

NAMES: Final = st.sets(
    st.builds(
        MatchedName,
        st.sampled_from(["person", "organisation"]),
        st.sampled_from(["Ayo Zemlinski", "Bea Quintavalle", "Centro Inventado", "Cyd Ó Dálaigh"]),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(NAMES, NAMES, st.integers(0, 2**32))
def test_both_sides_find_exactly_what_both_hold(
    ours: set[MatchedName], theirs: set[MatchedName], seed: int
) -> None:
    random_bytes = source(seed)
    a, b = new_secret(random_bytes), new_secret(random_bytes)
    first = blinded_list(a, NONCE, ours)
    second = blinded_list(b, NONCE, theirs)
    first_shared, second_shared = blinded_again(b, first), blinded_again(a, second)

    common = tuple(sorted(ours & theirs))
    for names, secret, sent, returned, other in (
        (ours, a, first, first_shared, second_shared),
        (theirs, b, second, second_shared, first_shared),
    ):
        found = held_by_both(
            names,
            secret=secret,
            nonce=NONCE,
            own_points=sent,
            own_returned=returned,
            other_shared=other,
        )
        assert found == common


def test_messages_hold_no_name_and_no_hash_of_one() -> None:
    names = [person("Ayo Zemlinski"), organisation("Centro Inventado")]
    random_bytes = source(3)
    a, b = new_secret(random_bytes), new_secret(random_bytes)
    first = blinded_list(a, NONCE, names)
    messages = [*first, *blinded_again(b, first), *blinded_list(b, NONCE, names)]

    unblinded = {blinded((1).to_bytes(32, "little"), NONCE, each) for each in names}
    hashes = {
        getattr(hashlib, kind)(text.encode()).digest()[:32]
        for kind in ("sha1", "sha256", "sha512", "md5")
        for each in names
        for text in (each.name, normal_form(each.name))
    }
    assert not unblinded & set(messages)
    assert not any(part in message for message in messages for part in hashes)
    assert not any(each.name.encode() in b"".join(messages) for each in names)
    assert len(set(messages)) == len(messages)


def test_two_matchings_of_the_same_names_have_no_point_in_common() -> None:
    names = [person("Ayo Zemlinski"), person("Bea Quintavalle")]
    lists = [blinded_list(new_secret(source(seed)), NONCE, names) for seed in (1, 2)]
    same_secret = [
        blinded_list(new_secret(source(1)), nonce, names) for nonce in (NONCE, bytes(32))
    ]

    assert not set(lists[0]) & set(lists[1])
    assert not set(same_secret[0]) & set(same_secret[1])


def test_list_that_is_made_again_is_the_same() -> None:
    names = [person("Ayo Zemlinski")]
    secret = new_secret(source(1))

    again = blinded_list(secret, NONCE, [*names, *names])
    assert blinded_list(secret, NONCE, names) == again


def test_length_of_a_list_tells_its_size_class_and_its_order_nothing() -> None:
    for count in (0, 1, 16, 17, 64, 65):
        names = [person(f"Invented Person {number}") for number in range(count)]
        points = blinded_list(new_secret(source(1)), NONCE, names)
        assert len(points) == next(size for size in SIZE_CLASSES if size >= count)
        assert all(one < other for one, other in pairwise(points))


def test_more_names_than_the_largest_class_are_refused() -> None:
    names = [person(f"Invented Person {number}") for number in range(SIZE_CLASSES[-1] + 1)]

    with pytest.raises(RuleViolation, match="at most 1024 names"):
        blinded_list(new_secret(source(1)), NONCE, names)


@pytest.mark.parametrize(
    "point",
    [
        bytes(32),  # order 4
        b"\x01" + bytes(31),  # the neutral element
        b"\xec" + b"\xff" * 30 + b"\x7f",  # order 2
        bytes.fromhex(
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
        ),  # order 8
        b"\xff" * 32,  # not canonical
        b"\x02" + bytes(31),  # not on the curve
        bytes(31),
    ],
)
def test_points_outside_the_group_are_refused(point: bytes) -> None:
    with pytest.raises(InvalidContent):
        blinded_again(new_secret(source(1)), [point])


def test_point_with_a_part_of_small_order_is_refused() -> None:
    """Its product would show a bit of the secret."""
    good = blinded(new_secret(source(1)), NONCE, person("Ayo Zemlinski"))
    mixed = compressed(added(decompressed(good), (0, P - 1)))

    with pytest.raises(InvalidContent):
        blinded_again(new_secret(source(2)), [mixed])


def test_returned_list_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidContent, match="1 points were sent and 0 returned"):
        held_by_both(
            [],
            secret=new_secret(source(1)),
            nonce=NONCE,
            own_points=[bytes(32)],
            own_returned=[],
            other_shared=[],
        )


# --- names and points as they are written ---------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ayo Zemlinski", "ZEMLINSKI, Ayo"),
        ("Cyd Ó Dálaigh", "cyd o dalaigh"),
        ("Łukasz Ørsted-Đơn", "lukasz orsted don"),
        ("Centro  Inventado, A.C.", "centro inventado a c"),
    ],
)
def test_names_are_compared_without_case_accents_punctuation_and_order(
    one: str, other: str
) -> None:
    assert normal_form(one) == normal_form(other)
    assert normal_form(one) != normal_form(f"{other} x")


def test_person_and_organisation_of_one_name_do_not_match() -> None:
    secret = new_secret(source(1))

    assert blinded(secret, NONCE, person("Zemlinski")) != blinded(
        secret, NONCE, organisation("Zemlinski")
    )


def test_points_are_written_and_read_again() -> None:
    points = (bytes(range(32)), b"\xff" * 32)

    assert read_points(write_points(points)) == points
    assert all(len(text) == 43 for text in write_points(points))


@pytest.mark.parametrize("text", ["", "AAAA", "!" * 43, "A" * 44, "A" * 42, "é" * 43])
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(InvalidContent):
        read_points([text])


def test_secret_that_comes_out_as_nothing_is_drawn_again() -> None:
    drawn = iter([bytes(32), bytes(32), b"\x01" + bytes(31), bytes(32)])

    assert new_secret(lambda _: next(drawn)) == b"\x01" + bytes(31)
