"""Communications with States and others: sent, published, replied to."""

from typing import ClassVar

from pydantic import Field

from registry.domain.content.act import ActContent, Codes, Line, OptionalCode, OptionalStateCode
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.judgement import ReplyKind
from registry.domain.vocabulary import EventKind


class CommunicationSent(ActContent):
    """A communication was sent, such as an urgent appeal or an allegation letter."""

    kind: ClassVar[EventKind] = EventKind.COMMUNICATION_SENT
    date_field: ClassVar[str] = "sent_date"

    sent_date: PartialDate | None = Field(default=None, description="when it was sent")
    instrument: OptionalCode = Field(default="", description="such as un.ua or un.al")
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the addressee")
    reply_due_date: PartialDate | None = Field(default=None, description="when a reply is due")
    document_type: Line = Field(default="", description="type as the register writes it")
    joint_bodies: Codes = Field(
        default=(), description="codes of the other bodies that sent it jointly"
    )
    addressee: Line = Field(
        default="", description="addressee that is no State, such as a company; never a person"
    )


class CommunicationPublished(ActContent):
    """A communication became public; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.COMMUNICATION_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    sent_date: PartialDate | None = Field(default=None, description="when it had been sent")
    instrument: OptionalCode = Field(default="", description="such as un.ua or coe.letter")
    report: Line = Field(
        default="", description="symbol of the report that carries it, if one does"
    )


class ReplyReceived(ActContent):
    """A reply was received."""

    kind: ClassVar[EventKind] = EventKind.REPLY_RECEIVED
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")
    reply_kind: ReplyKind = Field(default="", description="nature of the reply, empty = not judged")
    replying_state: OptionalStateCode = Field(default="", description="alpha-3 of who replied")
    replied_date: PartialDate | None = Field(
        default=None, description="the date that the reply bears"
    )
    instrument: OptionalCode = Field(default="", description="such as state.reply")


class ReplyExtensionGranted(ActContent):
    """More time to reply was granted; `about` names the communication."""

    kind: ClassVar[EventKind] = EventKind.REPLY_EXTENSION_GRANTED
    date_field: ClassVar[str] = "granted_date"

    granted_date: PartialDate | None = Field(default=None, description="when it was granted")
    reply_due_date: PartialDate | None = Field(
        default=None, description="when the reply is due from now on"
    )


class DemarcheMade(ActContent):
    """A demarche was made."""

    kind: ClassVar[EventKind] = EventKind.DEMARCHE_MADE
    date_field: ClassVar[str] = "made_date"

    made_date: PartialDate | None = Field(default=None, description="when it was made")
    instrument: OptionalCode = Field(default="", description="such as eu.demarche or oif.advocacy")
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the addressee")
    joint_bodies: Codes = Field(default=(), description="codes of the bodies that joined it")


class DialogueRaised(ActContent):
    """A matter was raised in a dialogue."""

    kind: ClassVar[EventKind] = EventKind.DIALOGUE_RAISED
    date_field: ClassVar[str] = "raised_date"

    raised_date: PartialDate | None = Field(default=None, description="when it was raised")
    instrument: OptionalCode = Field(default="", description="such as eu.dialogue")
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the other side")
    forum: Line = Field(default="", description="the dialogue in which it was raised")
