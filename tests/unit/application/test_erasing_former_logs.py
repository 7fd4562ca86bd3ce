"""A mechanism that began a new epoch erases what its log of before holds, at every holder."""

import shutil
from itertools import permutations
from pathlib import Path

import pytest

from registry.application.desk import open_desk
from registry.application.erasing import EraseCommand, ErasureTarget
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.application.verification import fsck_folder
from registry.domain.audience import OWN_ONLY
from registry.domain.identifiers import CaseId, LogId, Origin
from registry.errors import NotFound, RuleViolation
from tests.unit.application.epoch_world import begin, carry, cut_of, opened
from tests.unit.application.erasing_world import CANARY, EVERYTHING, fold, held
from tests.unit.application.federation_in_process import Node, opening, statement
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]
FORMER = Origin("invented.example/alpha/1")


def erase_former(node: Node, *targets: ErasureTarget, request_id: str = "erase") -> int:
    command = EraseCommand(request_id, "", targets, FORMER)
    return node.registry.erase(command).result().index


@pytest.fixture
def begun(founded: Path) -> tuple[Path, CaseId, LogId]:
    """Alpha wrote a case for beta and gamma, which hold it, and has begun a new epoch since."""
    with opened(founded) as nodes:
        alpha = nodes["alpha"]
        case_id = alpha.record(opening()).case_id
        for number in range(2):
            words = statement(f"{CANARY} {number}")
            alpha.record(words, case_id, mechanisms=("beta", "gamma"))
        alpha.record(statement("For beta alone"), case_id, mechanisms=("beta",))
        nodes.carry_all()
        log_id, cut = alpha.log_id, cut_of(alpha)
    begin(founded, "alpha", cut)
    return founded, case_id, log_id


def titles(node: Node, case_id: CaseId) -> list[str]:
    events = node.registry.history(case_id).events
    return [getattr(event.content, "title", "") for event in events]


def sound(folder: Path) -> bool:
    return all(
        list(fsck_folder(folder / name, lambda *_: None)) == []
        for name in ("alpha", "beta", "gamma")
    )


def test_content_of_a_former_log_is_erased_at_every_holder_and_confirmed(
    begun: tuple[Path, CaseId, LogId],
) -> None:
    folder, case_id, log_id = begun
    with opened(folder) as nodes:
        alpha, beta, _ = nodes.values()
        assert alpha.log_id != log_id
        fold(beta)
        at = erase_former(alpha, ErasureTarget(1, 0))
        nodes.carry_all()
        for node in nodes.values():
            assert held(node, log_id, 1) is None
            assert held(node, log_id, 2) is not None
            assert f"{CANARY} 0" not in titles(node, case_id)
            assert f"{CANARY} 1" in titles(node, case_id)
            fold(node)
        assert beta.registry.confirm_erasures(EVERYTHING) == 1
        carry(beta, alpha, beta.log_id)
        status = alpha.registry.erasure_status("", at)
        assert [(c.member.slug, c.confirmed_ms is not None) for c in status.confirmations] == [
            ("beta", True),
            ("gamma", False),
        ]
    assert sound(folder)


def test_receipts_are_due_from_who_may_have_held_what_the_former_log_gave(
    begun: tuple[Path, CaseId, LogId],
) -> None:
    folder, _, _ = begun
    with opened(folder) as nodes:
        alpha = nodes["alpha"]
        at = erase_former(alpha, ErasureTarget(3, 0))
        nodes.carry_all()
        status = alpha.registry.erasure_status("", at)
        assert [each.member.slug for each in status.confirmations] == ["beta"]
        assert nodes["gamma"].registry.confirm_erasures(EVERYTHING) == 0


@pytest.mark.parametrize("order", list(permutations(["former log", "new log", "restart"])))
def test_who_lost_everything_learns_of_it_in_every_order(
    begun: tuple[Path, CaseId, LogId], order: tuple[str, ...]
) -> None:
    folder, _, log_id = begun
    with opened(folder) as nodes:
        erase_former(nodes["alpha"], ErasureTarget(1, 0))
        for part in (0, 1, 2):
            assert held(nodes["gamma"], log_id, part) is not None
    for file in (folder / "gamma").glob("*.db*"):
        file.unlink()
    for steps in ((order[: order.index("restart")]), order[order.index("restart") + 1 :]):
        with opened(folder, fenced=["gamma"]) as nodes:
            alpha, beta, gamma = nodes.values()
            for step in steps:
                # Beta has not heard of the erasure, and gives all that it holds.
                source, which = (beta, log_id) if step == "former log" else (alpha, alpha.log_id)
                carry(source, gamma, which)
    with opened(folder, ["gamma"], fenced=["gamma"]) as nodes:
        assert held(nodes["gamma"], log_id, 1) is None
        assert held(nodes["gamma"], log_id, 2) is not None
    assert list(fsck_folder(folder / "gamma", lambda *_: None)) == []


def test_node_that_was_put_back_gives_nothing_back(
    begun: tuple[Path, CaseId, LogId], tmp_path: Path
) -> None:
    folder, _, log_id = begun
    with opened(folder, ["gamma"]):
        pass
    shutil.copytree(folder / "gamma", tmp_path / "before")
    with opened(folder) as nodes:
        erase_former(nodes["alpha"], ErasureTarget(1, 0))
        nodes.carry_all()
    shutil.copyfile(tmp_path / "before" / "log.db", folder / "gamma" / "log.db")
    with opened(folder, ["gamma"], fenced=["gamma"]) as nodes:
        assert held(nodes["gamma"], log_id, 1) is None


def test_request_repeats_and_refuses_like_one_about_the_own_log(
    begun: tuple[Path, CaseId, LogId],
) -> None:
    folder, _, _ = begun
    with opened(folder, ["alpha"]) as nodes:
        alpha = nodes["alpha"]
        first = erase_former(alpha, ErasureTarget(1, 0))
        assert erase_former(alpha, ErasureTarget(1, 0)) == first
        with pytest.raises(RuleViolation, match="erased already"):
            erase_former(alpha, ErasureTarget(1, 0), request_id="again")
        with pytest.raises(NotFound):
            erase_former(alpha, ErasureTarget(9, 0), request_id="none")
        for origin in ("invented.example/beta/1", "invented.example/alpha/3"):
            command = EraseCommand("other", "", (ErasureTarget(0, 0),), origin)
            with pytest.raises(NotFound, match="writes no log"):
                alpha.registry.erase(command)


def test_what_counts_and_what_is_void_is_not_erased_by_one_event(founded: Path) -> None:
    with opened(founded) as nodes:
        alpha = nodes["alpha"]
        case_id = alpha.record(opening()).case_id
        alpha.record(statement(), case_id)
        log_id, cut = alpha.log_id, cut_of(alpha, 1)
    begin(founded, "alpha", cut)
    with opened(founded, ["alpha"]) as nodes:
        alpha = nodes["alpha"]
        with pytest.raises(RuleViolation, match="not both"):
            erase_former(alpha, ErasureTarget(0, 0), ErasureTarget(1, 0))
        erase_former(alpha, ErasureTarget(1, 0))
        assert held(alpha, log_id, 1) is None
        assert held(alpha, log_id, 0) is not None


def test_withdrawal_in_the_new_log_proposes_to_erase_what_the_former_one_holds(
    founded: Path,
) -> None:
    officer, publisher = Client("officer", Role.OFFICER), Client("publisher", Role.PUBLISHER)
    with opened(founded, ["alpha"]) as nodes:
        alpha = nodes["alpha"]
        case_id = alpha.record(opening()).case_id
        alpha.record(consent("names_in_public", erase_on_withdrawal=True), case_id)
        alpha.record(naming(AYO), case_id)
        log_id, cut = alpha.log_id, cut_of(alpha)
    begin(founded, "alpha", cut)
    with opened(founded, ["alpha"]) as nodes:
        alpha = nodes["alpha"]
        desk = open_desk(alpha.registry, random_bytes=alpha.random_bytes)
        try:
            alpha.record(naming(AYO, title="In the new log"), case_id, audience=OWN_ONLY)
            command = RecordCommand("w", "", case_id, withdrawn(), OWN_ONLY)
            desk.record(officer, command).result()
            acts, _ = desk.pending(officer, 0, 10)
            assert {act.erasure.origin for act in acts if act.erasure} == {"", FORMER}
            for act in acts:
                desk.approve(publisher, act.act_id, lambda _: pytest.fail("nothing is published"))
            assert desk.pending(officer, 0, 10)[0] == []
        finally:
            desk.close()
        assert held(alpha, log_id, 1) is None
        assert held(alpha, log_id, 2) is None
        assert held(alpha, log_id, 0) is not None
