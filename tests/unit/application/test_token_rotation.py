"""A log key in a PKCS#11 token is rotated: nothing comes out, and every crash is mended."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.key_care import key_rotation, log_key_places
from registry.application.key_care.key_backup import back_up_keys, read_backup
from registry.application.key_care.key_restoring import restore_keys
from registry.application.key_care.key_rotation import ask_for_rotation, is_rotation_asked_for
from registry.application.key_care.key_sealing import is_sealed
from registry.application.key_care.protecting import private_key_files, protect_keys
from registry.application.key_care.token_file import read_token_file
from registry.application.key_care.token_moving import move_to_token
from registry.application.key_care.token_session import TokenSession
from registry.application.key_care.tokens import TOKENS
from registry.application.membership.founding import init_node, load_signer
from registry.errors import InvalidRequest, KeyFileError, LogReadOnly, TokenUnavailable
from registry_cli.main import app
from tests.unit.application.federation_in_process import START_MS, open_node, opening
from tests.unit.application.passphrase_world import WORDS, given, quick_scrypt
from tests.unit.application.test_tokens import Crash, crash, verified
from tests.unit.application.token_world import LABEL, PIN, Token, new_token

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
LOG_KEYS = ("log", "next_log", "after_next_log")
PLACES = [("log", "next_log"), ("log",), ("next_log",), ("identity",)]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    with new_token(tmp_path / "token", monkeypatch) as made:
        yield made


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


def public_key(folder: Path, name: str) -> bytes:
    return load_signer(NodeFolder(folder), name).public_key


def in_token(folder: Path) -> set[str]:
    kept = read_token_file(folder / "token.json")
    return set() if kept is None else set(kept.keys)


def private_objects(token: Token) -> int:
    TOKENS.forget()  # one process logs in once
    with pkcs11.lib(token.module).get_token(token_label=LABEL).open(user_pin=PIN) as session:
        return len(list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})))


def append_rotation(folder: Path) -> None:
    """The event alone: the keys are not put in their places, as after a crash."""
    node = open_node(folder.parent, folder.name)
    with closing(node.registry):
        node.record(opening())
        assert node.registry.log_key.is_rotation_wanted
        node.registry.log_key.rotate().result()


def record(folder: Path) -> None:
    node = open_node(folder.parent, folder.name)
    with closing(node.registry):
        node.record(opening())


@pytest.mark.parametrize("names", PLACES, ids="+".join)
def test_log_key_is_rotated_wherever_it_and_the_next_one_live(
    alpha: Path, token: Token, names: tuple[str, ...]
) -> None:
    move_to_token(alpha, token.file(*names))
    is_kept_in_token = bool({"log", "next_log"} & set(names))
    made = private_objects(token)
    second = public_key(alpha, "next_log")

    assert ask_for_rotation(alpha)
    assert not ask_for_rotation(alpha)
    third = public_key(alpha, "after_next_log")
    append_rotation(alpha)
    record(alpha)

    assert (public_key(alpha, "log"), public_key(alpha, "next_log")) == (second, third)
    assert not is_rotation_asked_for(NodeFolder(alpha))
    assert ("log" in in_token(alpha)) is ("next_log" in names)
    assert ("next_log" in in_token(alpha)) is is_kept_in_token

    assert ask_for_rotation(alpha)
    append_rotation(alpha)
    record(alpha)
    assert public_key(alpha, "log") == third
    assert private_objects(token) - made == (2 if is_kept_in_token else 0)
    files = {path.stem for path in private_key_files(alpha / "keys")}
    assert not files & in_token(alpha), "a key that was replaced is left as a file"
    if is_kept_in_token:
        assert not files & set(LOG_KEYS)
    assert verified(alpha)


def test_key_after_the_next_is_made_in_the_token_and_does_not_come_out(
    alpha: Path, token: Token
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))
    before = {path.name for path in (alpha / "keys").iterdir()}

    assert ask_for_rotation(alpha)

    assert {path.name for path in (alpha / "keys").iterdir()} - before == {"changing.lock"}
    label = json.loads((alpha / "token.json").read_text())["keys"]["after_next_log"]["label"]
    TOKENS.forget()
    with pkcs11.lib(token.module).get_token(token_label=LABEL).open(user_pin=PIN) as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
        for attribute, value in (
            (Attribute.LOCAL, True),
            (Attribute.SENSITIVE, True),
            (Attribute.ALWAYS_SENSITIVE, True),
            (Attribute.EXTRACTABLE, False),
            (Attribute.NEVER_EXTRACTABLE, True),
        ):
            assert key[attribute] is value


class Crashing:
    """Ends the process before or after the n-th of some calls."""

    NAMES = ("write_token_keys", "replace_private", "sync_folder", "reach")

    def __init__(self, patch: pytest.MonkeyPatch, after: int) -> None:
        self._left = after
        for name in self.NAMES:
            patch.setattr(log_key_places, name, self._around(getattr(log_key_places, name)))

    def _around(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            self._step()
            returned = real(*args, **named)
            self._step()
            return returned

        return call

    def _step(self) -> None:
        if self._left == 0:
            raise Crash
        self._left -= 1


@pytest.mark.parametrize("names", PLACES, ids="+".join)
def test_whatever_step_a_crash_comes_after_the_next_start_finds_the_key_that_counts(
    alpha: Path, token: Token, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_token(alpha, token.file(*names))
    assert ask_for_rotation(alpha)
    second, third = public_key(alpha, "next_log"), public_key(alpha, "after_next_log")
    append_rotation(alpha)
    crashes = 0
    for after in count():
        folder = alpha.parent / f"copy-{after}" / "alpha"
        shutil.copytree(alpha, folder)
        try:
            with monkeypatch.context() as patch:
                Crashing(patch, after)
                record(folder)
        except Crash:
            crashes += 1
        else:
            break
        assert any(public_key(folder, name) == second for name in ("log", "next_log"))

        record(folder)

        assert public_key(folder, "log") == second
        assert public_key(folder, "next_log") == third
        assert not is_rotation_asked_for(NodeFolder(folder))
        assert verified(folder)
    assert crashes >= 8


def test_key_that_a_crash_left_in_the_token_counts_for_nothing(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))
    for where, what in ((TokenSession, "signer"), (log_key_places, "write_token_keys")):
        with monkeypatch.context() as patch:
            real = getattr(where, what)
            # Two keys are looked at before; it is the one that is made that is cut off.
            patch.setattr(where, what, crash if where is log_key_places else _from_third(real))
            with pytest.raises(Crash):
                ask_for_rotation(alpha)
        assert not is_rotation_asked_for(NodeFolder(alpha))
        record(alpha)

    assert ask_for_rotation(alpha)
    third = public_key(alpha, "after_next_log")
    append_rotation(alpha)
    record(alpha)
    assert public_key(alpha, "next_log") == third
    assert private_objects(token) == 2 + 3


def _from_third(real: Callable[..., object]) -> Callable[..., object]:
    calls = count(1)
    return lambda *args: real(*args) if next(calls) < 3 else crash()


def test_who_asks_while_another_does_names_no_second_key(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))

    @contextmanager
    def after_the_other(_: Path) -> Iterator[None]:
        """The lock, which another process had until now."""
        log_key_places.make_after_next(NodeFolder(alpha))
        yield

    monkeypatch.setattr(key_rotation, "changing", after_the_other)
    assert not ask_for_rotation(alpha)

    assert private_objects(token) == 3


def test_token_that_is_gone_refuses_the_rotation_and_nothing_is_half_done(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> bytes:
        raise pkcs11.exceptions.DeviceRemoved

    move_to_token(alpha, token.file("log", "next_log"))
    with monkeypatch.context() as patch:
        patch.setattr(TokenSession, "_sign", gone)
        with pytest.raises(TokenUnavailable, match="DeviceRemoved"):
            ask_for_rotation(alpha)
    assert ask_for_rotation(alpha)
    second = public_key(alpha, "next_log")
    node = open_node(alpha.parent, "alpha")
    with closing(node.registry):
        with monkeypatch.context() as patch:
            patch.setattr(TokenSession, "_sign", gone)
            with pytest.raises(TokenUnavailable, match="DeviceRemoved"):
                node.registry.log_key.rotate().result()
        assert node.registry.store.log_state(node.log_id).size == 0
        node.record(opening())
        node.registry.log_key.rotate().result()
        node.registry.log_key.use()
        node.record(opening())
    assert public_key(alpha, "log") == second
    assert verified(alpha)


class Lost:
    """The session of a token that somebody has pulled out and put back."""

    def get_key(self, **_: object) -> object:
        raise pkcs11.exceptions.DeviceRemoved

    def close(self) -> None:
        raise pkcs11.exceptions.SessionHandleInvalid


def test_idle_session_that_the_token_lost_finds_the_next_key_all_the_same(
    alpha: Path, token: Token
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))
    second = public_key(alpha, "next_log")
    kept = read_token_file(alpha / "token.json")
    assert kept is not None
    session = TOKENS.session(kept)
    session.close()  # a process logs in once; what is left of it does not answer

    session._session = Lost()

    assert public_key(alpha, "next_log") == second


def test_next_key_that_the_token_does_not_hold_is_told_when_the_rotation_is_asked_for(
    alpha: Path, token: Token
) -> None:
    move_to_token(alpha, token.file("log"))
    document = json.loads((alpha / "token.json").read_text())
    document["keys"]["next_log"] = {"label": "nowhere"}
    (alpha / "token.json").write_text(json.dumps(document))

    with pytest.raises(KeyFileError, match="holds no key 'nowhere'"):
        ask_for_rotation(alpha)

    assert not is_rotation_asked_for(NodeFolder(alpha))


def test_node_that_holds_neither_file_nor_token_key_that_counts_signs_nothing(
    alpha: Path, token: Token
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))
    before = (alpha / "token.json").read_bytes()
    for _ in range(2):
        assert ask_for_rotation(alpha)
        append_rotation(alpha)
        record(alpha)
    (alpha / "token.json").write_bytes(before)

    node = open_node(alpha.parent, "alpha", opens_log=False)
    with closing(node.registry), pytest.raises(LogReadOnly, match="no file in keys/ holds the key"):
        node.registry.open_log()


def test_only_a_rotation_names_the_key_after_the_next(
    alpha: Path, token: Token, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="rotate-log-key` alone makes"):
        move_to_token(alpha, token.file("log", "after_next_log"))
    with pytest.raises(InvalidRequest, match="rotate-log-key` alone makes"):
        init_node(
            tmp_path / "delta",
            registry_name="invented.example",
            mechanism="delta",
            display_name="Delta (invented)",
            address="127.0.0.1:50051",
            token_file=token.file("log", "next_log", "after_next_log"),
        )
    assert not (tmp_path / "delta").exists()


def test_waiting_rotation_is_in_the_backup_by_the_name_of_its_key_in_the_token(
    alpha: Path, token: Token, tmp_path: Path
) -> None:
    move_to_token(alpha, token.file("log", "next_log"))
    assert ask_for_rotation(alpha)
    third = public_key(alpha, "after_next_log")
    shares = back_up_keys(alpha, tmp_path / "backup", threshold=2, count=2, now_ms=START_MS)

    restored = restore_keys(tmp_path / "new" / "alpha", read_backup(tmp_path / "backup"), shares)

    assert restored.needs_token
    assert is_rotation_asked_for(NodeFolder(tmp_path / "new" / "alpha"))
    assert public_key(tmp_path / "new" / "alpha", "after_next_log") == third
    with closing(open_node(tmp_path / "new", "alpha", opens_log=False).registry) as registry:
        assert registry.log_key.is_rotation_wanted


def test_sealed_next_key_takes_the_place_of_one_in_the_token_and_stays_sealed(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_scrypt(monkeypatch)
    with given(WORDS):
        move_to_token(alpha, token.file("log"))
        protect_keys(alpha, WORDS)
        second = public_key(alpha, "next_log")
        assert ask_for_rotation(alpha)
        append_rotation(alpha)
        record(alpha)

        assert is_sealed((alpha / "keys" / "log.key").read_bytes())
        assert public_key(alpha, "log") == second
        assert verified(alpha)


def test_command_says_when_the_log_key_leaves_the_token(alpha: Path, token: Token) -> None:
    move_to_token(alpha, token.file("log"))

    asked = RUNNER.invoke(app, ["keys", "rotate-log-key", str(alpha)])

    assert asked.exit_code == 0, asked.output
    assert "the next key is a file, so the log key is one until it is rotated once more" in (
        asked.output
    )
    append_rotation(alpha)
    record(alpha)
    again = RUNNER.invoke(app, ["keys", "rotate-log-key", str(alpha), "--json"])
    assert json.loads(again.output) == {"was_asked_for_already": False, "leaves_token": False}
    shown = RUNNER.invoke(app, ["keys", "show", str(alpha)], catch_exceptions=False).output
    assert "after_next_log.key     signs the log after the rotation after that" in shown
