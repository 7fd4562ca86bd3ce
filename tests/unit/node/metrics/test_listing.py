"""A scrape shows the listed metrics, with the listed labels, and nothing else (promise 14)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported
from prometheus_client import generate_latest  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

from registry.domain.identifiers import Slug  # noqa: E402
from registry.replication.messages import HeadOffered, PeerUp  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from registry_node.metrics.calls import MethodMetrics, labels_of  # noqa: E402
from registry_node.metrics.listing import LABELS, METRICS, PROCESS_METRICS, Metric  # noqa: E402
from registry_node.metrics.node import NodeMetrics  # noqa: E402
from registry_node.mirror import Mirror  # noqa: E402
from registry_node.permissions import PERMISSIONS  # noqa: E402
from registry_node.settings import NodeSettings  # noqa: E402
from registry_node.threads import FairThreads  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Nodes,
    found_federation,
    open_federation,
    opening,
)

ALPHA = Slug("alpha")
OF_HISTOGRAMS = {"le"}
UNITS = ("_seconds", "_bytes", "_entries", "_total", "_info", "_timestamp_seconds")
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        yield nodes


async def scrape(nodes: Nodes, mechanism: str, meanwhile: Any = None) -> Samples:
    """All samples of a node by name and labels; `meanwhile` is called with metrics and mirror."""
    registry = nodes[mechanism].registry
    settings = NodeSettings(folder=registry.folder.path, metrics_listen="127.0.0.1:0")
    mirror = Mirror(registry, HeadHub(), settings, uniform=lambda low, _: low)
    metrics = NodeMetrics(settings, registry, mirror)
    if meanwhile is not None:
        meanwhile(metrics, mirror)
    with FairThreads(1, name="scrape") as thread:
        loop = mirror._loop
        page = await loop.run_in_executor(thread, generate_latest, metrics.collectors)
    found: Samples = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def one_call(metrics: NodeMetrics, _: Mirror) -> None:
    labels = labels_of("/a.Service/Read", is_streaming_in=False, is_streaming_out=True)
    method = MethodMetrics(metrics.calls, labels)
    method.started()
    method.sent()
    method.handled("OK", 0.1)


def sample_names(metric: Metric) -> set[str]:
    if metric.kind == "histogram":
        return {f"{metric.name}_{ending}" for ending in ("bucket", "count", "sum")}
    return {metric.shown_name}


def test_labels_are_those_of_the_closed_list() -> None:
    assert {label for metric in METRICS for label in metric.labels} == set(LABELS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_is_named_and_described_as_prometheus_asks(metric: Metric) -> None:
    assert re.fullmatch(r"(registry|grpc_server)_[a-z_]+[a-z]", metric.name)
    assert metric.help.endswith(".")
    assert not metric.name.endswith("_total")
    if metric.name.startswith("registry_") and metric.kind == "histogram":
        assert metric.name.endswith(UNITS)


async def test_scrape_shows_the_listed_names_and_labels_and_no_others(nodes: Nodes) -> None:
    nodes["alpha"].record(opening())
    nodes.carry_all()

    def meanwhile(metrics: NodeMetrics, mirror: Mirror) -> None:
        one_call(metrics, mirror)
        mirror.refusals["root_mismatch"] += 1
        alpha = nodes["alpha"]
        note = alpha.registry.store.log_state(alpha.log_id).note
        assert note is not None
        for message in (PeerUp(ALPHA), HeadOffered(ALPHA, alpha.log_id, note)):
            mirror.session.handle(0, message)

    found = await scrape(nodes, "beta", meanwhile)

    expected = {name for metric in METRICS for name in sample_names(metric)}
    shown = {name for name in found if not name.endswith("_created")}
    assert shown == expected | set(PROCESS_METRICS)
    for metric in METRICS:
        for name in sample_names(metric) & found.keys():
            names = {label for labels in found[name] for label, _ in labels}
            assert names - OF_HISTOGRAMS == set(metric.labels)


async def test_scrape_tells_how_the_node_stands(nodes: Nodes) -> None:
    nodes["alpha"].record(opening())
    nodes["alpha"].record(opening())
    nodes.carry_all()
    found = await scrape(nodes, "beta")
    alpha = (("log", nodes["alpha"].registry.own.origin),)

    assert found["registry_log_entries"][alpha] == 2
    assert found["registry_log_noted_entries"][alpha] == 2
    assert found["registry_log_frozen"][alpha] == 0
    assert found["registry_log_parts_wanted"][alpha] == 0
    assert (
        found["registry_guard_entries"][()]
        == nodes["beta"].registry.store.log_state(nodes["beta"].log_id).size
    )
    assert found["registry_own_log_state"] == {
        (("state", "open"),): 1,
        (("state", "waiting"),): 0,
        (("state", "frozen"),): 0,
    }
    assert found["registry_database_bytes"][(("database", "log"),)] > 0
    assert found["registry_disk_free_bytes"][()] > 0
    assert set(found["registry_peer_connected"]) == {(("peer", "alpha"),), (("peer", "gamma"),)}


async def test_appends_and_ingested_entries_are_counted(nodes: Nodes) -> None:
    def meanwhile(metrics: NodeMetrics, mirror: Mirror) -> None:
        del metrics, mirror
        nodes["alpha"].record(opening())
        nodes["beta"].record(opening())
        nodes["beta"].record(opening())
        nodes.carry_all()

    found = await scrape(nodes, "beta", meanwhile)

    assert found["registry_appended_entries_total"][()] == 2
    assert found["registry_append_seconds_count"][()] == 2
    alpha, gamma = ((("log", nodes[each].registry.own.origin),) for each in ("alpha", "gamma"))
    assert found["registry_ingested_entries_total"][alpha] == 1
    assert found["registry_ingested_entries_total"][gamma] == 0


async def test_closed_log_shows_as_waiting_and_a_frozen_one_as_frozen(nodes: Nodes) -> None:
    store = nodes["beta"].registry.store
    store.refuse_appends("for a test")
    found = await scrape(nodes, "beta")
    assert found["registry_own_log_state"][(("state", "waiting"),)] == 1

    store.freeze(nodes["beta"].log_id, 0, "log_diverged", b"").result()
    found = await scrape(nodes, "beta")
    assert found["registry_own_log_state"][(("state", "frozen"),)] == 1


async def test_reason_that_is_not_listed_is_told_as_other(nodes: Nodes) -> None:
    def meanwhile(_: NodeMetrics, mirror: Mirror) -> None:
        mirror.refusals.update({"words of a peer": 1, "bad_proof": 2, "more words": 1})

    found = await scrape(nodes, "beta", meanwhile)

    assert found["registry_refused_total"] == {
        (("reason", "bad_proof"),): 2,
        (("reason", "other"),): 2,
    }


def test_every_method_has_labels_of_its_own() -> None:
    labels = {labels_of(m, is_streaming_in=False, is_streaming_out=False) for m in PERMISSIONS}
    assert len(labels) == len(PERMISSIONS)
    assert ("unary", "registry.api.v1.CaseService", "GetCase") in labels
