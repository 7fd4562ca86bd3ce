"""The texts of a statement by language, and the hash under which they are frozen and signed."""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_DOMAIN: Final = b"registry/statement-texts/v1\n"
_LENGTH_BYTES: Final = 8

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}$")]
TextHash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]


class StatementText(BaseModel):
    """One language version of a statement, to the letter."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: LanguageCode = Field(description="code of the language, such as en or pt-BR")
    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] = Field(
        description="the whole text; names no person"
    )


StatementTexts = Annotated[tuple[StatementText, ...], Field(max_length=12, strict=False)]


def frozen_hash(texts: Iterable[StatementText]) -> str:
    r"""The hash that a signature names, 64 hexadecimal digits; of no texts it is empty.

    SHA-256("registry/statement-texts/v1\n" || for each text in the order of the languages' bytes:
    u64be(bytes of the language) || language || u64be(bytes of the text) || text), all of it in
    UTF-8. The texts are taken as they are: no space, line end or accent is made alike, so whoever
    changes a letter of one language has another hash. The order they are given in does not count.
    """
    sorted_texts = sorted((each.language.encode(), each.text.encode()) for each in texts)
    if not sorted_texts:
        return ""
    found = hashlib.sha256(_DOMAIN)
    for piece in (piece for each in sorted_texts for piece in each):
        found.update(len(piece).to_bytes(_LENGTH_BYTES))
        found.update(piece)
    return found.hexdigest()
