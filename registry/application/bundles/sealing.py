"""Content of a bundle, sealed to one member: HPKE (RFC 9180) to the key in its roster entry.

Base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Every record is sealed
by itself, bound to the registry and the recipient. HPKE in base mode says nothing about who sealed:
every part is checked against the commitment in its header, which its author signed.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_secret
from registry.domain.identifiers import MemberId, RegistryId
from registry.errors import MalformedBundle
from registry.log.bundle_content import Content, decode_content, encode_content
from registry.log.roster import Member

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO: Final = b"registry/bundle/v1\n"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4


class ContentSealer:
    """Seals to one member."""

    def __init__(self, registry_id: RegistryId, member: Member) -> None:
        """Takes the member's key as the roster gives it."""
        self._key = X25519PublicKey.from_public_bytes(member.hpke_key)
        self._info = _info(registry_id, member.id)

    def seal(self, content: Content, padded_bytes: int) -> bytes:
        """Seals content, padded to the next multiple of `padded_bytes`."""
        return SUITE.encrypt(encode_content(content, padded_bytes), self._key, info=self._info)


class ContentOpener:
    """Opens what was sealed to the member whose folder this is."""

    def __init__(self, folder: NodeFolder, registry_id: RegistryId, member_id: MemberId) -> None:
        """Reads the private key.

        Raises:
            KeyFileError: it is missing, malformed or locked.
        """
        secret = read_secret(folder.keys / "hpke.key", _KEY_BYTES)
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self._info = _info(registry_id, member_id)

    @property
    def public_key(self) -> bytes:
        """What has to be sealed to, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def open(self, sealed: bytes) -> Content:
        """Opens content.

        Raises:
            MalformedBundle: it was not sealed to this key, or was changed, or is no content.
        """
        try:
            return decode_content(SUITE.decrypt(sealed, self._key, info=self._info))
        except InvalidTag as error:
            msg = "sealed content of the bundle does not open with this node's key: it was changed"
            raise MalformedBundle(msg) from error


def _info(registry_id: RegistryId, member_id: MemberId) -> bytes:
    return _INFO + registry_id + int(member_id).to_bytes(_ID_BYTES, "big")
