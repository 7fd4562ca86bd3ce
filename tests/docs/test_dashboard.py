"""Every query of the dashboard names metrics and labels that a node tells."""

import json
import re
from pathlib import Path

from registry_node.metrics.listing import METRICS, PROCESS_METRICS

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "registry.json"
NAME = re.compile(r"\b(?:registry|grpc_server|process)_[a-z_]+")
LABELLED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"|\{\{(\w+)\}\}")
OF_PROMETHEUS = {"instance", "le", "job"}
ENDINGS = ("_bucket", "_count", "_sum")


def known_names() -> set[str]:
    found = set(PROCESS_METRICS)
    for metric in METRICS:
        is_histogram = metric.kind == "histogram"
        found |= {metric.name + e for e in ENDINGS} if is_histogram else {metric.shown_name}
    return found


def targets(dashboard: object) -> list[dict[str, str]]:
    assert isinstance(dashboard, dict)
    return [target for panel in dashboard["panels"] for target in panel["targets"]]


def unknown_in(query: str, legend: str = "") -> set[str]:
    """Names of metrics and labels that no node tells."""
    labels = {label for metric in METRICS for label in metric.labels} | OF_PROMETHEUS
    used = {first or second for first, second in LABELLED.findall(query + legend)}
    return (set(NAME.findall(query)) - known_names()) | (used - labels)


def test_every_query_names_metrics_and_labels_that_exist() -> None:
    found = targets(json.loads(DASHBOARD.read_text()))

    assert len(found) >= 12
    for target in found:
        assert NAME.search(target["expr"])
        assert unknown_in(target["expr"], target["legendFormat"]) == set()


def test_unknown_metric_or_label_is_noticed() -> None:
    assert unknown_in("rate(registry_appends_total[5m])") == {"registry_appends_total"}
    assert unknown_in("registry_append_seconds > 1") == {"registry_append_seconds"}
    assert unknown_in('registry_log_entries{case="x"}') == {"case"}
    assert unknown_in("registry_log_entries", "{{member}}") == {"member"}
