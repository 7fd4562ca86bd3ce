"""A case that a hostile member has filled: what a fold gives grows with the case, not its square.

Counted, never timed. Before the limits a case of 5,000 events held the projector for minutes: no
rule here judges what another member signs.
"""

from typing import Any, Final

from registry.application import detention_desk
from registry.domain.acts import Act, nearest_about
from registry.domain.content import EventPointer
from registry.domain.content.examples import example_of
from registry.domain.detention import concerns_of, detentions_of
from registry.domain.detention.fold import PHASES_MAX
from registry.domain.detention.subjects import GROUP_MAX
from registry.domain.reprisals import KEPT_MAX, reprisals_of
from registry.domain.vocabulary import EventKind as K
from tests.unit.domain.detention_world import began

UN: Final = "defenders.example/un/1"
COUNT: Final = 300


def acts_of_kinds(*kinds: K, about: int | None = None, **fields: Any) -> list[Act]:
    made = {kind: example_of(kind, **fields) for kind in set(kinds)}
    pointer = None if about is None else EventPointer(origin=UN, index=about)
    return [
        Act(
            UN, index, "un", made[kind].model_copy(update={"about": pointer if index else None}), {}
        )
        for index, kind in enumerate(kinds)
    ]


def test_steps_about_nothing_are_not_kept_for_each_of_many_reprisals_without_end() -> None:
    acts = acts_of_kinds(*([K.REPRISAL_ALLEGED, K.ACCOUNTABILITY_STEP] * COUNT))

    found = reprisals_of(acts, "case:1")

    assert len(found) == COUNT
    assert max(len(each.steps) for each in found) == KEPT_MAX
    assert sum(len(each.shown) for each in found) <= COUNT * (KEPT_MAX + 1)


def test_last_steps_count_where_there_are_too_many() -> None:
    told = [K.REPRISAL_ALLEGED, *[K.ACCOUNTABILITY_STEP] * COUNT]
    acts = acts_of_kinds(*told, about=0)

    (found,) = reprisals_of(acts)

    assert [each.index for each in found.steps] == list(range(COUNT - KEPT_MAX + 1, COUNT + 1))
    # All of them say what their rows show: none is taken for one that every member may read.
    assert len(found.shown) == COUNT + 1


def test_links_and_openings_of_a_reprisal_have_an_end() -> None:
    links = [K.REPRISAL_ALLEGED, *[K.REPRISAL_LINKED] * COUNT]
    acts = [
        each._replace(content=each.content.model_copy(update={"cooperation_words": f"{n}"}))
        for n, each in enumerate(acts_of_kinds(*links, about=0))
    ]
    opened = acts_of_kinds(*([K.REPRISAL_ALLEGED, K.CASE_OPENED] * COUNT), states=())

    (found,) = reprisals_of(acts)

    assert len(found.words) == KEPT_MAX + 1
    assert max(len(each.shown) for each in reprisals_of(opened)) == KEPT_MAX + 1


def test_act_on_nobody_named_is_not_taken_for_one_on_each_of_hundreds() -> None:
    def group(size: int) -> list[Act]:
        named = [began("un", n, "2024", person(n), about=("un", 0)) for n in range(1, size)]
        unnamed = [began("un", n, "2024", about=("un", 0)) for n in range(size, 2 * size)]
        return [began("un", 0, "2024"), *named, *unnamed]

    few, many = detentions_of(group(GROUP_MAX)), detentions_of(group(COUNT))

    assert {each.person_id for each in few} == {person(n)["person_id"] for n in range(1, GROUP_MAX)}
    assert sum(len(each.accounts) for each in many) == 2 * COUNT
    assert [len(each.accounts) for each in many if not each.person_id] == [COUNT + 1]


def test_first_way_of_being_held_and_the_last_changes_are_kept() -> None:
    kinds = [K.DETENTION_RECORDED, *[K.DETENTION_CHANGED] * COUNT]
    ways = ("house_arrest", "pre_trial")
    acts = [
        act
        if not n
        else act._replace(content=act.content.model_copy(update={"deprivation": ways[n % 2]}))
        for n, act in enumerate(acts_of_kinds(*kinds, about=0))
    ]

    (found,) = detentions_of(acts)

    assert len(found.course.phases) <= PHASES_MAX + 1
    assert found.course.phases[-1].deprivation == ways[COUNT % 2]


def test_long_chain_is_walked_once() -> None:
    passed: list[int] = []

    class Watched(dict[tuple[str, int], Act]):
        def __getitem__(self, place: tuple[str, int]) -> Act:
            passed.append(place[1])
            return super().__getitem__(place)

    acts = [
        Act(UN, n, "un", example_of(K.NOTE_ADDED, about=None if not n else at(n - 1)), {})
        for n in range(COUNT)
    ]

    nearest_about(Watched((act.place, act) for act in acts), lambda _: False)

    assert len(passed) == COUNT


def test_many_detentions_are_told_with_their_own_acts_alone() -> None:
    acts = [began("un", n, "2024", person(n)) for n in range(COUNT)]
    acts += acts_of_kinds(K.MEASURE_GRANTED)
    found = detentions_of(acts)

    told = [detention_desk._concerns(acts, each, number) for number, each in enumerate(found)]

    assert told[0] == concerns_of(acts, found[0])
    assert {len(each) for each in told[: detention_desk.FULL_MAX]} == {2}
    assert {len(each) for each in told[detention_desk.FULL_MAX :]} == {1}


def at(index: int) -> dict[str, Any]:
    return {"origin": UN, "index": index}


def person(number: int) -> dict[str, str]:
    return {"person_id": f"{number:032x}", "name": f"Invented Person {number}"}
