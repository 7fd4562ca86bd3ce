"""A PKCS#11 token for tests: SoftHSM, one folder of tokens for each test.

Debian and Ubuntu: apt install softhsm2. The gate (`CI` is set) fails without it; elsewhere the
tests of tokens are skipped.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pkcs11
import pytest

from registry.application.key_care.private_files import write_owned
from registry.application.key_care.tokens import TOKENS

PIN: Final = "271828"
OTHER_PIN: Final = "314159"
LABEL: Final = "registry tests"
_MODULES: Final = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so")


@dataclass(frozen=True)
class Token:
    """A token with its PIN, and the variables that a process needs to find both."""

    folder: Path
    module: str
    environment: dict[str, str]

    def file(
        self, *names: str, label: str = "alpha", named: str = LABEL, **changes: object
    ) -> Path:
        """Writes a token file that names these keys."""
        document = {
            "module": self.module,
            "token_label": named,
            "keys": {name: {"label": f"{label} {name}", "id": "0a"} for name in names},
            **changes,
        }
        path = self.folder / "token.json"
        path.write_text(json.dumps(document))
        return path

    def is_empty(self) -> bool:
        """Whether the token holds no object that can be seen with its PIN."""
        with pkcs11.lib(self.module).get_token(token_label=LABEL).open(user_pin=PIN) as session:
            return not list(session.get_objects())


@contextmanager
def new_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    """Makes an empty token and gives its PIN to whoever asks in this process."""
    module = _module()
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n"
    )
    write_owned(folder / "pin", PIN.encode())
    variables = {
        "SOFTHSM2_CONF": str(configuration),
        "REGISTRY_TOKEN_PIN_FILE": str(folder / "pin"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    initialise = ("softhsm2-util", "--init-token", "--free", "--label", LABEL)
    subprocess.run(
        [*initialise, "--pin", PIN, "--so-pin", OTHER_PIN],
        env=os.environ | variables,
        check=True,
        capture_output=True,
    )
    TOKENS.forget()
    TOKENS.ask_by(lambda _: PIN)
    pkcs11.lib(module).reinitialize()  # it reads its configuration when it is initialised
    try:
        yield Token(folder, module, os.environ | variables)
    finally:
        TOKENS.forget()
        TOKENS.ask_by(TOKENS._nobody)


def _module() -> str:
    found = [str(path) for each in _MODULES for path in Path("/").glob(each.removeprefix("/"))]
    if found and shutil.which("softhsm2-util"):
        return found[0]
    if os.environ.get("CI"):
        pytest.fail("the gate tests tokens: apt install softhsm2")
    pytest.skip("no SoftHSM here: apt install softhsm2")
