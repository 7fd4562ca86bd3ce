"""A passphrase that is set, changed or removed, cut short at every step: no key is ever lost."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from registry.application.key_care import private_files, protecting
from registry.application.key_care.protecting import protect_keys, unprotect_keys
from registry.errors import PassphraseNeeded, WrongPassphrase
from registry.store.folder_sync import sync_folder
from tests.unit.application.passphrase_world import (
    OTHER_WORDS,
    WORDS,
    contents,
    given,
    quick_scrypt,
)

KEY_FILES = 9


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


CHANGES: dict[str, tuple[str | None, Callable[[Path], int]]] = {
    "set": (None, lambda folder: protect_keys(folder, OTHER_WORDS)),
    "change": (WORDS, lambda folder: protect_keys(folder, OTHER_WORDS)),
    "remove": (WORDS, unprotect_keys),
}


def crash_after(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Ends the process instead of the sync of a folder that comes after so many."""
    left = iter(range(steps))
    real = sync_folder

    def sync(path: Path) -> None:
        if next(left, None) is None:
            raise Crash
        real(path)

    patch.setattr(private_files, "sync_folder", sync)
    patch.setattr(protecting, "sync_folder", sync)


@pytest.mark.parametrize("moment", ["before the rename", "after the rename"])
@pytest.mark.parametrize(("before", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_crash_at_any_step_leaves_every_key_readable_and_can_be_finished(
    alpha: Path, before: str | None, change: Callable[[Path], int], moment: str
) -> None:
    expected = contents(alpha)
    if before is not None:
        with given(None):
            protect_keys(alpha, before)
    for steps in count():
        with given(before), pytest.MonkeyPatch.context() as patch:
            if moment == "after the rename":
                crash_after(patch, steps)
            else:
                crash_before(patch, steps)
            try:
                change(alpha)
            except Crash:
                pass
            else:
                break
        assert any(opens(alpha, words, expected) for words in (before, OTHER_WORDS)), steps
        restart(alpha, before, expected)
    assert steps > KEY_FILES
    with given(None if change is unprotect_keys else OTHER_WORDS):
        assert contents(alpha) == expected
    assert not list((alpha / "keys").glob("*.new"))


def crash_before(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Ends the process instead of the rename or removal that comes after so many."""
    left = iter(range(steps))
    real, real_unlink = Path.replace, Path.unlink

    def replace(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise Crash
        return real(path, target)

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "passphrase.json" and next(left, None) is None:
            raise Crash
        real_unlink(path, missing_ok=missing_ok)

    patch.setattr(Path, "replace", replace)
    patch.setattr(Path, "unlink", unlink)


def opens(folder: Path, words: str | None, expected: dict[str, bytes]) -> bool:
    """Whether all keys are what they were, under one passphrase."""
    try:
        with given(words):
            return contents(folder) == expected
    except (WrongPassphrase, PassphraseNeeded):
        return False


def restart(folder: Path, before: str | None, expected: dict[str, bytes]) -> None:
    """Puts the folder back to where the change began, through the verbs themselves."""
    for words in (before, OTHER_WORDS):
        if opens(folder, words, expected):
            with given(words):
                if before is not None:
                    protect_keys(folder, before)
                elif (folder / "keys" / "passphrase.json").exists():
                    unprotect_keys(folder)
            return
    pytest.fail("no passphrase opens the keys")
