"""Every metric of ours, in one table: the code, docs/metrics.md and the dashboard are held to it.

Names and units follow Prometheus: base units, `_total` for counters. Labels carry origins of logs
and slugs of members, which the roster publishes, and words from closed lists; never the id of a
case, a name, a text, a key, a caller, or anything else that a caller or a peer may choose
(promise 14).
"""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

LABELS: Final = {
    "database": "log, views or office",
    "grpc_code": "name of a gRPC status code",
    "grpc_method": "a method that this node serves",
    "grpc_service": "its service",
    "grpc_type": "unary, server_stream or bidi_stream",
    "log": "origin of a log of the roster",
    "peer": "slug of a member of the roster",
    "reason": "stable reason of an error of ours, or `other`",
    "state": "open, waiting or frozen",
    "version": "version of the software",
}
"""All labels that a metric of ours may have, and what stands in them."""

_CALL: Final = ("grpc_type", "grpc_service", "grpc_method")
_CALL_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_WRITE_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: without the `_total` of a counter.
        kind: Prometheus' word.
        help: what it counts, in a sentence.
        labels: of those in `LABELS`.
        buckets: upper bounds of a histogram, in its unit.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown_name(self) -> str:
        """The name as queries use it; of a histogram without its endings."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


CALLS_STARTED: Final = Metric(
    "grpc_server_started", "counter", "Calls that reached a method of this node.", _CALL
)
CALLS_HANDLED: Final = Metric(
    "grpc_server_handled",
    "counter",
    "Calls that ended, whatever the outcome.",
    (*_CALL, "grpc_code"),
)
CALL_SECONDS: Final = Metric(
    "grpc_server_handling_seconds",
    "histogram",
    "Time from the start of a call to its end; of a stream, as long as it was open.",
    _CALL,
    _CALL_SECONDS,
)
MESSAGES_RECEIVED: Final = Metric(
    "grpc_server_msg_received", "counter", "Messages received from callers.", _CALL
)
MESSAGES_SENT: Final = Metric("grpc_server_msg_sent", "counter", "Messages sent to callers.", _CALL)
BUILD: Final = Metric("registry_build_info", "gauge", "Always 1; says the version.", ("version",))
LOG_ENTRIES: Final = Metric("registry_log_entries", "gauge", "Entries held of a log.", ("log",))
LOG_NOTED: Final = Metric(
    "registry_log_noted_entries",
    "gauge",
    "Size of the largest checkpoint of a log that is held in full: what is offered to peers.",
    ("log",),
)
LOG_FROZEN: Final = Metric(
    "registry_log_frozen", "gauge", "1 if a log is frozen: it ends there for this node.", ("log",)
)
LOG_LAG: Final = Metric(
    "registry_log_lag_entries",
    "gauge",
    "The most entries of a log that a connected peer offers and this node does not hold.",
    ("log",),
)
LOG_PARTS_WANTED: Final = Metric(
    "registry_log_parts_wanted",
    "gauge",
    "Parts that this node may hold and has not: entries not asked for yet, and parts nobody gave.",
    ("log",),
)
LOG_HELD_BACK: Final = Metric(
    "registry_log_held_back",
    "gauge",
    "1 while a log is over its budget and is taken at a bounded rate.",
    ("log",),
)
PEER_CONNECTED: Final = Metric(
    "registry_peer_connected",
    "gauge",
    "1 while the stream of heads of a peer is open.",
    ("peer",),
)
PEER_CAUGHT_UP: Final = Metric(
    "registry_peer_caught_up",
    "gauge",
    "1 while this node holds all that a connected peer offers.",
    ("peer",),
)
PEER_HEARD: Final = Metric(
    "registry_peer_last_heard_timestamp_seconds",
    "gauge",
    "When a peer was last heard of, seconds since 1970 UTC; 0 = not since this node started.",
    ("peer",),
)
PEER_LAG: Final = Metric(
    "registry_peer_lag_entries",
    "gauge",
    "Entries of a log that a connected peer offers and this node does not hold; none where it "
    "offers none.",
    ("peer", "log"),
)
ROSTER_FORKS: Final = Metric(
    "registry_roster_forks",
    "gauge",
    "Members that hold another roster of the version that counts here, as validly signed.",
)
OWN_LOG_STATE: Final = Metric(
    "registry_own_log_state",
    "gauge",
    "1 for the state of the own log: open (takes events), waiting (the start-up fence, or a fault, "
    "keeps it closed), frozen (a new epoch is needed).",
    ("state",),
)
GUARD_ENTRIES: Final = Metric(
    "registry_guard_entries", "gauge", "Size of the own log that the guard stands for."
)
PROJECTION_LAG: Final = Metric(
    "registry_projection_lag_entries", "gauge", "Entries that are not folded into the lists yet."
)
DATABASE_BYTES: Final = Metric(
    "registry_database_bytes", "gauge", "Size of a database file.", ("database",)
)
WAL_BYTES: Final = Metric(
    "registry_wal_bytes", "gauge", "Size of a database's write-ahead log.", ("database",)
)
DISK_FREE: Final = Metric(
    "registry_disk_free_bytes", "gauge", "Free bytes of the disk that holds the node's folder."
)
DISK_RESERVE: Final = Metric(
    "registry_disk_reserve_bytes",
    "gauge",
    "Below so many free bytes no content is taken, below half of them no entries of others.",
)
APPENDED: Final = Metric("registry_appended_entries", "counter", "Events recorded in the own log.")
APPEND_SECONDS: Final = Metric(
    "registry_append_seconds",
    "histogram",
    "Time that one write of own events takes, up to the guard; several may share one.",
    buckets=_WRITE_SECONDS,
)
INGESTED: Final = Metric(
    "registry_ingested_entries",
    "counter",
    "Entries of other logs stored since the start.",
    ("log",),
)
REFUSED: Final = Metric(
    "registry_refused",
    "counter",
    "What peers sent and this node refused: each is one batch, note, tail or answer.",
    ("reason",),
)
CALLS_OVER_LIMIT: Final = Metric(
    "registry_calls_over_limit",
    "counter",
    "Calls refused because their caller had as many open as one caller may have.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
PROCESS_METRICS: Final = {
    "process_cpu_seconds_total": "counter",
    "process_max_fds": "gauge",
    "process_open_fds": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_virtual_memory_bytes": "gauge",
}
"""What the Prometheus client tells of any process on Linux."""


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """Makes a counter that the code counts up."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """Makes a histogram that the code fills."""
    return Histogram(
        metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets
    )


def gauge_family(metric: Metric) -> GaugeMetricFamily:
    """Makes a gauge whose values are read when somebody scrapes."""
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def counter_family(metric: Metric) -> CounterMetricFamily:
    """Makes a counter that is kept elsewhere."""
    return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
