"""Deeds that a client does by a call of its own: questions to peers, and intents."""

from typing import cast

from registry.client import Receipt, case
from registry.client.casework import EventPlace
from registry.domain.content import (
    ActContent,
    IntentAnswered,
    IntentDeclared,
    IntentWithdrawn,
    PeerAnswered,
    PeersAsked,
)
from registry_cli.story.script import Deed
from registry_cli.story.stage import Stage


async def asks(stage: Stage, deed: Deed, content: ActContent, request_id: str) -> Receipt:
    """Looks at what a question would send, and sends just that."""
    asking, question = stage.clients[deed.by].asking, cast("PeersAsked", content)
    seen = await asking.preview(case(stage.case_id), question)
    return await asking.ask(
        request_id, case(stage.case_id), question, confirmation=seen.confirmation
    )


async def answers(stage: Stage, deed: Deed, content: ActContent, request_id: str) -> Receipt:
    """Answers a question, in the name of the person who does it."""
    asking = stage.clients[deed.by].asking
    return await asking.answer(request_id, cast("PeerAnswered", content))


async def declares(stage: Stage, deed: Deed, content: ActContent, request_id: str) -> Receipt:
    """Declares an intent to those that may hold the deed."""
    intents, intent = stage.clients[deed.by].intents, cast("IntentDeclared", content)
    return await intents.declare(request_id, case(stage.case_id), intent, deed.audience.mechanisms)


async def answers_intent(stage: Stage, deed: Deed, content: ActContent, request_id: str) -> Receipt:
    """Answers an intent, for those that may hold the deed."""
    intents, answer = stage.clients[deed.by].intents, cast("IntentAnswered", _unbound(content))
    return await intents.answer(request_id, _about(content), answer, deed.audience.mechanisms)


async def withdraws(stage: Stage, deed: Deed, content: ActContent, request_id: str) -> Receipt:
    """Withdraws an own intent."""
    intents, withdrawal = stage.clients[deed.by].intents, cast("IntentWithdrawn", _unbound(content))
    return await intents.withdraw(request_id, _about(content), withdrawal)


def _unbound(content: ActContent) -> ActContent:
    """What is said of an intent: the call names the intent, and the node binds one to the other."""
    return content.model_copy(update={"about": None})


def _about(content: ActContent) -> EventPlace:
    about = content.about
    assert about is not None  # noqa: S101 - the deed says so
    return EventPlace(about.origin, about.index)
