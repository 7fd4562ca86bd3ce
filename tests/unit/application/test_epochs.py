"""A new epoch's keys: staged beside those of now, taken when the roster begins it, and sealed."""

import shutil
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import replace_private
from registry.application.key_care.key_rotation import ask_for_rotation, is_rotation_asked_for
from registry.application.key_care.key_sealing import is_sealed
from registry.application.key_care.protecting import protect_keys
from registry.application.key_care.tls_renewal import stage_certificate
from registry.application.key_care.token_moving import move_to_token
from registry.application.membership import epochs
from registry.application.membership.epochs import begin_epoch, settle_epoch
from registry.application.membership.founding import init_node, load_signer, own_member
from registry.application.membership.rosters import Change, adopt, load_roster, propose
from registry.domain.audience import named
from registry.errors import FolderError, InvalidRequest, RosterError
from registry.log.member import Cut
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster
from registry.store.witness_guard import WitnessGuard
from tests.unit.application.federation_in_process import open_node, opening
from tests.unit.application.passphrase_world import (
    OTHER_WORDS,
    WORDS,
    contents,
    given,
    quick_scrypt,
)
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn
from tests.unit.application.test_rosters import draft, founded, signed_by
from tests.unit.application.token_world import new_token

__all__ = ["founded"]
CUT = Cut(0, EMPTY_ROOT, "stolen")


def begun(folder: Path, name: str, file: Path, cut: Cut = CUT) -> Roster:
    """The roster begins an epoch of a member, and the member adopts it."""
    others = [each for each in ("alpha", "beta", "gamma") if each != name]
    change = Change(new_epochs={name: (file, cut)}, has_all_keys_new=True)
    second = signed_by(folder, draft(folder, "2.roster", change, by=others[0]), *others)
    adopt(folder / name, second)
    return load_roster(NodeFolder(folder / name))


@pytest.mark.parametrize("which", ["all", "those of the log"])
def test_keys_of_the_epoch_are_taken_once_the_roster_begins_it(founded: Path, which: str) -> None:
    folder, is_all = NodeFolder(founded / "alpha"), which == "all"
    before = contents(folder.path)
    file = begin_epoch(folder.path, has_all_keys_new=is_all)
    assert begin_epoch(folder.path, has_all_keys_new=is_all) == file
    assert contents(folder.path) == before
    roster = begun(founded, "alpha", file)
    own = roster.member_by_slug("alpha")
    for _ in range(2):
        settle_epoch(folder, roster)

    after = contents(folder.path)
    new = {"log.key", "next_log.key", "cosigner.key"}
    new |= {"identity.key", "hpke.key", "tls.key"} if is_all else set()
    assert {name for name in after if after[name] != before[name]} == new
    assert load_signer(folder, "log").public_key == own.log_key
    assert load_signer(folder, "identity").public_key == own.identity_key
    assert folder.origin == own.origin
    assert not (folder.path / "epoch-2").exists()
    assert not folder.guard_file.exists(), "it opens once the others have said what they hold"
    guard = WitnessGuard.open(folder.witness_file, own.cosigner_key)
    assert guard is not None, "its key has cosigned nothing yet"
    guard.close()


def test_epoch_whose_keys_are_elsewhere_is_not_taken(founded: Path) -> None:
    file = begin_epoch(founded / "alpha", has_all_keys_new=False)
    roster = begun(founded, "alpha", file)
    (founded / "alpha" / "epoch-2" / "alpha.member").unlink()

    with pytest.raises(FolderError, match="its keys are not in"):
        settle_epoch(NodeFolder(founded / "alpha"), roster)


def thieves_file(founded: Path) -> Path:
    """The file of the next epoch as a thief on its way makes it, with keys of their own."""
    return init_node(
        founded / "thief",
        registry_name="invented.example",
        mechanism="gamma",
        display_name="The gamma mechanism (invented)",
        address="127.0.0.1:50051",
        epoch=2,
    )


def test_member_file_that_was_changed_on_its_way_is_refused_by_proposer_and_by_its_node(
    founded: Path,
) -> None:
    folder = NodeFolder(founded / "gamma")
    begin_epoch(folder.path, has_all_keys_new=True)
    before, file = contents(folder.path), thieves_file(founded)
    with pytest.raises(RosterError, match="another identity key than gamma has in the roster"):
        propose(founded / "alpha", Change(new_epochs={"gamma": (file, CUT)}))
    roster = begun(founded, "gamma", file)

    for _ in range(2):
        with pytest.raises(RosterError, match=r"with other keys than those in .*epoch-2"):
            settle_epoch(folder, roster)
    assert contents(folder.path) == before
    assert folder.origin == "invented.example/gamma/1"


@pytest.mark.parametrize("taken", range(7))
def test_taking_the_keys_goes_on_after_it_was_cut_short(
    founded: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = NodeFolder(founded / "alpha")
    roster = begun(founded, "alpha", begin_epoch(folder.path, has_all_keys_new=True))
    left = iter(range(taken))

    def breaks(path: Path, data: bytes, *, time_ns: int) -> None:
        if next(left, None) is None:
            raise OSError(path)
        replace_private(path, data, time_ns=time_ns)

    with monkeypatch.context() as patched:
        patched.setattr(epochs, "replace_private", breaks)
        patched.setattr(epochs, "replace_file", lambda path, _: breaks(path, b"", time_ns=0))
        with pytest.raises(OSError, match="alpha"):
            settle_epoch(folder, roster)
    settle_epoch(folder, roster)
    assert own_member(folder, roster).epoch == 2
    assert not (folder.path / "epoch-2").exists()


def test_what_is_left_of_the_staged_keys_goes_at_the_next_start(founded: Path) -> None:
    folder = NodeFolder(founded / "alpha")
    roster = begun(founded, "alpha", begin_epoch(folder.path, has_all_keys_new=False))
    settle_epoch(folder, roster)
    left = folder.path / "epoch-2" / "keys"
    left.mkdir(parents=True)
    settle_epoch(folder, roster)

    assert not left.parent.exists()


def test_keys_of_the_epoch_are_sealed_like_those_of_now_and_no_passphrase_changes_meanwhile(
    founded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_scrypt(monkeypatch)
    folder = NodeFolder(founded / "alpha")
    with given(WORDS):
        protect_keys(folder.path, WORDS)
        file = begin_epoch(folder.path, has_all_keys_new=True)
        staged = folder.path / "epoch-2" / "keys"
        assert all(is_sealed(each.read_bytes()) for each in staged.glob("*.key"))
        with pytest.raises(InvalidRequest, match="wait for the next roster"):
            protect_keys(folder.path, OTHER_WORDS)
        roster = begun(founded, "alpha", file)
        own = roster.member_by_slug("alpha")
        settle_epoch(folder, roster)
        assert load_signer(folder, "log").public_key == own.log_key
        protect_keys(folder.path, OTHER_WORDS)
        assert contents(folder.path)["node.key"]


def test_nothing_that_was_prepared_before_the_epoch_counts_in_it(founded: Path) -> None:
    folder = NodeFolder(founded / "alpha")
    assert ask_for_rotation(folder.path)
    stage_certificate(folder.path)
    begin_epoch(folder.path, has_all_keys_new=False)
    with pytest.raises(FolderError, match="without new keys for everything"):
        begin_epoch(folder.path, has_all_keys_new=True)
    shutil.rmtree(folder.path / "epoch-2")
    roster = begun(founded, "alpha", begin_epoch(folder.path, has_all_keys_new=True))
    settle_epoch(folder, roster)

    left = {path.name for where in (folder.keys, folder.tls) for path in where.iterdir()}
    assert not left & {"after_next_log.key", "next_tls.key", "next_node.crt"}


def test_key_in_a_token_stays_there_if_it_stays_and_its_rotation_is_forgotten(
    founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = NodeFolder(founded / "alpha")
    (tmp_path / "token").mkdir()
    with new_token(tmp_path / "token", monkeypatch) as token:
        move_to_token(folder.path, token.file("identity", "log"))
        (folder.keys / "after_next_log.key").touch()
        with pytest.raises(FolderError, match="carries it out first"):
            move_to_token(folder.path, token.folder / "token.json")
        (folder.keys / "after_next_log.key").unlink()
        assert ask_for_rotation(folder.path)
        file = begin_epoch(folder.path, has_all_keys_new=False)
        roster = begun(founded, "alpha", file)
        own = roster.member_by_slug("alpha")
        settle_epoch(folder, roster)

        assert load_signer(folder, "identity").public_key == own.identity_key
        assert load_signer(folder, "log").public_key == own.log_key
        assert not is_rotation_asked_for(folder)
    assert not (folder.keys / "identity.key").exists()
    assert (folder.keys / "log.key").exists()


def test_consent_that_was_withdrawn_in_the_log_before_still_counts_when_views_are_made_anew(
    founded: Path,
) -> None:
    node = open_node(founded, "alpha")
    case_id = node.record(opening()).case_id
    wish = consent("share_with_mechanisms", "beta")
    node.record(wish, case_id, audience=named("beta"))
    node.record(naming(AYO), case_id, audience=named("beta"))
    node.record(withdrawn(), case_id)
    state = node.registry.store.log_state(node.registry.own.log_id)
    while node.registry.projector.advance().is_behind:
        pass
    node.registry.close()
    file = begin_epoch(founded / "alpha", has_all_keys_new=False)
    begun(founded, "alpha", file, Cut(state.size, state.root, "stolen"))

    for _ in range(2):
        node = open_node(founded, "alpha", opens_log=False)
        assert node.registry.own.log_id != state.log_id
        assert node.registry.consents.cases_with_withdrawals() == {case_id}
        node.registry.close()
        (founded / "alpha" / "views.db").unlink()
