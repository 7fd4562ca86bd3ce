"""A registry whose roster is locked is founded anew out of its logs; nothing of them is lost."""

from functools import partial
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.membership.epochs import begin_epoch
from registry.application.membership.founding import endorse as endorse_genesis
from registry.application.membership.refounding import found_anew, join_anew
from registry.application.membership.rosters import Change, adopt, endorse, load_roster, propose
from registry.application.verification import fsck_folder, verify_folder
from registry.client import case
from registry.domain.audience import EVERYONE, named
from registry.errors import RosterError
from registry.log.roster import decode_signed_roster, registry_id_of
from registry.peer_errors import RosterLacksOldMembers
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    statement,
    until,
    until_equal,
)
from tests.integration.test_roster_changes import knows, reads


def locked(folder: Path, nodes: list[LocalNode]) -> None:
    """Each endorses a proposal of its own: no version 2 can come to be any more."""
    files = [folder / f"competing-{number}.roster" for number in range(len(nodes))]
    for number, (node, file) in enumerate(zip(nodes, files, strict=True)):
        file.write_bytes(propose(node.folder, Change(expires_ms=number + 1)))
        endorse(node.folder, file)
    for node, file in ((node, file) for node in nodes for file in files):
        if node is not nodes[files.index(file)]:
            with pytest.raises(RosterError, match="agree first"):
                endorse(node.folder, file)
        with pytest.raises(RosterLacksOldMembers):
            adopt(node.folder, file)


async def test_locked_registry_goes_on_under_a_new_genesis_with_all_that_was_written(
    tmp_path: Path,
) -> None:
    alpha, beta, gamma = nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    async with running(nodes):
        async with client_of(gamma) as client:
            opening = await client.open_case("open", opened("A case"), audience=EVERYONE)
        case_id = opening.case_id
        await until(partial(knows, alpha, case_id, 1), "alpha knows the case")
        async with client_of(alpha) as client:
            for_beta = statement("For beta alone (invented)")
            await client.record("beta", case(case_id), for_beta, audience=named("beta"))
        await until_equal(nodes, case_count=1)
        await until(partial(reads, beta, case_id, 2), "beta reads it")
    old_id = load_roster(NodeFolder(alpha.folder)).registry_id
    locked(tmp_path, nodes)

    # Two go on; the third does not.
    files = [begin_epoch(node.folder, has_all_keys_new=False) for node in (alpha, beta)]
    genesis = tmp_path / "anew.roster"
    genesis.write_bytes(found_anew(alpha.folder, files, "the roster was locked"))
    registry_id = registry_id_of(decode_signed_roster(genesis.read_bytes()).roster)
    with pytest.raises(RosterError):
        join_anew(alpha.folder, genesis, registry_id)
    for node in (alpha, beta):
        endorse_genesis(node.folder / "epoch-2", genesis)
    for node in (alpha, beta):
        join_anew(node.folder, genesis, registry_id)
        join_anew(node.folder, genesis, registry_id)
    async with running([alpha, beta]):
        async with client_of(alpha) as client:
            words = statement("After the new beginning (invented)")
            await client.record("after", case(case_id), words, audience=EVERYONE)
            await client.open_case("new", opened("Another case"), audience=named("beta"))
        await until_equal([alpha, beta], case_count=2)
        await until(partial(reads, beta, case_id, 3), "beta reads old and new")
        async with client_of(beta) as client:
            history = await client.history(case(case_id))
        assert [event.mechanism for event in history.events] == ["gamma", "alpha", "alpha"]
    roster = load_roster(NodeFolder(beta.folder))
    assert [m.slug for m in roster.active_members()] == ["alpha", "beta"]
    assert roster.registry_ids() == (registry_id, old_id)
    assert (NodeFolder(alpha.folder).path / f"roster-before-{old_id.hex()[:8]}").is_dir()
    for node in (alpha, beta):
        report = verify_folder(node.folder, lambda *_: None)
        assert all(log.ok for log in report.logs), [log.findings for log in report.logs]
        assert [log.size for log in report.logs if log.mechanism == "gamma"] == [1]
        assert list(fsck_folder(node.folder, lambda *_: None)) == []
