"""Settings of the whole test run.

The same examples every time, folders in memory, nodes that start at once, and counts told at the
end.
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from registry_cli.federation import LocalNode, NodeProcess
from tests import counts
from tests.forking import Forked
from tests.scratch import use_memory

use_memory()

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

_COUNT = "count"


@pytest.fixture(scope="session", autouse=True)
def nodes_start_at_once(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Nodes are forked. Those of `registry demo`, `bench` and `serve` have new interpreters."""
    in_new_interpreter = LocalNode.open_process

    def open_process(node: LocalNode) -> NodeProcess:
        if node.launcher:
            return in_new_interpreter(node)
        return Forked(["-m", "registry_node", str(node.folder)], node.log_file)

    with pytest.MonkeyPatch.context() as patch:
        # Coverage is measured in processes that Python starts.
        if not request.config.getoption("cov_source", None):
            patch.setattr(LocalNode, "open_process", open_process)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test has counted goes with its report: out of a process of its own, too."""
    if call.when == "call":
        item.user_properties += [(_COUNT, line) for line in counts.take()]
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the counts of all tests."""
    told = [
        (report.nodeid, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _COUNT
    ]
    if told:
        terminalreporter.section("counts")
    for nodeid, value in told:
        terminalreporter.write_line(f"{nodeid}: {value}")
