"""Counts calls under the names that gRPC servers in other languages use.

Only calls that reached a method of this node are counted: the name of a method that does not exist
is the caller's choice and stands nowhere.
"""

from prometheus_client import CollectorRegistry

from registry_node.metrics.listing import (
    CALL_SECONDS,
    CALLS_HANDLED,
    CALLS_OVER_LIMIT,
    CALLS_STARTED,
    MESSAGES_RECEIVED,
    MESSAGES_SENT,
    counter,
    histogram,
)

CallLabels = tuple[str, str, str]
"""grpc_type, grpc_service, grpc_method."""


def labels_of(method: str, *, is_streaming_in: bool, is_streaming_out: bool) -> CallLabels:
    """Returns the labels of a method, such as `/registry.api.v1.CaseService/GetCase`."""
    kind = "bidi_stream" if is_streaming_in else "server_stream" if is_streaming_out else "unary"
    service, _, name = method.strip("/").partition("/")
    return kind, service, name


class CallMetrics:
    """Counters and times of the calls to one server; used from one event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.started = counter(CALLS_STARTED, registry)
        self.handled = counter(CALLS_HANDLED, registry)
        self.seconds = histogram(CALL_SECONDS, registry)
        self.received = counter(MESSAGES_RECEIVED, registry)
        self.sent = counter(MESSAGES_SENT, registry)
        self._over_limit = counter(CALLS_OVER_LIMIT, registry)

    def over_limit(self) -> None:
        """A call was refused because its caller had too many open."""
        self._over_limit.inc()


class MethodMetrics:
    """What `CallMetrics` counts of one method, looked up once: a call pays for counting alone."""

    def __init__(self, metrics: CallMetrics, labels: CallLabels) -> None:
        self._started = metrics.started.labels(*labels)
        self._received = metrics.received.labels(*labels)
        self._sent = metrics.sent.labels(*labels)
        self._seconds = metrics.seconds.labels(*labels)
        self._handled = metrics.handled
        self._labels = labels

    def started(self) -> None:
        """A call has come; its first message too, as far as this is told here."""
        self._started.inc()
        self._received.inc()

    def sent(self) -> None:
        """One message goes to the caller."""
        self._sent.inc()

    def handled(self, code: str, seconds: float) -> None:
        """A call is over; `code` is the name of its status."""
        self._handled.labels(*self._labels, code).inc()
        self._seconds.observe(seconds)
