"""The demo's story hangs together: scenes point back, contents are sound and marked as invented."""

from collections.abc import Iterator

import pytest

from registry.client import Receipt
from registry.domain.content import (
    ActContent,
    IntentDeclared,
    StatementCosigned,
    StatementDrafted,
    StatementIssued,
)
from registry.domain.content.statement_texts import frozen_hash
from registry.domain.identifiers import CaseId
from registry.domain.mechanisms import shipped_profiles
from registry.domain.rules import ABOUT, check_dates
from registry.errors import PeerUnavailable
from registry_cli.output import Output
from registry_cli.story import CHAPTERS, Deed, Stage, Told, stage
from registry_cli.story.cast import DEFENDER, INVENTED_STATE, MECHANISMS
from registry_cli.story.playing import content_of
from registry_cli.story.telling import Teller

DEEDS = [scene for chapter in CHAPTERS for scene in chapter.scenes if isinstance(scene, Deed)]
SLUGS = {each.slug for each in MECHANISMS}
PROFILES = shipped_profiles()
NOW_MS = 1_800_000_000_000
"""2027-01-15: after the dates of the story."""


def receipt_of(deed: Deed, number: int) -> Receipt:
    origin = f"demo.registry.example/{deed.by}/1"
    return Receipt(CaseId(b"\x07" * 16), origin, number, b"", was_recorded_before=False, time_ms=0)


def told_in_order() -> Iterator[tuple[Deed, ActContent, dict[tuple[str, int], ActContent]]]:
    """Each deed with its content and the contents of those before it, by place."""
    play = Stage({}, lambda: NOW_MS)
    before: dict[tuple[str, int], ActContent] = {}
    for number, deed in enumerate(DEEDS):
        content = content_of(play, deed)
        yield deed, content, before
        receipt = play.receipts[deed.name] = receipt_of(deed, number)
        before[receipt.origin, receipt.index] = content


def test_every_deed_has_a_name_of_its_own_and_a_mechanism_of_the_cast() -> None:
    assert len({deed.name for deed in DEEDS}) == len(DEEDS)
    scenes = [scene for chapter in CHAPTERS for scene in chapter.scenes]
    assert {scene.by for scene in scenes} == SLUGS
    for deed in DEEDS:
        assert set(deed.audience.mechanisms) <= SLUGS - {deed.by}


def test_every_content_is_sound_invented_and_about_what_its_kind_can_be_about() -> None:
    for deed, content, before in told_in_order():
        assert content.is_invented, deed.name
        assert content.states == (INVENTED_STATE,), deed.name
        check_dates(content)
        if content.about is None:
            continue
        target = before[content.about.origin, content.about.index]
        rule = ABOUT.get(content.kind)
        assert rule is None or target.kind in rule.kinds, deed.name
        acted, earlier = content.act_date(), target.act_date()
        assert acted is not None, deed.name
        assert earlier is None or not earlier.is_after(acted), deed.name


def test_deed_dates_itself_from_the_day_on_which_it_is_done() -> None:
    (deed,) = (each for each in DEEDS if each.name == "return")
    content = content_of(Stage({}, lambda: NOW_MS), deed)

    assert isinstance(content, IntentDeclared)
    dates = (content.declared_date, content.planned_date, content.planned_until_date)
    assert [each.value for each in dates if each] == ["2027-01-15", "2027-02-24", "2027-02-28"]


def test_statement_is_signed_and_issued_as_it_was_frozen() -> None:
    told = {deed.name: content for deed, content, _ in told_in_order()}
    draft, issued = told["draft"], told["statement"]
    assert isinstance(draft, StatementDrafted)
    assert isinstance(issued, StatementIssued)
    signed = [each for each in told.values() if isinstance(each, StatementCosigned)]

    assert (issued.title, issued.texts) == (draft.title, draft.texts)
    assert {each.text_hash for each in signed} == {frozen_hash(draft.texts)}
    assert len(issued.cosignatures) == draft.needed_signatures == 2 < len(signed)
    assert {each.language for each in draft.texts} == {"en", "es", "fr"}


def test_bodies_and_instruments_are_known_to_the_profiles() -> None:
    for deed, content, _ in told_in_order():
        assert any(content.acting_body in p.bodies for p in PROFILES.by_name.values()), deed.name
        code = getattr(content, "instrument", "")
        assert not code or PROFILES.instrument(code) is not None, deed.name


def test_name_of_the_defender_is_in_nothing_that_is_for_everyone() -> None:
    naming = [deed for deed, content, _ in told_in_order() if DEFENDER in content.persons]

    assert naming
    assert all(deed.audience.kind in {"own", "named"} for deed in naming)
    words = " ".join(f"{deed.words} {deed.fields}" for deed in DEEDS if deed not in naming)
    assert DEFENDER.name.split()[1] not in words


async def test_wait_for_what_never_comes_true_ends_with_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "TIMEOUT_S", 0.0)

    async def never() -> bool:
        return False

    with pytest.raises(PeerUnavailable, match="the moon is full"):
        await stage.until(never, "the moon is full")


def test_chapter_is_told_once_and_deeds_say_for_whom_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    teller = Teller(Output(is_json=False))
    receipt = receipt_of(DEEDS[0], 0)
    for held_by in (("all",), ("own",), ("un", "iachr")):
        told = Told("A chapter", "un", "x", "2025-01-02", ("acts",), held_by, receipt)
        teller.tell(told)
    teller.tell(Told("A chapter", "iachr", "", "", ("reads it", "and more")))

    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines == [
        "A chapter",
        "  2025-01-02  un                 acts",
        "  2025-01-02  un                 acts (for itself alone)",
        "  2025-01-02  un                 acts (for iachr alone)",
        "              > iachr            reads it",
        "                                 and more",
    ]
