"""Invented persons, what they permit, and acts that name them."""

from typing import Any, Final

from registry.domain.content import (
    ConsentRecorded,
    ConsentWithdrawn,
    NamedPerson,
    StatementIssued,
)
from registry.domain.content.persons import PersonUse

AYO: Final = NamedPerson(person_id="a1" * 16, name="Ayo Zemlinski", role="defender")
BEA: Final = NamedPerson(person_id="b2" * 16, name="Bea Quintavalle")
_OWN: Final[dict[str, Any]] = {"acting_body": "a", "basis": "own_act", "is_invented": True}


def consent(use: PersonUse, *mechanisms: str, person: NamedPerson = AYO, **fields: Any) -> Any:
    """A record in which both facts are true, unless told otherwise."""
    given = {"is_informed_of_risk": True, "agrees": True, **fields}
    return ConsentRecorded(**_OWN, persons=(person,), use=use, mechanisms=mechanisms, **given)


def withdrawn(*uses: PersonUse, person: NamedPerson = AYO, **fields: Any) -> ConsentWithdrawn:
    """A withdrawal; no uses = all."""
    return ConsentWithdrawn(**_OWN, person_id=person.person_id, uses=uses, **fields)


def naming(*persons: NamedPerson, **fields: Any) -> StatementIssued:
    """A statement that names persons."""
    return StatementIssued(**_OWN, persons=persons, **fields)
