"""Identifiers: distinct types, so that no bare bytes or text stand for a case, a log or a hash.

At run time they are plain `bytes`, `str` or `int` (the log handles tens of thousands a second);
the functions here are the only way that outside input becomes one of them.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NewType, TypeAlias

from registry.errors import InvalidRequest

RegistryId = NewType("RegistryId", bytes)
"""SHA-256 of the genesis roster's bytes, 32 bytes."""
LogId = NewType("LogId", bytes)
"""SHA-256 of a log's origin, 32 bytes."""
CaseId = NewType("CaseId", bytes)
"""16 random bytes, or derived from a State; empty for events outside any case."""
LeafHash = NewType("LeafHash", bytes)
"""RFC 6962 hash of an entry, 32 bytes."""
RootHash = NewType("RootHash", bytes)
"""RFC 6962 hash of a tree, 32 bytes."""
Commitment = NewType("Commitment", bytes)
"""Salted SHA-256 of a part, 32 bytes."""
RequestKey = NewType("RequestKey", bytes)
"""16 bytes, HMAC over a scope and a request id; empty where there was none."""
MemberId = NewType("MemberId", int)
"""A member's number in the roster, 1 to 2^32-1."""
Slug = NewType("Slug", str)
"""A mechanism's short name, such as `coe-commissioner`."""
Origin = NewType("Origin", str)
"""`<registry>/<mechanism>/<epoch>`."""

LogsBefore: TypeAlias = Mapping[LogId, Sequence[LogId]]
"""By log, those that the same member wrote before it, oldest first: a log speaks for these."""

NO_LOGS_BEFORE: Final[LogsBefore] = MappingProxyType({})
NO_CASE: Final = CaseId(b"")
HASH_SIZE_BYTES: Final = 32
NO_INBOUND: Final = "none"
"""Stands for the address of a node that takes no calls: it makes them all itself."""
CASE_ID_SIZE_BYTES: Final = 16

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_REGISTRY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,198}[a-z0-9])?")
_ALPHA3 = re.compile(r"[A-Z]{3}")


def parse_slug(text: str) -> Slug:
    """Checks a mechanism's short name: a-z, 0-9 and inner hyphens, 1 to 63 characters.

    Raises:
        InvalidRequest: the text is not of that form.
    """
    if not _SLUG.fullmatch(text):
        msg = f"a mechanism is named by a-z, 0-9 and inner hyphens (1 to 63), not {text[:80]!r}"
        raise InvalidRequest(msg)
    return Slug(text)


def parse_registry_name(text: str) -> str:
    """Checks a registry's name: a-z, 0-9, inner dots and hyphens, 1 to 200 characters.

    Raises:
        InvalidRequest: the text is not of that form.
    """
    if not _REGISTRY_NAME.fullmatch(text):
        msg = f"a registry is named by a-z, 0-9, inner dots and hyphens, not {text[:80]!r}"
        raise InvalidRequest(msg)
    return text


def make_origin(registry_name: str, mechanism: Slug, epoch: int) -> Origin:
    """Joins the parts of a log's origin; epochs count from 1."""
    return Origin(f"{registry_name}/{mechanism}/{epoch}")


def log_id_of(origin: str) -> LogId:
    """Hashes an origin into the id that headers carry."""
    return LogId(hashlib.sha256(origin.encode()).digest())


def parse_case_id(text: str) -> CaseId:
    """Reads a case id written as 32 hexadecimal digits.

    Raises:
        InvalidRequest: the text is not of that form.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != CASE_ID_SIZE_BYTES or len(text) != 2 * CASE_ID_SIZE_BYTES:
        msg = f"a case id is written as 32 hexadecimal digits, not {text[:80]!r}"
        raise InvalidRequest(msg)
    return CaseId(value)


def parse_registry_id(text: str) -> RegistryId:
    """Reads a registry id written as 64 hexadecimal digits.

    Raises:
        InvalidRequest: the text is not of that form.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != HASH_SIZE_BYTES or len(text) != 2 * HASH_SIZE_BYTES:
        msg = f"a registry id is written as 64 hexadecimal digits, not {text[:80]!r}"
        raise InvalidRequest(msg)
    return RegistryId(value)


def situation_case_id(registry_id: RegistryId, state: str) -> CaseId:
    r"""Derives the id of the situation file on a State (ISO 3166 alpha-3, upper case).

    First 16 bytes of SHA-256("registry/situation/v1\n" || registry_id || state), as in
    the design's rules for derived ids.

    Raises:
        InvalidRequest: the code is not three upper-case letters.
    """
    if not _ALPHA3.fullmatch(state):
        msg = f"a State is named by its ISO 3166 alpha-3 code, such as POL, not {state[:80]!r}"
        raise InvalidRequest(msg)
    digest = hashlib.sha256(b"registry/situation/v1\n" + registry_id + state.encode()).digest()
    return CaseId(digest[:CASE_ID_SIZE_BYTES])
