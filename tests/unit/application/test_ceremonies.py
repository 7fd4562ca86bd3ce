"""A change as one act: how far it is, taken up where it was stopped, never proposed twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership import ceremonies
from registry.application.membership.ceremonies import (
    Wish,
    draft,
    is_leaving,
    sign_draft,
    sign_pending,
    standing,
)
from registry.application.membership.founding import endorse as endorse_genesis
from registry.application.membership.founding import found
from registry.application.membership.joining import join
from registry.application.membership.proposals import endorse_pending, pending, take
from registry.application.membership.rosters import adopt_bytes, load_roster
from registry.errors import NotFound, RosterError
from registry.log.roster import decode_roster, decode_signed_roster, registry_id_of
from tests.unit.application.federation_in_process import init
from tests.unit.application.test_rosters import CUT, founded

__all__ = ["founded"]

MOVE = Wish(addresses={"beta": "b.example:7443"})
GAMMA_GOES = Wish(remove="gamma")


def carry(founded: Path, source: str, target: str) -> None:
    """Gives what one node keeps to another, as running nodes do."""
    take(NodeFolder(founded / target), [p.data for p in pending(NodeFolder(founded / source))])


def test_change_is_proposed_signed_by_enough_and_counts(founded: Path) -> None:
    alpha, beta = founded / "alpha", founded / "beta"
    begun = standing(beta, MOVE)
    assert (begun.is_met, begun.proposal, begun.others) == (False, None, ())
    sign_draft(beta, draft(beta, MOVE, None))

    waits = standing(beta, MOVE)
    assert waits.proposal is not None
    assert (waits.is_signed_here, waits.missing) == (True, 1)
    assert waits.waiting_for == ("alpha", "gamma")
    carry(founded, "beta", "alpha")
    arrived = standing(alpha, MOVE)
    assert arrived.proposal == waits.proposal
    assert not arrived.is_signed_here
    sign_pending(alpha, waits.proposal)
    assert standing(alpha, MOVE).is_met
    adopt_bytes(NodeFolder(beta), (alpha / "roster" / "2.roster").read_bytes())
    assert standing(beta, MOVE).is_met
    assert NodeFolder(beta).describe().address == "b.example:7443", "profiles carry it from now on"


def test_removal_is_the_same_change_wherever_the_log_ends_and_whatever_the_reason(
    founded: Path,
) -> None:
    alpha, beta = founded / "alpha", founded / "beta"
    sign_draft(alpha, draft(alpha, GAMMA_GOES, CUT))
    carry(founded, "alpha", "beta")

    assert standing(beta, GAMMA_GOES).proposal == standing(alpha, GAMMA_GOES).proposal
    other = standing(beta, MOVE)
    assert other.proposal is None
    assert [each.signed_by for each in other.others] == [("alpha",)]


def test_of_two_proposals_of_one_change_the_one_that_was_signed_here_counts(founded: Path) -> None:
    for name, cut in (("alpha", CUT), ("beta", replace(CUT, reason="other words"))):
        sign_draft(founded / name, draft(founded / name, GAMMA_GOES, cut))
    carry(founded, "alpha", "beta")
    carry(founded, "beta", "alpha")

    for name in ("alpha", "beta"):
        found = standing(founded / name, GAMMA_GOES)
        assert found.proposal is not None
        assert found.proposal.signed_by == (name,)
        assert found.is_signed_here


def test_endorsement_that_was_cut_off_is_finished_with_the_same_bytes(
    founded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha = founded / "alpha"
    data = draft(alpha, GAMMA_GOES, CUT)

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ceremonies, "share", broken)
        with pytest.raises(KeyboardInterrupt):
            sign_draft(alpha, data)
    assert pending(NodeFolder(alpha)) == []

    found = standing(alpha, GAMMA_GOES)
    assert found.proposal is not None
    assert found.is_signed_here
    signed = decode_signed_roster(found.proposal.data)
    assert signed.roster == decode_signed_roster(data).roster
    assert not (alpha / "roster" / "2.draft").exists()


def test_draft_that_nobody_endorsed_is_forgotten(founded: Path) -> None:
    alpha = founded / "alpha"
    (alpha / "roster" / "2.draft").write_bytes(draft(alpha, MOVE, None))
    assert standing(alpha, MOVE).proposal is None

    sign_draft(alpha, draft(alpha, GAMMA_GOES, CUT))
    with pytest.raises(RosterError, match="agree first"):
        sign_draft(alpha, draft(alpha, MOVE, None))
    found = standing(alpha, GAMMA_GOES)
    assert found.is_signed_here


def test_node_is_leaving_from_its_own_signature_on(founded: Path) -> None:
    gamma = NodeFolder(founded / "gamma")
    sign_draft(founded / "alpha", draft(founded / "alpha", GAMMA_GOES, CUT))
    carry(founded, "alpha", "gamma")
    assert not is_leaving(gamma), "others cannot close it before enough have signed"

    proposal = standing(gamma.path, GAMMA_GOES).proposal
    assert proposal is not None
    endorse_pending(gamma.path, proposal.name)
    assert load_roster(gamma).version == 1
    assert is_leaving(gamma)
    assert not is_leaving(NodeFolder(founded / "alpha"))


def test_node_is_leaving_though_its_endorsement_was_cut_off(
    founded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gamma = NodeFolder(founded / "gamma")
    data = draft(gamma.path, GAMMA_GOES, CUT)
    (gamma.rosters / "2.draft").write_bytes(data)
    assert not is_leaving(gamma), "nothing is endorsed yet"
    with monkeypatch.context() as patched:
        patched.setattr(ceremonies, "share", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sign_draft(gamma.path, data)

    assert pending(gamma) == []
    assert is_leaving(gamma), "what it recorded now would be past its end"


def test_all_of_two_sign_that_one_leaves(tmp_path: Path) -> None:
    genesis = tmp_path / "1.roster"
    genesis.write_bytes(found([init(tmp_path, name) for name in ("alpha", "beta")]))
    for name in ("alpha", "beta"):
        endorse_genesis(tmp_path / name, genesis)
    registry_id = registry_id_of(decode_signed_roster(genesis.read_bytes()).roster)
    for name in ("alpha", "beta"):
        join(tmp_path / name, genesis, registry_id)
    wish = Wish(remove="beta")
    sign_draft(tmp_path / "beta", draft(tmp_path / "beta", wish, CUT))
    waits = standing(tmp_path / "beta", wish)
    assert (waits.missing, waits.waiting_for) == (1, ("alpha",))
    carry(tmp_path, "beta", "alpha")
    assert waits.proposal is not None
    sign_pending(tmp_path / "alpha", waits.proposal)

    left = load_roster(NodeFolder(tmp_path / "alpha"))
    assert (left.version, left.threshold, len(left.active_members())) == (2, 1, 1)


def test_name_changes_like_an_address(founded: Path) -> None:
    wish = Wish(names={"alpha": "Another name (invented)"})
    data = draft(founded / "alpha", wish, None)
    named = decode_roster(decode_signed_roster(data).roster)

    assert wish.is_met_by(named)
    assert not wish.is_met_by(load_roster(NodeFolder(founded / "alpha")))
    with pytest.raises(NotFound):
        standing(founded / "alpha", Wish(remove="delta"))
