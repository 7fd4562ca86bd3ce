"""Where a passphrase is looked for, in which order, and what is no passphrase."""

import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.application.key_care import passphrases
from registry.application.key_care.key_sealing import SCRYPT_N, make_cover, open_cover, open_key
from registry.application.key_care.passphrases import (
    PASSPHRASE,
    ask_on_terminal,
    asker,
    find_secret,
)
from registry.application.key_care.private_files import write_owned
from registry.errors import KeyFileError, PassphraseNeeded


def kept(path: Path, text: bytes = b"from the file\n") -> str:
    write_owned(path, text)
    return str(path)


def descriptor(text: bytes) -> str:
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    return str(reading)


def found(environment: dict[str, str], *, on_terminal: bool = False) -> str:
    prompt = (lambda what: f"typed for {what}") if on_terminal else None
    return find_secret(PASSPHRASE, "un/keys", environment, prompt)


def test_file_is_looked_at_first_then_descriptor_then_credential_then_terminal(
    tmp_path: Path,
) -> None:
    (tmp_path / "registry-passphrase").write_bytes(b"from systemd")
    environment = {
        "REGISTRY_PASSPHRASE_FILE": kept(tmp_path / "words"),
        "REGISTRY_PASSPHRASE_FD": descriptor(b"from the descriptor\r\n"),
        "CREDENTIALS_DIRECTORY": str(tmp_path),
    }

    assert found(environment, on_terminal=True) == "from the file"
    del environment["REGISTRY_PASSPHRASE_FILE"]
    assert found(environment, on_terminal=True) == "from the descriptor"
    del environment["REGISTRY_PASSPHRASE_FD"]
    assert found(environment, on_terminal=True) == "from systemd"
    environment["CREDENTIALS_DIRECTORY"] = str(tmp_path / "empty")
    assert found(environment, on_terminal=True) == "typed for passphrase of un/keys"
    with pytest.raises(PassphraseNeeded, match="REGISTRY_PASSPHRASE_FILE"):
        found(environment)


def test_passphrase_itself_is_never_taken_from_a_variable() -> None:
    with pytest.raises(PassphraseNeeded):
        found({"REGISTRY_PASSPHRASE": "harbour lamp quiet seven"})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_passphrase_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    name = kept(tmp_path / "words")
    Path(name).chmod(mode)

    with pytest.raises(KeyFileError, match=f"{mode:04o}: chmod 600"):
        found({"REGISTRY_PASSPHRASE_FILE": name})


NO_LINES: dict[str, bytes] = {
    "empty": b"",
    "line break": b"\n",
    "two lines": b"one\ntwo\n",
    "no text": b"\xff\xfe",
    "too long": b"x" * 5000,
}


@pytest.mark.parametrize("text", NO_LINES.values(), ids=NO_LINES.keys())
def test_what_is_no_line_of_text_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(KeyFileError, match="one line of text"):
        found({"REGISTRY_PASSPHRASE_FILE": kept(tmp_path / "words", text)})
    with pytest.raises(KeyFileError, match="one line of text"):
        found({"REGISTRY_PASSPHRASE_FD": descriptor(text)})


@pytest.mark.parametrize("number", ["x", "-1", "987654"])
def test_number_of_no_open_descriptor_is_refused(number: str) -> None:
    with pytest.raises(KeyFileError, match="REGISTRY_PASSPHRASE_FD must be the number"):
        found({"REGISTRY_PASSPHRASE_FD": number})


def test_whoever_is_at_no_terminal_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        with pytest.raises(PassphraseNeeded):
            asker(PASSPHRASE, {})("un/keys")


def test_whoever_is_at_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr(passphrases, "getpass", lambda what: f"typed at {what}")
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        assert asker(PASSPHRASE, {})("un/keys") == "typed at passphrase of un/keys: "
    os.close(ours)


def _gives_up(_: str) -> str:
    raise KeyboardInterrupt


@pytest.mark.parametrize("typed", [lambda _: "", _gives_up], ids=["nothing", "Ctrl-C"])
def test_whoever_types_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, typed: Callable[[str], str]
) -> None:
    monkeypatch.setattr(passphrases, "getpass", typed)

    with pytest.raises(PassphraseNeeded, match="nothing was typed"):
        ask_on_terminal("new passphrase")


def test_real_cost_of_a_guess_is_what_is_written_down() -> None:
    keys = (b"a" * 32, b"b" * 32)

    cover = make_cover("harbour lamp quiet seven", keys)

    assert open_cover(cover, "harbour lamp quiet seven", Path("x")) == keys
    assert f'"n": {SCRYPT_N},'.encode() in cover
    assert SCRYPT_N * 8 * 128 == 128 * 2**20  # bytes of memory for each guess


FROZEN_COVER = b"""{"version": 1, "salt": "000102030405060708090a0b0c0d0e0f",
"n": 16, "r": 8, "p": 1, "sealed": "101112131415161718191a1be082a6194c374d93a85d\
b68e535d962b3696b939da7c93e4d5913790c94a90de\
7b799143820cff39aefb2987508b287b"}"""
FROZEN_KEY = b"""registry-sealed-key/v1
ICEiIyQlJicoKSorZ9sb6eg6r33nGNZioIrF2LDM2ljFEmTZJ6pShLYA04RgnaWkV8Fcoq6shBiUTaPeFqqwDAxhT64zWRC/\
/gUUN6MqTJ+tq0pnfXUBKcQSkcYw
"""


def test_frozen_samples_still_open() -> None:
    keys = open_cover(FROZEN_COVER, "harbour lamp quiet seven", Path("x"))

    assert keys == (b"k" * 32,)
    assert open_key(keys, FROZEN_KEY, Path("x")) == b"ab" * 32 + b"\n"
