"""Where a node's passphrase comes from, and what it has opened in this process.

Never an argument or an environment variable: others on the machine can read those. In this order:

    REGISTRY_PASSPHRASE_FILE   names a file with mode 0600
    REGISTRY_PASSPHRASE_FD     numbers an open file descriptor, read once to its end
    CREDENTIALS_DIRECTORY      systemd's: the file `registry-passphrase` in it, if there is one
    a terminal                 asks, without showing what is typed

A trailing line break belongs to none of them. What was opened stays in memory as long as the
process: a node starts anew under a new roster and opens channels to peers without asking again.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from threading import Lock
from typing import Final

from registry.application.key_care.key_sealing import open_cover
from registry.application.key_care.private_files import read_owned
from registry.errors import KeyFileError, PassphraseNeeded

PASSPHRASE_FILE: Final = "passphrase.json"  # noqa: S105 - a name
"""In the folder of the keys that it opens."""
SECRET_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SecretKind:
    """A secret that an operator gives.

    Attributes:
        words: what it is called.
        variable: name of the environment variables, followed by `_FILE` and `_FD`.
        credential: name of the file in systemd's folder of credentials.
    """

    words: str
    variable: str
    credential: str


PASSPHRASE: Final = SecretKind("passphrase", "REGISTRY_PASSPHRASE", "registry-passphrase")

Prompt = Callable[[str], str]
"""Asks on a terminal for what is named, without showing what is typed."""


def find_secret(
    kind: SecretKind, what_for: str, environment: Mapping[str, str], prompt: Prompt | None
) -> str:
    """Finds a secret where an operator put it.

    Args:
        kind: which one.
        what_for: what it opens, for people.
        environment: the process's variables.
        prompt: asks on a terminal; None = there is none.

    Raises:
        PassphraseNeeded: it is nowhere.
        KeyFileError: it is where others can read it, cannot be read, or is no line of text.
    """
    if name := environment.get(f"{kind.variable}_FILE"):
        return as_line(read_owned(Path(name)), name)
    if number := environment.get(f"{kind.variable}_FD"):
        return as_line(_read_descriptor(number, f"{kind.variable}_FD"), f"descriptor {number}")
    if folder := environment.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / kind.credential
        if path.exists():  # whose mode is systemd's affair: with access lists it is not 0600
            return as_line(path.read_bytes(), str(path))
    if prompt is not None:
        return prompt(f"{kind.words} of {what_for}")
    msg = (
        f"the {kind.words} of {what_for} is needed: name a file that holds it (mode 0600) in "
        f"{kind.variable}_FILE, or run this on a terminal"
    )
    raise PassphraseNeeded(msg)


def asker(kind: SecretKind, environment: Mapping[str, str]) -> Callable[[str], str]:
    """Returns who looks for a secret, and asks on the terminal if there is one."""

    def ask(what_for: str) -> str:
        prompt = ask_on_terminal if sys.stdin.isatty() else None
        return find_secret(kind, what_for, environment, prompt)

    return ask


def ask_on_terminal(what: str) -> str:
    """Asks a person, without showing what is typed.

    Raises:
        PassphraseNeeded: nothing was typed, or the person gave up.
    """
    try:
        typed = getpass(f"{what}: ")
    except (EOFError, KeyboardInterrupt):
        typed = ""
    if not typed:
        msg = f"{what}: nothing was typed"
        raise PassphraseNeeded(msg)
    return typed


def as_line(data: bytes, where: str) -> str:
    """Reads a secret from bytes, without the line break at its end.

    Raises:
        KeyFileError: they are empty, too many, or no line of text; none of them is shown.
    """
    text = data[: SECRET_MAX_BYTES + 1].removesuffix(b"\n").removesuffix(b"\r")
    try:
        line = text.decode()
    except UnicodeDecodeError:
        line = ""
    if not line or len(text) >= SECRET_MAX_BYTES or "\n" in line:
        msg = f"{where} must hold one line of text, and nothing else"
        raise KeyFileError(msg)
    return line


class Unlocked:
    """The folder keys that passphrases have opened in this process.

    Known by the content of `passphrase.json`, so that a change of it is asked about anew, and a
    copy of a folder is not.
    """

    def __init__(self) -> None:
        self._opened: dict[bytes, tuple[bytes, ...]] = {}
        self._lock = Lock()
        self._ask: Callable[[str], str] = self._nobody

    def ask_by(self, ask: Callable[[str], str]) -> None:
        """Sets who is asked for passphrases, by the name of what they open: composition roots."""
        self._ask = ask

    def folder_keys(self, keys: Path) -> tuple[bytes, ...]:
        """Returns the keys of a folder of private keys, the one that seals first.

        Raises:
            KeyFileError: `passphrase.json` is missing, damaged, or readable by others.
            PassphraseNeeded, WrongPassphrase: as named.
        """
        path = keys / PASSPHRASE_FILE
        if not path.exists():
            msg = f"{path} is missing, and keys beside it are sealed: put it back from a copy"
            raise KeyFileError(msg)
        cover = read_owned(path)
        with self._lock:
            if cover not in self._opened:
                self._opened[cover] = open_cover(cover, self._ask(str(keys)), path)
            return self._opened[cover]

    def remember(self, cover: bytes, folder_keys: tuple[bytes, ...]) -> None:
        """Takes over what opens a `passphrase.json` that was just made."""
        with self._lock:
            self._opened[cover] = folder_keys

    def forget(self) -> None:
        """Drops what was opened."""
        with self._lock:
            self._opened.clear()

    @staticmethod
    def _nobody(what_for: str) -> str:
        return find_secret(PASSPHRASE, what_for, {}, None)


UNLOCKED: Final = Unlocked()
"""One for the process: keys are read in many places, and a person is asked once."""


def _read_descriptor(number: str, variable: str) -> bytes:
    try:
        with os.fdopen(int(number), "rb") as file:
            return file.read(SECRET_MAX_BYTES + 1)
    except (ValueError, OSError) as error:
        msg = f"{variable} must be the number of an open file descriptor that can be read"
        raise KeyFileError(msg) from error
