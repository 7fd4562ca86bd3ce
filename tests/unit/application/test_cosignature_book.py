"""What is known of cosignatures: each that does not count has its reason, and costs nobody."""

from dataclasses import replace
from pathlib import Path

from registry.application.cosignature_book import Verdict
from registry.application.membership.founding import load_signer
from registry.application.witness import Witness
from registry.domain.identifiers import Origin, RootHash
from registry.log.cosignature import cosign, cosignature_notes
from registry.log.roster import MemberStatus
from registry.log.signing import Ed25519Signer
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    open_federation,
    opening,
)
from tests.unit.application.witness_world import checkpoint_of, cosigned_by, grow, made_by, verdicts


def test_cosignature_of_another_member_counts_and_is_known_after_a_restart(folder: Path) -> None:
    with open_federation(folder) as nodes:
        log_id = grow(nodes)
        (made,) = cosigned_by(nodes["beta"], log_id)
        for name in ("alpha", "gamma"):
            assert verdicts(nodes[name], made) == [Verdict.ACCEPTED]
            assert verdicts(nodes[name], made) == [Verdict.KNOWN]
    with open_federation(folder) as nodes:
        book = nodes["gamma"].registry.witness.book
        assert book.all() == book.of_log(log_id) == [made]
        assert book.sizes(log_id) == (("beta", 1, made.time_s), ("gamma", 0, 0))
        summaries = [nodes[name].registry.witness.book.summary(log_id) for name in nodes]
        assert len(set(summaries)) == 1
        assert len(summaries[0]) == 8


def test_cosignature_of_more_than_is_held_waits_until_it_is(nodes: Nodes) -> None:
    log_id = grow(nodes)
    alpha, beta, gamma = (nodes[name] for name in ("alpha", "beta", "gamma"))
    alpha.record(opening())
    carry_entries(alpha, beta, log_id)
    (made,) = cosigned_by(beta, log_id)

    assert verdicts(gamma, made) == [Verdict.AHEAD]
    assert gamma.registry.witness.grown([log_id]) == []
    assert gamma.registry.witness.book.witnessed(log_id, 1) == (0, 2)
    carry_entries(alpha, gamma, log_id)
    assert gamma.registry.witness.grown([log_id]) == [made]
    assert gamma.registry.witness.book.witnessed(log_id, 2) == (1, 2)


def test_each_cosignature_that_does_not_count_has_its_reason_and_costs_the_log_nothing(
    nodes: Nodes, folder: Path
) -> None:
    log_id = grow(nodes, count=2)
    gamma = nodes["gamma"]
    before = gamma.registry.store.log_state(log_id)
    true = checkpoint_of(nodes["alpha"], log_id, 2)
    false = true._replace(root=RootHash(b"f" * 32))
    stranger = cosign(true, witness=Origin("test/x/1"), signer=Ed25519Signer(b"x" * 32), time_s=1)
    impostor = cosign(
        true,
        witness=nodes["beta"].registry.own.origin,
        signer=Ed25519Signer(b"x" * 32),
        time_s=1,
    )

    assert verdicts(gamma, stranger) == [Verdict.UNKNOWN_WITNESS]
    assert verdicts(gamma, impostor) == [Verdict.BAD_SIGNATURE]
    assert verdicts(gamma, made_by(folder, "alpha", true)) == [Verdict.OWN_LOG]
    assert verdicts(gamma, made_by(folder, "beta", false)) == [Verdict.CONTRADICTS]
    unknown = true._replace(origin=Origin("test/x/1"))
    assert verdicts(gamma, made_by(folder, "beta", unknown)) == [Verdict.UNKNOWN_LOG]
    assert [each.verdict for each in gamma.registry.witness.take([b"no note"])] == [
        Verdict.MALFORMED
    ]
    assert verdicts(gamma, made_by(folder, "beta", true)) == [Verdict.ACCEPTED]
    older = true._replace(size=1)
    assert verdicts(gamma, made_by(folder, "beta", older)) == [Verdict.KNOWN]

    assert gamma.registry.store.log_state(log_id) == before
    assert gamma.registry.witness.book.witnessed(log_id, 2) == (1, 2)
    assert [verdict.is_ordinary for verdict in Verdict] == [True] * 4 + [False] * 6


def test_removed_member_is_no_witness_any_more(nodes: Nodes, folder: Path) -> None:
    log_id = grow(nodes)
    gamma = nodes["gamma"].registry
    (made,) = cosigned_by(nodes["beta"], log_id)
    verdicts(nodes["gamma"], made)
    members = tuple(
        replace(m, status=MemberStatus.REMOVED) if m.slug == "beta" else m
        for m in gamma.roster.members
    )
    after = Witness(
        gamma.folder,
        replace(gamma.roster, members=members),
        gamma.own,
        gamma.store,
        signer=load_signer(gamma.folder, "cosigner"),
        log_keys=gamma.log_keys,
        now_ms=gamma.clock_ms,
    )

    assert after.book.witnessed(log_id, 1) == (0, 1)
    assert after.book.all() == []
    notes = cosignature_notes([made])
    assert [each.verdict for each in after.take(notes)] == [Verdict.REMOVED_WITNESS]
    after.close()


def test_clock_that_claims_later_than_a_cosignature_is_noticed(nodes: Nodes) -> None:
    log_id = grow(nodes, count=2)
    (made,) = cosigned_by(nodes["beta"], log_id)
    book = nodes["beta"].registry.witness.book
    made_ms = made.time_s * 1000

    assert book.earlier_than(log_id, 1, made_ms + 300_000) == ()
    assert book.earlier_than(log_id, 1, made_ms + 302_000) == ("beta",)
    assert book.earlier_than(log_id, 2, made_ms + 302_000) == ()
