"""What session tests are made of: a roster of four mechanisms, notes, short names of messages."""

from functools import cache
from hashlib import sha256
from typing import Final

from registry.domain.identifiers import LogId, MemberId, Origin, RegistryId, RootHash, Slug
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.roster import Member, MemberStatus, Roster
from registry.log.signing import Ed25519Signer
from registry.replication.effects import FetchEntries
from registry.replication.messages import Blame, FetchFailed, HeadOffered, PeerUp
from registry.replication.session import Session

OWN, A, B, C = (Slug(name) for name in ("own", "a", "b", "c"))
SLUGS: Final = (OWN, A, B, C)
PEERS: Final = (A, B, C)
GONE: Final = Slug("gone")
NOW_MS: Final = 1_000_000
LIE_REASON: Final = "bad_entry_signature"
LIE: Final = f"{LIE_REASON}: invented"


def origin_of(slug: Slug) -> Origin:
    return Origin(f"test/{slug}/1")


def signer_of(slug: Slug) -> Ed25519Signer:
    return Ed25519Signer(sha256(slug.encode()).digest())


@cache
def member(slug: Slug) -> Member:
    return Member(
        id=MemberId((*SLUGS, GONE).index(slug) + 1),
        slug=slug,
        display_name=slug,
        origin=origin_of(slug),
        identity_key=b"",
        log_key=signer_of(slug).public_key,
        next_log_key_hash=b"",
        cosigner_key=b"",
        hpke_key=b"",
        tls_certificate=b"",
        status=MemberStatus.REMOVED if slug == GONE else MemberStatus.ACTIVE,
        cut=None,
        address="",
    )


def roster() -> Roster:
    return Roster(
        registry_id=RegistryId(bytes(32)),
        version=1,
        prev_hash=b"",
        threshold=3,
        members=tuple(member(slug) for slug in (*SLUGS, GONE)),
        advisory_expiry_ms=0,
        registry_name="test",
    )


def new_session(held: dict[LogId, int] | None = None) -> Session:
    return Session(roster(), member(OWN), held or {}, keys_of(roster()))


def keys_of(of: Roster) -> dict[LogId, LogKeys]:
    return {m.log_id: keys_of_member(of.registry_id, m) for m in of.members}


def log(slug: Slug) -> LogId:
    return member(slug).log_id


def checkpoint(slug: Slug, size: int) -> Checkpoint:
    """The session looks at its size only."""
    root = RootHash(sha256(f"{slug} {size}".encode()).digest())
    return Checkpoint(origin_of(slug), size, root)


@cache
def note(slug: Slug, size: int) -> bytes:
    """The author's note."""
    return sign_checkpoint(checkpoint(slug, size), signer_of(slug))


def up(peer: Slug) -> PeerUp:
    return PeerUp(peer)


def offer(peer: Slug, author: Slug, size: int) -> HeadOffered:
    return HeadOffered(peer, log(author), note(author, size))


def fetch(peer: Slug, author: Slug, size: int) -> FetchEntries:
    return FetchEntries(peer, log(author), size)


def lied(peer: Slug, author: Slug) -> FetchFailed:
    return FetchFailed(peer, log(author), LIE, Blame.PEER)


def unreached(peer: Slug, author: Slug) -> FetchFailed:
    return FetchFailed(peer, log(author), "peer_unavailable: invented", Blame.NOBODY)


def contradicted(peer: Slug, author: Slug) -> FetchFailed:
    return FetchFailed(peer, log(author), "root_mismatch: two histories", Blame.AUTHOR)
