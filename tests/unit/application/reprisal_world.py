"""Invented reprisals at a node with a desk, and the lists of them."""

from datetime import date
from typing import Any, Final

from registry.application.clients import add_client
from registry.application.lists import Ask
from registry.application.reprisals import JudgedReprisal, Judging, judged_reprisals
from registry.domain.audience import named
from registry.domain.content import ActContent
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from tests.unit.application.desk_world import ADA, DeskWorld
from tests.unit.application.federation_in_process import Node

TODAY: Final = date(2025, 6, 1)
BOTH: Final = named("beta")
OWN: Final[dict[str, Any]] = {"acting_body": "alpha.desk", "cooperation": None}


def alleged(day: str = "2023-03-01", **fields: Any) -> ActContent:
    told = {"cooperated_with": "beta.desk", "states": ["XXA"], **OWN, **fields}
    return example_of(K.REPRISAL_ALLEGED, occurred_date=day or None, **told)


def step(name: str, day: str, **fields: Any) -> ActContent:
    return example_of(K.ACCOUNTABILITY_STEP, step=name, step_date=day or None, **fields)


def fold(*nodes: Node) -> None:
    for node in nodes:
        while node.registry.projector.advance().is_behind:
            pass


def restrict(world: DeskWorld, case_id: CaseId, name: str) -> None:
    folder = world.node.registry.folder.path
    add_client(folder, name, folder / "clients" / name)
    world.desk.restrict(case_id, [name])


def listed(world: DeskWorld, **judged: Any) -> list[JudgedReprisal]:
    fold(world.node)
    lists, ask = world.desk.lists_for(ADA, Ask(100), "ListReprisals")
    return list(judged_reprisals(lists, ask, Judging(day=TODAY, **judged)).rows)
