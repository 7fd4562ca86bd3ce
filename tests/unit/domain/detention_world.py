"""Acts on invented detentions, as the folds of a case see them."""

from typing import Any, Final

from registry.domain.acts import Act
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K

AYO: Final = {"person_id": "a1" * 16, "name": "Ayo Zemlinski"}
BEA: Final = {"person_id": "b2" * 16, "name": "Bea Quist"}
_PLAIN: Final[dict[K, dict[str, Any]]] = {
    K.DETENTION_RECORDED: {
        "arrested_date": None,
        "deprivation": "",
        "next_hearing_date": None,
        "confidence": "",
        "established_by": "",
    },
    K.DETENTION_CHANGED: {
        "change": "",
        "deprivation": "",
        "next_hearing_date": None,
        "confidence": "",
        "established_by": "",
    },
    K.PERSON_RELEASED: {"release": "", "confidence": "", "established_by": ""},
}


def origin(mechanism: str) -> str:
    return f"defenders.example/{mechanism}/1"


def pointer(mechanism: str, index: int) -> dict[str, Any]:
    return {"origin": origin(mechanism), "index": index}


def act(mechanism: str, index: int, kind: K, **fields: Any) -> Act:
    """An act that knew nothing but its own log; `about` as (mechanism, index)."""
    if isinstance(fields.get("about"), tuple):
        fields["about"] = pointer(*fields["about"])
    content = example_of(kind, **{**_PLAIN.get(kind, {}), **fields})
    return Act(origin(mechanism), index, mechanism, content, {origin(mechanism): index})


def began(mechanism: str, index: int, date: str, *persons: Any, **fields: Any) -> Act:
    return act(
        mechanism,
        index,
        K.DETENTION_RECORDED,
        detained_date=date,
        persons=list(persons),
        **fields,
    )


def changed(mechanism: str, index: int, date: str, *persons: Any, **fields: Any) -> Act:
    return act(
        mechanism, index, K.DETENTION_CHANGED, changed_date=date, persons=list(persons), **fields
    )


def ended(mechanism: str, index: int, date: str, *persons: Any, **fields: Any) -> Act:
    return act(
        mechanism, index, K.PERSON_RELEASED, released_date=date, persons=list(persons), **fields
    )
