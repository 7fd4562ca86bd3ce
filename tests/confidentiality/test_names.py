"""Promises 6 to 8: a name leaves only with that consent, a source never; over every path there is.

Content is told inside its audience alone, and never again once it is erased.
"""

import os
from collections import Counter
from typing import Any, Final

import typer
from hypothesis import Phase, given, settings

from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry_cli.main import app
from registry_node.permissions import PERMISSIONS
from tests.architecture.test_modules import ROOT
from tests.confidentiality.name_checks import Told, check_plan
from tests.confidentiality.name_paths import (
    CALLS,
    COMMANDS,
    CONTROL_KINDS,
    FURTHER,
    METHODS,
    NO_CONTENT,
    TESTED,
)
from tests.confidentiality.names_plans import (
    NAMING_KINDS,
    PLANS,
    WRITTEN,
    Plan,
    plan_of_kind,
)
from tests.confidentiality.names_world import World
from tests.counts import tell

EXAMPLES: Final = int(os.environ.get("SOAK_NAMES", "1000"))
_API: Final = "/registry.api.v1."
_SWEEP: Final = (*WRITTEN.values(), *map(plan_of_kind, NAMING_KINDS))
"""Comes by every kind and every path, whatever is drawn."""


def test_no_name_leaves_without_that_consent_and_no_source_ever(shared_world: World) -> None:
    told: Told = Counter()

    # A plan has few acts: it is read as it stands, and shrinking would take minutes.
    @settings(max_examples=max(EXAMPLES - len(_SWEEP), 1), phases=(Phase.explicit, Phase.generate))
    @given(plan=PLANS)
    def no_plan_tells_more_than_it_may(plan: Plan) -> None:
        check_plan(shared_world, plan, told)

    for plan in _SWEEP:
        check_plan(shared_world, plan, told)
    check_every_path_was_come_by(told)
    no_plan_tells_more_than_it_may()
    assert shared_world.count >= EXAMPLES
    # The property is not empty: every outcome has come up often.
    outcomes = (
        *("recorded", "refused", "widened", "given", "withheld", "bundled", "exported"),
        *("taken out", "registered", "name withheld", "erased", "matched"),
    )
    assert {each: told[each] for each in outcomes if told[each] < EXAMPLES // 50} == {}
    calls = ("ask", "answer", "tell", "intend", "reply", "retract", "draft", "cosign")
    assert {each for each in calls if told[f"act {each}"] < EXAMPLES // 200} == set()
    tell(f"{shared_world.count} plans of names, no name and no source where it may not be")


def check_every_path_was_come_by(told: Told) -> None:
    """What a row names, and every kind that has content, has come up."""
    kinds = {f"kind {kind_code(kind)}" for kind in CURRENT_KINDS}
    assert {each for each in {*kinds, *_counted(), *FURTHER} if not told[each]} == set()


def _counted() -> set[str]:
    """The rows that name what the property counts."""
    rows = {*METHODS.values(), *COMMANDS.values()} - {CALLS}
    return {each for each in rows if not each.startswith((NO_CONTENT, TESTED))}


def test_every_call_command_and_kind_has_a_row_of_what_the_property_looks_at() -> None:
    ours = {name for name in PERMISSIONS if name.startswith(_API)}

    assert {name.removeprefix(_API) for name in ours} == set(METHODS)
    group: Any = typer.main.get_command(app)
    assert set(group.list_commands(typer.Context(group))) == set(COMMANDS)
    assert set(EventKind) - CURRENT_KINDS == CONTROL_KINDS


def test_every_test_that_a_row_names_is_there() -> None:
    rows = {*METHODS.values(), *COMMANDS.values()}
    for path in (each for each in rows if each.startswith(TESTED)):
        file, _, name = path.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
