"""Signing keys inside a PKCS#11 token: they sign there, and never come out.

Ed25519 as CKM_EDDSA on a key of type CKK_EC_EDWARDS with the parameters of RFC 8410 (PKCS#11 3.0,
section 2.3). Needs the extra `pkcs11`, and is imported by `tokens` alone, if a folder has a token.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
)
from pkcs11.util.ec import encode_named_curve_parameters

from registry.application.key_care.token_file import TokenFile, TokenKey
from registry.errors import KeyFileError, TokenUnavailable, WrongPassphrase
from registry.log.signing import PUBLIC_KEY_SIZE_BYTES, Ed25519Signer, check_public_key, verify

_ED25519_OID: Final = "1.3.101.112"
_OCTET_STRING: Final = bytes((0x04, PUBLIC_KEY_SIZE_BYTES))
_Found = TypeVar("_Found")
_TRIAL: Final = b"registry: does this key sign?\n"
"""No entry, roster or note begins like this."""


class TokenSession:
    """One open session, used by one thread at a time; opened anew once if the token lost it."""

    def __init__(self, file: TokenFile, pin: str) -> None:
        self._module = file.module
        self._label = file.token_label
        self._pin = pin
        self._lock = Lock()
        self._found: dict[TokenKey, Any] = {}
        self._session = self._open()

    def signer(self, key: TokenKey) -> "TokenSigner":
        """Returns the signer of a key that the token holds, after a trial signature.

        Raises:
            KeyFileError: the token holds no such key, or another kind of key under its name.
            TokenUnavailable: the token does not answer.
        """
        public_key = self.public_key(key)
        if public_key is None:
            msg = f"token {self._label} holds no key {key.label!r} of kind Ed25519"
            raise KeyFileError(msg)
        signer = TokenSigner(self, key, public_key)
        if not verify(public_key, _TRIAL, signer.sign(_TRIAL)):
            msg = f"key {key.label!r} in the token signs for another public key"
            raise KeyFileError(msg)
        return signer

    def public_key(self, key: TokenKey) -> bytes | None:
        """Returns the public key, 32 bytes; None if the token holds no such key.

        Raises:
            TokenUnavailable: the token does not answer, also not in a new session.
        """
        with self._lock:
            point = self._again_if_lost(lambda: self._point(key))
        if point is None:
            return None
        # The standard wraps it as an OCTET STRING; some tokens give it bare.
        public_key = point.removeprefix(_OCTET_STRING) if len(point) > len(_OCTET_STRING) else point
        check_public_key(public_key)
        return public_key

    def make(self, key: TokenKey) -> None:
        """Makes a key in the token, which never gives it out.

        Raises:
            TokenUnavailable: the token does not answer, or cannot make such keys.
        """
        with self._lock:
            try:
                parameters = self._session.create_domain_parameters(
                    KeyType.EC_EDWARDS,
                    {Attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519_OID)},
                    local=True,
                )
                parameters.generate_keypair(
                    mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                    store=True,
                    label=key.label,
                    id=bytes.fromhex(key.id),
                    # Not every token's own idea of a new key is this.
                    private_template={Attribute.EXTRACTABLE: False},
                )
            except PKCS11Error as error:
                raise self._unavailable(error) from error

    def take_over(self, key: TokenKey, seed: bytes) -> None:
        """Puts a key that was a file into the token, which never gives it out.

        Raises:
            TokenUnavailable: the token does not answer, or takes no keys from outside.
        """
        both: dict[Attribute, Any] = {
            Attribute.KEY_TYPE: KeyType.EC_EDWARDS,
            Attribute.TOKEN: True,
            Attribute.LABEL: key.label,
            Attribute.ID: bytes.fromhex(key.id),
            Attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519_OID),
        }
        private: dict[Attribute, Any] = {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.SIGN: True,
            Attribute.VALUE: seed,
        }
        public: dict[Attribute, Any] = {
            Attribute.CLASS: ObjectClass.PUBLIC_KEY,
            Attribute.VERIFY: True,
            Attribute.EC_POINT: _OCTET_STRING + Ed25519Signer(seed).public_key,
        }
        with self._lock:
            try:
                # One of the two may be there from a time that was cut short.
                for each in (private, public):
                    if not self._holds(key, each[Attribute.CLASS]):
                        self._session.create_object({**both, **each})
            except PKCS11Error as error:
                raise self._unavailable(error) from error

    def sign(self, key: TokenKey, message: bytes) -> bytes:
        """Returns a signature of 64 bytes.

        Raises:
            TokenUnavailable: the token does not answer, also not in a new session.
        """
        with self._lock:
            return self._again_if_lost(lambda: self._sign(key, message))

    def close(self) -> None:
        """Ends the session."""
        self._found.clear()
        with suppress(PKCS11Error):  # the token may be gone, which is why
            self._session.close()

    def _again_if_lost(self, act: Callable[[], _Found]) -> _Found:
        """Acts, and once more in a new session if the token does not answer in this one."""
        try:
            return act()
        except PKCS11Error:
            self.close()
            try:
                self._session = self._open()
                return act()
            except PKCS11Error as error:
                raise self._unavailable(error) from error

    def _point(self, key: TokenKey) -> bytes | None:
        try:
            found = self._session.get_key(object_class=ObjectClass.PUBLIC_KEY, **_matching(key))
        except NoSuchKey:
            return None
        return bytes(found[Attribute.EC_POINT])

    def _holds(self, key: TokenKey, kind: ObjectClass) -> bool:
        try:
            self._session.get_key(object_class=kind, **_matching(key))
        except NoSuchKey:
            return False
        return True

    def _sign(self, key: TokenKey, message: bytes) -> bytes:
        if key not in self._found:
            self._found[key] = self._session.get_key(
                object_class=ObjectClass.PRIVATE_KEY, **_matching(key)
            )
        return bytes(self._found[key].sign(message, mechanism=Mechanism.EDDSA))

    def _open(self) -> Any:  # noqa: ANN401 - typed by a stub as what it is not
        try:
            token = self._library().get_token(token_label=self._label)
            return token.open(rw=True, user_pin=self._pin)
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked) as error:
            msg = (
                f"the PIN does not open token {self._label} ({type(error).__name__}): "
                "tokens lock after a few wrong ones, look it up before you try again"
            )
            raise WrongPassphrase(msg) from error
        except NoSuchToken as error:
            msg = f"no token named {self._label} is there"
            raise TokenUnavailable(msg) from error
        except PKCS11Error as error:
            raise self._unavailable(error) from error

    def _library(self) -> Any:  # noqa: ANN401 - typed by a stub as what it is not
        try:
            return pkcs11.lib(self._module)
        except PKCS11Error as error:
            msg = f"{self._module} is no PKCS#11 library that can be loaded: {error}"
            raise KeyFileError(msg) from error

    def _unavailable(self, error: PKCS11Error) -> TokenUnavailable:
        """Names the standard's error and no more: callers of the node are told this text."""
        told = type(error).__name__
        return TokenUnavailable(f"token {self._label} does not do what is asked ({told})")


class TokenSigner:
    """Signs with a key that never leaves its token."""

    def __init__(self, session: TokenSession, key: TokenKey, public_key: bytes) -> None:
        self._session = session
        self._key = key
        self._public_key = public_key

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Returns a signature of 64 bytes.

        Raises:
            TokenUnavailable: the token does not answer.
        """
        return self._session.sign(self._key, message)

    def __repr__(self) -> str:
        return f"TokenSigner(public_key={self._public_key.hex()})"


def _matching(key: TokenKey) -> Mapping[str, Any]:
    wanted: dict[str, Any] = {"key_type": KeyType.EC_EDWARDS, "label": key.label}
    if key.id:
        wanted["id"] = bytes.fromhex(key.id)
    return wanted
