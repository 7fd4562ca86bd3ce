"""Promise 8: a name leaves only with that consent, a source never; over every path there is."""

import os
from collections import Counter
from typing import Final

from hypothesis import Phase, given, settings

from tests.confidentiality.name_checks import Told, check_plan
from tests.confidentiality.names_world import PLANS, Plan, World
from tests.counts import tell

EXAMPLES: Final = int(os.environ.get("SOAK_NAMES", "1000"))


def test_no_name_leaves_without_that_consent_and_no_source_ever(shared_world: World) -> None:
    told: Told = Counter()

    # A plan has few acts: it is read as it stands, and shrinking would take minutes.
    @settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.generate))
    @given(plan=PLANS)
    def no_plan_tells_more_than_it_may(plan: Plan) -> None:
        check_plan(shared_world, plan, told)

    no_plan_tells_more_than_it_may()
    assert shared_world.count >= EXAMPLES
    # The property is not empty: every outcome has come up often.
    outcomes = ("recorded", "refused", "widened", "given", "withheld", "bundled", "exported")
    for outcome in (*outcomes, "taken out", "registered", "name withheld"):
        assert told[outcome] >= EXAMPLES // 40, told
    tell(f"{shared_world.count} plans of names, no name and no source where it may not be")
