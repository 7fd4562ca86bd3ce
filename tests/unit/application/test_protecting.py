"""Keys under a passphrase: set, changed, removed, cut short at every step; wrong, lost, damaged."""

import json
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from registry.application.clients import add_client
from registry.application.folder import NodeFolder
from registry.application.key_care import private_files
from registry.application.key_care.node_keys import node_key_id, rotate_node_key
from registry.application.key_care.passphrases import UNLOCKED
from registry.application.key_care.protecting import (
    private_key_files,
    protect_keys,
    unprotect_keys,
)
from registry.application.membership.founding import init_node, load_signer
from registry.errors import (
    FolderError,
    InvalidRequest,
    KeyFileError,
    PassphraseNeeded,
    WrongPassphrase,
)
from registry_cli.main import app
from tests.unit.application.federation_in_process import open_node, opening
from tests.unit.application.passphrase_world import (
    OTHER_WORDS,
    WORDS,
    contents,
    given,
    quick_scrypt,
)

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
KEY_FILES = {
    *("client_authority.key", "cosigner.key", "hpke.key", "identity.key", "log.key"),
    *("next_log.key", "node.key", "request.secret", "tls.key"),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


@pytest.fixture
def sealed(alpha: Path) -> Path:
    """A founded node whose keys are sealed under WORDS."""
    with given(None):
        protect_keys(alpha, WORDS)
    return alpha


def record_one(folder: Path) -> None:
    node = open_node(folder.parent, folder.name)
    with closing(node.registry):
        node.record(opening())


def test_sealed_keys_are_the_same_keys_and_no_byte_of_them_is_on_disk(alpha: Path) -> None:
    before = contents(alpha)
    times = {path.name: path.stat().st_mtime_ns for path in private_key_files(alpha / "keys")}

    with given(None):
        assert protect_keys(alpha, WORDS) == len(KEY_FILES)

    assert set(before) == KEY_FILES
    with given(WORDS) as asked:
        assert contents(alpha) == before
    assert asked == [str(alpha / "keys")]
    on_disk = b"".join(path.read_bytes() for path in (alpha / "keys").iterdir())
    assert not any(
        line in on_disk for data in before.values() for line in data.split(b"\n") if line
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in (alpha / "keys").iterdir()} == {0o600}
    assert times == {
        path.name: path.stat().st_mtime_ns for path in private_key_files(alpha / "keys")
    }


def test_sealed_node_opens_records_adds_clients_and_rotates_its_node_key(
    sealed: Path, tmp_path: Path
) -> None:
    with given(WORDS):
        record_one(sealed)
        add_client(sealed, "ada", tmp_path / "profile")
        before = node_key_id(sealed)
        rotate_node_key(sealed)
        assert node_key_id(sealed) != before
        record_one(sealed)

    assert (sealed / "keys" / "node.key").read_bytes().startswith(b"registry-sealed-key/v1\n")
    assert (tmp_path / "profile" / "client.key").read_bytes().startswith(b"-----BEGIN")


def test_sealed_keys_are_not_read_without_a_passphrase(sealed: Path) -> None:
    with given(None), pytest.raises(PassphraseNeeded, match="REGISTRY_PASSPHRASE_FILE"):
        load_signer(NodeFolder(sealed), "log")
    with given(None), pytest.raises(PassphraseNeeded):
        open_node(sealed.parent, "alpha")


def test_wrong_passphrase_is_told_and_not_shown(sealed: Path) -> None:
    with given(OTHER_WORDS), pytest.raises(WrongPassphrase) as caught:
        contents(sealed)

    assert "another one" in str(caught.value)
    assert OTHER_WORDS not in str(caught.value)
    assert isinstance(caught.value, KeyFileError)


def test_the_same_letters_typed_on_another_keyboard_are_the_same_passphrase(alpha: Path) -> None:
    with given(None):
        protect_keys(alpha, "caf\u00e9 harbour lamp")

    with given("cafe\u0301 harbour lamp"):
        assert set(contents(alpha)) == KEY_FILES


def test_changed_passphrase_opens_and_the_one_of_before_does_not(sealed: Path) -> None:
    with given(WORDS):
        before = contents(sealed)
        on_disk = (sealed / "keys" / "log.key").read_bytes()
        earlier_cover = (sealed / "keys" / "passphrase.json").read_bytes()
        protect_keys(sealed, OTHER_WORDS)

    with given(OTHER_WORDS):
        assert contents(sealed) == before
    with given(WORDS), pytest.raises(WrongPassphrase):
        contents(sealed)
    # A copy of the earlier passphrase.json does not open what is written from now on.
    assert (sealed / "keys" / "log.key").read_bytes() != on_disk
    (sealed / "keys" / "passphrase.json").write_bytes(earlier_cover)
    with given(WORDS), pytest.raises(KeyFileError, match=r"sealed and does not open"):
        contents(sealed)


def test_removed_passphrase_leaves_the_keys_as_they_were(alpha: Path) -> None:
    files = {path.name: path.read_bytes() for path in (alpha / "keys").iterdir()}
    with given(WORDS):
        protect_keys(alpha, WORDS)
        assert unprotect_keys(alpha) == len(KEY_FILES)

    assert {path.name: path.read_bytes() for path in (alpha / "keys").iterdir()} == files
    with pytest.raises(InvalidRequest, match="no passphrase"):
        unprotect_keys(alpha)


def test_key_that_others_can_read_stops_the_change_before_anything_is_written(alpha: Path) -> None:
    (alpha / "keys" / "tls.key").chmod(0o640)
    before = {path: path.read_bytes() for path in (alpha / "keys").iterdir()}

    with given(None), pytest.raises(KeyFileError, match="0640: chmod 600"):
        protect_keys(alpha, WORDS)

    assert {path: path.read_bytes() for path in (alpha / "keys").iterdir()} == before


@pytest.mark.parametrize("name", ["log.key", "passphrase.json"])
def test_sealed_file_that_others_can_read_is_refused(sealed: Path, name: str) -> None:
    (sealed / "keys" / name).chmod(0o604)

    with given(WORDS), pytest.raises(KeyFileError, match="0604: chmod 600"):
        contents(sealed)


@pytest.mark.parametrize("kept", range(0, 147, 7))
def test_sealed_key_that_was_cut_short_is_refused(sealed: Path, kept: int) -> None:
    path = sealed / "keys" / "log.key"
    path.write_bytes(path.read_bytes()[:kept])

    with given(WORDS), pytest.raises(KeyFileError, match=r"log\.key"):
        load_signer(NodeFolder(sealed), "log")


def test_sealed_key_with_another_byte_is_refused(sealed: Path) -> None:
    path = sealed / "keys" / "log.key"
    data = bytearray(path.read_bytes())
    data[60] = ord("A") if data[60] != ord("A") else ord("B")
    path.write_bytes(data)

    with given(WORDS), pytest.raises(KeyFileError, match="cut short or changed"):
        load_signer(NodeFolder(sealed), "log")


def test_key_of_another_sealed_folder_is_refused(sealed: Path) -> None:
    beta = sealed.parent / "beta"
    with given(None):
        protect_keys(beta, WORDS)
    (sealed / "keys" / "log.key").write_bytes((beta / "keys" / "log.key").read_bytes())

    with given(WORDS), pytest.raises(KeyFileError, match="belongs to another folder"):
        load_signer(NodeFolder(sealed), "log")


DAMAGES: dict[str, Callable[[dict[str, object]], object]] = {
    "half": lambda cover: json.dumps(cover)[:40],
    "empty": lambda _: "",
    "later version": lambda cover: json.dumps({**cover, "version": 2}),
    "all memory": lambda cover: json.dumps({**cover, "n": 2**40}),
    "no power of two": lambda cover: json.dumps({**cover, "n": 17}),
    "no hexadecimal": lambda cover: json.dumps({**cover, "salt": "zz"}),
    "list": lambda _: "[]",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_passphrase_file_is_told(
    sealed: Path, damage: Callable[[dict[str, object]], str]
) -> None:
    path = sealed / "keys" / "passphrase.json"
    path.write_text(damage(json.loads(path.read_text())))

    with given(WORDS), pytest.raises(KeyFileError, match=r"passphrase\.json is damaged"):
        contents(sealed)


def test_missing_passphrase_file_is_told(sealed: Path) -> None:
    (sealed / "keys" / "passphrase.json").unlink()

    with given(WORDS), pytest.raises(KeyFileError, match=r"passphrase\.json is missing"):
        contents(sealed)


@pytest.mark.parametrize("words", ["", "eleven char", "x" * 4096, "two lines of\nmany words"])
def test_passphrase_that_is_too_short_or_no_line_is_refused(alpha: Path, words: str) -> None:
    with pytest.raises(InvalidRequest, match="12 characters or more"):
        protect_keys(alpha, words)

    assert not (alpha / "keys" / "passphrase.json").exists()


def test_keys_of_a_running_node_are_left_alone(alpha: Path) -> None:
    with closing(open_node(alpha.parent, "alpha").registry):
        with pytest.raises(FolderError, match="stop it first"):
            protect_keys(alpha, WORDS)
        with pytest.raises(FolderError, match="stop it first"):
            unprotect_keys(alpha)


def test_keys_of_a_new_node_are_never_written_in_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    real = private_files._write_draft

    def note(path: Path, data: bytes) -> Path:
        written.append(data)
        return real(path, data)

    monkeypatch.setattr(private_files, "_write_draft", note)
    with given(None):
        init_node(
            tmp_path / "delta",
            registry_name="invented.example",
            mechanism="delta",
            display_name="Delta (invented)",
            address="127.0.0.1:50051",
            passphrase=WORDS,
        )

    with given(WORDS):
        assert set(contents(tmp_path / "delta")) == KEY_FILES
    assert all(data.startswith((b"registry-sealed-key/v1\n", b"{")) for data in written)
    assert len(written) == len(KEY_FILES) + 1


def passphrase_file(folder: Path, words: str) -> Path:
    path = folder / "words"
    path.unlink(missing_ok=True)
    private_files.write_owned(path, words.encode() + b"\n")
    return path


def test_passphrase_is_set_changed_and_removed_on_the_command_line(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ("keys", "protect", str(alpha), "--new-passphrase-file")
    UNLOCKED.forget()
    done = RUNNER.invoke(app, [*new, str(passphrase_file(tmp_path, WORDS))])
    assert done.exit_code == 0
    assert "9 key files are sealed" in done.output
    assert WORDS not in done.output

    UNLOCKED.forget()
    (tmp_path / "other").mkdir()
    other = passphrase_file(tmp_path / "other", OTHER_WORDS)
    refused = RUNNER.invoke(app, [*new, str(other)])
    assert isinstance(refused.exception, PassphraseNeeded)

    monkeypatch.setenv("REGISTRY_PASSPHRASE_FILE", str(tmp_path / "words"))
    assert RUNNER.invoke(app, [*new, str(other)]).exit_code == 0
    UNLOCKED.forget()
    refused = RUNNER.invoke(app, ["keys", "protect", str(alpha), "--remove"])
    assert isinstance(refused.exception, WrongPassphrase)

    monkeypatch.setenv("REGISTRY_PASSPHRASE_FILE", str(other))
    removed = RUNNER.invoke(app, ["keys", "protect", str(alpha), "--remove", "--json"])
    assert json.loads(removed.output) == {"key_files": 9, "is_protected": False}
    assert set(contents(alpha)) == KEY_FILES


def test_new_passphrase_is_asked_for_on_a_terminal_or_named_by_a_file(alpha: Path) -> None:
    refused = RUNNER.invoke(app, ["keys", "protect", str(alpha)])

    assert isinstance(refused.exception, InvalidRequest)
    assert "--new-passphrase-file" in str(refused.exception)
