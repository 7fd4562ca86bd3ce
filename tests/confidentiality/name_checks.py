"""Promise 8 as checks: each carries out one plan and fails if something leaves wrongly.

A name counts as told wherever its letters stand, in a field or in the text; each act has a word of
its own, by which its content is known wherever it turns up. The judge is `Memory`, which is written
from the design; what is judged is what the node gives, by every path of name_paths.py.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from registry.application.briefings.making import Briefings
from registry.application.exporting import ExportPurpose
from registry.application.preview import Preview
from registry.application.reprisal_register import entries_of
from registry.domain.identifiers import log_id_of
from registry.domain.reprisals import MONTHS
from registry.domain.vocabulary import kind_code
from registry.log.bundle_content import BundlePart
from registry.store.values import HeldPart
from registry.views.briefings.composition import compose
from registry.views.briefings.order import BriefingOrder
from registry.views.briefings.told import Material
from tests.confidentiality.bundles_of import bundle_of, opened_by
from tests.confidentiality.name_reads import TODAY, check_reads
from tests.confidentiality.names_cases import Case, Done, Key, Memory
from tests.confidentiality.names_plans import PUBLIC, SHARE, STATE, Act, Plan
from tests.confidentiality.names_world import SLUGS, World, is_as_chosen
from tests.unit.application.federation_in_process import Node

_RECIPIENTS: Final = (("beta",), ("beta", "gamma"), ("alpha", "gamma"))
"""Of exports for mechanisms: one case has one of these."""
Told = Counter[str]
"""How often which outcome came up, which kind was recorded, and which path was looked at."""


def check_plan(world: World, plan: Plan, told: Told) -> None:
    """Carries out a plan and checks every path."""
    case = world.open_case()
    left = list(carry_out(world, case, plan, told))
    check_erased(world, case)
    for place, slug in enumerate(SLUGS):
        node = world.nodes[slug]
        held = world.held(case, node)
        memory = Memory(case.done, held)
        left += check_sharing(world, case, node, held, told)
        # Each case is bundled and read at one node, and exported at another: reads are dear.
        if place == case.number % len(SLUGS):
            left.append(check_bundle(world, case, node, told))
        turn = (case.number + place) % len(SLUGS)
        if turn == 0:
            for where, text in check_reads(world, case, node, held):
                # An answer that tells nothing was no look at that path.
                told[f"path {where}"] += bool(case.told_in(text) or case.names_in(text))
                left.append(text)
        elif turn == 1:
            left += check_exports(case, node, memory, told)
    left += check_logs(world, case, told)
    assert case.source not in "".join(left), "a source left its node"


def carry_out(world: World, case: Case, plan: Plan, told: Told) -> Iterator[str]:
    """Carries out a plan, and everything to every node; gives what each call told."""
    last = "alpha"
    for opening in case.done:
        _count(opening, told)
    for number, act in enumerate(plan):
        if act.author != last or act.what == "withdraw":
            world.carry(case)
        last = act.author
        if act.what == "widen":
            text, is_done = world.widen(case, act, number)
            told["widened"] += is_done
            told["path preview of widen"] += 1
            yield text
        elif act.what == "erase":
            told["erased"] += world.erase(case, act, number)
        else:
            yield check_recording(world, case, act, number, told)
    world.carry(case)


def check_recording(world: World, case: Case, act: Act, number: int, told: Told) -> str:
    """Records an act; it is taken, and previewed as taken, only if every name in it may be used."""
    node = world.nodes[act.author]
    held = world.held(case, node)
    memory = Memory(case.done, held)
    shown, done = world.do(case, act, number)
    act, preview = shown.act, shown.preview
    told["recorded" if done else "refused"] += 1
    known = Memory(case.done, held | frozenset(done.keys if done else ()))
    if preview is not None:
        told[f"path preview of {act.what}"] += 1
        _check_previewed(act, preview, is_taken=done is not None)
    others = tuple(sorted((act.audience or frozenset()) - {act.author}))
    for person in case.names_in(repr(shown.matched)):
        assert known.permits(person, SHARE, act.author, *others), (
            f"{act.author} matches person {person} with {others} without consent"
        )
        told["matched"] += 1
    if done is not None:
        _count(done, told)
        assert is_as_chosen(world.nodes, done.header, act), f"signed for others: {act}"
        _check_recorded(case, done, memory, known)
    return repr(shown)


def _count(done: Done, told: Told) -> None:
    told[f"kind {kind_code(done.content.kind)}"] += 1
    told[f"act {done.act.what}"] += 1


def _check_previewed(act: Act, preview: Preview, *, is_taken: bool) -> None:
    assert is_taken == (not preview.refusals), f"the preview said otherwise: {preview.refusals}"
    if is_taken:
        assert preview.is_for_everyone == (act.audience is None), f"shown for others: {act}"
        if act.what != "withdraw" and act.audience is not None:
            holders = {act.author, *act.audience}
            assert set(preview.recipients) == holders, f"shown for others: {act}"


def _check_recorded(case: Case, done: Done, memory: Memory, known: Memory) -> None:
    """Judges the names in an act by what its node knew before it, and with it."""
    act = done.act
    for person in case.names_in(repr(done.content)):
        if act.what == "withdraw":
            assert not known.knows(person), f"a withdrawal that stays names person {person}: {act}"
        for use, recipients in _uses(act):
            is_protected = person in act.persons or memory.knows(person)
            assert not is_protected or known.permits(person, use, act.author, *recipients), (
                f"{act.author} recorded person {person} for {use} without consent: {act}"
            )


def check_erased(world: World, case: Case) -> None:
    """What was erased is at no node, nor is it again when a peer gives it all the same."""
    for done, copies in case.erased:
        for slug, node in world.nodes.items():
            node.registry.store.put_parts(copies).result()
            assert node.registry.store.parts_of(done.keys) == [], f"erased, and there at {slug}"


def check_logs(world: World, case: Case, told: Told) -> Iterable[str]:
    """What every member gets of every log: no words of any act, and no name."""
    for entry in world.newly_written():
        text = entry.decode("latin-1")
        assert not case.told_in(text), "what was done stands in a log"
        assert not case.names_in(text), "a name stands in a log"
        told["path log"] += 1
        yield text


def _uses(act: Act) -> list[tuple[str, tuple[str, ...]]]:
    if act.audience is None:
        return [(PUBLIC, ())]
    others = tuple(sorted(act.audience - {act.author}))
    return [(SHARE, others)] if others else []


def check_sharing(
    world: World, case: Case, node: Node, held: frozenset[Key], told: Told
) -> Iterable[str]:
    """Gives every member every part that it may have, and no name that it may not."""
    author_of = {key: each for each in case.done for key in each.keys}
    memory = Memory(case.done, held)
    for slug in SLUGS:
        other = world.nodes[slug]
        if other is node:
            continue
        given = {(p.log_id, p.index, p.ordinal): p for p in world.given(case, node, other)}
        told["path parts"] += 1
        assert not given.keys() - author_of.keys(), f"{slug} is given what was erased"
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
    ours = {key for each in (*case.done, *(done for done, _ in case.erased)) for key in each.keys}
    assert {key: found[key] for key in ours & found.keys()} == given
    told["bundled"] += len(given)
    told["path bundle"] += 1
    return bundle.decode("latin-1")


def _check_given(case: Case, memory: Memory, done: Done, part: HeldPart, to: str) -> None:
    act = done.act
    assert case.is_for(done, to), f"{to} is not in the audience of {act}"
    use = PUBLIC if act.audience is None else SHARE
    case.check_words("a part", part.content.decode(), to)
    if act.what == "withdraw":
        # It is sent whatever its words: then they are no name that its author knew.
        ours = [each.act for each in case.done[: case.done.index(done)]]
        known = {p for each in ours if each.author == act.author for p in _named_by(each)}
        assert not known & case.names_in(part.content.decode()), f"{to} is told a name by {act}"
        return
    # The text was judged when it was recorded; from then on it counts who has taken a use back.
    # A file follows what it belongs to.
    text = repr(done.content) if part.ordinal else part.content.decode()
    for person in case.names_in(text):
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
    named = case.names_in(repr(done.content)) if act.what != "withdraw" else set()
    return case.is_for(done, to) and all(
        to == act.author or memory.permits(person, use, act.author, to) for person in named
    )


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
        told[f"path export {purpose}"] += bool(case.told_in(repr(export)))
        case.check_words(f"an export for {purpose}", repr(export), *recipients)
        told["taken out"] += export.names_taken_out
        for event in export.events:
            done = done_at.get((event.log_id, event.index))
            if done is None:  # the event that opened the case
                continue
            told["exported"] += 1
            if use == SHARE:
                is_for_them = all(case.is_for(done, slug) for slug in recipients)
            else:
                is_for_them = done.act.audience is None
            assert is_for_them, f"exported for {purpose} {recipients}, for others only: {done.act}"
            for person in case.names_in(repr(event)):
                _check_exported(memory, done.act, person, use, recipients)
        yield repr(export)
        entries = entries_of(export, case.case_id, day=TODAY, months=MONTHS)
        case.check_words(f"a register for {purpose}", repr(entries), *recipients)
        told["path register"] += len(entries)
        for entry in entries:
            done = done_at[log_id_of(entry.origin), entry.index]
            told["registered"] += 1
            told["name withheld"] += entry.withheld
            for person in case.names_in(repr(entry)):
                _check_exported(memory, done.act, person, use, recipients)
        yield repr(entries)
    text = check_briefing(case, node, memory)
    told["path briefing"] += bool(case.told_in(text))
    yield text


def check_briefing(case: Case, node: Node, memory: Memory) -> str:
    """A briefing tells what all its readers may see, and names nobody who did not permit it."""
    recipients = _RECIPIENTS[case.number % len(_RECIPIENTS)]
    order = BriefingOrder(recipients)
    registry = node.registry
    told, _ = Briefings(registry).tell(registry.history(case.case_id), order)
    text = repr(compose(Material(order, (), (told,), ()), registry.profiles))
    case.check_words("a briefing", text, *recipients, registry.own.slug)
    for person in case.names_in(text):
        assert any(
            _may_be_told(memory, each.act, person, SHARE, recipients)
            for each in case.done
            if each.act.what not in {"consent", "withdraw"}
            and person in case.names_in(repr(each.content))
            and all(case.is_for(each, slug) for slug in recipients)
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
