"""Who is alerted of a reprisal: the body cooperated with and who records it, and nobody else."""

from typing import Any

import pytest

from registry.domain.acts import Act
from registry.domain.concerned import mechanisms_cooperated_with, reasons_to_alert
from registry.domain.content.examples import example_of
from registry.domain.mechanisms import Profiles, shipped_profiles
from registry.domain.mechanisms.profile import read_profile
from registry.domain.vocabulary import EventKind as K

PROFILES = shipped_profiles()
BLANK: dict[str, Any] = {"cooperated_with": "", "cooperation": None}


def act(mechanism: str, index: int, kind: K, **fields: Any) -> Act:
    origin = f"defenders.example/{mechanism}/1"
    return Act(origin, index, mechanism, example_of(kind, **fields), {})


@pytest.mark.parametrize(
    ("body", "homes"),
    [
        ("un.sr-defenders", ("un", "un-special-procedures")),
        ("wgad", ("un", "wgad")),
        ("sg.reprisals", ("un", "sg-reprisals")),
        ("achpr.sr-defenders", ("achpr",)),
        ("coe.commissioner", ("coe-commissioner",)),
        ("osce.odihr", ("osce-odihr",)),
        ("alpha.desk", ("alpha-desk", "alpha")),
        ("alpha", ("alpha",)),
    ],
)
def test_body_is_at_home_where_its_profile_says_or_where_it_is_called_so(
    body: str, homes: tuple[str, ...]
) -> None:
    assert PROFILES.homes_of(body) == homes


def test_profile_of_a_node_may_say_that_its_bodies_are_at_home_elsewhere() -> None:
    text = (
        'participant = "One"\nnature = "ngo"\nsources = ["a"]\nmechanisms = ["gamma"]\n'
        '[bodies]\n"one.body" = "B"\n[instruments."one.a"]\nname = "A"\nkind = "note_added"\n'
    )
    profiles = Profiles({"one_two": read_profile(text, "one_two")})
    assert profiles.homes_of("one.body") == ("gamma", "one-two")


def test_log_of_the_cooperation_tells_a_mechanism_too_unless_its_origin_is_none() -> None:
    pointer = {"origin": "defenders.example/iachr/2", "index": 1}
    content = example_of(K.REPRISAL_ALLEGED, cooperated_with="achpr", cooperation=pointer)
    assert mechanisms_cooperated_with(content, PROFILES) == ("achpr", "iachr")
    for origin in ("iachr", "a//1", "a/b/c/d"):
        strange = {**BLANK, "cooperation": {"origin": origin, "index": 1}}
        assert mechanisms_cooperated_with(example_of(K.REPRISAL_ALLEGED, **strange), PROFILES) == ()
    assert mechanisms_cooperated_with(example_of(K.NOTE_ADDED), PROFILES) == ()


def test_both_bodies_are_alerted_each_with_its_reason() -> None:
    told = act("observatory", 0, K.REPRISAL_ALLEGED, cooperated_with="achpr", cooperation=None)
    assert reasons_to_alert(told, {}, PROFILES) == {
        "achpr": "cooperated_with",
        "observatory": "recorded",
    }
    own = act("achpr", 0, K.REPRISAL_ALLEGED, cooperated_with="achpr", cooperation=None)
    assert reasons_to_alert(own, {}, PROFILES) == {"achpr": "cooperated_with"}
    unknown = act("observatory", 0, K.REPRISAL_ALLEGED, **BLANK)
    assert reasons_to_alert(unknown, {}, PROFILES) == {"observatory": "recorded"}
    assert reasons_to_alert(act("un", 0, K.ACCOUNTABILITY_STEP), {}, PROFILES) == {}


def test_link_alerts_who_recorded_the_reprisal_as_well() -> None:
    told = act("observatory", 0, K.REPRISAL_ALLEGED, **BLANK)
    about = {"origin": told.origin, "index": 0}
    link = act("coe", 1, K.REPRISAL_LINKED, about=about, cooperated_with="iachr", cooperation=None)
    assert reasons_to_alert(link, {told.place: told}, PROFILES) == {
        "iachr": "cooperated_with",
        "coe": "recorded",
        "observatory": "linked",
    }
    assert "observatory" not in reasons_to_alert(link, {}, PROFILES)
