"""A backup of before a roster comes back under it: new logs are known, and those that end do."""

from contextlib import closing
from pathlib import Path

from registry.application.membership.cuts import cut_here
from registry.application.membership.rosters import Change, adopt, endorse, propose
from registry.application.verification import fsck_folder
from tests.unit.application.federation_in_process import (
    found_federation,
    init,
    open_federation,
    open_node,
    opening,
)
from tests.unit.application.test_backup import nothing, restore, take


def test_backup_of_before_a_member_joined_and_another_was_removed_is_put_back(
    tmp_path: Path,
) -> None:
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        nodes["gamma"].record(opening("invented"))
        nodes.carry_all()
    take(tmp_path / "alpha", tmp_path / "old.backup")
    change = Change(
        add=[init(tmp_path, "delta")], remove={"gamma": cut_here(tmp_path / "alpha", "gamma", "x")}
    )
    file = tmp_path / "2.roster"
    file.write_bytes(propose(tmp_path / "alpha", change))
    for name in ("alpha", "beta", "gamma"):
        endorse(tmp_path / name, file)
    adopt(tmp_path / "alpha", file)

    restore(tmp_path / "alpha", tmp_path / "old.backup")

    assert list(fsck_folder(tmp_path / "alpha", nothing)) == []
    with closing(open_node(tmp_path, "alpha", opens_log=False).registry) as alpha:
        frozen = {str(state.origin): state.frozen_at for state in alpha.store.log_states()}
    assert frozen["invented.example/gamma/1"] == 1
    assert "invented.example/delta/1" in frozen
