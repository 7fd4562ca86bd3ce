"""What has not been tried: by nature and mechanism, for the States concerned only."""

from registry.domain.acts import Act
from registry.domain.mechanisms import shipped_profiles
from registry.domain.mechanisms.regions import reach_of, regions
from registry.domain.untried import Choice, Choices, choices_of
from registry.domain.vocabulary import EventKind as K
from tests.unit.domain.detention_world import act

PROFILES = shipped_profiles()


def left(*acts: Act, states: tuple[str, ...] = ("POL",)) -> Choices:
    return choices_of(acts, PROFILES, states)


def of(found: Choices, name: str) -> Choice:
    return next(each for each in found.choices if each.name == name)


def codes(choice: Choice) -> set[str]:
    return {option.code for option in choice.options}


def test_regions_have_as_many_states_as_their_organisations_have_members() -> None:
    assert {code: len(region.states) for code, region in regions().items()} == {
        "oas": 35,
        "african_union": 55,
        "council_of_europe": 46,
        "osce": 57,
    }
    assert regions()["council_of_europe"].states < regions()["osce"].states


def test_regional_mechanism_is_told_for_its_region_only() -> None:
    assert reach_of("oas", ["POL"]) == "does_not_apply"
    assert reach_of("oas", ["POL", "MEX"]) == "applies"
    assert reach_of("oas", ["NIC"]) == "to_be_confirmed"
    assert reach_of("oas", []) == "to_be_confirmed"
    assert reach_of("", ["POL"]) == "applies"
    found = left(states=("POL",))
    assert set(found.left_out) == {"iachr", "achpr"}
    assert of(found, "coe_commissioner").reach == "applies"
    assert {"eu", "oif", "wgad", "treaty_bodies"} <= {each.name for each in found.choices}


def test_what_was_used_is_told_even_where_the_mechanism_does_not_deal_with_the_state() -> None:
    found = left(act("iachr", 0, K.MEASURE_GRANTED, instrument="iachr.pm"), states=("POL",))

    assert of(found, "iachr").used == ("iachr.pm",)
    assert of(found, "iachr").reach == "does_not_apply"
    assert found.left_out == ("achpr",)


def test_instrument_that_an_event_names_has_been_tried() -> None:
    before, after = left(), left(act("un", 0, K.COMMUNICATION_SENT, instrument="un.ua"))

    name = "un_special_procedures"
    assert codes(of(before, name)) - codes(of(after, name)) == {"un.ua"}
    assert of(after, name).used == ("un.ua",)


def test_event_that_names_no_instrument_may_have_used_any_of_its_body_and_kind() -> None:
    sent = act("un", 0, K.COMMUNICATION_SENT, instrument="", acting_body="un.sr-defenders")
    standings = {o.code: o.standing for o in of(left(sent), "un_special_procedures").options}

    assert (standings["un.ua"], standings["un.al"]) == ("perhaps", "perhaps")
    assert standings["un.press"] == "untried"


def test_answers_follow_up_and_states_are_nothing_to_try() -> None:
    found = left()
    kinds = {option.instrument.event_kind for each in found.choices for option in each.options}

    assert kinds.isdisjoint({K.REPLY_RECEIVED, K.FOLLOWUP_INFORMATION, K.CASE_CLOSED})
    assert "states" not in {each.name for each in found.choices}


def test_mechanisms_are_grouped_by_nature() -> None:
    natures = [each.profile.nature for each in left().choices]
    order = ["quasi_judicial", "non_judicial", "political", "ngo"]

    assert [order.index(each) for each in natures] == sorted(order.index(each) for each in natures)


def test_quasi_judicial_procedures_that_would_meet_are_told_and_other_overlap_is_not() -> None:
    found = left(act("wgad", 0, K.OPINION_ADOPTED, instrument="wgad.opinion"))
    wgad = PROFILES.by_name["wgad"].participant
    meets = {o.code: o.meets for each in found.choices for o in each.options if o.meets}

    assert meets["tb.petition"] == (wgad,)
    assert meets["coe.judgment"] == (wgad,)
    assert not {"wgad.regular", "wgad.ua", "un.ua", "tb.concluding", "tb.interim"} & meets.keys()
    assert found.meeting == ()
    both = left(
        act("wgad", 0, K.OPINION_ADOPTED, instrument="wgad.opinion"),
        act("tb", 0, K.PETITION_REGISTERED, instrument="tb.petition"),
    )
    assert set(both.meeting) == {wgad, PROFILES.by_name["treaty_bodies"].participant}


def test_letter_of_a_quasi_judicial_body_is_a_procedure_if_a_reply_is_due() -> None:
    appeal = left(act("wgad", 0, K.COMMUNICATION_SENT, instrument="wgad.ua"))
    regular = left(act("wgad", 0, K.COMMUNICATION_SENT, instrument="wgad.regular"))

    assert not any(option.meets for option in of(appeal, "treaty_bodies").options)
    assert any(option.meets for option in of(regular, "treaty_bodies").options)
