"""Confirmation words: the published examples, one frozen sample, what is read and what is not."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from registry.application.membership.confirmation import (
    proquints,
    read_words,
    words_of_file,
    words_of_roster,
)
from registry.application.membership.founding import endorse, found
from registry.errors import InvalidRequest
from tests.unit.application.federation_in_process import init


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "lusab babad"),
        ("63.84.220.193", "gutih tugad"),
        ("63.118.7.35", "gutuk bisog"),
        ("140.98.193.141", "mudof sakat"),
        ("64.255.6.200", "haguz biram"),
        ("128.30.52.45", "mabiv gibot"),
        ("147.67.119.2", "natag lisaf"),
        ("212.58.253.68", "tibup zujah"),
        ("216.35.68.215", "tobog higil"),
        ("216.68.232.21", "todah vobij"),
        ("198.81.129.136", "sinid makam"),
        ("12.110.110.204", "budov kuras"),
    ],
)
def test_words_are_the_proquints_of_the_published_examples(address: str, words: str) -> None:
    assert " ".join(proquints(IPv4Address(address).packed)) == words


def test_words_of_a_frozen_sample_stay_what_they_are() -> None:
    words = words_of_file(b"a member file")

    assert words == "tadod kikuh sodis lazuf kusov fujas votat mutan"
    assert read_words(words) == words
    assert words_of_file(b"a member filf").split()[0] != words.split()[0]


def test_words_of_a_roster_stay_the_same_while_members_sign_it(tmp_path: Path) -> None:
    genesis = tmp_path / "1.roster"
    members = [init(tmp_path, name) for name in ("alpha", "beta")]
    genesis.write_bytes(found(members))
    unsigned = words_of_roster(genesis.read_bytes())
    endorse(tmp_path / "alpha", genesis)

    assert words_of_roster(genesis.read_bytes()) == unsigned
    assert words_of_roster(found(members[::-1])) != unsigned


def test_words_are_read_as_people_type_them() -> None:
    words = "lusab babad gutih tugad gutuk bisog mudof sakat"

    assert read_words(" Lusab-babad, GUTIH tugad\n gutuk bisog  mudof sakat ") == words
    with pytest.raises(InvalidRequest, match="these are 7"):
        read_words(words.removesuffix(" sakat"))
    with pytest.raises(InvalidRequest, match="'lucky' is none"):
        read_words(words.replace("lusab", "lucky"))
    with pytest.raises(InvalidRequest, match="'' is none"):
        read_words("")
