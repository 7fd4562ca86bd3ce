"""Who calls: a member, known by the certificate that the roster pins, or a client of this node.

TLS has already refused everybody else; this tells the two apart and refuses clients whose line was
taken out of the list, and authorities that pose as a member. What a caller may call is in
permissions.py.
"""

from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from registry.application.clients import fingerprint_of, read_clients
from registry.application.folder import NodeFolder
from registry.application.roles import Client, Role
from registry.domain.identifiers import Slug
from registry.errors import NotAllowed, UnknownCaller
from registry.log.roster import Member, Roster


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller: a member of the roster, or a named client of this node with a role."""

    name: str
    member: Member | None
    role: Role | None = None
    fingerprint: str = ""


_current: ContextVar[Caller] = ContextVar("caller")


def set_caller(caller: Caller) -> None:
    """Binds the caller to the call that is being handled."""
    _current.set(caller)


def caller_name() -> str:
    """Tells callers apart: a member, or one certificate of a client; empty outside any call."""
    caller = _current.get(None)
    return "" if caller is None else name_of(caller)


def name_of(caller: Caller) -> str:
    """Returns the same for a caller that is at hand."""
    return f"member:{caller.member.slug}" if caller.member else f"client:{caller.fingerprint}"


def current_client() -> str:
    """Returns the calling client's name.

    Raises:
        NotAllowed: the caller is a member's node; nodes do not record in each other's logs.
    """
    return calling_client().name


def calling_client() -> Client:
    """Returns the calling client, as the desk wants it.

    Raises:
        NotAllowed: the caller is a member's node.
    """
    caller = _current.get()
    if caller.member is not None or caller.role is None:
        msg = "members' nodes may not use this service; use a client certificate of this node"
        raise NotAllowed(msg)
    return Client(caller.name, caller.role)


def current_fingerprint() -> str:
    """Returns the SHA-256 of the caller's certificate, in hexadecimal."""
    return _current.get().fingerprint


def current_member() -> Member:
    """Returns the calling member.

    Raises:
        NotAllowed: the caller is a client; logs travel between members only.
    """
    caller = _current.get()
    if caller.member is None:
        msg = "clients may not use this service; it is for the nodes of members"
        raise NotAllowed(msg)
    return caller.member


class CallerDirectory:
    """Tells callers by their certificates."""

    def __init__(self, folder: NodeFolder, roster: Roster) -> None:
        self._folder = folder
        self._members = {fingerprint_of(m.tls_certificate): m for m in roster.active_members()}
        self._gone: set[Slug] = set()
        self._clients: dict[str, Client] = {}
        self._clients_stamp: tuple[int, ...] = ()

    def identify(self, certificate_pem: bytes) -> Caller:
        """Finds the caller of a certificate.

        Raises:
            UnknownCaller: neither a member's certificate nor one that this node lists.
        """
        fingerprint = _fingerprint_of_pem(certificate_pem)
        member = self._members.get(fingerprint)
        if member is not None:
            return Caller(name=member.slug, member=member, fingerprint=fingerprint)
        client = self._current_clients().get(fingerprint)
        if client is None:
            msg = "this certificate is no longer, or not yet, listed at this node"
            raise UnknownCaller(msg)
        return Caller(client.name, None, client.role, fingerprint)

    def part_from(self, slugs: Collection[Slug]) -> None:
        """Knows some members no more: calls of theirs are refused, also those that are open."""
        self._gone |= {m.slug for m in self._members.values() if m.slug in slugs}
        self._members = {f: m for f, m in self._members.items() if m.slug not in slugs}

    def check_stays(self, caller: Caller) -> None:
        """Checks that a caller, known when its call began, has not been parted from.

        Raises:
            UnknownCaller: it has.
        """
        if caller.member is not None and caller.member.slug in self._gone:
            msg = "the roster that counts here now does not name this caller, or not with this key"
            raise UnknownCaller(msg)

    def _current_clients(self) -> dict[str, Client]:
        """Reads the list again whenever the file changed: `client add` works on a running node."""
        try:
            found = self._folder.clients_file.stat()
        except FileNotFoundError:
            stamp: tuple[int, ...] = ()
        else:
            # The time alone is too coarse: two changes within one tick of the kernel look alike.
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp != self._clients_stamp:
            self._clients = read_clients(self._folder)
            self._clients_stamp = stamp
        return self._clients


@lru_cache(maxsize=1024)
def _fingerprint_of_pem(certificate_pem: bytes) -> str:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return fingerprint_of(certificate.public_bytes(serialization.Encoding.DER))
