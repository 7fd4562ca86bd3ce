"""Invented events of an exact size, as a benchmark records them."""

from typing import Final

from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE
from registry.domain.content import (
    ActContent,
    CaseOpened,
    PartialDate,
    SubmissionReceived,
    encode_content,
)
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest

INVENTED_STATE: Final = "XXA"
CONTENT_MIN_BYTES: Final = 300
_FILLER: Final = "Invented words that stand for what happened. "
_DATE: Final = PartialDate(value="2024-05-17")


def opening(number: int, content_bytes: int) -> CaseOpened:
    """Content that opens invented case `number`, of exactly so many bytes as stored.

    Raises:
        InvalidRequest: it is longer than that by itself.
    """

    def make(summary: str) -> CaseOpened:
        return CaseOpened(
            title=f"Invented case {number}",
            summary=summary,
            acting_body="ngo.observatory",
            basis="own_act",
            states=(INVENTED_STATE,),
            is_invented=True,
            opened_date=_DATE,
        )

    return make(_filler(make("x"), content_bytes))


def submission(number: int, content_bytes: int) -> SubmissionReceived:
    """Content of invented submission `number`; see `opening`."""

    def make(summary: str) -> SubmissionReceived:
        return SubmissionReceived(
            title=f"Invented submission {number}",
            summary=summary,
            acting_body="ngo.observatory",
            basis="own_act",
            states=(INVENTED_STATE,),
            is_invented=True,
            received_date=_DATE,
        )

    return make(_filler(make("x"), content_bytes))


def command(request_id: str, case_id: CaseId | None, content: ActContent) -> RecordCommand:
    """Asks for an event for all members, as a client named `bench` would."""
    return RecordCommand(
        request_id=request_id,
        scope="bench",
        case_id=case_id,
        content=content,
        audience=EVERYONE,
    )


def _filler(shortest: ActContent, content_bytes: int) -> str:
    """Returns the summary that brings content with a summary of one letter to its size."""
    size = content_bytes - len(encode_content(shortest)) + 1
    if size < 1:
        msg = f"an invented event has at least {CONTENT_MIN_BYTES} bytes of content"
        raise InvalidRequest(msg)
    return (_FILLER * (size // len(_FILLER) + 1))[:size]
