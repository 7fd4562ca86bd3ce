"""Backup of keys: opened by enough shares alone, refused when anything is wrong, put back whole."""

import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.key_care import key_backup, key_restoring
from registry.application.key_care.key_backup import (
    KeptFile,
    back_up_keys,
    open_backup,
    read_backup,
)
from registry.application.key_care.key_files import read_private
from registry.application.key_care.key_restoring import Restored, restore_keys
from registry.application.key_care.node_keys import rotate_node_key
from registry.application.key_care.protecting import private_key_files, protect_keys
from registry.application.key_care.shares import OfficerShare, read_share
from registry.errors import FolderError, InvalidRequest, KeyFileError, LogReadOnly
from tests.unit.application.federation_in_process import START_MS, open_node, opening
from tests.unit.application.passphrase_world import WORDS, contents, given, quick_scrypt


@dataclass(frozen=True)
class BackedUp:
    """A node, its backup and its three shares, of which two are needed."""

    folder: Path
    file: Path
    shares: tuple[OfficerShare, ...]

    def restore(self, target: Path, *numbers: int) -> Restored:
        shares = [self.shares[number - 1] for number in numbers or (1, 3)]
        return restore_keys(target, read_backup(self.file), shares)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


def back_up(folder: Path, out: Path) -> BackedUp:
    shares = back_up_keys(folder, out, threshold=2, count=3, now_ms=START_MS)
    return BackedUp(folder, out, shares)


@pytest.fixture
def backed_up(alpha: Path, tmp_path: Path) -> BackedUp:
    return back_up(alpha, tmp_path / "alpha.backup")


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes of all files below a folder, and when each was made."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_restored_keys_are_the_same_to_the_byte_for_their_owner_alone(
    backed_up: BackedUp, tmp_path: Path
) -> None:
    target = tmp_path / "restored"

    restored = backed_up.restore(target)

    assert restored == Restored("alpha", 9, knows_what_it_signed=False, needs_token=False)
    before, after = files_of(backed_up.folder), files_of(target)
    assert {name for name in before if name.startswith("keys/")} <= set(after)
    assert all(after[name] == before[name] for name in after if name != "node.lock")
    keys = private_key_files(target / "keys")
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE((target / "keys").stat().st_mode) == 0o700


def test_guard_databases_and_locks_are_in_no_backup(backed_up: BackedUp) -> None:
    names = {file.name for file in open_backup(read_backup(backed_up.file), backed_up.shares)}

    assert names == {
        *(f"keys/{path.name}" for path in private_key_files(backed_up.folder / "keys")),
        *("alpha.member", "node.json", "tls/node.crt", "tls/client_authority.crt"),
        *("roster/1.roster", "roster/1.endorsed"),
    }


def test_no_byte_of_a_key_or_share_stands_in_the_backup(backed_up: BackedUp) -> None:
    data = backed_up.file.read_bytes()

    assert not any(key.strip() in data for key in contents(backed_up.folder).values())
    sealed = data.split(b"\n")[2]
    words = [word.encode() for share in backed_up.shares for word in share.words.split()]
    assert not any(word in sealed for word in words if len(word) > 5)
    assert stat.S_IMODE(backed_up.file.stat().st_mode) == 0o600


def test_restored_node_waits_for_the_others_before_it_appends(alpha: Path, tmp_path: Path) -> None:
    with closing(open_node(alpha.parent, "alpha").registry) as registry:
        registry.open_log()
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    shutil.rmtree(alpha)

    assert not backed_up.restore(alpha).knows_what_it_signed

    node = open_node(alpha.parent, "alpha", opens_log=False)
    with closing(node.registry), pytest.raises(LogReadOnly):
        node.record(opening())


def test_folder_that_lost_its_keys_alone_keeps_all_else(backed_up: BackedUp) -> None:
    guard = NodeFolder(backed_up.folder).guard_file.read_bytes()
    (backed_up.folder / "clients.json").write_text("{}\n")
    shutil.rmtree(backed_up.folder / "keys")

    assert backed_up.restore(backed_up.folder).knows_what_it_signed

    assert NodeFolder(backed_up.folder).guard_file.read_bytes() == guard
    assert (backed_up.folder / "clients.json").read_text() == "{}\n"
    with closing(open_node(backed_up.folder.parent, "alpha").registry):
        pass


def refused(backed_up: BackedUp, target: Path, words: str, *shares: OfficerShare) -> None:
    with pytest.raises(InvalidRequest, match=words):
        restore_keys(target, read_backup(backed_up.file), shares)
    assert not target.exists()


def test_too_few_mixed_or_doubled_shares_write_nothing(backed_up: BackedUp, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    other = back_up(backed_up.folder, tmp_path / "other.backup")
    first = backed_up.shares[0]

    refused(backed_up, target, "2 shares are needed, 0 given")
    refused(backed_up, target, "2 shares are needed, 1 given", first)
    refused(backed_up, target, "given twice", first, first)
    refused(backed_up, target, "share 2 belongs to another backup", first, other.shares[1])
    refused(backed_up, target, "belongs to another backup", *other.shares[:2])
    forged = OfficerShare(other.shares[1].words, first.set_id, 2, 2)
    refused(backed_up, target, "do not fit together", first, forged)
    both = [OfficerShare(each.words, first.set_id, each.number, 2) for each in other.shares[:2]]
    refused(backed_up, target, "do not open the file", *both)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "another file": lambda _: b"-----BEGIN PRIVATE KEY-----\n",
    "magic alone": lambda data: data[:23],
    "half of the header": lambda data: data[:60],
    "half of it": lambda data: data[: len(data) // 2 // 4 * 4],
    "last bytes missing": lambda data: data[:-8],
    "no base64": lambda data: data[:-9] + b"!" + data[-8:],
    "another header": lambda data: data.replace(b'"shares":3', b'"shares":4'),
    "more needed": lambda data: data.replace(b'"threshold":2', b'"threshold":99'),
    "later version": lambda data: data.replace(b"/v1\n", b"/v2\n"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_backup_is_refused_and_nothing_written(
    backed_up: BackedUp, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    data = backed_up.file.read_bytes()
    backed_up.file.write_bytes(damage(data))
    assert backed_up.file.read_bytes() != data

    with pytest.raises(InvalidRequest, match="is no backup of keys, or was cut short or changed"):
        backed_up.restore(tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


def test_folder_that_holds_another_key_is_refused_untouched(backed_up: BackedUp) -> None:
    key = backed_up.folder / "keys" / "log.key"
    key.write_bytes((backed_up.folder.parent / "beta" / "keys" / "log.key").read_bytes())
    (backed_up.folder / "keys" / "tls.key").unlink()
    before = files_of(backed_up.folder)

    with pytest.raises(FolderError, match=r"log\.key is another key than the backup's"):
        backed_up.restore(backed_up.folder)

    after = files_of(backed_up.folder)
    assert {name: after[name] for name in after if name != "node.lock"} == before


def test_key_that_the_backup_does_not_know_is_another_key_too(backed_up: BackedUp) -> None:
    (backed_up.folder / "keys" / "later.key").touch(0o600)

    with pytest.raises(FolderError, match=r"later\.key is another key"):
        backed_up.restore(backed_up.folder)


def test_folder_of_another_node_or_a_running_one_is_refused(backed_up: BackedUp) -> None:
    beta = backed_up.folder.parent / "beta"
    shutil.rmtree(beta / "keys")
    with pytest.raises(FolderError, match="the backup of another node"):
        backed_up.restore(beta)

    registry = open_node(backed_up.folder.parent, "alpha").registry
    with closing(registry), pytest.raises(FolderError, match="stop it first"):
        backed_up.restore(backed_up.folder)


def test_key_there_that_others_can_read_is_refused(backed_up: BackedUp) -> None:
    (backed_up.folder / "keys" / "log.key").chmod(0o640)

    with pytest.raises(KeyFileError, match="0640: chmod 600"):
        backed_up.restore(backed_up.folder)
    with pytest.raises(KeyFileError, match="0640: chmod 600"):
        back_up(backed_up.folder, backed_up.file.with_name("second"))


def test_restore_that_was_cut_short_is_done_again(
    backed_up: BackedUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, whole = tmp_path / "restored", tmp_path / "whole"
    backed_up.restore(whole)
    real = key_restoring._put
    for steps in range(len(files_of(whole))):
        left = iter(range(steps))

        def put(folder: NodeFolder, file: KeptFile) -> None:
            if next(left, None) is None:  # noqa: B023 - called within the round
                raise KeyboardInterrupt
            real(folder, file)

        with monkeypatch.context() as patch:
            patch.setattr(key_restoring, "_put", put)
            if steps < len(files_of(whole)) - 1:
                with pytest.raises(KeyboardInterrupt):
                    backed_up.restore(target)
                assert not (target / "node.json").exists()

    backed_up.restore(target)

    assert files_of(target).keys() == files_of(whole).keys()
    assert contents(target) == contents(whole)


def test_backup_of_sealed_keys_holds_the_keys_and_restores_into_any_folder(
    alpha: Path, tmp_path: Path
) -> None:
    with given(WORDS):
        protect_keys(alpha, WORDS)
        backed_up = back_up(alpha, tmp_path / "alpha.backup")
        expected = contents(alpha)
        for path in private_key_files(alpha / "keys"):
            path.unlink()
        backed_up.restore(alpha)
        assert contents(alpha) == expected
        assert (alpha / "keys" / "log.key").read_bytes().startswith(b"registry-sealed-key")
    with given(None):
        backed_up.restore(tmp_path / "restored")
        assert contents(tmp_path / "restored") == expected


def test_rotated_node_key_is_another_key_than_that_of_an_earlier_backup(
    backed_up: BackedUp,
) -> None:
    rotate_node_key(backed_up.folder)
    rotated = read_private(backed_up.folder / "keys" / "node.key")

    with pytest.raises(FolderError, match=r"node\.key is another key"):
        backed_up.restore(backed_up.folder)

    assert read_private(backed_up.folder / "keys" / "node.key") == rotated


def test_backup_is_not_written_over_a_file(backed_up: BackedUp) -> None:
    before = backed_up.file.read_bytes()

    with pytest.raises(FolderError, match="exists"):
        back_up(backed_up.folder, backed_up.file)

    assert backed_up.file.read_bytes() == before


def test_backup_that_does_not_read_back_is_told(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_backup, "open_backup", lambda *_: [])

    with pytest.raises(KeyFileError, match="disk may be failing"):
        back_up(alpha, tmp_path / "alpha.backup")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "keys/../x", "keys/", ".bashrc", "a/b/c"])
def test_backup_that_names_a_file_elsewhere_is_refused(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(key_backup, "_files_of", lambda _: iter([KeptFile(name, b"x", 0)]))
    backed_up = back_up(alpha, tmp_path / "alpha.backup")

    with pytest.raises(InvalidRequest, match="outside a node's folder"):
        backed_up.restore(tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


FROZEN_BACKUP = b"""registry-key-backup/v1
{"mechanism":"un","origin":"r/un/1","made_ms":1700000000000,"threshold":2,"shares":3,\
"set_id":16788,"salt":"f532f29636987029376bf491a7700202"}
KJ8NR2eOrFX7+l8weqWboYaX0KovhkzFPx+lOknoYUQBzphAgG0B68Bq/kLS47+dB/Z/4O0Rswi62w6SFyl0sIW03umzek47\
KdR0ZuHgNqk6vr3H1IaFY7vMJw0TYAbeBCxM8ImvRLVjBK95f/XT1hgrC19hb3ZCR9usAI1KJlviIss9XROrYii15qxST+LS\
aR7dk5bR8DlaU4EwsIiJT39g5t3nqGRShzi4Wi6fra3wW7qRXwX4UCWf
"""
FROZEN_SHARES = """
library pecan academic acid angry replace amuse evil amount become result scroll knit family \
ladybug romantic pupal chest spider escape
library pecan academic always cleanup phantom program material mustang victim energy engage huge \
salary flexible single depict grownup traffic aviation
"""


def test_frozen_backup_still_opens(tmp_path: Path) -> None:
    (tmp_path / "frozen.backup").write_bytes(FROZEN_BACKUP)

    shares = [read_share(words) for words in FROZEN_SHARES.strip().splitlines()]
    files = open_backup(read_backup(tmp_path / "frozen.backup"), shares)

    assert files == [KeptFile("keys/log.key", b"6b" * 32 + b"\n", 1_700_000_000_000_000_000)]
