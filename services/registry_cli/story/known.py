"""Has anyone acted? What a node answers before somebody acts, from its own mirror alone."""

from collections.abc import Iterator, Sequence

from registry.client.acting import ActingAct, ActingAnswer, MatchedCase, ProcedureOverlap, Question
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title, label
from registry_cli.story.script import See
from registry_cli.story.stage import Stage, until


def acted(asked: str, question: Question, *, briefly: bool = False) -> See:
    """What the node knows of the case of the story, and of no other.

    Args:
        asked: the question in words, after "asks".
        question: what is asked.
        briefly: whether the acts are counted, not told, and warnings alone are shown.
    """

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[ActingAnswer] = []

        async def is_current() -> bool:
            found[:] = [await stage.clients[slug].acting.has_anyone_acted(question)]
            return not found[0].projection_lag

        await until(is_current, f"{slug} has folded what arrived")
        (answer,) = found
        return (f"asks {asked}", *_told(stage, question, answer, briefly=briefly))

    return see


def _told(
    stage: Stage, question: Question, answer: ActingAnswer, *, briefly: bool
) -> Iterator[str]:
    cases = [each for each in answer.cases if each.case_id == stage.case_id]
    is_identifying = bool(question.reference or question.name)
    if is_identifying and not any(each.is_identified for each in cases):
        asked_by = "name" if question.name else "reference"
        yield f"none known here by that {asked_by}, which does not mean that there is none"
    for each in cases:
        yield from _case(each, briefly=briefly)
    if question.planned_instrument:
        yield from _overlaps(question.planned_body, answer.overlaps, only_warnings=briefly)


def _case(found: MatchedCase, *, briefly: bool) -> Iterator[str]:
    yield f"finds this case: {'; '.join(each.words for each in found.reasons)}"
    if briefly:
        yield f"known here: {len(found.acts)} acts of bodies"
        return
    if not found.acts:
        yield "no act of a body can be read in it here"
    for each in found.acts:
        yield f"known here: {_act(each)}"


def _act(each: ActingAct) -> str:
    profiles = shipped_profiles()
    instrument = profiles.instrument(each.act.instrument)
    what = instrument.name if instrument else kind_title(each.act.kind)
    nature = label("words", each.nature) if each.nature else "nature not known"
    return f"{each.act.date or 'undated'} {profiles.body_name(each.act.body)}: {what} ({nature})"


def _overlaps(
    planning: str, overlaps: Sequence[ProcedureOverlap], *, only_warnings: bool
) -> Iterator[str]:
    """Whom the body that plans meets: warnings, then what is for information."""
    for is_duplication, words in (
        (True, "is WARNED of a duplication, as both procedures are quasi-judicial: "),
        (False, "for information, no duplication: "),
    ):
        met = [
            shipped_profiles().body_name(body)
            for each in overlaps
            if planning in each.bodies and each.is_duplication is is_duplication
            for body in each.bodies
            if body != planning
        ]
        if met and (is_duplication or not only_warnings):
            yield f"{words}{'; '.join(met)}"
