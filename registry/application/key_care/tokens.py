"""The tokens that this process has opened: a PIN is asked for once, and a token opened once.

PKCS#11 knows one login of a process to a token, so that sessions are shared here. Where the PIN is
looked for is what `passphrases` says, under REGISTRY_TOKEN_PIN_FILE, REGISTRY_TOKEN_PIN_FD and
systemd's credential `registry-token-pin`; before that in the file that `token.json` names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from registry.application.key_care.passphrases import SecretKind, as_line, find_secret
from registry.application.key_care.private_files import read_owned
from registry.application.key_care.token_file import TokenFile, TokenKey
from registry.errors import KeyFileError

if TYPE_CHECKING:
    from registry.application.key_care.token_session import TokenSession
    from registry.log.signing import Signer

TOKEN_PIN: Final = SecretKind("PIN", "REGISTRY_TOKEN_PIN", "registry-token-pin")


class Tokens:
    """Opens tokens and keeps them open."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], TokenSession] = {}
        self._lock = Lock()
        self._ask: Callable[[str], str] = self._nobody

    def ask_by(self, ask: Callable[[str], str]) -> None:
        """Sets who is asked for PINs, by the name of the token: composition roots."""
        self._ask = ask

    def signer(self, file: TokenFile, key: TokenKey) -> Signer:
        """Returns the signer of one of a token's keys.

        Raises:
            KeyFileError: the extra `pkcs11` is not installed; the PIN is missing or wrong; the
                token holds no such key.
            TokenUnavailable: the token does not answer.
        """
        return self.session(file).signer(key)

    def session(self, file: TokenFile) -> TokenSession:
        """Returns the open session of a token.

        Raises:
            KeyFileError, TokenUnavailable: as `signer`.
        """
        which = file.module, file.token_label
        with self._lock:
            if which not in self._open:
                self._open[which] = _opened(file, self._ask)
            return self._open[which]

    def forget(self) -> None:
        """Closes what was opened."""
        with self._lock:
            for session in self._open.values():
                session.close()
            self._open.clear()

    @staticmethod
    def _nobody(what_for: str) -> str:
        return find_secret(TOKEN_PIN, what_for, {}, None)


TOKENS: Final = Tokens()
"""One for the process, as its logins are."""


def _opened(file: TokenFile, ask: Callable[[str], str]) -> TokenSession:
    try:
        from registry.application.key_care.token_session import TokenSession  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "keys in a token need an extra: pip install 'intermechanisms-registry[pkcs11]'"
        raise KeyFileError(msg) from error
    if file.pin_file is None:
        return TokenSession(file, ask(f"token {file.token_label}"))
    return TokenSession(file, as_line(read_owned(Path(file.pin_file)), file.pin_file))
