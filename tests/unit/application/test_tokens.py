"""Signing keys in a PKCS#11 token: made there, moved there, lost, locked; never shown."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass
from pkcs11.exceptions import AttributeSensitive, DeviceRemoved
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.key_care import token_moving
from registry.application.key_care.key_listing import list_keys
from registry.application.key_care.protecting import protect_keys
from registry.application.key_care.token_file import read_token_file
from registry.application.key_care.token_moving import move_to_token
from registry.application.key_care.token_session import TokenSession
from registry.application.key_care.tokens import TOKENS
from registry.application.membership.founding import (
    endorse,
    found,
    init_node,
    load_signer,
)
from registry.application.membership.joining import join
from registry.application.membership.rosters import load_roster
from registry.application.verification import verify_folder
from registry.errors import (
    FolderError,
    InvalidRequest,
    KeyFileError,
    PassphraseNeeded,
    TokenUnavailable,
    WrongPassphrase,
)
from registry.log.signing import Ed25519Signer, verify
from registry_cli.main import app
from tests.unit.application.federation_in_process import init, open_node, opening
from tests.unit.application.passphrase_world import WORDS, given, quick_scrypt
from tests.unit.application.token_world import LABEL, OTHER_PIN, PIN, Token, new_token

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
ALL = ("identity", "log", "next_log", "cosigner")


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    with new_token(tmp_path / "token", monkeypatch) as made:
        yield made


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


def record(folder: Path) -> int:
    node = open_node(folder.parent, folder.name)
    with closing(node.registry):
        node.record(opening())
        return node.registry.store.log_state(node.log_id).size


def verified(folder: Path) -> bool:
    return all(not report.findings for report in verify_folder(folder, lambda *_: None).logs)


def test_log_key_that_was_moved_signs_on_under_the_same_public_key(
    alpha: Path, token: Token
) -> None:
    record(alpha)
    public_key = load_signer(NodeFolder(alpha), "log").public_key

    assert move_to_token(alpha, token.file("log")) == ["log.key"]

    assert not (alpha / "keys" / "log.key").exists()
    signer = load_signer(NodeFolder(alpha), "log")
    assert not isinstance(signer, Ed25519Signer)
    assert signer.public_key == public_key == load_roster(NodeFolder(alpha)).members[0].log_key
    assert repr(signer) == f"TokenSigner(public_key={public_key.hex()})"
    assert record(alpha) == 2
    assert verified(alpha)


def test_signatures_of_token_and_file_are_the_same_bytes(alpha: Path, token: Token) -> None:
    before = load_signer(NodeFolder(alpha), "identity")
    move_to_token(alpha, token.file("identity"))

    after = load_signer(NodeFolder(alpha), "identity")

    assert after.sign(b"a roster") == before.sign(b"a roster")


def test_key_in_the_token_does_not_come_out(alpha: Path, token: Token) -> None:
    move_to_token(alpha, token.file("log"))
    TOKENS.forget()

    with pkcs11.lib(token.module).get_token(token_label=LABEL).open(user_pin=PIN) as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="alpha log")
        assert key[Attribute.EXTRACTABLE] is False
        with pytest.raises(AttributeSensitive):
            key[Attribute.VALUE]


def test_node_whose_signing_keys_never_were_files_founds_joins_and_records(
    tmp_path: Path, token: Token
) -> None:
    init_node(
        tmp_path / "delta",
        registry_name="invented.example",
        mechanism="delta",
        display_name="Delta (invented)",
        address="127.0.0.1:50051",
        token_file=token.file(*ALL, label="delta"),
    )
    roster_file = tmp_path / "genesis.roster"
    roster_file.write_bytes(found([tmp_path / "delta" / "delta.member", init(tmp_path, "beta")]))
    for name in ("delta", "beta"):
        registry_id = endorse(tmp_path / name, roster_file)
    join(tmp_path / "delta", roster_file, registry_id)

    assert record(tmp_path / "delta") == 1
    assert verified(tmp_path / "delta")
    files = {path.stem for path in (tmp_path / "delta" / "keys").iterdir()}
    assert not files & set(ALL)
    reports = {each.name: each.protection for each in list_keys(tmp_path / "delta")}
    assert {name for name, kept in reports.items() if kept == "pkcs11"} == {
        f"{name}.key" for name in ALL
    }


def test_sealed_keys_are_moved_too(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_scrypt(monkeypatch)
    with given(WORDS):
        protect_keys(alpha, WORDS)
        move_to_token(alpha, token.file("log", "next_log"))
        assert record(alpha) == 1


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it."""


def test_move_that_was_cut_short_is_done_again(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {name: load_signer(NodeFolder(alpha), name).public_key for name in ALL}
    file = token.file(*ALL)
    steps = [
        (TokenSession, "take_over"),
        (TokenSession, "signer"),
        (token_moving, "replace_file"),
        (token_moving, "sync_folder"),
    ]
    for where, what in steps:
        with monkeypatch.context() as patch:
            patch.setattr(where, what, crash)
            with pytest.raises(Crash):
                move_to_token(alpha, file)
        if what != "sync_folder":
            assert (alpha / "keys" / "log.key").exists()
        for name in ALL:
            assert load_signer(NodeFolder(alpha), name).public_key == public[name]

    assert move_to_token(alpha, file) == []
    assert record(alpha) == 1


def crash(*_: object) -> None:
    raise Crash


def test_half_of_a_key_in_the_token_is_made_whole(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_key = load_signer(NodeFolder(alpha), "log").public_key
    file = token.file("log")
    kept = read_token_file(file)
    assert kept is not None
    session = TOKENS.session(kept)
    real = session._session

    class OneObject:
        """Takes one object and is gone."""

        def get_key(self, **wanted: object) -> object:
            return real.get_key(**wanted)

        def create_object(self, attributes: dict[Attribute, object]) -> None:
            real.create_object(attributes)
            raise Crash

    monkeypatch.setattr(session, "_session", OneObject())
    with pytest.raises(Crash):
        move_to_token(alpha, file)
    monkeypatch.setattr(session, "_session", real)

    move_to_token(alpha, file)

    assert load_signer(NodeFolder(alpha), "log").public_key == public_key


def test_another_key_under_the_label_is_not_touched(alpha: Path, token: Token) -> None:
    file = token.file("log")
    move_to_token(alpha.parent / "beta", file)

    with pytest.raises(KeyFileError, match="another key under 'alpha log'"):
        move_to_token(alpha, file)

    assert (alpha / "keys" / "log.key").exists()
    assert not (alpha / "token.json").exists()
    assert record(alpha.parent / "beta") == 1


def test_a_second_token_a_running_node_and_no_file_are_refused(alpha: Path, token: Token) -> None:
    with pytest.raises(InvalidRequest, match="there is no token file"):
        move_to_token(alpha, alpha / "nothing.json")
    registry = open_node(alpha.parent, "alpha").registry
    with closing(registry), pytest.raises(FolderError, match="stop it first"):
        move_to_token(alpha, token.file("log"))
    move_to_token(alpha, token.file("log"))
    with pytest.raises(FolderError, match="names a token already"):
        move_to_token(alpha, token.file("log", "identity"))


def test_wrong_pin_is_told_and_not_shown(alpha: Path, token: Token) -> None:
    move_to_token(alpha, token.file("log"))
    TOKENS.forget()
    TOKENS.ask_by(lambda _: OTHER_PIN)

    with pytest.raises(WrongPassphrase, match=r"\(PinIncorrect\): tokens lock") as caught:
        load_signer(NodeFolder(alpha), "log")

    assert OTHER_PIN not in str(caught.value)


def test_missing_pin_is_told_with_where_to_put_it(alpha: Path, token: Token) -> None:
    move_to_token(alpha, token.file("log"))
    TOKENS.forget()
    TOKENS.ask_by(TOKENS._nobody)

    with pytest.raises(PassphraseNeeded, match="REGISTRY_TOKEN_PIN_FILE"):
        load_signer(NodeFolder(alpha), "log")


def test_pin_file_is_for_its_owner_alone(alpha: Path, token: Token) -> None:
    pin = token.folder / "pin"
    move_to_token(alpha, token.file("log", pin_file=str(pin)))
    TOKENS.forget()
    TOKENS.ask_by(TOKENS._nobody)
    assert load_signer(NodeFolder(alpha), "log").sign(b"x")

    TOKENS.forget()
    pin.chmod(0o640)
    with pytest.raises(KeyFileError, match="0640: chmod 600"):
        load_signer(NodeFolder(alpha), "log")


def test_token_or_key_that_is_not_there_is_told(alpha: Path, token: Token) -> None:
    shutil.copy(token.file("log", named="another"), alpha / "token.json")
    with pytest.raises(TokenUnavailable, match="no token named another"):
        load_signer(NodeFolder(alpha), "log")
    shutil.copy(token.file("log"), alpha / "token.json")
    with pytest.raises(KeyFileError, match="holds no key 'alpha log'"):
        load_signer(NodeFolder(alpha), "log")
    assert token_is_untouched(token)


def token_is_untouched(token: Token) -> bool:
    TOKENS.forget()
    return token.is_empty()


@pytest.mark.parametrize("module", ["/nowhere/token.so", "/etc/hosts"])
def test_library_that_is_none_is_told(alpha: Path, token: Token, module: str) -> None:
    shutil.copy(token.file("log", module=module), alpha / "token.json")

    with pytest.raises(KeyFileError, match="no PKCS#11 library"):
        load_signer(NodeFolder(alpha), "log")


def test_folder_with_a_token_says_which_extra_is_missing(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(token.file("log"), alpha / "token.json")
    monkeypatch.setitem(sys.modules, "registry.application.key_care.token_session", None)

    with pytest.raises(KeyFileError, match=r"\[pkcs11\]"):
        load_signer(NodeFolder(alpha), "log")


def test_session_that_the_token_lost_is_opened_anew(alpha: Path, token: Token) -> None:
    move_to_token(alpha, token.file("log"))
    signer = load_signer(NodeFolder(alpha), "log")
    kept = read_token_file(alpha / "token.json")
    assert kept is not None

    TOKENS.session(kept)._session.close()  # as when somebody pulls it out and puts it back

    assert verify(signer.public_key, b"entry", signer.sign(b"entry"))


def test_token_that_is_gone_refuses_appends_and_the_log_goes_on_when_it_is_back(
    alpha: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_token(alpha, token.file("log"))
    node = open_node(alpha.parent, "alpha")
    with closing(node.registry):
        with monkeypatch.context() as patch:

            def gone(*_: object) -> bytes:
                raise DeviceRemoved

            patch.setattr(TokenSession, "_sign", gone)
            with pytest.raises(TokenUnavailable, match="DeviceRemoved"):
                node.record(opening())
        assert node.registry.store.log_state(node.log_id).size == 0
        node.record(opening())
        assert node.registry.store.log_state(node.log_id).size == 1
    assert verified(alpha)


MALFORMED = {
    "no JSON": "{",
    "no keys": json.dumps({"module": "x", "token_label": "y", "keys": {}}),
    "another key": json.dumps({"module": "x", "token_label": "y", "keys": {"tls": {"label": "z"}}}),
    "a PIN in it": json.dumps(
        {"module": "x", "token_label": "y", "keys": {"log": {"label": "z"}}, "pin": "1234"}
    ),
    "odd id": json.dumps(
        {"module": "x", "token_label": "y", "keys": {"log": {"label": "z", "id": "abc"}}}
    ),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_token_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "token.json").write_text(text)

    with pytest.raises(KeyFileError, match="is no token file") as caught:
        read_token_file(tmp_path / "token.json")

    assert "1234" not in str(caught.value)


def test_token_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    path.write_text('{"module": "x", "token_label": "y", "keys": {"log": {"label": "z"}}}')
    path.chmod(0o664)

    with pytest.raises(KeyFileError, match="0664"):
        read_token_file(path)
    with pytest.raises(KeyFileError, match="cannot read"):
        read_token_file(tmp_path)


def test_keys_are_moved_and_shown_on_the_command_line(alpha: Path, token: Token) -> None:
    moved = RUNNER.invoke(app, ["keys", "move-to-token", str(alpha), str(token.file("log"))])
    assert moved.exit_code == 0, moved.output
    assert "their files deleted: log.key" in moved.output

    shown = RUNNER.invoke(app, ["keys", "show", str(alpha)], catch_exceptions=False).output
    assert "log.key                signs this node's log (Ed25519)" in shown
    assert "in the token, since" in shown
    assert "protect` again" not in shown

    out, shares = str(alpha.parent / "backup"), str(alpha.parent / "shares")
    numbers = ["--threshold", "2", "--shares", "2", "--shares-to", shares]
    backed_up = RUNNER.invoke(app, ["keys", "backup", str(alpha), out, *numbers])
    assert "keys in the token are not in it" in backed_up.output
    given_shares = [part for n in (1, 2) for part in ("--share", f"{shares}/share-{n}.txt")]
    restored = RUNNER.invoke(
        app, ["keys", "restore", str(alpha.parent / "new"), out, *given_shares]
    )
    assert restored.exit_code == 0, restored.output
    assert "the node needs that token" in restored.output
    assert (alpha.parent / "new" / "token.json").exists()
