"""How sure a fact is, how a reply is classed, where a case and a follow-up stand."""

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from registry.domain.content.act import ActContent, OptionalCode

CaseStatus: TypeAlias = Literal["open", "under_review", "monitored", "suspended", "reopened"]
ReplyKind: TypeAlias = Literal[
    "", "substantive", "acknowledgement", "immaterial", "rejection", "translation_pending"
]
Confidence: TypeAlias = Literal["", "alleged", "corroborated", "established", "contested"]
DerivedScale: TypeAlias = Literal[
    "",
    "not_assessed",
    "no_response",
    "rejected",
    "unsatisfactory",
    "partial",
    "substantial",
    "implemented",
]


class Fact(ActContent):
    """An act that states a fact, and how sure it is; two mechanisms may differ."""

    confidence: Confidence = Field(default="", description="how sure it is")
    established_by: OptionalCode = Field(
        default="", description="code of the body that established it"
    )

    @model_validator(mode="after")
    def _check_confidence(self) -> "Fact":
        if (self.confidence == "established") != bool(self.established_by):
            msg = "established_by: is set if, and only if, the confidence is established"
            raise ValueError(msg)
        return self
