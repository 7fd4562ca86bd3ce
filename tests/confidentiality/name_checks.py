"""Promise 8 as checks: each carries out one plan and fails if a name or a source leaves wrongly.

A name counts as told wherever its letters stand, in a field or in the text. The judge is `Memory`,
which is written from the design; what is judged is what the node gives, by every path there is:
recording and its preview, parts to every member from the author and from relays, bundles for a
member, exports for each purpose, registers of reprisals made of them, histories, the bytes of logs.
member, exports for each purpose, briefings, histories, the bytes of logs.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Final

from registry.application.briefings.making import Briefings
from registry.application.exporting import ExportPurpose
from registry.application.reprisal_register import entries_of
from registry.domain.identifiers import log_id_of
from registry.domain.reprisals import MONTHS
from registry.log.bundle_content import BundlePart
from registry.store.values import HeldPart
from registry.views.briefings.composition import compose
from registry.views.briefings.order import BriefingOrder
from registry.views.briefings.told import Material
from tests.confidentiality.bundles_of import bundle_of, opened_by
from tests.confidentiality.names_world import (
    PUBLIC,
    SHARE,
    SLUGS,
    STATE,
    Act,
    Case,
    Done,
    Memory,
    Plan,
    World,
)
from tests.unit.application.federation_in_process import Node

_TODAY: Final = date(2026, 3, 1)
_RECIPIENTS: Final = (("beta",), ("beta", "gamma"), ("alpha", "gamma"))
"""Of exports for mechanisms: one case has one of these."""
Told = Counter[str]
"""How often which outcome came up."""


def check_plan(world: World, plan: Plan, told: Told) -> None:
    """Carries out a plan and checks every path."""
    case = world.open_case()
    left: list[str] = []
    last = "alpha"
    for number, act in enumerate(plan):
        if act.author != last or act.what == "withdraw":
            world.carry(case)
        last = act.author
        if act.what == "widen":
            told["widened"] += world.widen(case, act, number)
        else:
            left.append(check_recording(world, case, act, number, told))
    world.carry(case)
    for place, slug in enumerate(SLUGS):
        node = world.nodes[slug]
        memory = Memory(case.done, world.held(case, node))
        left += check_sharing(world, case, node, memory, told)
        if place == case.number % len(SLUGS):
            left.append(check_bundle(world, case, node, told))
        # Reads are dear: each case is read at one node and exported at the two others.
        if (case.number + place) % len(SLUGS):
            left += check_exports(case, node, memory, told)
        else:
            left.append(check_history(world, case, node))
    left += [repr(entry) for entry in world.newly_written()]
    assert case.source not in "".join(left), "a source left its node"


def check_recording(world: World, case: Case, act: Act, number: int, told: Told) -> str:
    """Records an act; it is taken, and previewed as taken, only if every name in it may be used."""
    node = world.nodes[act.author]
    memory = Memory(case.done, world.held(case, node))
    preview = node.registry.preview(case.command(act, number))
    is_taken = world.record(case, act, number)
    told["recorded" if is_taken else "refused"] += 1
    assert is_taken == (not preview.refusals), f"the preview said otherwise: {preview.refusals}"
    if not is_taken:
        return repr(preview)
    assert preview.is_for_everyone == (act.audience is None)
    if act.what != "withdraw" and act.audience is not None:
        assert set(preview.recipients) == {act.author, *act.audience}
    known = Memory([*case.done], world.held(case, node))
    for person in case.names_in(repr(case.content(act))):
        if act.what == "withdraw":
            assert not known.knows(person), f"a withdrawal that stays names person {person}: {act}"
        for use, recipients in _uses(act):
            is_protected = person in act.persons or memory.knows(person)
            assert not is_protected or known.permits(person, use, act.author, *recipients), (
                f"{act.author} recorded person {person} for {use} without consent: {act}"
            )
    return repr(preview)


def _uses(act: Act) -> list[tuple[str, tuple[str, ...]]]:
    if act.audience is None:
        return [(PUBLIC, ())]
    others = tuple(sorted(act.audience - {act.author}))
    return [(SHARE, others)] if others else []


def check_sharing(
    world: World, case: Case, node: Node, memory: Memory, told: Told
) -> Iterable[str]:
    """Gives every member every part that it may have, and no name that it may not."""
    author_of = {each.key: each for each in case.done}
    held = world.held(case, node)
    for slug in SLUGS:
        other = world.nodes[slug]
        if other is node:
            continue
        given = {(p.log_id, p.index, p.ordinal): p for p in world.given(case, node, other)}
        for key, done in author_of.items():
            part = given.get(key)
            told["given" if part else "withheld"] += 1
            if part is not None:
                _check_given(case, memory, done, part, slug)
                yield repr(part)
            elif key in held:
                assert not _may_have(case, memory, done, slug), (
                    f"{node.registry.own.slug} withholds from {slug} what it may have: {done.act}"
                )


def check_bundle(world: World, case: Case, node: Node, told: Told) -> str:
    """A bundle holds what its recipient is given, sealed; anybody may find the stick."""
    others = [slug for slug in SLUGS if slug != node.registry.own.slug]
    recipient = others[case.number // len(SLUGS) % len(others)]
    other = world.nodes[recipient]
    given = {(p.log_id, p.index, p.ordinal): p.content for p in world.given(case, node, other)}
    bundle = bundle_of(node.registry, recipient, case.begins)
    assert not case.names_in(bundle.decode("latin-1")), "a name stands in a bundle"
    found = {
        (part.log_id, part.index, part.ordinal): part.content
        for part in opened_by(other.registry.folder, bundle)
        if isinstance(part, BundlePart)
    }
    ours = {each.key for each in case.done}
    assert {key: found[key] for key in ours & found.keys()} == given
    told["bundled"] += len(given)
    return bundle.decode("latin-1")


def _check_given(case: Case, memory: Memory, done: Done, part: HeldPart, to: str) -> None:
    act = done.act
    assert _is_in_audience(case, done, to), f"{to} is not in the audience of {act}"
    use = PUBLIC if act.audience is None else SHARE
    if act.what == "withdraw":
        # It is sent whatever its words: then they are no name that its author knew.
        ours = [each.act for each in case.done[: case.done.index(done)]]
        known = {p for each in ours if each.author == act.author for p in _named_by(each)}
        assert not known & case.names_in(part.content.decode()), f"{to} is told a name by {act}"
        return
    # The text was judged when it was recorded; from then on it counts who has taken a use back.
    for person in case.names_in(part.content.decode()):
        if person not in act.persons and not memory.has_taken_back(person):
            continue
        assert to == act.author or memory.permits(person, use, act.author, to), (
            f"person {person} went to {to} without consent to {use}: {act}"
        )


def _named_by(act: Act) -> tuple[int, ...]:
    return () if act.what == "withdraw" else act.persons


def _may_have(case: Case, memory: Memory, done: Done, to: str) -> bool:
    act = done.act
    use = PUBLIC if act.audience is None else SHARE
    # Whoever is named in a field or in the text.
    named = case.names_in(repr(case.content(act))) if act.what != "withdraw" else set()
    return _is_in_audience(case, done, to) and all(
        to == act.author or memory.permits(person, use, act.author, to) for person in named
    )


def _is_in_audience(case: Case, done: Done, slug: str) -> bool:
    if done.act.what == "withdraw":
        # Whom a withdrawal goes to follows from who may hold the names.
        return bool(done.header.audience.admits(case.nodes[slug].registry.own.id))
    return done.act.audience is None or slug in {done.act.author, *done.act.audience}


def check_exports(case: Case, node: Node, memory: Memory, told: Told) -> Iterable[str]:
    """No export for any purpose tells a name that may not be used for it."""
    done_at = {(each.key[0], each.key[1]): each for each in case.done}
    exports: tuple[tuple[ExportPurpose, str, tuple[str, ...]], ...] = (
        ("public", PUBLIC, ()),
        ("state", STATE, ()),
        ("mechanisms", SHARE, _RECIPIENTS[case.number % len(_RECIPIENTS)]),
    )
    for purpose, use, recipients in exports:
        export = node.registry.export(case.case_id, purpose, recipients)
        told["taken out"] += export.names_taken_out
        for event in export.events:
            done = done_at.get((event.log_id, event.index))
            if done is None:  # the event that opened the case
                continue
            told["exported"] += 1
            if use == SHARE:
                is_for_them = all(_is_in_audience(case, done, slug) for slug in recipients)
            else:
                is_for_them = done.act.audience is None
            assert is_for_them, f"exported for {purpose} {recipients}, for others only: {done.act}"
            for person in case.names_in(repr(event)):
                _check_exported(memory, done.act, person, use, recipients)
        yield repr(export)
        entries = entries_of(export, case.case_id, day=_TODAY, months=MONTHS)
        for entry in entries:
            done = done_at[log_id_of(entry.origin), entry.index]
            told["registered"] += 1
            told["name withheld"] += entry.withheld
            for person in case.names_in(repr(entry)):
                _check_exported(memory, done.act, person, use, recipients)
        yield repr(entries)
    yield check_briefing(case, node, memory)


def check_briefing(case: Case, node: Node, memory: Memory) -> str:
    """A briefing tells what all its readers may see, and names nobody who did not permit it."""
    recipients = _RECIPIENTS[case.number % len(_RECIPIENTS)]
    order = BriefingOrder(recipients)
    registry = node.registry
    told, _ = Briefings(registry).tell(registry.history(case.case_id), order)
    text = repr(compose(Material(order, (), (told,), ()), registry.profiles))
    for person in case.names_in(text):
        assert any(
            _may_be_told(memory, each.act, person, SHARE, recipients)
            for each in case.done
            if each.act.what == "name"
            and person in case.names_in(repr(case.content(each.act)))
            and all(_is_in_audience(case, each, slug) for slug in recipients)
        ), f"a briefing for {recipients} names person {person}"
    return text


def _check_exported(
    memory: Memory, act: Act, person: int, use: str, recipients: tuple[str, ...]
) -> None:
    assert _may_be_told(memory, act, person, use, recipients), (
        f"exported person {person} for {use} {recipients}: {act}"
    )


def _may_be_told(
    memory: Memory, act: Act, person: int, use: str, recipients: tuple[str, ...]
) -> bool:
    """Whether a name may be used; who may be named in public may be named to mechanisms, too."""
    is_protected = person in _named_by(act) or memory.knows(person)
    is_public = use == SHARE and memory.permits(person, PUBLIC, act.author)
    return not is_protected or is_public or memory.permits(person, use, act.author, *recipients)


def check_history(world: World, case: Case, node: Node) -> str:
    """A client reads a name only in an event whose content its node holds."""
    held = {(key[0], key[1]) for key in world.held(case, node)}
    history = node.registry.history(case.case_id)
    timeline = node.registry.timeline(history)
    for event in (*history.events, *(item.event for item in timeline)):
        if case.names_in(repr(event)):
            assert (event.log_id, event.index) in held
    return repr((history, timeline))
