"""Fault proofs: what each kind proves, and all that proves nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from registry.domain.identifiers import RegistryId, RootHash
from registry.errors import (
    BadEntrySignature,
    BadNoteSignature,
    BadProof,
    ForeignEntry,
    MisplacedEntry,
    TryLater,
)
from registry.log.entry import frame_entry, split_entry
from registry.log.fault_proof import (
    EarlierEntry,
    FaultProof,
    TwoEntries,
    TwoHistories,
    decode_fault_proof,
    encode_fault_proof,
    invalid_entry,
    two_entries,
    two_histories,
)
from registry.log.fault_verdict import verify_fault_proof
from registry.peer_errors import UnprovenFault
from tests.faults.two_faced import (
    ROSTER,
    TwoFaced,
    entries_proof,
    forked,
    histories_proof,
    invalid_proof,
    versions_of,
    written,
)
from tests.unit.log.fault_world import (
    ONE,
    OTHER,
    PARTED,
    SIZE,
    THIEF,
    bad_signature,
    going_back,
    judged,
    ref,
    refused,
    verdict,
)
from tests.unit.log.log_world import (
    CASE,
    ORIGIN,
    OTHER_LOG,
)

# --- two histories ------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(PARTED + 1, SIZE + 1))
def test_two_histories_are_frozen_before_the_size_at_which_their_roots_differ(at: int) -> None:
    assert judged(histories_proof(ONE, OTHER, at)) == verdict(at - 1, "two_histories")
    assert judged(histories_proof(OTHER, ONE, at)) == verdict(at - 1, "two_histories")


@pytest.mark.parametrize("at", range(1, PARTED + 1))
def test_no_proof_is_made_of_what_two_histories_have_in_common(at: int) -> None:
    refused(histories_proof(ONE, OTHER, at))


def test_two_notes_of_one_size_need_no_path() -> None:
    branch = forked(ONE, SIZE - 1, SIZE)
    proof = decode_fault_proof(histories_proof(ONE, branch, SIZE))

    assert isinstance(proof.fault, TwoHistories)
    assert proof.fault.first.path == proof.fault.second.path == ()
    assert judged(encode_fault_proof(proof)) == verdict(SIZE - 1, "two_histories")


def test_first_entry_alone_may_be_what_differs() -> None:
    assert judged(histories_proof(ONE, written(3, text="x"), 1)) == verdict(0, "two_histories")


def test_shorter_log_is_no_other_history() -> None:
    refused(two_histories(ORIGIN, 4, ONE.prefix(4, 4), ONE.prefix(4, SIZE)))


def test_named_size_is_not_believed() -> None:
    proof = decode_fault_proof(histories_proof(ONE, OTHER, SIZE))
    for named in (0, PARTED, SIZE, SIZE + 1):
        refused(encode_fault_proof(proof._replace(frozen_at=named)))


def test_note_that_a_stranger_signed_proves_nothing() -> None:
    stolen = OTHER.prefix(SIZE, SIZE, by=THIEF)
    refused(two_histories(ORIGIN, SIZE, ONE.prefix(SIZE, SIZE), stolen), BadNoteSignature)


def test_path_and_root_must_lead_to_the_note() -> None:
    one, other = ONE.prefix(SIZE - 1, SIZE), OTHER.prefix(SIZE - 1, SIZE)
    for wrong in (
        other._replace(path=()),
        other._replace(path=(*other.path[:-1], bytes(32))),
        other._replace(root=OTHER.root(SIZE)),
    ):
        refused(two_histories(ORIGIN, SIZE - 1, one, wrong), BadProof)
    refused(two_histories(ORIGIN, SIZE - 1, one, other._replace(root=RootHash(other.root[:-1]))))


def test_size_zero_proves_nothing() -> None:
    fault = TwoHistories(0, ONE.prefix(1, SIZE), OTHER.prefix(1, SIZE))
    refused(encode_fault_proof(FaultProof(ORIGIN, 0, fault)))


def test_order_of_the_two_is_fixed() -> None:
    proof = decode_fault_proof(histories_proof(ONE, OTHER, SIZE))
    assert isinstance(proof.fault, TwoHistories)
    _, first, second = proof.fault
    refused(encode_fault_proof(proof._replace(fault=TwoHistories(SIZE, second, first))))


# --- two entries --------------------------------------------------------------------------------


def test_two_headers_of_one_place_freeze_there() -> None:
    assert judged(entries_proof(ONE, OTHER, PARTED + 1)) == verdict(PARTED + 1, "two_entries")


def test_one_entry_twice_or_signed_again_proves_nothing() -> None:
    same = ONE.entries[3]
    for other in (same, same[:-64] + bytes(64)):
        error = BadEntrySignature if other != same else UnprovenFault
        refused(two_entries(ORIGIN, 3, (same, other), ()), error)


def test_same_header_under_another_valid_signature_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("registry.log.fault_verdict.verify", lambda *_: True)
    header, signature = split_entry(ONE.entries[3])
    again = frame_entry(header, signature[:-1] + b"\0")
    refused(two_entries(ORIGIN, 3, (ONE.entries[3], again), ()))


def test_entries_of_two_places_prove_nothing() -> None:
    refused(two_entries(ORIGIN, 3, (ONE.entries[3], ONE.entries[4]), ()))


def test_entry_that_a_stranger_signed_proves_nothing() -> None:
    forged = ONE.fork_at(3).make("forged", by=THIEF)
    refused(two_entries(ORIGIN, 3, (ONE.entries[3], forged), ()), BadEntrySignature)


@pytest.mark.parametrize(
    "changes", [{"log_id": OTHER_LOG}, {"registry_id": RegistryId(b"\x09" * 32)}]
)
def test_entries_of_another_log_prove_nothing(changes: dict[str, Any]) -> None:
    foreign = ONE.fork_at(3).make("foreign", **changes)
    refused(two_entries(ORIGIN, 3, (ONE.entries[3], foreign), ()), ForeignEntry)


def test_order_of_two_entries_is_fixed() -> None:
    first, second = sorted((ONE.entries[PARTED], OTHER.entries[PARTED]))
    fault = TwoEntries(second, first)
    refused(encode_fault_proof(FaultProof(ORIGIN, PARTED, fault)))


# --- an entry that breaks the rules ---------------------------------------------------------------


def with_entry(entry: Callable[[TwoFaced], bytes], *, after: int = 2) -> TwoFaced:
    author = written(PARTED)
    author.add(entry(author))
    for number in range(after):
        author.write(f"after {number}")
    return author


def next_place(author: TwoFaced) -> bytes:
    return author.make("bad", index=len(author.entries) + 1)


@pytest.mark.parametrize(
    ("reason", "entry"),
    [
        ("bad_entry_signature", bad_signature),
        ("malformed_entry", lambda _: b""),
        ("misplaced_entry", next_place),
        ("foreign_entry", lambda author: author.make("bad", log_id=OTHER_LOG)),
        ("foreign_registry_entry", lambda author: author.make("bad", registry_id=bytes(32))),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 6])
def test_entry_that_is_wrong_by_itself_freezes_the_log_at_its_place(
    reason: str, entry: Callable[[TwoFaced], bytes], after: int
) -> None:
    author = with_entry(entry, after=after)
    size = len(author.entries)
    assert judged(invalid_proof(author, PARTED, size)) == verdict(PARTED, reason)


def test_entry_under_a_roster_without_its_author_freezes_the_log() -> None:
    author = with_entry(lambda author: author.make("bad", roster_version=2))
    proof = invalid_proof(author, PARTED, len(author.entries))
    newer = replace(ROSTER, version=2)
    with pytest.raises(TryLater):
        judged(proof)
    found = verify_fault_proof(proof, newer, versions_of)
    assert found == verdict(PARTED, "entry_outside_roster")
    with pytest.raises(UnprovenFault):
        verify_fault_proof(proof, newer, lambda _: range(1, 3))


def test_good_entry_proves_nothing() -> None:
    refused(invalid_proof(ONE, 3, SIZE))


def test_bad_entry_without_its_place_in_the_tree_proves_nothing() -> None:
    author = with_entry(bad_signature)
    sound = author.invalid(PARTED, len(author.entries))
    for wrong in (
        sound._replace(entry=next_place(ONE.fork_at(PARTED))),
        sound._replace(path=sound.path[:-1]),
        sound._replace(index=PARTED + 1),
    ):
        refused(invalid_entry(ORIGIN, wrong), BadProof)
    forged = author.note(len(author.entries), by=THIEF)
    refused(invalid_entry(ORIGIN, sound._replace(checkpoint=forged)), BadNoteSignature)


@pytest.mark.parametrize("field", ["refs", "roster"])
def test_entry_that_goes_back_behind_an_earlier_one_freezes_the_log_at_its_place(
    field: str,
) -> None:
    author = going_back(field)
    proof = invalid_proof(author, 4, len(author.entries), 2)
    found = verify_fault_proof(proof, replace(ROSTER, version=2), lambda _: range(1, 3))
    assert found == verdict(4, "backward_entry")


def test_order_is_judged_between_the_two_that_are_shown_only() -> None:
    author = going_back("refs")
    refused(invalid_proof(author, 4, len(author.entries), 1))
    refused(invalid_proof(author, 4, len(author.entries)))
    sound = author.invalid(4, len(author.entries), 2)
    assert sound.earlier is not None
    later = sound._replace(earlier=EarlierEntry(4, sound.entry, sound.path))
    refused(invalid_entry(ORIGIN, later), MisplacedEntry)
    moved = sound._replace(earlier=sound.earlier._replace(index=1))
    refused(invalid_entry(ORIGIN, moved), BadProof)


def test_refs_of_another_case_do_not_go_back() -> None:
    author = written(1)
    author.write("first", refs=(ref(7),))
    author.write("later", refs=(ref(6),), case_id=b"\x0f" * 16)
    refused(invalid_proof(author, 2, 3, 1))
    assert CASE != b"\x0f" * 16


def test_entry_that_is_wrong_by_itself_needs_no_other() -> None:
    author = with_entry(bad_signature)
    refused(invalid_proof(author, PARTED, len(author.entries), 1))


def test_earlier_entry_that_is_wrong_by_itself_proves_nothing_of_the_later_one() -> None:
    author = written(2)
    author.write("first", refs=(ref(7),), by=THIEF)
    author.write("later", refs=(ref(6),))
    refused(invalid_proof(author, 3, 4, 2), BadEntrySignature)
