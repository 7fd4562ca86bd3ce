"""A withdrawal of a consent that asked for erasure is the first of its two approvals."""

from registry.application.desk import open_desk
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.domain.audience import OWN_ONLY
from tests.unit.application.federation_in_process import Node, opening
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


def test_withdrawal_makes_the_erasure_wait_for_one_more_person(node: Node) -> None:
    desk = open_desk(node.registry, random_bytes=node.random_bytes)
    try:
        officer = Client("officer", Role.OFFICER)
        case_id = node.record(opening()).case_id
        node.record(consent("names_in_public", erase_on_withdrawal=True), case_id)
        node.record(naming(AYO), case_id)
        assert desk.pending(officer, 0, 10)[0] == []

        desk.record(officer, RecordCommand("w", "", case_id, withdrawn(), OWN_ONLY)).result()

        (act,), _ = desk.pending(officer, 0, 10)
        assert "withdrawal" in repr(act)
        desk.record(officer, RecordCommand("w", "", case_id, withdrawn(), OWN_ONLY)).result()
        assert len(desk.pending(officer, 0, 10)[0]) == 1
    finally:
        desk.close()
