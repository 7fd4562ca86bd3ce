"""Keys that wait, of an epoch or a rotation, are backed up and put back like all others."""

import shutil
import stat
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.key_care import key_backup, key_restoring
from registry.application.key_care.key_backup import KeptFile, back_up_keys, read_backup
from registry.application.key_care.key_files import read_private
from registry.application.key_care.key_restoring import Restored, restore_keys
from registry.application.key_care.key_rotation import ask_for_rotation, is_rotation_asked_for
from registry.application.key_care.key_sealing import is_sealed
from registry.application.key_care.protecting import private_key_files, protect_keys
from registry.application.key_care.shares import OfficerShare
from registry.application.membership.epochs import begin_epoch, settle_epoch
from registry.application.membership.founding import load_signer
from registry.errors import FolderError, InvalidRequest, KeyFileError
from registry.store.witness_guard import WitnessGuard
from registry_cli.main import app
from tests.unit.application.federation_in_process import START_MS, open_node, opening
from tests.unit.application.passphrase_world import WORDS, contents, given, quick_scrypt
from tests.unit.application.test_epochs import begun
from tests.unit.application.test_key_backup import BackedUp, back_up, files_of
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def alpha(founded: Path) -> Path:
    return founded / "alpha"


def staged_files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and times of all that an epoch's folder holds, without the mark of a restored one."""
    return {name: kept for name, kept in files_of(folder / "epoch-2").items() if name != "restored"}


@pytest.mark.parametrize("is_all", [True, False], ids=["all new", "those of the log"])
def test_machine_that_is_lost_between_staging_and_adoption_loses_no_key(
    founded: Path, alpha: Path, tmp_path: Path, *, is_all: bool
) -> None:
    file = begin_epoch(alpha, has_all_keys_new=is_all)
    member, staged = file.read_bytes(), staged_files(alpha)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    keys = contents(alpha)
    shutil.rmtree(alpha)

    restored = backed_up.restore(alpha)

    assert restored == Restored(
        "alpha", 9, knows_what_it_signed=False, needs_token=False, staged=("epoch-2",)
    )
    assert contents(alpha) == keys
    assert staged_files(alpha) == staged
    for path in private_key_files(alpha / "epoch-2" / "keys"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((alpha / "epoch-2" / "keys").stat().st_mode) == 0o700
    assert begin_epoch(alpha, has_all_keys_new=is_all).read_bytes() == member, "it made others"
    roster = begun(founded, "alpha", file)
    own = roster.member_by_slug("alpha")
    settle_epoch(NodeFolder(alpha), roster)
    for name, public_key in (("log", own.log_key), ("cosigner", own.cosigner_key)):
        assert load_signer(NodeFolder(alpha), name).public_key == public_key
    assert not (alpha / "epoch-2").exists()


def test_cosigner_key_of_an_epoch_that_was_restored_may_have_cosigned_before(
    founded: Path, alpha: Path, tmp_path: Path
) -> None:
    file = begin_epoch(alpha, has_all_keys_new=False)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    shutil.rmtree(alpha)
    backed_up.restore(alpha)
    roster = begun(founded, "alpha", file)
    own = roster.member_by_slug("alpha")

    settle_epoch(NodeFolder(alpha), roster)

    witness_file = NodeFolder(alpha).witness_file
    assert WitnessGuard.open(witness_file, own.cosigner_key) is None, "it would forget"
    node = open_node(founded, "alpha", opens_log=False)
    with closing(node.registry):
        assert node.registry.witness.is_guard_lost


def test_epoch_that_is_whole_in_the_folder_is_not_marked_and_stays(
    alpha: Path, tmp_path: Path
) -> None:
    begin_epoch(alpha, has_all_keys_new=False)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    before = files_of(alpha / "epoch-2")
    shutil.rmtree(alpha / "keys")

    backed_up.restore(alpha)

    assert files_of(alpha / "epoch-2") == before


def test_keys_of_an_epoch_are_sealed_under_the_passphrase_of_the_folder_they_come_to(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_scrypt(monkeypatch)
    with given(WORDS):
        protect_keys(alpha, WORDS)
        begin_epoch(alpha, has_all_keys_new=True)
        expected = contents(alpha / "epoch-2")
        backed_up = back_up(alpha, tmp_path / "alpha.backup")
        shutil.rmtree(alpha / "epoch-2")
        for path in private_key_files(alpha / "keys"):
            path.unlink()
        backed_up.restore(alpha)
        assert contents(alpha / "epoch-2") == expected
        files = private_key_files(alpha / "epoch-2" / "keys")
        assert all(is_sealed(path.read_bytes()) for path in files)
    with given(None):
        backed_up.restore(tmp_path / "open")
        assert contents(tmp_path / "open" / "epoch-2") == expected


def test_waiting_rotation_goes_on_where_its_key_was_restored(
    founded: Path, alpha: Path, tmp_path: Path
) -> None:
    with closing(open_node(founded, "alpha").registry):
        pass
    assert ask_for_rotation(alpha)
    second = load_signer(NodeFolder(alpha), "next_log").public_key
    third = load_signer(NodeFolder(alpha), "after_next_log").public_key
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    shutil.rmtree(alpha / "keys")

    backed_up.restore(alpha)

    assert is_rotation_asked_for(NodeFolder(alpha))
    node = open_node(founded, "alpha")
    with closing(node.registry):
        node.registry.log_key.rotate().result()
        node.registry.log_key.use()
        node.record(opening())
    assert load_signer(NodeFolder(alpha), "log").public_key == second
    assert load_signer(NodeFolder(alpha), "next_log").public_key == third


def test_backup_that_keys_change_their_places_under_is_not_written(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask_for_rotation(alpha)
    keys = NodeFolder(alpha).keys

    def settles_after(path: Path) -> bytes:
        data = read_private(path)
        if path.name == "log.key" and (keys / "after_next_log.key").exists():
            (keys / "next_log.key").replace(keys / "log.key")
            (keys / "after_next_log.key").replace(keys / "next_log.key")
        return data

    monkeypatch.setattr(key_backup, "read_private", settles_after)
    with pytest.raises(KeyFileError, match="were changed or taken away meanwhile"):
        back_up(alpha, tmp_path / "alpha.backup")
    assert not (tmp_path / "alpha.backup").exists()

    expected = {name: data for name, data in contents(alpha).items() if "log" in name}
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    backed_up.restore(tmp_path / "new")
    assert expected.items() <= contents(tmp_path / "new").items()


def test_restore_of_an_epoch_that_was_cut_short_is_done_again(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_epoch(alpha, has_all_keys_new=True)
    expected = staged_files(alpha)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    real, target = key_restoring._put, tmp_path / "new"
    steps = 0
    while not (target / "node.json").exists():
        left = iter(range(steps))

        def put(folder: NodeFolder, file: KeptFile) -> None:
            if next(left, None) is None:  # noqa: B023 - called within the round
                raise KeyboardInterrupt
            real(folder, file)
            is_staged = (folder.path / "epoch-2" / "alpha.member").exists()
            others = staged_files(folder.path).keys() >= expected.keys() - {"alpha.member"}
            assert others or not is_staged, "it would count before it is whole"

        with monkeypatch.context() as patch:
            patch.setattr(key_restoring, "_put", put)
            try:
                backed_up.restore(target)
            except KeyboardInterrupt:
                assert not (target / "node.json").exists()
        steps += 1
    assert steps > 20
    assert staged_files(target) == expected
    assert (target / "epoch-2" / "restored").exists()


def test_folder_with_other_keys_for_the_epoch_is_refused_untouched(
    alpha: Path, tmp_path: Path
) -> None:
    begin_epoch(alpha, has_all_keys_new=False)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    shutil.rmtree(alpha / "epoch-2")
    begin_epoch(alpha, has_all_keys_new=False)
    (alpha / "keys" / "tls.key").unlink()
    before = files_of(alpha)

    with pytest.raises(FolderError, match=r"epoch-2/keys/.*\.key is another key than the backup's"):
        backed_up.restore(alpha)

    after = files_of(alpha)
    assert {name: after[name] for name in after if name != "node.lock"} == before


def test_backup_of_before_the_epoch_still_restores_and_leaves_the_epoch_alone(
    alpha: Path, tmp_path: Path
) -> None:
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    begin_epoch(alpha, has_all_keys_new=False)
    before = files_of(alpha / "epoch-2")
    shutil.rmtree(alpha / "keys")

    assert backed_up.restore(alpha).staged == ()

    assert files_of(alpha / "epoch-2") == before


def test_epoch_that_was_cut_short_is_in_no_backup(alpha: Path, tmp_path: Path) -> None:
    begin_epoch(alpha, has_all_keys_new=False)
    (alpha / "epoch-2" / "alpha.member").unlink()

    backed_up = back_up(alpha, tmp_path / "alpha.backup")

    assert backed_up.restore(tmp_path / "new").staged == ()
    assert not (tmp_path / "new" / "epoch-2").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("epoch-2/../x", "epoch-2/keys/../x", "epoch-2/keys/a/b", "epoch-2/guard/guard.bin"),
        *("epoch-2/", "epoch-2/keys/", "epoch-x/keys/log.key", "epoch-0/x", "epoch-2/.x"),
    ],
)
def test_backup_that_names_a_file_beside_an_epoch_is_refused(
    alpha: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(key_backup, "_files_of", lambda _: iter([KeptFile(name, b"x", 0)]))
    backed_up = back_up(alpha, tmp_path / "alpha.backup")

    with pytest.raises(InvalidRequest, match="outside a node's folder"):
        backed_up.restore(tmp_path / "new")

    assert not (tmp_path / "new").exists()


def test_keys_of_an_epoch_that_the_roster_has_begun_with_others_are_not_taken(
    founded: Path, alpha: Path, tmp_path: Path
) -> None:
    begin_epoch(alpha, has_all_keys_new=False)
    backed_up = back_up(alpha, tmp_path / "alpha.backup")
    shutil.rmtree(alpha / "epoch-2")
    roster = begun(founded, "alpha", begin_epoch(alpha, has_all_keys_new=False))
    shutil.rmtree(alpha / "epoch-2")
    shutil.rmtree(alpha / "keys")
    backed_up.restore(alpha)
    before = contents(alpha)

    with pytest.raises(FolderError, match="are others, which were given up since"):
        settle_epoch(NodeFolder(alpha), roster)

    assert contents(alpha) == before


def test_command_says_that_keys_of_an_epoch_were_put_back(alpha: Path, tmp_path: Path) -> None:
    begin_epoch(alpha, has_all_keys_new=False)
    shares: tuple[OfficerShare, ...] = back_up_keys(
        alpha, tmp_path / "backup", threshold=2, count=2, now_ms=START_MS
    )
    assert BackedUp(alpha, tmp_path / "backup", shares).restore(tmp_path / "first", 1, 2).staged
    given_shares: list[str] = []
    for share in shares:
        path = tmp_path / f"share-{share.number}.txt"
        path.touch(0o600)
        path.write_text(share.words)
        given_shares += ["--share", str(path)]

    done = RUNNER.invoke(
        app, ["keys", "restore", str(tmp_path / "new"), str(tmp_path / "backup"), *given_shares]
    )

    assert done.exit_code == 0, done.output
    assert f"keys of this node's next log are in {tmp_path / 'new' / 'epoch-2'}" in done.output
    assert "`registry keys protect`, once those keys are taken" in done.output
    assert restore_keys(tmp_path / "new", read_backup(tmp_path / "backup"), shares).staged
