"""Who works at a node: clients by name and role."""

from enum import StrEnum
from typing import NamedTuple

from registry.errors import InvalidRequest


class Role(StrEnum):
    """What a client is at this node for; services/registry_node/permissions.py has the table."""

    VIEWER = "viewer"
    OFFICER = "officer"
    PUBLISHER = "publisher"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Client(NamedTuple):
    """A client of this node: a person, or a system that acts for one."""

    name: str
    role: Role


def parse_role(text: str) -> Role:
    """Reads a role.

    Raises:
        InvalidRequest: there is no such role.
    """
    try:
        return Role(text)
    except ValueError as error:
        msg = f"a role is one of {', '.join(Role)}, not {text[:80]!r}"
        raise InvalidRequest(msg) from error


def is_same_person(one: str, other: str) -> bool:
    """Whether two names mean one person: the case of letters makes nobody a second person."""
    return one.casefold() == other.casefold()
