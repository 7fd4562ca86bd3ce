"""Whether anyone has acted: from the own mirror, then by asking peers."""

from collections.abc import Sequence
from typing import Final

from registry.client import case
from registry.client.acting import Question
from registry.client.asking import Question as AskedQuestion
from registry.domain.audience import named
from registry.domain.content import PeerAnswered, PeersAsked
from registry_cli.story.calls import answers, asks
from registry_cli.story.cast import COE, IACHR, INVENTED_STATE, UN
from registry_cli.story.known import acted
from registry_cli.story.looks import reading_of
from registry_cli.story.playing import content_of
from registry_cli.story.script import Chapter, Deed, Look, See
from registry_cli.story.stage import Stage, until

AS_SPELLED_ELSEWHERE: Final = "Valdombra, Nereya"
QUESTION: Final = Deed(
    name="question",
    by=UN.slug,
    words="asks two of them what no mirror tells; they alone hold the question",
    model=PeersAsked,
    fields={
        "asked_date": "2025-03-03",
        "mechanisms": (IACHR.slug, COE.slug),
        "question": "acted",
        "summary": "Have you acted for the people of the Orrin river, also quietly?",
    },
    audience=named(IACHR.slug, COE.slug),
    record=asks,
)


def _preview() -> See:
    """What would be sent, before it is."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        content = content_of(stage, QUESTION)
        assert isinstance(content, PeersAsked)  # noqa: S101 - its model
        seen = await stage.clients[slug].asking.preview(case(stage.case_id), content)
        peers = " and ".join(content.mechanisms)
        size = len(seen.text.encode())
        names = "a name" if content.persons else "no name"
        return (f"sees before it asks: these {size} bytes would go to {peers}, {names} in them",)

    return see


def _answered() -> See:
    """What those that were asked answered, each by a person."""

    async def see(stage: Stage, slug: str) -> Sequence[str]:
        found: list[AskedQuestion] = []

        async def are_here() -> bool:
            rows = stage.clients[slug].asking.questions(sent=True, case_id=stage.case_id)
            found[:] = [row async for row in rows]
            return bool(found) and not found[0].open_at

        await until(are_here, f"{slug} has both answers")
        told = (
            f"{each.mechanism}: {each.content.answer.replace('_', ' ')}, {each.content.summary}"
            for each in found[0].answers
            if each.content is not None
        )
        return [f"reads the answer of {each}" for each in told]

    return see


CHAPTER: Final = Chapter(
    "Has anyone acted? The own mirror is asked first, then people at other bodies",
    (
        Look(
            UN.slug,
            acted(
                f"by a name as it was spelled to it, {AS_SPELLED_ELSEWHERE}",
                Question(
                    name=AS_SPELLED_ELSEWHERE,
                    states=(INVENTED_STATE,),
                    planned_instrument="un.ua",
                    planned_body="un.sr-defenders",
                ),
            ),
        ),
        Look(
            COE.slug,
            acted(
                "by the same name, which is not for it",
                Question(name=AS_SPELLED_ELSEWHERE, states=(INVENTED_STATE,)),
            ),
        ),
        Look(UN.slug, _preview()),
        QUESTION,
        Deed(
            name="answer of coe",
            by=COE.slug,
            words="a person answers: no",
            model=PeerAnswered,
            fields={
                "answered_date": "2025-03-04",
                "answer": "no",
                "summary": "nothing so far.",
            },
            about="question",
            audience=named(UN.slug),
            record=answers,
        ),
        Deed(
            name="answer of iachr",
            by=IACHR.slug,
            words="a person answers: contact us",
            model=PeerAnswered,
            fields={
                "answered_date": "2025-03-04",
                "answer": "contact_us",
                "summary": "a request for a measure has come in; call the desk.",
            },
            about="question",
            audience=named(UN.slug),
            record=answers,
        ),
        Look(UN.slug, _answered()),
        Look(COE.slug, reading_of("answer of iachr")),
    ),
)
