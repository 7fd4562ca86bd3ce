"""Each row of docs/participants.md: recorded at one node, replicated, read back at another."""

from typing import Any, Final

import pytest

from registry.client import case
from registry.client.casework import Filter
from registry.domain.audience import EVERYONE
from registry.domain.content import ActContent
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.mechanisms import Instrument, Profile, shipped_profiles
from registry.domain.references import parse_reference
from registry.domain.references.examples import example_references
from registry.domain.rules import ABOUT
from registry.domain.vocabulary import EventKind, kind_code
from registry_cli.federation import LocalNode
from tests.integration.casework_world import listed, opens
from tests.integration.federation_world import client_of

PROFILES: Final = shipped_profiles().by_name


def act_of(code: str, instrument: Instrument, profile: Profile, **changed: Any) -> ActContent:
    """An invented act of an instrument, with a reference in the second spelling if there is one."""
    if instrument.event_kind is EventKind.STATEMENT_ISSUED:
        changed["cosignatures"] = []  # it is issued without a draft
    spellings = example_references().get(instrument.reference, ())
    return example_of(
        instrument.event_kind,
        instrument=code,
        acting_body=next(iter(profile.bodies)),
        references=list(spellings[-1:]),
        title=f"An invented act: {instrument.name}",
        persons=[],
        **changed,
    )


async def record(node: LocalNode, case_id: CaseId, content: ActContent) -> dict[str, Any]:
    name = f"participants-{getattr(content, 'instrument', '')}-{content.kind}-{content.title}"
    async with client_of(node) as client:
        receipt = await client.record(name[:200], case(case_id), content, audience=EVERYONE)
    return {"origin": receipt.origin, "index": receipt.index}


@pytest.mark.parametrize("name", sorted(PROFILES))
async def test_instruments_of_a_participant_are_read_back_at_another_node(
    alpha: LocalNode, beta: LocalNode, name: str
) -> None:
    profile = PROFILES[name]
    case_id = await opens(alpha, f"Instruments of {name} (invented)")
    targets: dict[EventKind, dict[str, Any]] = {}
    for code, instrument in profile.instruments.items():
        kind = instrument.event_kind
        changed: dict[str, Any] = {}
        rule = ABOUT.get(kind)
        if rule is not None and rule.is_required:
            wanted = next(iter(rule.kinds & targets.keys()), min(rule.kinds))
            if wanted not in targets:
                targets[wanted] = await record(alpha, case_id, example_of(wanted))
            changed["about"] = targets[wanted]
        targets[kind] = await record(alpha, case_id, act_of(code, instrument, profile, **changed))

    on_it = Filter(case_id=case_id, instruments=list(profile.instruments))
    rows = await listed(
        beta,
        lambda client: client.casework.acts(on_it),
        lambda found: len(found) == len(profile.instruments),
    )
    told = {row.instrument: (row.kind, row.body) for row in rows}
    body = next(iter(profile.bodies))
    assert told == {code: (each.kind, body) for code, each in profile.instruments.items()}
    async with client_of(beta) as client:
        history = await client.history(case(case_id))
        assert all(event.content is not None for event in history.events)
        for code, instrument in profile.instruments.items():
            for spelling in example_references().get(instrument.reference, ()):
                parsed, places = await client.casework.references(spelling)
                assert parsed.scheme == parse_reference(spelling).scheme == instrument.reference
                assert code in {
                    getattr(event.content, "instrument", "")
                    for event in history.events
                    for place in places
                    if (event.origin, event.index) == (place.event.origin, place.event.index)
                }


def test_every_scheme_of_a_profile_has_an_example_and_the_other_way_round() -> None:
    used = {i.reference for p in PROFILES.values() for i in p.instruments.values()} - {""}

    assert used <= set(example_references())
    # A bare paragraph and a number of a resolution belong to no instrument of their own.
    assert set(example_references()) - used == {"upr.paragraph"}


def test_codes_of_kinds_in_profiles_are_those_of_the_vocabulary() -> None:
    for profile in PROFILES.values():
        for instrument in profile.instruments.values():
            assert kind_code(instrument.event_kind) == instrument.kind
