"""The members of a simulated federation: rosters and keys, made once and shared by all seeds."""

from functools import cache
from hashlib import sha256
from typing import Final

from registry.domain.identifiers import MemberId, Origin, RegistryId, Slug
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.roster import Member, MemberStatus, Roster
from registry.log.signing import Ed25519Signer

REGISTRY: Final = RegistryId(sha256(b"a simulated registry").digest())


@cache
def signer_of(slug: Slug) -> Ed25519Signer:
    return Ed25519Signer(sha256(b"simulated " + slug.encode()).digest())


@cache
def roster_of(count: int) -> Roster:
    """So many active members: m0, m1, m2 ..."""
    members = []
    for number in range(count):
        slug = Slug(f"m{number}")
        members.append(
            Member(
                id=MemberId(number + 1),
                slug=slug,
                display_name=slug,
                origin=Origin(f"simulated/{slug}/1"),
                identity_key=b"",
                log_key=signer_of(slug).public_key,
                next_log_key_hash=b"",
                cosigner_key=b"",
                hpke_key=b"",
                tls_certificate=b"",
                status=MemberStatus.ACTIVE,
                cut=None,
                address="",
            )
        )
    return Roster(
        registry_id=REGISTRY,
        version=1,
        prev_hash=b"",
        threshold=count // 2 + 1,
        members=tuple(members),
        advisory_expiry_ms=0,
        registry_name="simulated",
    )


@cache
def keys_of(member: Member) -> LogKeys:
    """Of a log that never rotates."""
    return keys_of_member(REGISTRY, member)
