"""What bundles are sealed with: vectors from outside, and another implementation of RFC 9180."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from registry.application.bundles.sealing import ContentOpener, ContentSealer
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.domain.identifiers import LogId, MemberId, RegistryId
from registry.errors import MalformedBundle
from registry.log.bundle_content import BundlePart, decode_content
from tests.unit.application.bundle_world import Bundles

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "wycheproof"
HPKE_SUITE: Final = b"HPKE" + b"\x00\x20" + b"\x00\x01" + b"\x00\x02"
"""DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
KEM_SUITE: Final = b"KEM" + b"\x00\x20"
PART: Final = BundlePart(LogId(b"l" * 32), 7, 1, b"s" * 32, "text/plain", b"invented")


def vectors_in(name: str) -> list[dict[str, Any]]:
    document: dict[str, Any] = json.loads((VECTORS / name).read_text())
    return [test for group in document["testGroups"] for test in group["tests"]]


def test_every_x25519_vector_is_agreed_on_or_refused_for_a_secret_of_zeros() -> None:
    verdicts: Counter[str] = Counter()
    for test in vectors_in("x25519_test.json"):
        key = X25519PrivateKey.from_private_bytes(bytes.fromhex(test["private"]))
        public = X25519PublicKey.from_public_bytes(bytes.fromhex(test["public"]))
        if "ZeroSharedSecret" in test["flags"]:
            with pytest.raises(ValueError, match="shared key"):
                key.exchange(public)
            verdicts["refused"] += 1
        else:
            assert key.exchange(public).hex() == test["shared"], test["tcId"]
            verdicts["agreed"] += 1

    assert verdicts == {"agreed": 487, "refused": 31}


def test_every_hkdf_vector_is_derived_or_refused() -> None:
    verdicts: Counter[str] = Counter()
    for test in vectors_in("hkdf_sha256_test.json"):
        salt, info = bytes.fromhex(test["salt"]), bytes.fromhex(test["info"])
        try:
            derived = HKDF(hashes.SHA256(), test["size"], salt, info)
            found = derived.derive(bytes.fromhex(test["ikm"])).hex()
        except ValueError:
            found = None
        is_right = found == test["okm"] if test["result"] == "valid" else found is None
        assert is_right, test["tcId"]
        verdicts[test["result"]] += 1

    assert verdicts == {"valid": 83, "invalid": 3}


def extracted(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return HKDF.extract(hashes.SHA256(), salt or bytes(32), b"HPKE-v1" + suite + label + key)


def expanded(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), size, labelled).derive(key)


def opened_by_the_text_of_the_standard(sealed: bytes, key: X25519PrivateKey, info: bytes) -> bytes:
    """RFC 9180, sections 4.1 and 5.1, base mode, written from the text."""
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    agreed = key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    context = encapsulated + key.public_key().public_bytes_raw()
    extract = extracted(KEM_SUITE, b"", b"eae_prk", agreed)
    shared = expanded(KEM_SUITE, extract, b"shared_secret", context, 32)
    no_psk = extracted(HPKE_SUITE, b"", b"psk_id_hash", b"")
    schedule = b"\x00" + no_psk + extracted(HPKE_SUITE, b"", b"info_hash", info)
    secret = extracted(HPKE_SUITE, shared, b"secret", b"")
    content_key = expanded(HPKE_SUITE, secret, b"key", schedule, 32)
    nonce = expanded(HPKE_SUITE, secret, b"base_nonce", schedule, 12)
    return AESGCM(content_key).decrypt(nonce, ciphertext, b"")


def test_content_is_sealed_as_the_standard_says(bundles: Bundles) -> None:
    folder = NodeFolder(bundles.folder / "beta")
    roster = load_roster(folder)
    member = roster.member_by_slug("beta")
    sealed = ContentSealer(roster.registry_id, member).seal((PART,), 4096)
    key = X25519PrivateKey.from_private_bytes(
        bytes.fromhex((folder.keys / "hpke.key").read_text().strip())
    )
    info = b"registry/bundle/v1\n" + roster.registry_id + b"\x00\x00\x00\x02"

    assert len(sealed) == 32 + 4096 + 16
    assert decode_content(opened_by_the_text_of_the_standard(sealed, key, info)) == (PART,)


@pytest.mark.parametrize(
    ("registry_id", "member_id", "slug"),
    [(bytes(32), 2, "beta"), (None, 3, "beta"), (None, 2, "gamma")],
    ids=["another registry", "another member", "another key"],
)
def test_content_opens_for_its_registry_its_member_and_its_key_alone(
    bundles: Bundles, registry_id: bytes | None, member_id: int, slug: str
) -> None:
    roster = load_roster(NodeFolder(bundles.folder / "beta"))
    sealed = ContentSealer(roster.registry_id, roster.member_by_slug("beta")).seal((PART,), 4096)
    right = ContentOpener(NodeFolder(bundles.folder / "beta"), roster.registry_id, MemberId(2))
    assert right.open(sealed) == (PART,)

    other = ContentOpener(
        NodeFolder(bundles.folder / slug),
        RegistryId(registry_id or roster.registry_id),
        MemberId(member_id),
    )
    with pytest.raises(MalformedBundle, match="does not open"):
        other.open(sealed)
