"""Rotations: who holds the current key alone replaces it by no other than the announced one."""

from dataclasses import replace
from typing import Any

import pytest

from registry.domain.identifiers import NO_CASE, LogId, MemberId, RegistryId, RootHash, log_id_of
from registry.domain.vocabulary import EventKind
from registry.errors import BadKeyRotation, BadNoteSignature, LimitExceeded, MalformedEntry
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.entry import (
    INDEX_MAX,
    Audience,
    decode_header,
    encode_header,
    frame_entry,
    signed_message,
    split_entry,
)
from registry.log.facts import facts_of
from registry.log.log_keys import (
    ROTATIONS_MAX,
    LogKey,
    LogKeys,
    keys_of_member,
    make_rotation,
    verify_log_checkpoint,
)
from registry.log.member import key_hash
from registry.log.signing import Ed25519Signer
from tests.unit.log.log_world import (
    NOT_A_POINT,
    ORIGIN,
    OTHER_LOG,
    REGISTRY,
    sample_header,
    sample_member,
    signer,
)

FIRST, SECOND, THIRD, THIEF = signer(11), signer(12), signer(13), signer(99)
LOG = log_id_of(ORIGIN)
KEYS = keys_of_member(REGISTRY, sample_member(1))
PLACE = 7


def control(
    new: Ed25519Signer = SECOND,
    after: Ed25519Signer = THIRD,
    log_id: LogId = LOG,
    index: int = PLACE,
) -> bytes:
    return make_rotation(log_id, index, new, key_hash(after.public_key))


def entry(by: Ed25519Signer = FIRST, **changes: Any) -> bytes:
    """A rotation as an entry; `changes` replace fields of its header."""
    fields = {
        "index": PLACE,
        "case_id": NO_CASE,
        "kind": EventKind.KEY_ROTATED,
        "refs": (),
        "parts": (),
        "control": control(),
    }
    header = encode_header(sample_header(**{**fields, **changes}))
    return frame_entry(header, by.sign(signed_message(header)))


def rotated() -> LogKeys:
    return KEYS.learn([entry()])


def test_new_key_counts_from_the_entry_after_the_rotation_on() -> None:
    later = entry(SECOND, index=9, control=control(THIRD, signer(14), index=9))
    keys = rotated().learn([entry(), later])

    assert [keys.at(index) for index in (0, 7, 8, 9, 10, 99)] == [
        each.public_key for each in (FIRST, FIRST, SECOND, SECOND, THIRD, THIRD)
    ]


def test_note_is_signed_by_the_key_of_its_last_entry() -> None:
    keys = rotated()
    for size, right in ((0, FIRST), (8, FIRST), (9, SECOND)):
        for each in (FIRST, SECOND):
            note = sign_checkpoint(Checkpoint(ORIGIN, size, RootHash(b"r" * 32)), each)
            if each is right:
                assert verify_log_checkpoint(note, keys).size == size
            else:
                with pytest.raises(BadNoteSignature):
                    verify_log_checkpoint(note, keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"control": control(new=THIEF)},
        {"control": control(log_id=OTHER_LOG)},
        {"control": control(index=PLACE + 1)},
        {"index": INDEX_MAX, "control": control(index=INDEX_MAX)},
        {"control": control()[:-1]},
        {"control": control() + b"\x28\x01"},
        {"control": make_rotation(LOG, PLACE, SECOND, b"short")},
        {"control": control().replace(SECOND.public_key, NOT_A_POINT)},
        {"control": b""},
        {"kind": EventKind.NOTE_ADDED},
        {"case_id": sample_header().case_id},
        {"parts": sample_header().parts},
        {"audience": Audience(is_all=False, member_ids=(MemberId(1),))},
    ],
)
def test_what_is_no_rotation_has_no_effect_and_is_refused_when_it_is_shown(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(BadKeyRotation):
        KEYS.learn([entry(**changes)])
    header = sample_header(
        **{"kind": EventKind.KEY_ROTATED, "case_id": NO_CASE, "parts": (), **changes}
    )
    assert KEYS.after(facts_of(header)) is KEYS


@pytest.mark.parametrize(
    ("by", "changes"),
    [
        (THIEF, {}),
        (SECOND, {}),
        (FIRST, {"log_id": OTHER_LOG}),
        (FIRST, {"registry_id": RegistryId(b"o" * 32)}),
    ],
)
def test_rotation_that_another_key_signed_or_of_another_log_is_refused(
    by: Ed25519Signer, changes: dict[str, Any]
) -> None:
    with pytest.raises(BadKeyRotation):
        KEYS.learn([entry(by, **changes)])


def test_bytes_that_are_no_entry_and_a_key_without_its_predecessor_are_refused() -> None:
    later = entry(SECOND, index=9, control=control(THIRD, signer(14), index=9))
    for shown in (b"", b"junk", later):
        with pytest.raises(BadKeyRotation):
            KEYS.learn([shown])


def test_thief_of_the_current_key_rotates_to_no_key_of_his_own() -> None:
    keys = rotated()
    for number in range(8, 20):
        stolen = entry(SECOND, index=number, control=control(THIEF, THIEF, index=number))
        with pytest.raises(BadKeyRotation):
            keys.learn([stolen])
    assert keys.last.public_key == SECOND.public_key


def test_thief_of_a_retired_key_moves_no_rotation_and_hides_none() -> None:
    with pytest.raises(BadKeyRotation):
        KEYS.learn([entry(FIRST, index=1_000_000)])
    with pytest.raises(BadKeyRotation):
        rotated().learn([entry(FIRST, index=3, control=control(index=3))])


def test_first_thousand_rotations_have_an_effect_whoever_counts_them() -> None:
    ring = [Ed25519Signer(n.to_bytes(32, "big")) for n in range(1, ROTATIONS_MAX + 4)]
    first = LogKey(0, ring[0].public_key, key_hash(ring[1].public_key))
    again = replace(KEYS, keys=(first,))
    shown = [
        entry(ring[n], index=n, control=control(ring[n + 1], ring[n + 2], index=n))
        for n in range(ROTATIONS_MAX + 1)
    ]
    stored = again
    for each in shown:
        stored = stored.after(facts_of(decode_header(split_entry(each)[0])))

    assert len(stored.keys) == ROTATIONS_MAX + 1
    assert again.learn(shown[:-1]) == stored
    with pytest.raises(BadKeyRotation):
        stored.learn(shown[-1:])
    with pytest.raises(LimitExceeded):
        again.learn(shown)


def test_key_that_has_signed_the_log_before_has_no_second_turn() -> None:
    back = entry(SECOND, index=9, control=control(THIRD, FIRST, index=9))
    keys = rotated().learn([back])
    again = entry(THIRD, index=11, control=control(FIRST, SECOND, index=11))

    with pytest.raises(BadKeyRotation):
        keys.learn([again])


def test_rotation_with_unknown_fields_is_no_entry() -> None:
    header, signature = split_entry(entry())
    assert decode_header(header).index == PLACE
    padded = header + b"\xfa\x01\x03pad"

    with pytest.raises(MalformedEntry, match="nothing but known fields"):
        decode_header(padded)
    with pytest.raises(BadKeyRotation):
        KEYS.learn([frame_entry(padded, signature)])
