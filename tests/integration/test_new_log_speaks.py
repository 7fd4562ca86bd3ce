"""Between real nodes: a new log erases what the one before holds, also at who lost everything."""

from functools import partial
from pathlib import Path

from registry.application.membership.cuts import cut_here
from registry.application.membership.epochs import begin_epoch
from registry.application.membership.rosters import Change, adopt, endorse, propose
from registry.application.verification import fsck_folder, verify_folder
from registry.client.confidentiality import PartToErase
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import client_of, found, opened, until
from tests.integration.test_erasure import TITLE, confirmed, state_at


def begin(folder: Path, nodes: list[LocalNode]) -> None:
    """All adopt a roster under which the first has a new log, and that of before ends."""
    first, second, *_ = nodes
    cut = cut_here(second.folder, first.mechanism.slug, "its keys were stolen")
    file = begin_epoch(first.folder, has_all_keys_new=False)
    roster = folder / "2.roster"
    roster.write_bytes(propose(second.folder, Change(new_epochs={"alpha": (file, cut)})))
    for node in nodes[1:]:
        endorse(node.folder, roster)
    for node in nodes:
        adopt(node.folder, roster)


async def is_at(node: LocalNode, case_id: CaseId, state: str) -> bool:
    async with client_of(node) as client:
        return await state_at(client, case_id) == state


async def is_confirmed_by(node: LocalNode, index: int, *slugs: str) -> bool:
    async with client_of(node) as client:
        return confirmed(await client.confidentiality.erasure_status(index)) == set(slugs)


async def test_new_log_erases_what_the_former_one_holds_at_every_node(tmp_path: Path) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    async with running(nodes):
        async with client_of(alpha) as client:
            receipt = await client.open_case("open", opened(TITLE), audience=EVERYONE)
        case_id = CaseId(receipt.case_id)
        for node in (beta, gamma):
            await until(partial(is_at, node, case_id, "present"), "it is held")
    begin(tmp_path, nodes)
    # One of them loses its database: it gets the log before and the new one in whatever order.
    for file in gamma.folder.glob("*.db*"):
        file.unlink()

    async with running(nodes):
        await until(partial(is_at, gamma, case_id, "present"), "gamma has it back")
        gamma.stop()
        async with client_of(alpha) as client:
            parts = [PartToErase(receipt.index, 0)]
            erased = await client.confidentiality.erase("e", parts, origin=receipt.origin)
            assert erased.receipt is not None
            assert erased.receipt.origin != receipt.origin
            index = erased.receipt.index
        await until(partial(is_at, beta, case_id, "erased"), "beta has erased it")
        await until(partial(is_confirmed_by, alpha, index, "beta"), "beta has confirmed")
        for file in gamma.folder.glob("*.db*"):
            file.unlink()
        gamma.start()
        await gamma.wait_until_open()
        await until(partial(is_at, gamma, case_id, "erased"), "gamma holds nothing of it")
        await until(partial(is_confirmed_by, alpha, index, "beta", "gamma"), "both confirmed")
    for node in nodes:
        report = verify_folder(node.folder, lambda *_: None)
        assert all(log.ok for log in report.logs), [log.findings for log in report.logs]
        assert list(fsck_folder(node.folder, lambda *_: None)) == []
