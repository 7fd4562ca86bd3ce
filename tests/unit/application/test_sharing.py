"""Which parts leave a node: every rule, and the attacks that each rule stops."""

import dataclasses
from collections.abc import Sequence

import pytest

from registry.application.sharing import SLICE_BYTES, PartKey, sharable_parts
from registry.domain.identifiers import Commitment, LogId, RequestKey
from registry.domain.vocabulary import EventKind
from registry.errors import CorruptDatabase
from registry.log.author import PartDraft, draft_event
from registry.log.entry import ALL_MEMBERS, PartCommitment, decode_header, split_entry
from registry.log.roster import MemberStatus
from registry.store.chunks import LARGE_PART_BYTES
from registry.store.values import AppendRequest, HeldPart
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    carry_entries,
    carry_parts,
    opening,
    statement,
    wanted_parts,
)


def commitments(node: Node) -> dict[PartKey, Commitment]:
    """Every part of a node's own log, as someone asks who has read the headers."""
    store = node.registry.store
    entries = store.entries(node.log_id, 0, store.log_state(node.log_id).size)
    headers = [decode_header(split_entry(entry)[0]) for entry in entries]
    return {
        (node.log_id, index, ordinal): part.commitment
        for index, header in enumerate(headers)
        for ordinal, part in enumerate(header.parts)
    }


def given(source: Node, target: Node, wanted: dict[PartKey, Commitment]) -> list[PartKey]:
    parts = source.registry.parts_for(target.registry.own, wanted)
    return [(part.log_id, part.index, part.ordinal) for part in parts]


def write(
    node: Node, *parts: PartDraft, copied: tuple[PartCommitment, ...] = ()
) -> dict[PartKey, Commitment]:
    """Writes an event past the application's rules; returns what may be asked of it."""
    draft = draft_event(
        log_id=node.log_id,
        case_id=node.record(opening()).case_id,
        kind=EventKind.STATEMENT_ISSUED,
        time_ms=START_MS,
        parts=parts,
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
    )
    if copied:
        draft = draft._replace(commitments=copied)
    index = node.registry.store.append(AppendRequest(draft, b"d" * 32)).result().index
    return {
        (node.log_id, index, ordinal): part.commitment
        for ordinal, part in enumerate(draft.commitments)
    }


def drafted(text: bytes, *, not_before_ms: int = 0) -> PartDraft:
    return PartDraft(text.ljust(32, b"s")[:32], "text/plain", text, not_before_ms)


def test_parts_for_all_go_to_every_member_in_the_order_asked(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    for _ in range(4):
        alpha.record(opening())
    wanted = dict(sorted(commitments(alpha).items(), reverse=True))

    assert len(wanted) == 4
    assert given(alpha, beta, wanted) == given(alpha, gamma, wanted) == list(wanted)
    assert given(alpha, beta, {}) == []


def test_neighbouring_and_scattered_events_are_all_found(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    for _ in range(8):
        alpha.record(opening())
    every = commitments(alpha)
    wanted = {key: every[key] for key in every if key[1] in (0, 1, 3, 6, 7)}

    assert [key[1] for key in given(alpha, beta, wanted)] == [0, 1, 3, 6, 7]


def test_member_outside_the_audience_gets_nothing(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    opened = alpha.record(opening())
    alpha.record(statement(), opened.case_id, mechanisms=("beta",))
    wanted = commitments(alpha)

    assert [key[1] for key in given(alpha, beta, wanted)] == [0, 1]
    assert [key[1] for key in given(alpha, gamma, wanted)] == [0]


def test_relaying_member_keeps_the_authors_audience(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    opened = alpha.record(opening(), mechanisms=("beta",))
    nodes.carry_all()
    wanted = commitments(alpha)

    assert beta.registry.store.part(alpha.log_id, 0, 0) is not None
    assert given(beta, alpha, wanted) == list(wanted)
    assert given(beta, gamma, wanted) == []
    assert opened.index == 0


def test_copied_commitment_gives_no_right_to_anything(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    alpha.record(opening(), mechanisms=("beta",))
    nodes.carry_all()
    (stolen,) = wanted_parts(gamma, alpha.log_id).values()
    own = write(gamma, copied=(stolen,))
    nodes.carry_all()
    asked = own | {
        (alpha.log_id, 0, 0): stolen.commitment,
        (alpha.log_id, 1, 0): stolen.commitment,
        (gamma.log_id, 0, 0): stolen.commitment,
    }

    for holder in (alpha, beta):
        assert given(holder, gamma, asked) == []
    assert given(alpha, beta, {(alpha.log_id, 0, 0): stolen.commitment}) == [(alpha.log_id, 0, 0)]


@pytest.mark.parametrize("ordinal", [-2, -1, 1, 2, 2**31])
def test_part_under_another_ordinal_is_not_there(nodes: Nodes, ordinal: int) -> None:
    alpha, beta, _ = nodes.values()
    wanted = write(alpha, drafted(b"first"), drafted(b"second"))
    (_, index, _), commitment = next(iter(wanted.items()))

    assert given(alpha, beta, wanted) == list(wanted)
    assert given(alpha, beta, {(alpha.log_id, index, ordinal): commitment}) == []


@pytest.mark.parametrize("index", [-1, 2, 10**9])
def test_event_that_is_not_there_has_no_parts(nodes: Nodes, index: int) -> None:
    alpha, beta, _ = nodes.values()
    for _ in range(2):
        alpha.record(opening())
    (first, _) = commitments(alpha).values()

    assert given(alpha, beta, {(alpha.log_id, index, 0): first}) == []
    assert given(alpha, beta, {(LogId(b"?" * 32), 0, 0): first}) == []


def test_another_commitment_than_the_headers_finds_nothing(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    for _ in range(2):
        alpha.record(opening())
    (first, other), (commitment, _) = commitments(alpha).keys(), commitments(alpha).values()

    assert given(alpha, beta, {first: Commitment(b"c" * 32)}) == []
    assert given(alpha, beta, {other: commitment}) == []


def test_part_under_embargo_is_sent_from_its_time_on_and_not_before(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    wanted = write(alpha, drafted(b"open"), drafted(b"later", not_before_ms=START_MS + 100))
    open_part, embargoed = wanted

    alpha.clock.time_ms = START_MS + 99
    assert given(alpha, beta, wanted) == [open_part]
    alpha.clock.time_ms = START_MS + 100
    assert given(alpha, beta, wanted) == [open_part, embargoed]


def test_parts_of_void_events_are_not_sent(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    for _ in range(3):
        alpha.record(opening())
    nodes.carry_all()
    wanted = commitments(alpha)
    beta.registry.store.freeze(alpha.log_id, 1, "bad_entry_signature", b"").result()

    assert [key[1] for key in given(beta, gamma, wanted)] == [0]


def test_part_that_is_not_held_is_left_out(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id)

    assert given(beta, gamma, commitments(alpha)) == []


def test_member_that_was_removed_gets_nothing_new(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    alpha.record(opening())
    removed = dataclasses.replace(beta.registry.own, status=MemberStatus.REMOVED)

    assert alpha.registry.parts_for(beta.registry.own, commitments(alpha))
    assert alpha.registry.parts_for(removed, commitments(alpha)) == []


def test_damaged_entry_shares_nothing_and_is_told(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta, _ = nodes.values()
    alpha.record(opening())
    wanted = commitments(alpha)
    monkeypatch.setattr(alpha.registry.store, "entries", lambda *_: [b"\xff" * 99])

    with pytest.raises(CorruptDatabase, match="fsck"):
        sharable_parts(
            alpha.registry.store,
            beta.registry.own,
            wanted,
            consents=alpha.registry.consents,
            now_ms=START_MS,
        )


def slices(source: Node, target: Node, wanted: dict[PartKey, Commitment]) -> list[list[HeldPart]]:
    """Asks as a servicer does: again for what comes behind the last part of the slice before."""
    found: list[list[HeldPart]] = []
    rest = dict(wanted)
    while parts := source.registry.parts_for(target.registry.own, rest):
        found.append(parts)
        last = (parts[-1].log_id, parts[-1].index, parts[-1].ordinal)
        keys = list(rest)
        rest = {key: rest[key] for key in keys[keys.index(last) + 1 :]}
    return found


def test_large_content_is_given_in_slices_that_are_read_one_after_the_other(nodes: Nodes) -> None:
    alpha, beta, _ = nodes.values()
    most = LARGE_PART_BYTES
    sizes = [most, most, most, most, 10, most + 1, most, 10]
    contents = [bytes([number]) * size for number, size in enumerate(sizes)]
    wanted = write(alpha, *(drafted(content) for content in contents))
    found = slices(alpha, beta, wanted)

    # The one that is too large for a message is asked for in another way.
    assert [[p.ordinal for p in parts] for parts in found] == [[0, 1, 2, 3], [4, 6, 7]]
    del contents[5]
    assert [part.content for parts in found for part in parts] == contents


def test_parts_that_are_not_held_or_not_allowed_end_no_slice(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    for number in range(6):
        write(alpha, drafted(bytes([number]) * LARGE_PART_BYTES))
    wanted = commitments(alpha)
    carry_entries(alpha, beta, alpha.log_id)
    last = [key for key in wanted if key[1] == 11]
    beta.registry.store.put_parts(alpha.registry.store.parts_of(last)).result()

    assert given(beta, gamma, wanted) == last


def test_slice_reads_no_more_content_than_it_gives(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta, _ = nodes.values()
    wanted = write(alpha, *(drafted(bytes([number]) * LARGE_PART_BYTES) for number in range(8)))
    store = alpha.registry.store
    read: list[PartKey] = []
    parts_of = store.parts_of

    def count(keys: Sequence[PartKey]) -> list[HeldPart]:
        read.extend(keys)
        return parts_of(keys)

    monkeypatch.setattr(store, "parts_of", count)

    assert SLICE_BYTES == 4 * LARGE_PART_BYTES
    assert given(alpha, beta, wanted) == list(wanted)[:4]
    # Part 0 once more: it tells whether the event names persons.
    assert list(dict.fromkeys(read)) == list(wanted)[:4]


def test_every_slice_is_decided_anew(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    for number in range(5):
        write(alpha, drafted(bytes([number]) * LARGE_PART_BYTES))
    nodes.carry_all()
    wanted = {key: value for key, value in commitments(alpha).items() if key[1] % 2}
    carry_parts(alpha, beta, alpha.log_id)
    first = given(beta, gamma, wanted)
    assert [key[1] for key in first] == [1, 3, 5, 7]
    rest = {key: value for key, value in wanted.items() if key not in first}
    assert [key[1] for key in given(beta, gamma, rest)] == [9]

    beta.registry.store.freeze(alpha.log_id, 9, "bad_entry_signature", b"").result()
    assert given(beta, gamma, rest) == []


def test_size_class_that_lies_withholds_nothing_but_what_claims_to_be_large(
    nodes: Nodes,
) -> None:
    alpha, beta, _ = nodes.values()
    every: dict[PartKey, Commitment] = {}
    for number in range(9):
        claimed = LARGE_PART_BYTES if number % 2 else 2**63
        part = drafted(b"small %d" % number)
        true = write(alpha, part)
        (commitment,) = true.values()
        every |= write(alpha, part, copied=(PartCommitment(commitment, claimed, 0),))
    found = [part for parts in slices(alpha, beta, every) for part in parts]

    assert [part.content for part in found] == [b"small %d" % number for number in (1, 3, 5, 7)]
