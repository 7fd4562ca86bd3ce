"""Endorsing and joining the genesis roster, and everything that both refuse."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.founding import endorse, found, load_signer
from registry.application.membership.joining import join, joined
from registry.application.membership.rosters import load_roster
from registry.application.witness_guards import is_witness_guard_lost
from registry.domain.identifiers import RegistryId
from registry.errors import FolderError, InvalidRequest, KeyFileError, RegistryError, RosterError
from registry.log.roster import (
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
    registry_id_of,
)
from registry.store.guard import Guard
from tests.unit.application.federation_in_process import Ceremony, init
from tests.unit.application.founders import (
    ALPHA,
    rewrite_roster,
    roster_file,
    with_member,
)

# --- endorse --------------------------------------------------------------------------------


def test_endorsements_gather_in_the_file_once_per_member(founders: Path) -> None:
    file = roster_file(founders)
    for name in ("beta", ALPHA, ALPHA):
        endorse(founders / name, file)
    signed = decode_signed_roster(file.read_bytes())

    assert [entry.member_id for entry in signed.signatures] == [1, 2]
    assert endorse(founders / ALPHA, file) == registry_id_of(signed.roster)


def test_second_genesis_is_never_endorsed(founders: Path, tmp_path: Path) -> None:
    endorse(founders / ALPHA, roster_file(founders))
    third = init(tmp_path, "gamma")
    other = tmp_path / "other.roster"
    other.write_bytes(found([founders / ALPHA / "alpha.member", third]))
    before = other.read_bytes()

    with pytest.raises(RosterError, match="another genesis"):
        endorse(founders / ALPHA, other)

    assert other.read_bytes() == before


def test_endorsement_is_remembered_before_the_signature_leaves(
    founders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("registry.application.membership.founding.encode_signed_roster", crash)
    with pytest.raises(KeyboardInterrupt):
        endorse(founders / ALPHA, roster_file(founders))
    monkeypatch.undo()
    rewrite_roster(roster_file(founders), lambda roster: replace(roster, advisory_expiry_ms=5))

    with pytest.raises(RosterError, match="another genesis"):
        endorse(founders / ALPHA, roster_file(founders))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"identity_key": "identity"}, "identity key"),
        ({"log_key": "log"}, "log key"),
        ({"cosigner_key": "cosigner"}, "cosigner key"),
        ({"next_log_key_hash": b"h" * 32}, "next log key"),
        ({"hpke_key": b"h" * 32}, "HPKE key"),
        ({"tls_certificate": b"c"}, "TLS certificate"),
    ],
)
def test_roster_with_another_key_of_this_node_is_not_endorsed(
    founders: Path, tmp_path: Path, changes: dict[str, object], name: str
) -> None:
    init(tmp_path, ALPHA)
    foreign = NodeFolder(tmp_path / ALPHA)
    changes = {
        field: load_signer(foreign, value).public_key if isinstance(value, str) else value
        for field, value in changes.items()
    }
    rewrite_roster(roster_file(founders), with_member(**changes))
    before = roster_file(founders).read_bytes()

    with pytest.raises(RosterError, match=f"another {name}"):
        endorse(founders / ALPHA, roster_file(founders))

    assert roster_file(founders).read_bytes() == before


def test_roster_without_this_node_is_not_endorsed(founders: Path, tmp_path: Path) -> None:
    init(tmp_path, "gamma")

    with pytest.raises(RosterError, match="does not hold"):
        endorse(tmp_path / "gamma", roster_file(founders))


def test_roster_of_a_later_version_is_not_endorsed_as_a_genesis(founders: Path) -> None:
    rewrite_roster(
        roster_file(founders),
        lambda roster: replace(
            roster, version=2, prev_hash=b"p" * 32, registry_id=RegistryId(b"r" * 32)
        ),
    )

    with pytest.raises(RosterError, match="version 1"):
        endorse(founders / ALPHA, roster_file(founders))


def test_roster_file_that_is_missing_or_junk_is_refused(founders: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        endorse(founders / ALPHA, founders / "no.roster")
    (founders / "junk").write_bytes(b"\xff" * 50)
    with pytest.raises(RosterError):
        endorse(founders / ALPHA, founders / "junk")


# --- join -----------------------------------------------------------------------------------


@pytest.fixture
def signed(founders: Path) -> RegistryId:
    for name in (ALPHA, "beta"):
        registry_id = endorse(founders / name, roster_file(founders))
    return registry_id


def test_joined_node_has_an_empty_guard_and_keeps_the_roster(
    founders: Path, signed: RegistryId
) -> None:
    roster = join(founders / ALPHA, roster_file(founders), signed)
    folder = NodeFolder(founders / ALPHA)
    guard = Guard.open(folder.guard_file, folder.origin)

    assert guard.read().size == 0
    assert not is_witness_guard_lost(folder), "its key has cosigned nothing yet"
    assert load_roster(folder) == roster
    assert roster.registry_id == signed
    guard.close()


def test_roster_of_another_registry_id_is_refused(founders: Path, signed: RegistryId) -> None:
    with pytest.raises(RosterError, match="expected"):
        join(founders / ALPHA, roster_file(founders), RegistryId(b"x" * 32))

    assert not NodeFolder(founders / ALPHA).guard_file.exists()
    assert signed


def test_unsigned_founder_stops_the_joining_of_all(founders: Path) -> None:
    registry_id = endorse(founders / ALPHA, roster_file(founders))

    with pytest.raises(RosterError, match="beta"):
        join(founders / ALPHA, roster_file(founders), registry_id)


def test_signature_of_the_wrong_member_is_refused(founders: Path, signed: RegistryId) -> None:
    document = decode_signed_roster(roster_file(founders).read_bytes())
    forged = endorse_roster(
        document.roster,
        document.signatures[1].member_id,
        load_signer(NodeFolder(founders / ALPHA), "identity"),
    )
    roster_file(founders).write_bytes(
        encode_signed_roster(replace(document, signatures=(document.signatures[0], forged)))
    )

    with pytest.raises(RosterError, match="beta"):
        join(founders / ALPHA, roster_file(founders), signed)


def test_roster_changed_after_it_was_signed_is_refused(founders: Path, signed: RegistryId) -> None:
    document = decode_signed_roster(roster_file(founders).read_bytes())
    changed = encode_roster(replace(decode_roster(document.roster), advisory_expiry_ms=9))
    roster_file(founders).write_bytes(encode_signed_roster(replace(document, roster=changed)))

    with pytest.raises(RosterError, match="expected"):
        join(founders / ALPHA, roster_file(founders), signed)
    with pytest.raises(RosterError, match="signature"):
        join(founders / ALPHA, roster_file(founders), registry_id_of(changed))


def test_folder_that_has_joined_does_not_join_again(founders: Path, signed: RegistryId) -> None:
    join(founders / ALPHA, roster_file(founders), signed)

    with pytest.raises(FolderError, match="already"):
        join(founders / ALPHA, roster_file(founders), signed)


def test_folder_with_a_database_never_gets_a_fresh_guard(
    founders: Path, signed: RegistryId
) -> None:
    folder = NodeFolder(founders / ALPHA)
    folder.database.write_bytes(b"")

    with pytest.raises(FolderError, match="already"):
        join(folder.path, roster_file(founders), signed)

    assert not folder.guard_file.exists()


def test_join_that_was_cut_off_is_done_again(
    founders: Path, signed: RegistryId, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("registry.application.membership.joining.replace_file", crash)
    with pytest.raises(KeyboardInterrupt):
        join(founders / ALPHA, roster_file(founders), signed)
    monkeypatch.undo()
    with pytest.raises(FolderError, match="not joined"):
        load_roster(NodeFolder(founders / ALPHA))

    assert join(founders / ALPHA, roster_file(founders), signed).registry_id == signed


def test_folder_with_another_log_key_does_not_join(founders: Path, signed: RegistryId) -> None:
    key = founders / ALPHA / "keys" / "log.key"
    shutil.copy(founders / "beta" / "keys" / "log.key", key)

    with pytest.raises(RosterError, match="log key"):
        join(founders / ALPHA, roster_file(founders), signed)


def test_kept_roster_that_was_changed_is_refused(folder: Path, ceremony: Ceremony) -> None:
    kept = folder / ALPHA / "roster" / "1.roster"
    assert kept.read_bytes() == ceremony.roster_file.read_bytes()
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(data)

    with pytest.raises(RegistryError):
        load_roster(NodeFolder(folder / ALPHA))


def test_missing_key_is_named(folder: Path) -> None:
    (folder / ALPHA / "keys" / "log.key").unlink()

    with pytest.raises(KeyFileError, match=r"log\.key"):
        load_signer(NodeFolder(folder / ALPHA), "log")


def test_who_has_joined_is_told_how_far_it_is_and_of_which_registry(founders: Path) -> None:
    file = roster_file(founders)
    for name in (ALPHA, "beta"):
        endorse(founders / name, file)
    registry_id = registry_id_of(decode_signed_roster(file.read_bytes()).roster)
    node = founders / ALPHA
    assert joined(node, registry_id) is None
    roster = join(node, file, registry_id)

    found_here = joined(node, registry_id)
    assert found_here is not None
    assert (found_here.roster, list(found_here.held.values())) == (roster, [0])
    assert not found_here.is_first_sync, "a founder has nothing to catch up with"
    with pytest.raises(FolderError, match="another registry"):
        joined(node, RegistryId(b"o" * 32))
