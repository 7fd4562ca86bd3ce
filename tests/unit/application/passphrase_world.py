"""A passphrase for tests: quick to open, asked of nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from registry.application.key_care import protecting
from registry.application.key_care.key_files import read_private
from registry.application.key_care.key_sealing import make_cover
from registry.application.key_care.passphrases import PASSPHRASE, UNLOCKED, find_secret
from registry.application.key_care.protecting import private_key_files

WORDS: Final = "harbour lamp quiet seven"
OTHER_WORDS: Final = "paper bridge orange nine"


@contextmanager
def given(passphrase: str | None) -> Iterator[list[str]]:
    """Gives this passphrase to whoever asks in this process; collects what it was asked for."""
    asked: list[str] = []

    def ask(what_for: str) -> str:
        asked.append(what_for)
        return passphrase if passphrase is not None else find_secret(PASSPHRASE, what_for, {}, None)

    UNLOCKED.forget()
    UNLOCKED.ask_by(ask)
    try:
        yield asked
    finally:
        UNLOCKED.forget()
        UNLOCKED.ask_by(UNLOCKED._nobody)


def quick_scrypt(patch: pytest.MonkeyPatch) -> None:
    """Makes a passphrase cheap to try."""
    patch.setattr(protecting, "make_cover", partial(make_cover, n=16))


def contents(folder: Path) -> dict[str, bytes]:
    """What each private key is, opened if need be."""
    return {path.name: read_private(path) for path in private_key_files(folder / "keys")}
