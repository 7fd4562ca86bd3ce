"""Private matching: two mechanisms find which names both hold, and show each other no other one.

Diffie-Hellman private set intersection (Meadows 1986; Huberman, Franklin, Hogg 1999) in the
subgroup of prime order l of edwards25519, by libsodium's group functions:

    H(name)    f(h[:32]) + f(h[32:]) with h = SHA-512("registry/matching/v1" || LF || nonce[32] ||
               kind || LF || normal form), f = crypto_core_ed25519_from_uniform (Elligator 2, then
               times the cofactor): two maps added, as RFC 9380 makes a random oracle
    blinded    k * H(name), k a fresh secret of one matching at one mechanism, 1 <= k < l
    shared     a * b * H(name): the same on both sides, whoever multiplied first

Who asks sends a*H(x) of its names, who answers returns b*a*H(x) in that order and sends b*H(y) of
its own; a*b*H(y) then tells who asked what both hold, and, when returned, tells the other. A list
is filled with points of no name up to a class of sizes and sorted, so that neither its length nor
its order tells anything else. Points of another's list are taken only if they are canonical, in the
subgroup and not the neutral element: a point of small order would show bits of k.

Without a secret nobody can try names against the points. Who takes part can: it may put any names
into its own list. docs/private-matching.md tells what follows.
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

from nacl import bindings
from nacl.exceptions import RuntimeError as SodiumError

from registry.errors import InvalidContent, RuleViolation

NONCE_SIZE_BYTES: Final = 32
POINT_SIZE_BYTES: Final = 32
SIZE_CLASSES: Final = (16, 64, 256, 1024)
_LABEL: Final = b"registry/matching/v1\n"
_FILL_LABEL: Final = b"registry/matching-fill/v1\n"
_HALF_SEED_BYTES: Final = 32
_LETTERS: Final = str.maketrans(
    dict(zip("\u0142\xf8\u0111\xf0\u0127\u0131\u0167", "loddhit", strict=True))
    | {"\xe6": "ae", "\u0153": "oe", "\u2019": "'"}
)


class MatchedName(NamedTuple):
    """A name that takes part: of a person or of an organisation."""

    kind: Literal["person", "organisation"]
    name: str


def normal_form(name: str) -> str:
    """A name without its case, accents, punctuation and order of words; empty = none is left.

    Both sides of a matching must have the same, whatever versions they run: it changes with the
    label alone, and shares nothing with the folding by which names are searched and ranked.
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf"})
    letters = "".join(c if c.isalnum() else " " for c in plain.translate(_LETTERS))
    return " ".join(sorted(letters.casefold().split()))


def new_secret(random_bytes: Callable[[int], bytes]) -> bytes:
    """Makes the secret of one matching, 32 bytes: a scalar that is not 0."""
    while True:
        seed = random_bytes(_HALF_SEED_BYTES) + random_bytes(_HALF_SEED_BYTES)
        secret = bindings.crypto_core_ed25519_scalar_reduce(seed)
        if any(secret):
            return secret


def blinded(secret: bytes, nonce: bytes, name: MatchedName) -> bytes:
    """The point of a name under a secret: k * H(name)."""
    return _times(secret, _point_of(nonce, name))


def blinded_list(secret: bytes, nonce: bytes, names: Iterable[MatchedName]) -> tuple[bytes, ...]:
    """Blinds names, each once, fills the list with points up to a size class, and sorts it.

    Equal arguments give equal lists, so that a call that is repeated sends the same. The points
    that fill it follow from the secret and look random to everybody else.

    Raises:
        RuleViolation: rule `matching_is_bounded`: there are more than the largest class.
    """
    wanted = set(names)
    size = next((size for size in SIZE_CLASSES if size >= len(wanted)), 0)
    if not size:
        msg = f"at most {SIZE_CLASSES[-1]} names can be matched at once, these are {len(wanted)}"
        raise RuleViolation(msg, rule="matching_is_bounded")
    points = {blinded(secret, nonce, each) for each in wanted}
    number = 0
    while len(points) < size:
        told = _FILL_LABEL + nonce + number.to_bytes(4, "big")
        scalar = bindings.crypto_core_ed25519_scalar_reduce(hmac.digest(secret, told, "sha512"))
        points.add(bindings.crypto_scalarmult_ed25519_base_noclamp(scalar))
        number += 1
    return tuple(sorted(points))


def blinded_again(secret: bytes, points: Iterable[bytes]) -> tuple[bytes, ...]:
    """Multiplies another's points by a secret, in their order.

    Raises:
        InvalidContent: one of them is no point of the group.
    """
    return tuple(_times(secret, point) for point in points)


def held_by_both(
    names: Iterable[MatchedName],
    *,
    secret: bytes,
    nonce: bytes,
    own_points: Sequence[bytes],
    own_returned: Sequence[bytes],
    other_shared: Iterable[bytes],
) -> tuple[MatchedName, ...]:
    """The names of one side that the other holds too, sorted.

    Args:
        names: of this side, as they were blinded.
        secret: of this side.
        nonce: of the matching.
        own_points: the list that this side sent.
        own_returned: the same points times the other's secret, in that order.
        other_shared: the other's points times both secrets.

    Raises:
        InvalidContent: what was returned does not fit the list that was sent.
    """
    if len(own_points) != len(own_returned):
        msg = f"{len(own_points)} points were sent and {len(own_returned)} returned"
        raise InvalidContent(msg)
    shared_of = dict(zip(own_points, own_returned, strict=True))
    shared = set(other_shared)
    found = {each for each in names if shared_of.get(blinded(secret, nonce, each)) in shared}
    return tuple(sorted(found))


def read_points(texts: Iterable[str]) -> tuple[bytes, ...]:
    """Reads points from content: 43 characters of base64url each.

    Raises:
        InvalidContent: one of them is not written so.
    """
    try:
        points = tuple(
            base64.b64decode(f"{each}=", altchars=b"-_", validate=True) for each in texts
        )
    except (binascii.Error, ValueError) as error:
        msg = "a point is written with 43 characters of base64url"
        raise InvalidContent(msg) from error
    if any(len(point) != POINT_SIZE_BYTES for point in points):
        msg = f"a point has {POINT_SIZE_BYTES} bytes"
        raise InvalidContent(msg)
    return points


def write_points(points: Iterable[bytes]) -> tuple[str, ...]:
    """Writes points for content."""
    return tuple(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in points)


def _point_of(nonce: bytes, name: MatchedName) -> bytes:
    told = _LABEL + nonce + name.kind.encode() + b"\n" + normal_form(name.name).encode()
    digest = hashlib.sha512(told).digest()
    first, second = digest[:POINT_SIZE_BYTES], digest[POINT_SIZE_BYTES:]
    return bindings.crypto_core_ed25519_add(
        bindings.crypto_core_ed25519_from_uniform(first),
        bindings.crypto_core_ed25519_from_uniform(second),
    )


def _times(secret: bytes, point: bytes) -> bytes:
    if len(point) != POINT_SIZE_BYTES or not bindings.crypto_core_ed25519_is_valid_point(point):
        msg = "a point of the other list is not in the group"
        raise InvalidContent(msg)
    try:
        return bindings.crypto_scalarmult_ed25519_noclamp(secret, point)
    except SodiumError as error:
        msg = "a point of the other list is not in the group"
        raise InvalidContent(msg) from error
