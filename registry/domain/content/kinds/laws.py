"""Laws and policies that touch defenders, and reviews of them."""

from typing import ClassVar

from pydantic import Field

from registry.domain.content.act import ActContent, Codes, Line, OptionalCode
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class LawProposed(ActContent):
    """A law or a policy was proposed."""

    kind: ClassVar[EventKind] = EventKind.LAW_PROPOSED
    date_field: ClassVar[str] = "proposed_date"

    proposed_date: PartialDate | None = Field(default=None, description="when it was proposed")
    law_title: Line = Field(default="", description="the law or draft law")
    law_number: Line = Field(default="", description="its number as the State writes it")
    topics: Codes = Field(
        default=(), description="such as ngo_funding, foreign_funding, association or land"
    )
    stage: Line = Field(default="", description="where it stands, as the State calls it")


class LawAdopted(ActContent):
    """A law or a policy was adopted."""

    kind: ClassVar[EventKind] = EventKind.LAW_ADOPTED
    date_field: ClassVar[str] = "adopted_date"

    adopted_date: PartialDate | None = Field(default=None, description="when it was adopted")
    law_title: Line = Field(default="", description="the law")
    law_number: Line = Field(default="", description="its number as the State writes it")
    topics: Codes = Field(
        default=(), description="such as ngo_funding, foreign_funding, association or land"
    )
    in_force_date: PartialDate | None = Field(default=None, description="when it comes into force")


class LawAmended(ActContent):
    """A law or a policy was amended."""

    kind: ClassVar[EventKind] = EventKind.LAW_AMENDED
    date_field: ClassVar[str] = "amended_date"

    amended_date: PartialDate | None = Field(default=None, description="when it was amended")
    law_title: Line = Field(default="", description="the law that was amended")
    law_number: Line = Field(
        default="", description="number of the amending law as the State writes it"
    )
    topics: Codes = Field(
        default=(), description="such as ngo_funding, foreign_funding, association or land"
    )
    in_force_date: PartialDate | None = Field(
        default=None, description="when the change comes into force"
    )


class LawRepealed(ActContent):
    """A law or a policy was repealed."""

    kind: ClassVar[EventKind] = EventKind.LAW_REPEALED
    date_field: ClassVar[str] = "repealed_date"

    repealed_date: PartialDate | None = Field(default=None, description="when it was repealed")
    law_title: Line = Field(default="", description="the law that was repealed")
    law_number: Line = Field(default="", description="its number as the State writes it")
    topics: Codes = Field(
        default=(), description="such as ngo_funding, foreign_funding, association or land"
    )


class LegalReviewIssued(ActContent):
    """A review of a law or a draft law was issued."""

    kind: ClassVar[EventKind] = EventKind.LEGAL_REVIEW_ISSUED
    date_field: ClassVar[str] = "issued_date"

    issued_date: PartialDate | None = Field(default=None, description="when it was issued")
    instrument: OptionalCode = Field(default="", description="such as osce.opinion")
    law_title: Line = Field(default="", description="the law or draft law")
    document_type: Line = Field(default="", description="type as the register writes it")
    topics: Codes = Field(
        default=(), description="such as ngo_funding, foreign_funding, association or land"
    )
