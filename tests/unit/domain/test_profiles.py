"""Profiles: complete, true to the vocabulary, and changed by a secretariat without code."""

from pathlib import Path

import pytest

from registry.domain.audience import DEFAULT_AUDIENCE, resolve_audience
from registry.domain.content import CONTENT_BY_KIND
from registry.domain.content.examples import example_of
from registry.domain.mechanisms import load_profiles, shipped_profiles
from registry.domain.mechanisms.profile import Instrument, Profile
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest

WGAD = """
participant = "Working Group (invented clocks)"
nature = "quasi_judicial"
sources = ["an invented decision"]
[bodies]
"wgad" = "Working Group"
[instruments."wgad.opinion"]
name = "Opinion"
kind = "opinion_adopted"
followup_months = 3
audience = "own"
"""


def test_every_instrument_is_told_by_a_kind_that_names_it_and_marks_only_its_own_fields() -> None:
    for profile in shipped_profiles().by_name.values():
        assert set(profile.to_be_confirmed) <= Profile.model_fields.keys()
        for instrument in profile.instruments.values():
            assert "instrument" in CONTENT_BY_KIND[instrument.event_kind].model_fields
            assert set(instrument.to_be_confirmed) <= Instrument.model_fields.keys()


def test_bodies_have_names_and_an_unknown_one_is_its_own() -> None:
    profiles = shipped_profiles()

    assert profiles.body_name("tb.ccpr") == "Human Rights Committee"
    assert profiles.body_name("nobody.knows") == "nobody.knows"
    assert profiles.instrument("nobody.knows") is None


def test_file_of_a_node_stands_in_the_place_of_the_one_that_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "wgad.toml").write_text(WGAD)
    profiles = load_profiles(tmp_path)
    opinion = profiles.instrument("wgad.opinion")

    assert opinion is not None
    assert (opinion.followup_months, profiles.instrument("wgad.regular")) == (3, None)
    assert profiles.instrument("un.ua") == shipped_profiles().instrument("un.ua")
    assert profiles.overridden == {"wgad"}
    content = example_of(K.OPINION_ADOPTED, instrument="wgad.opinion")
    assert resolve_audience(DEFAULT_AUDIENCE, content, profiles).kind == "own"
    assert resolve_audience(DEFAULT_AUDIENCE, content).kind == "all"


def test_folder_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "none") is shipped_profiles()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("participant = ", "wgad.toml"),
        (WGAD.replace('nature = "quasi_judicial"\n', ""), "wgad.toml: nature"),
        (WGAD.replace("opinion_adopted", "sealed"), "there is no kind 'sealed'"),
        (WGAD.replace("followup_months = 3", "followup_months = -3"), "followup_months"),
        (WGAD.replace("wgad.opinion", "un.ua"), "instruments.un.ua stands in"),
        (WGAD.replace('"wgad" =', '"achpr" ='), "bodies.achpr stands in"),
        (WGAD + "surprise = 1\n", "surprise"),
    ],
)
def test_profile_that_breaks_a_rule_is_refused_by_file_and_field(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "wgad.toml").write_text(text)

    with pytest.raises(InvalidRequest, match=told):
        load_profiles(tmp_path)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wgad.toml").write_bytes(b"\xff")

    with pytest.raises(InvalidRequest, match="cannot be read"):
        load_profiles(tmp_path)


def test_quiet_diplomacy_stays_at_its_author() -> None:
    for kind, instrument in (
        (K.DEMARCHE_MADE, "eu.demarche"),
        (K.STATEMENT_ISSUED, "oif.statement"),
    ):
        content = example_of(kind, instrument=instrument)
        assert resolve_audience(DEFAULT_AUDIENCE, content).kind == "own"
    public = example_of(K.DEMARCHE_MADE, basis="public_record", source="an invented register")
    assert resolve_audience(DEFAULT_AUDIENCE, public).kind == "all"
