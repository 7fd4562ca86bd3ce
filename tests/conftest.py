"""Settings of the whole test run: Hypothesis gives the same examples every time."""

import os

from hypothesis import HealthCheck, settings

# The gate: a failing run fails again, on any machine; speed is no reason to fail.
settings.register_profile(
    "gate",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# The search: new examples on every run, many of them.
settings.register_profile("soak", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
