"""Making a node's keys and joining member files into a genesis roster; what both refuse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.founding import (
    found,
    init_node,
    load_signer,
)
from registry.errors import FolderError, InvalidRequest, RosterError
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import (
    Cut,
    MemberStatus,
    decode_roster,
    decode_signed_roster,
    make_member_file,
)
from tests.unit.application.federation_in_process import REGISTRY_NAME, init
from tests.unit.application.founders import ALPHA, member_of

# --- init -----------------------------------------------------------------------------------


def test_member_file_holds_the_public_half_of_the_folder_and_no_secret(founders: Path) -> None:
    member = member_of(founders)
    folder = NodeFolder(founders / ALPHA)
    data = (folder.path / "alpha.member").read_bytes()

    assert member.origin == folder.origin == f"{REGISTRY_NAME}/alpha/1"
    assert member.log_key == load_signer(folder, "log").public_key
    assert member.identity_key == load_signer(folder, "identity").public_key
    for key in folder.keys.glob("*.key"):
        text = key.read_text().strip()
        secret = text.encode() if "PRIVATE" in text else bytes.fromhex(text)
        assert secret not in data


def test_every_key_and_secret_is_made_afresh_and_read_by_the_owner_alone(founders: Path) -> None:
    files = [path for name in (ALPHA, "beta") for path in (founders / name / "keys").iterdir()]

    assert len(files) == 18
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len({path.read_bytes() for path in files}) == len(files)
    assert (founders / ALPHA / "keys").stat().st_mode & 0o777 == 0o700


def test_folder_of_a_node_is_not_initialised_again(founders: Path) -> None:
    before = {p: p.read_bytes() for p in (founders / ALPHA).rglob("*") if p.is_file()}

    with pytest.raises(FolderError, match="already"):
        init(founders, ALPHA)

    assert {p: p.read_bytes() for p in (founders / ALPHA).rglob("*") if p.is_file()} == before


def test_keys_of_an_init_that_was_cut_off_are_not_overwritten(founders: Path) -> None:
    (founders / ALPHA / "node.json").unlink()
    before = (founders / ALPHA / "keys" / "identity.key").read_bytes()

    with pytest.raises(FolderError, match="never overwritten"):
        init(founders, ALPHA)

    assert (founders / ALPHA / "keys" / "identity.key").read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registry_name", "Has Spaces"),
        ("registry_name", "a/b"),
        ("mechanism", ""),
        ("mechanism", "Alpha"),
        ("mechanism", "../alpha"),
        ("display_name", ""),
        ("display_name", "x" * 201),
        ("display_name", "two\nlines"),
        ("address", "host"),
        ("address", ":50051"),
        ("address", "host:"),
        ("address", "host:0"),
        ("address", "host:65536"),
        ("address", "host:²"),
        ("address", "host:" + "9" * 5000),
        ("address", "two words:1"),
        ("address", "line\nbreak:1"),
        ("address", "h" * 300 + ":1"),
    ],
)
def test_malformed_word_is_refused_before_anything_is_written(
    tmp_path: Path, field: str, value: str
) -> None:
    words: dict[str, Any] = {
        "registry_name": REGISTRY_NAME,
        "mechanism": ALPHA,
        "display_name": "Alpha",
        "address": "[::1]:50051",
    }

    with pytest.raises(InvalidRequest):
        init_node(tmp_path / "node", **(words | {field: value}))

    assert not (tmp_path / "node").exists()


# --- found ----------------------------------------------------------------------------------


def test_genesis_gives_members_their_numbers_in_order_and_a_majority(founders: Path) -> None:
    files = [founders / name / f"{name}.member" for name in ("beta", ALPHA)]
    roster = decode_roster(decode_signed_roster(found(files)).roster)

    assert [(member.id, member.slug) for member in roster.members] == [(1, "beta"), (2, "alpha")]
    assert (roster.version, roster.threshold, roster.registry_id, roster.prev_hash) == (
        1,
        2,
        b"",
        b"",
    )


@pytest.mark.parametrize("threshold", [-1, 0, 1, 3])
def test_threshold_out_of_range_is_refused(founders: Path, threshold: int) -> None:
    files = [founders / name / f"{name}.member" for name in (ALPHA, "beta")]

    with pytest.raises(RosterError, match="threshold"):
        found(files, threshold=threshold)


def test_registry_of_one_is_refused(founders: Path) -> None:
    with pytest.raises(InvalidRequest, match="two or more"):
        found([founders / ALPHA / "alpha.member"])
    with pytest.raises(InvalidRequest, match="two or more"):
        found([])


def test_two_founders_with_one_name_are_refused(founders: Path, tmp_path: Path) -> None:
    double = init(tmp_path / "elsewhere", ALPHA)

    with pytest.raises(RosterError, match="slug"):
        found([founders / ALPHA / "alpha.member", double])


def test_founder_named_twice_is_refused(founders: Path) -> None:
    with pytest.raises(RosterError, match="two members"):
        found([founders / ALPHA / "alpha.member"] * 2)


def test_founders_of_different_registries_are_refused(founders: Path, tmp_path: Path) -> None:
    stranger = init(tmp_path, "gamma", registry_name="other.example")

    with pytest.raises(InvalidRequest, match="one name"):
        found([founders / ALPHA / "alpha.member", stranger])


@pytest.mark.parametrize("proof", ["identity", "log", "cosigner"])
def test_member_file_with_a_bad_proof_is_refused(founders: Path, proof: str) -> None:
    folder, file = NodeFolder(founders / ALPHA), founders / ALPHA / "alpha.member"
    signers = {name: load_signer(folder, name) for name in ("identity", "log", "cosigner")}
    signers[proof] = load_signer(NodeFolder(founders / "beta"), proof)
    file.write_bytes(make_member_file(member_of(founders), **signers))

    with pytest.raises(RosterError, match=f"{proof} key"):
        found([file, founders / "beta" / "beta.member"])


def test_member_file_that_was_changed_on_its_way_is_refused(founders: Path) -> None:
    file = founders / ALPHA / "alpha.member"
    file.write_bytes(file.read_bytes().replace(b"127.0.0.1:50051", b"127.0.0.2:50051"))

    with pytest.raises(RosterError, match="proof"):
        found([file, founders / "beta" / "beta.member"])


@pytest.mark.parametrize(
    "changes",
    [
        {"status": MemberStatus.REMOVED},
        {"cut": Cut(5, EMPTY_ROOT, "stale")},
    ],
)
def test_founder_that_calls_itself_removed_or_cut_is_refused(
    founders: Path, changes: dict[str, object]
) -> None:
    folder, file = NodeFolder(founders / ALPHA), founders / ALPHA / "alpha.member"
    signers = {name: load_signer(folder, name) for name in ("identity", "log", "cosigner")}
    member = replace(member_of(founders), **changes)  # type: ignore[arg-type] # as the table says
    file.write_bytes(make_member_file(member, **signers))

    with pytest.raises(RosterError, match="cannot found"):
        found([file, founders / "beta" / "beta.member"])


def test_file_that_is_missing_or_no_member_file_is_refused(founders: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        found([founders / "nobody.member"])
    (founders / "junk").write_bytes(b"\xff" * 50)
    with pytest.raises(RosterError, match="no member file"):
        found([founders / "junk"])
