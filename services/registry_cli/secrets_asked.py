"""Asks a person on the terminal for what must not be shown, and reads it from files elsewhere."""

import sys
from pathlib import Path

from registry.application.key_care.passphrases import as_line, ask_on_terminal
from registry.application.key_care.private_files import read_owned
from registry.errors import InvalidRequest


def is_on_terminal() -> bool:
    """Tells whether somebody can be asked."""
    return sys.stdin.isatty()


def new_passphrase(file: Path | None) -> str:
    """A passphrase that is to count from now on: from a file, or typed twice.

    Raises:
        InvalidRequest: the two differ, or there is neither a file nor a terminal.
        KeyFileError: the file is readable by others, or holds no line of text.
    """
    if file is not None:
        return as_line(read_owned(file), str(file))
    if not is_on_terminal():
        msg = "run this on a terminal, or name a file (mode 0600) with --new-passphrase-file"
        raise InvalidRequest(msg)
    typed = ask_on_terminal("new passphrase")
    if typed != ask_on_terminal("the same again"):
        msg = "the two passphrases differ; nothing was changed"
        raise InvalidRequest(msg)
    return typed
