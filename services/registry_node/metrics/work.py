"""Counts what the store writes; told by its writer after each commit."""

from prometheus_client import CollectorRegistry

from registry.application.registry import Registry
from registry.store.values import AppendsTimed, EntriesStored, StoreEvent
from registry_node.metrics.listing import APPEND_SECONDS, APPENDED, INGESTED, counter, histogram


class WorkMetrics:
    """Counters of appends and of ingest."""

    def __init__(self, registry: Registry, collectors: CollectorRegistry) -> None:
        """Counts from now on."""
        others = (m for m in registry.roster.writers() if m.log_id != registry.own.log_id)
        self._others = {member.log_id: member.origin for member in others}
        self._appended = counter(APPENDED, collectors)
        self._append_seconds = histogram(APPEND_SECONDS, collectors)
        self._ingested = counter(INGESTED, collectors)
        for origin in self._others.values():
            self._ingested.labels(origin)  # shows 0 from the beginning
        registry.store.add_listener(self._notice)

    def _notice(self, event: StoreEvent) -> None:
        """Called in the thread that wrote."""
        if isinstance(event, AppendsTimed):
            self._append_seconds.observe(event.took_s)
            self._appended.inc(event.appended)
        elif isinstance(event, EntriesStored) and event.log_id in self._others:
            self._ingested.labels(self._others[event.log_id]).inc(event.end - event.start)
