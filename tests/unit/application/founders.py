"""Two founders on the way to a registry: where their files lie, how a roster is changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from registry.application.membership.founding import (
    found,
)
from registry.log.roster import (
    Member,
    Roster,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    read_member_file,
)
from tests.unit.application.federation_in_process import init

ALPHA = "alpha"


def draft_founding(folder: Path) -> Path:
    """Two founders with their member files and the roster that nobody has signed."""
    files = [init(folder, name) for name in (ALPHA, "beta")]
    (folder / "genesis.roster").write_bytes(found(files))
    return folder


def roster_file(founders: Path) -> Path:
    return founders / "genesis.roster"


def member_of(folder: Path, name: str = ALPHA) -> Member:
    return read_member_file((folder / name / f"{name}.member").read_bytes())


def rewrite_roster(file: Path, change: Callable[[Roster], Roster]) -> None:
    """Puts another roster in the file, with no signatures."""
    roster = change(decode_roster(decode_signed_roster(file.read_bytes()).roster))
    file.write_bytes(encode_signed_roster(SignedRoster(encode_roster(roster), ())))


def with_member(**changes: object) -> Callable[[Roster], Roster]:
    def change(roster: Roster) -> Roster:
        first, *others = roster.members
        return replace(roster, members=(replace(first, **changes), *others))  # type: ignore[arg-type] # names and values come from the test's table

    return change
