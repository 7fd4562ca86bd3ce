"""Proposed rosters between members: merged, never more than is verified, adopted when complete."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.founding import load_signer
from registry.application.membership.proposals import endorse_pending, pending, share, take
from registry.application.membership.rosters import Change, adopt, load_roster
from registry.domain.identifiers import MemberId
from registry.errors import InvalidRequest, RosterError
from registry.log.roster import (
    RosterSignature,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
)
from tests.unit.application.test_rosters import THREE, draft, founded, signed_by

__all__ = ["founded"]


def node(folder: Path, name: str) -> NodeFolder:
    return NodeFolder(folder / name)


def shared(folder: Path, by: str = "alpha", **changed: object) -> bytes:
    """A proposal that one member has endorsed and shared."""
    change = Change(**(changed or {"threshold": 3}))  # type: ignore[arg-type] # names from the test
    file = draft(folder, f"{len(changed)}-{by}-{hash(str(changed))}.roster", change, by=by)
    signed_by(folder, file, by)
    return share(folder / by, file).data


def test_signatures_of_several_members_come_together_and_the_version_is_adopted(
    founded: Path,
) -> None:
    data = shared(founded)
    assert not take(node(founded, "beta"), [data])
    (waiting,) = pending(node(founded, "beta"))
    assert (waiting.signed_by, waiting.roster.version) == (("alpha",), 2)

    by_beta = endorse_pending(founded / "beta", waiting.name[:6])
    assert by_beta.signed_by == ("alpha", "beta")
    assert not take(node(founded, "gamma"), [data])
    by_gamma = endorse_pending(founded / "gamma", waiting.name)
    assert by_gamma.signed_by == ("alpha", "gamma")
    assert take(node(founded, "beta"), [by_gamma.data])
    assert load_roster(node(founded, "beta")).version == 2
    assert pending(node(founded, "beta")) == []
    assert take(node(founded, "alpha"), [by_beta.data, by_gamma.data])
    assert load_roster(node(founded, "alpha")) == load_roster(node(founded, "beta"))


def test_what_breaks_a_rule_is_left_out_and_the_rest_is_taken(founded: Path) -> None:
    good = shared(founded)
    signed = decode_signed_roster(good)
    roster = decode_roster(signed.roster)
    skipped = encode_signed_roster(
        SignedRoster(encode_roster(replace(roster, version=3)), signed.signatures)
    )
    unsigned = encode_signed_roster(
        SignedRoster(encode_roster(replace(roster, advisory_expiry_ms=5)), ())
    )
    take(node(founded, "beta"), [b"junk", b"", skipped, unsigned, good])

    assert [each.data for each in pending(node(founded, "beta"))] == [good]


def test_forged_signature_is_dropped_and_a_true_one_is_not_replaced_by_it(founded: Path) -> None:
    good = shared(founded)
    signed = decode_signed_roster(good)
    forged = RosterSignature(signed.signatures[0].member_id, b"f" * 64)
    stranger = RosterSignature(type(forged.member_id)(77), b"s" * 64)
    take(node(founded, "beta"), [good])
    for signatures in ((forged,), (signed.signatures[0], stranger)):
        take(
            node(founded, "beta"),
            [encode_signed_roster(SignedRoster(signed.roster, signatures))],
        )

    assert [each.data for each in pending(node(founded, "beta"))] == [good]


def signed_against_the_rule(folder: Path, by: str, *expiries_ms: int) -> list[bytes]:
    """Several proposals of one version that one member signs."""
    signer, number = load_signer(node(folder, by), "identity"), THREE.index(by) + 1
    found = []
    for each in expiries_ms:
        file = draft(folder, f"{each}.roster", Change(expires_ms=each), by=by)
        roster = decode_signed_roster(file.read_bytes()).roster
        signature = endorse_roster(roster, MemberId(number), signer)
        found.append(encode_signed_roster(SignedRoster(roster, (signature,))))
    return found


def test_member_that_signs_many_proposals_fills_no_place_but_its_own(founded: Path) -> None:
    beta = node(founded, "beta")
    take(beta, signed_against_the_rule(founded, "gamma", *range(1, 20)))
    assert len(pending(beta)) == 1

    removal = shared(founded, "alpha", threshold=3)
    take(beta, [removal, *signed_against_the_rule(founded, "gamma", *range(20, 30))])
    assert {each.signed_by for each in pending(beta)} == {("alpha",), ("gamma",)}
    assert removal in {each.data for each in pending(beta)}


def test_member_endorses_one_proposal_for_a_version_however_it_came(founded: Path) -> None:
    beta = node(founded, "beta")
    take(beta, [shared(founded, "alpha", threshold=3), shared(founded, "gamma", expires_ms=7)])
    first, second = pending(beta)
    endorse_pending(founded / "beta", first.name)

    with pytest.raises(RosterError, match="agree first"):
        endorse_pending(founded / "beta", second.name)
    assert {each.name: "beta" in each.signed_by for each in pending(beta)} == {
        first.name: True,
        second.name: False,
    }
    assert not list((founded / "beta" / "roster" / "proposals").glob("*.signing"))


@pytest.mark.parametrize("name", ["", "ab", "ffffffff"])
def test_proposal_is_named_by_enough_digits(founded: Path, name: str) -> None:
    take(node(founded, "beta"), [shared(founded)])

    with pytest.raises(InvalidRequest, match="proposals begin with"):
        endorse_pending(founded / "beta", name)


def test_proposals_of_a_version_that_was_decided_go(founded: Path) -> None:
    beta = node(founded, "beta")
    take(beta, [shared(founded, "gamma", expires_ms=7)])
    file = draft(founded, "2.roster", Change(addresses={"beta": "b.example:1"}))
    signed_by(founded, file, "alpha", "beta")
    assert len(pending(beta)) == 1
    adopt(founded / "beta", file)

    assert pending(beta) == []
    assert not list((founded / "beta" / "roster" / "proposals").glob("*.roster"))


def test_file_that_nobody_signed_or_that_is_not_there_is_not_shared(founded: Path) -> None:
    file = draft(founded, "2.roster", Change(threshold=3))
    with pytest.raises(RosterError, match="no member"):
        share(founded / "alpha", file)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        share(founded / "alpha", founded / "none")
