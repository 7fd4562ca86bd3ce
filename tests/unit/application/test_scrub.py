"""A pass of the scrub: what is damaged is seen, and only what is proven takes its place.

Each check has a broken variant (promise 15) which the test beside it would not survive.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registry.application.membership.founding import load_signer
from registry.application.scrub import LogScrub
from registry.application.verification import fsck_folder
from registry.domain.identifiers import NO_CASE, Origin, RequestKey
from registry.errors import BadEntrySignature, RootMismatch
from registry.log.author import Author, draft_event
from registry.log.entry import ALL_MEMBERS
from registry.log.merkle import leaf_hash
from registry.store.check import Finding
from registry.store.parts import seal_held
from tests.unit.application.damage import open_database
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    open_federation,
    opening,
    statement,
)

COUNT = 5


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with open_federation(folder) as opened:
        case_id = opened["alpha"].record(opening()).case_id
        for number in range(COUNT - 1):
            opened["alpha"].record(statement(f"number {number}"), case_id)
        opened.carry_all()
        yield opened


def true_entries(nodes: Nodes) -> list[bytes]:
    alpha = nodes["alpha"]
    return list(alpha.registry.store.entries(alpha.log_id, 0, COUNT))


def scrub_of(nodes: Nodes) -> LogScrub:
    """Beta reads what it holds of alpha's log."""
    return LogScrub(nodes["beta"].registry, nodes["alpha"].registry.own)


def change(node: Node, statement_text: str, *values: object) -> None:
    with closing(open_database(node.registry.folder.path)) as database:
        assert database.execute(statement_text, values).rowcount == 1


def put_entry(nodes: Nodes, index: int, entry: bytes) -> None:
    change(
        nodes["beta"],
        "UPDATE stored_events SET state = ? WHERE originator_id = ? AND originator_version = ?",
        entry,
        nodes["alpha"].log_id.hex(),
        index,
    )


def other_entry(nodes: Nodes, index: int) -> bytes:
    """Another entry at a place, signed by the log's own key."""
    alpha = nodes["alpha"]
    author = Author(
        signer=load_signer(alpha.registry.folder, "log"),
        registry_id=alpha.registry.registry_id,
        origin=Origin(alpha.registry.own.origin),
        roster_version=1,
    )
    made = draft_event(
        log_id=alpha.log_id,
        case_id=NO_CASE,
        kind=5,
        time_ms=1_700_000_000_000,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
    )
    return author.write_entry(made, index=index, refs=())


def fsck(nodes: Nodes) -> list[Finding]:
    return list(fsck_folder(nodes["beta"].registry.folder.path, lambda _done, _total: None))


def give(nodes: Nodes, scrub: LogScrub, entries: list[bytes]) -> dict[int, bytes]:
    """What a peer answers, which holds exactly the log."""
    alpha = nodes["alpha"].registry.store.log_state(nodes["alpha"].log_id)
    assert alpha.note is not None
    return scrub.accept(0, entries, [], alpha.note, [])


def test_sound_log_has_nothing_to_mend(nodes: Nodes) -> None:
    scrub = scrub_of(nodes)
    part = scrub.read()
    scrub.advance(part.entries, part.end)

    assert (part.damaged, part.parts, scrub.is_done) == ([], [], True)
    assert scrub.finish() == ([], False, False)


def test_changed_and_missing_entries_are_seen_and_overwritten_in_place(nodes: Nodes) -> None:
    entries = true_entries(nodes)
    put_entry(nodes, 1, entries[1][:-1] + bytes([entries[1][-1] ^ 1]))
    put_entry(nodes, 3, b"")
    scrub = scrub_of(nodes)
    part = scrub.read()
    assert part.damaged == [1, 3]

    brought = give(nodes, scrub, entries)
    scrubbing = nodes["beta"].registry.store.scrubbing
    scrubbing.repair_entries(scrub.log_id, {i: brought[i] for i in part.damaged}).result()
    part.entries |= brought
    scrub.advance(part.entries, part.end)

    assert scrub.finish() == ([], False, False)
    assert fsck(nodes) == []


def test_entry_that_its_author_signed_and_is_not_the_one_under_the_root_is_seen(
    nodes: Nodes,
) -> None:
    put_entry(nodes, 2, other_entry(nodes, 2))
    scrub = scrub_of(nodes)
    part = scrub.read()
    scrub.advance(part.entries, part.end)

    assert scrub.finish()[0] == [RootMismatch.reason]
    assert RootMismatch.reason in {each.reason for each in fsck(nodes)}


def test_variant_that_trusts_stored_leaf_hashes_does_not_see_it(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by test_entry_that_its_author_signed_and_is_not_the_one_under_the_root_is_seen."""
    stored = {other_entry(nodes, 2): leaf_hash(true_entries(nodes)[2])}
    put_entry(nodes, 2, other_entry(nodes, 2))
    monkeypatch.setattr(
        "registry.application.scrub.leaf_hash", lambda entry: stored.get(entry, leaf_hash(entry))
    )
    scrub = scrub_of(nodes)
    part = scrub.read()
    scrub.advance(part.entries, part.end)

    assert scrub.finish() == ([], False, False)


def test_entries_that_do_not_lead_to_the_signed_root_repair_nothing(nodes: Nodes) -> None:
    entries = true_entries(nodes)
    entries[2] = other_entry(nodes, 2)
    with pytest.raises(RootMismatch):
        give(nodes, scrub_of(nodes), entries)


def test_variant_that_repairs_without_verifying_takes_what_a_peer_made_up(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by test_entries_that_do_not_lead_to_the_signed_root_repair_nothing."""
    monkeypatch.setattr("registry.replication.ingest.verify_consistency", lambda **_: None)
    entries = true_entries(nodes)
    entries[2] = other_entry(nodes, 2)

    assert give(nodes, scrub_of(nodes), entries)[2] == entries[2]


def test_entry_with_a_signature_that_is_none_repairs_nothing(nodes: Nodes) -> None:
    entries = true_entries(nodes)
    entries[1] = entries[1][:-1] + bytes([entries[1][-1] ^ 1])
    with pytest.raises((RootMismatch, BadEntrySignature)):
        give(nodes, scrub_of(nodes), entries)


def replace_content(nodes: Nodes, index: int) -> None:
    """Other content, sealed as this node seals: only its commitment tells."""
    beta, log_id = nodes["beta"].registry, nodes["alpha"].log_id
    part = beta.store.part(log_id, index, 0)
    assert part is not None
    other = part._replace(content=part.content + b" ")
    (row,) = seal_held([other], {log_id: 1}, beta.store._keys())  # type: ignore[attr-defined]
    change(
        nodes["beta"],
        "UPDATE parts SET wrapped_key = ?, sealed = ? WHERE entry_index = ? AND log_no = "
        "(SELECT log_no FROM logs WHERE log_id = ?)",
        row.wrapped_key,
        row.sealed,
        index,
        log_id,
    )


def test_content_that_is_not_what_was_committed_to_is_seen_and_mended(nodes: Nodes) -> None:
    replace_content(nodes, 2)
    part = scrub_of(nodes).read()
    assert part.parts == [(2, 0, "commitment_mismatch")]
    assert {(f.index, f.reason) for f in fsck(nodes)} == {(2, "commitment_mismatch")}

    true = nodes["alpha"].registry.store.part(nodes["alpha"].log_id, 2, 0)
    assert true is not None
    nodes["beta"].registry.store.scrubbing.repair_parts([true]).result()

    assert scrub_of(nodes).read().parts == []
    assert fsck(nodes) == []


def test_variant_that_skips_the_commitment_does_not_see_it(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by test_content_that_is_not_what_was_committed_to_is_seen_and_mended."""
    replace_content(nodes, 2)
    monkeypatch.setattr("registry.store.scrubbing.check_commitment", lambda *_, **__: None)
    monkeypatch.setattr("registry.store.check_log.check_commitment", lambda *_, **__: None)

    assert scrub_of(nodes).read().parts == []
    assert fsck(nodes) == []


@pytest.mark.parametrize("column", ["root", "range"])
def test_changed_root_or_range_is_written_anew(nodes: Nodes, column: str) -> None:
    change(
        nodes["beta"],
        f"UPDATE logs SET {column} = zeroblob(length({column})) WHERE log_id = ?",
        nodes["alpha"].log_id,
    )
    scrub = scrub_of(nodes)
    part = scrub.read()
    scrub.advance(part.entries, part.end)
    assert scrub.finish() == ([], False, True)

    scrubbing = nodes["beta"].registry.store.scrubbing
    scrubbing.repair_head(scrub.log_id, scrub.reached, scrub.reached.root()).result()

    assert fsck(nodes) == []
