"""The next roster by files: proposed, endorsed once for each version, adopted when enough have."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.differences import day_of, differences
from registry.application.membership.founding import endorse as endorse_genesis
from registry.application.membership.founding import found
from registry.application.membership.joining import join
from registry.application.membership.rosters import (
    Change,
    adopt,
    endorse,
    is_due,
    load_chain,
    load_roster,
    propose,
    rival_of,
)
from registry.domain.identifiers import Origin
from registry.errors import FolderError, InvalidRequest, RosterError
from registry.log.member import Cut, FormerLog, MemberStatus
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import (
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    registry_id_of,
)
from registry.peer_errors import (
    RosterLacksOldMembers,
    RosterNotLinked,
    RosterOfAnotherRegistry,
    RosterRewritesMembers,
)
from tests.unit.application.federation_in_process import init

THREE = ("alpha", "beta", "gamma")
CUT = Cut(0, EMPTY_ROOT, "left")


@pytest.fixture
def founded(tmp_path: Path) -> Path:
    """Three founders that have joined, in folders of their names; the genesis beside them."""
    genesis = tmp_path / "1.roster"
    genesis.write_bytes(found([init(tmp_path, name) for name in THREE]))
    for name in THREE:
        endorse_genesis(tmp_path / name, genesis)
    registry_id = registry_id_of(decode_signed_roster(genesis.read_bytes()).roster)
    for name in THREE:
        join(tmp_path / name, genesis, registry_id)
    return tmp_path


def draft(folder: Path, name: str, change: Change, by: str = "alpha") -> Path:
    file = folder / name
    file.write_bytes(propose(folder / by, change))
    return file


def signed_by(folder: Path, file: Path, *names: str) -> Path:
    for name in names:
        endorse(folder / name, file)
    return file


def test_new_member_joins_with_every_version_and_all_nodes_have_one_roster(founded: Path) -> None:
    member = init(founded, "delta")
    second = draft(founded, "2.roster", Change(add=[member]))
    signed_by(founded, second, *THREE)
    for name in THREE:
        adopt(founded / name, second)
    registry_id = load_roster(NodeFolder(founded / "alpha")).registry_id
    joined = join(founded / "delta", founded / "1.roster", registry_id, [second])

    rosters = {load_roster(NodeFolder(founded / name)) for name in (*THREE, "delta")}
    assert rosters == {joined}
    assert (joined.version, joined.threshold, len(joined.active_members())) == (2, 3, 4)
    assert joined.member_by_slug("delta").id == 4
    init(founded, "epsilon")
    with pytest.raises(RosterError, match="does not hold"):
        join(founded / "epsilon", founded / "1.roster", registry_id, [second])


def test_too_few_endorsements_are_not_adopted_and_nothing_is_lost(founded: Path) -> None:
    second = draft(founded, "2.roster", Change(addresses={"beta": "b.example:7443"}))
    signed_by(founded, second, "beta")

    with pytest.raises(RosterLacksOldMembers):
        adopt(founded / "alpha", second)
    assert load_roster(NodeFolder(founded / "alpha")).version == 1
    signed_by(founded, second, "gamma", "beta")
    assert adopt(founded / "alpha", second).member_by_slug("beta").address == "b.example:7443"
    assert adopt(founded / "alpha", second).version == 2, "adopting again changes nothing"


def test_another_roster_of_the_version_that_counts_is_a_rival_only_if_it_is_validly_signed(
    founded: Path,
) -> None:
    """Beta and gamma were restored from backups that knew of no endorsement."""
    ours = draft(founded, "a.roster", Change(addresses={"beta": "b.example:7443"}))
    other = draft(founded, "b.roster", Change(addresses={"beta": "c.example:7443"}), by="gamma")
    adopt(founded / "alpha", signed_by(founded, ours, "alpha", "beta"))
    (founded / "beta" / "roster" / "2.endorsed").unlink()
    folder = NodeFolder(founded / "alpha")

    signed_by(founded, other, "gamma")
    with pytest.raises(RosterLacksOldMembers):
        rival_of(folder, other.read_bytes())
    signed_by(founded, other, "beta")
    expected = sha256(decode_signed_roster(other.read_bytes()).roster).digest()
    assert rival_of(folder, other.read_bytes()) == expected
    assert rival_of(folder, ours.read_bytes()) is None
    assert rival_of(folder, (founded / "1.roster").read_bytes()) is None
    assert load_roster(folder).member_by_slug("beta").address == "b.example:7443"


def test_genesis_of_another_registry_is_no_rival(founded: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    genesis = tmp_path / "other" / "1.roster"
    genesis.write_bytes(found([init(tmp_path / "other", name) for name in THREE]))
    for name in THREE:
        endorse_genesis(tmp_path / "other" / name, genesis)

    with pytest.raises(RosterOfAnotherRegistry):
        rival_of(NodeFolder(founded / "alpha"), genesis.read_bytes())


def test_member_endorses_one_of_two_that_compete_and_keeps_it_over_a_restart(founded: Path) -> None:
    first = draft(founded, "a.roster", Change(addresses={"beta": "b.example:7443"}))
    other = draft(founded, "b.roster", Change(addresses={"beta": "c.example:7443"}), by="gamma")
    signed_by(founded, first, "alpha")
    signed_by(founded, other, "gamma")

    with pytest.raises(RosterError, match="agree first"):
        signed_by(founded, other, "alpha")
    assert len(decode_signed_roster(other.read_bytes()).signatures) == 1
    signed_by(founded, first, "alpha", "beta")
    with pytest.raises(RosterError, match="agree first"):
        signed_by(founded, other, "beta")
    with pytest.raises(RosterLacksOldMembers):
        adopt(founded / "gamma", other)
    assert adopt(founded / "gamma", first).version == 2


def test_endorsement_is_kept_before_the_signature_leaves(founded: Path) -> None:
    second = draft(founded, "2.roster", Change(threshold=3))
    signed_by(founded, second, "alpha")
    kept = (founded / "alpha" / "roster" / "2.endorsed").read_text().strip()

    assert kept == sha256(decode_signed_roster(second.read_bytes()).roster).hexdigest()


def test_version_that_follows_another_than_ours_is_not_endorsed(founded: Path) -> None:
    ours = draft(founded, "2.roster", Change(threshold=3))
    signed_by(founded, ours, "alpha", "beta", "gamma")
    for name in THREE:
        adopt(founded / name, ours)
    third = draft(founded, "3.roster", Change(threshold=2))
    (founded / "gamma" / "roster" / "2.roster").unlink()

    with pytest.raises(RosterError, match="version 2 comes next"):
        signed_by(founded, third, "gamma")
    other = draft(founded, "x.roster", Change(addresses={"beta": "b.example:7443"}), by="gamma")
    with pytest.raises(RosterError, match="version 3 comes next"):
        signed_by(founded, other, "alpha")
    forged = founded / "forged.roster"
    data = decode_roster(decode_signed_roster(third.read_bytes()).roster)
    forged.write_bytes(
        encode_signed_roster(SignedRoster(encode_roster(replace(data, prev_hash=b"p" * 32)), ()))
    )
    with pytest.raises(RosterNotLinked):
        signed_by(founded, forged, "alpha")


def test_removal_says_where_the_log_ends_and_is_not_taken_back(founded: Path) -> None:
    second = draft(founded, "2.roster", Change(remove={"gamma": CUT}))
    signed_by(founded, second, "alpha", "beta")
    roster = adopt(founded / "alpha", second)

    assert [m.slug for m in roster.active_members()] == ["alpha", "beta"]
    assert roster.member_by_slug("gamma").status is MemberStatus.REMOVED
    assert roster.threshold == 2
    adopt(founded / "beta", second)
    back = founded / "back.roster"
    with pytest.raises(RosterRewritesMembers):
        back.write_bytes(propose(founded / "alpha", Change(remove={"gamma": replace(CUT, size=9)})))


def test_what_changes_nothing_or_names_nobody_is_no_proposal(founded: Path) -> None:
    with pytest.raises(InvalidRequest, match="change nothing"):
        propose(founded / "alpha", Change())
    with pytest.raises(InvalidRequest, match="knows no delta"):
        propose(founded / "alpha", Change(addresses={"delta": "d.example:1"}))
    with pytest.raises(InvalidRequest, match="cannot be read"):
        propose(founded / "alpha", Change(add=[founded / "no.member"]))
    with pytest.raises(RosterError, match="threshold"):
        propose(founded / "alpha", Change(threshold=4))
    init(founded, "epsilon")
    with pytest.raises(FolderError, match="has not joined"):
        propose(founded / "epsilon", Change(threshold=3))


def test_changes_are_told_in_words(founded: Path) -> None:
    member = init(founded, "delta")
    change = Change(
        add=[member],
        remove={"gamma": CUT},
        addresses={"beta": "b.example:7443"},
        threshold=3,
        expires_ms=1_935_360_000_000,
    )
    before = load_roster(NodeFolder(founded / "alpha"))
    after = decode_roster(decode_signed_roster(propose(founded / "alpha", change)).roster)

    assert differences(before, after) == (
        "beta is at b.example:7443 instead of 127.0.0.1:50051",
        "gamma is removed",
        f"invented.example/gamma/1 ends at 0 (left), root {EMPTY_ROOT.hex()}",
        "delta joins as member 4, at 127.0.0.1:50051",
        "threshold 3 instead of 2",
        "to be renewed by 2031-05-01 instead of no day",
    )
    renewed = replace(
        before,
        members=(
            replace(before.members[0], display_name="x", cut=CUT, tls_certificate=b"c"),
            *before.members[1:],
        ),
    )
    assert differences(before, renewed) == (
        "alpha is revoked",
        f"invented.example/alpha/1 ends at 0 (left), root {EMPTY_ROOT.hex()}",
        "alpha is named 'x' instead of 'The alpha mechanism (invented)'",
        "alpha has another TLS certificate",
    )


def test_end_of_a_former_log_that_moves_is_told_beside_an_address(founded: Path) -> None:
    """One line of an address was all that people read, and all of the former log became void."""
    roster = load_roster(NodeFolder(founded / "alpha"))
    own = roster.members[2]
    former = FormerLog(own.origin, own.log_key, own.next_log_key_hash, Cut(50, CUT.root, "forked"))
    gamma = replace(own, origin=Origin("invented.example/gamma/2"), former_logs=(former,))
    shorter = replace(gamma, former_logs=(replace(former, cut=replace(former.cut, size=0)),))
    beta = replace(roster.members[1], address="b.example:7443")
    before = replace(roster, members=(*roster.members[:2], gamma))
    after = replace(roster, members=(roster.members[0], beta, shorter))

    root = f"root {EMPTY_ROOT.hex()}"
    assert differences(before, after) == (
        "beta is at b.example:7443 instead of 127.0.0.1:50051",
        f"invented.example/gamma/1 ends at 0 (forked), {root} instead of at 50 (forked), {root}",
    )
    assert differences(replace(roster, members=roster.members[:2]), before) == (
        "gamma joins as member 3, at 127.0.0.1:50051",
        f"invented.example/gamma/1 ends at 50 (forked), {root}",
    )
    forged = replace(former.cut, reason="x\n  gamma is removed")
    lines = differences(
        before, replace(before, members=(*roster.members[:2], replace(own, cut=forged)))
    )
    assert all("\n" not in line for line in lines), "nobody writes lines that look like ours"


def test_member_that_takes_no_calls_any_more_stays_where_its_own_clients_find_it(
    founded: Path,
) -> None:
    second = draft(founded, "2.roster", Change(addresses={"beta": "none"}))
    signed_by(founded, second, "alpha", "beta")
    before = load_roster(NodeFolder(founded / "beta"))
    after = adopt(founded / "beta", second)

    assert differences(before, after) == (
        "beta is at no address (it takes no calls) instead of 127.0.0.1:50051",
    )
    assert not after.member_by_slug("beta").takes_calls
    assert NodeFolder(founded / "beta").describe().address == "127.0.0.1:50051"
    assert differences(after, before) == (
        "beta is at 127.0.0.1:50051 instead of no address (it takes no calls)",
    )


def test_version_that_was_changed_on_disk_is_noticed(founded: Path) -> None:
    second = draft(founded, "2.roster", Change(threshold=3))
    signed_by(founded, second, "alpha", "beta", "gamma")
    adopt(founded / "alpha", second)
    kept = founded / "alpha" / "roster" / "2.roster"
    data = kept.read_bytes()
    kept.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(RosterError):
        load_chain(NodeFolder(founded / "alpha"))


def test_roster_is_due_thirty_days_before_its_day_and_counts_after_it(founded: Path) -> None:
    day_ms = 24 * 60 * 60 * 1000
    second = draft(founded, "2.roster", Change(expires_ms=100 * day_ms))
    signed_by(founded, second, "alpha", "beta")
    roster = adopt(founded / "alpha", second)

    assert [is_due(roster, day * day_ms) for day in (0, 69, 70, 101)] == [False, False, True, True]
    assert not is_due(load_roster(NodeFolder(founded / "beta")), 10**15)
    third = draft(founded, "3.roster", Change(expires_ms=0))
    assert decode_roster(decode_signed_roster(third.read_bytes()).roster).advisory_expiry_ms == 0


@pytest.mark.parametrize(
    ("time_ms", "told"),
    [
        (0, "no day"),
        (1_935_360_000_000, "2031-05-01"),
        (1_935_360_000_007, "2031-05-01 00:00:00.007+00:00"),
        (2**63 - 1, f"{2**63 - 1} ms after 1970, which no calendar has"),
        (-(2**63), f"{-(2**63)} ms after 1970, which no calendar has"),
    ],
)
def test_day_of_renewal_is_told_whatever_a_roster_says(time_ms: int, told: str) -> None:
    assert day_of(time_ms) == told


def test_two_commands_at_once_endorse_one(founded: Path) -> None:
    files = [
        draft(founded, f"{n}.draft", Change(addresses={"beta": f"b{n}.example:7443"}))
        for n in range(6)
    ]

    def tries(file: Path) -> bool:
        try:
            endorse(founded / "alpha", file)
        except RosterError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(tries, files)) == 1
