"""Identifiers: the one way in for outside text, and ids that are derived."""

import hashlib

import pytest

from registry.domain.identifiers import (
    RegistryId,
    Slug,
    log_id_of,
    make_origin,
    parse_case_id,
    parse_registry_id,
    parse_registry_name,
    parse_slug,
    situation_case_id,
)
from registry.errors import InvalidRequest

REGISTRY = RegistryId(bytes(range(32)))


@pytest.mark.parametrize("text", ["un", "coe-commissioner", "7", "a" * 63])
def test_slug_is_taken(text: str) -> None:
    assert parse_slug(text) == text


@pytest.mark.parametrize("text", ["", "-un", "un-", "UN", "u n", "ü", "a" * 64, "un\n", "un/1"])
def test_malformed_slug_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="a mechanism is named by"):
        parse_slug(text)


@pytest.mark.parametrize("text", ["defenders.example", "a", "a" * 200])
def test_registry_name_is_taken(text: str) -> None:
    assert parse_registry_name(text) == text


@pytest.mark.parametrize("text", ["", ".a", "a.", "A", "a/b", "a" * 201, "a\n"])
def test_malformed_registry_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="a registry is named by"):
        parse_registry_name(text)


def test_refusal_shows_the_beginning_of_a_long_name_only() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_slug("A" * 10_000)

    assert len(str(caught.value)) < 200


def test_origin_joins_registry_mechanism_and_epoch() -> None:
    origin = make_origin("defenders.example", Slug("un"), 2)

    assert origin == "defenders.example/un/2"
    assert log_id_of(origin) == hashlib.sha256(b"defenders.example/un/2").digest()


def test_case_id_is_32_hexadecimal_digits() -> None:
    assert parse_case_id("00ff" * 8) == bytes.fromhex("00ff" * 8)


@pytest.mark.parametrize(
    "text", ["", "00", "0" * 31, "0" * 33, "g" * 32, "00 " * 16, "0x" + "0" * 30, "00ff" * 9]
)
def test_malformed_case_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="32 hexadecimal digits"):
        parse_case_id(text)


def test_registry_id_is_64_hexadecimal_digits() -> None:
    assert parse_registry_id("00ff" * 16) == bytes.fromhex("00ff" * 16)


@pytest.mark.parametrize("text", ["", "00", "0" * 63, "0" * 65, "g" * 64, "00 " * 32])
def test_malformed_registry_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="64 hexadecimal digits"):
        parse_registry_id(text)


def test_id_of_a_situation_is_derived_and_frozen() -> None:
    expected = hashlib.sha256(b"registry/situation/v1\n" + bytes(range(32)) + b"POL").digest()[:16]

    assert situation_case_id(REGISTRY, "POL") == expected
    assert expected.hex() == "35e10d66788a97e902c7833a084dc370"


def test_situations_differ_by_state_and_by_registry() -> None:
    ids = {
        situation_case_id(registry, state)
        for registry in (REGISTRY, RegistryId(bytes(32)))
        for state in ("POL", "XXA")
    }

    assert len(ids) == 4


@pytest.mark.parametrize("state", ["", "pol", "PL", "POLA", "P0L", "POL\n", "ÉÉÉ"])
def test_situation_of_what_is_no_code_is_refused(state: str) -> None:
    with pytest.raises(InvalidRequest, match="alpha-3"):
        situation_case_id(REGISTRY, state)
