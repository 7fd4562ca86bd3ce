"""The metrics of one node, from its start to its end; served only where the settings say so."""

import asyncio

from prometheus_client import CollectorRegistry, ProcessCollector

from registry.application.registry import Registry
from registry_node.metrics.calls import CallMetrics
from registry_node.metrics.serving import MetricsServer, parse_address
from registry_node.metrics.standing import StandingCollector
from registry_node.metrics.work import WorkMetrics
from registry_node.mirror import Mirror
from registry_node.settings import NodeSettings


class NodeMetrics:
    """Collectors of its own, none that a process shares: a node may start anew in one process."""

    def __init__(self, settings: NodeSettings, registry: Registry, mirror: Mirror) -> None:
        """Counts from now on; made where the loop runs.

        Raises:
            InvalidRequest: the settings name an address that others could reach.
        """
        self._address = (
            parse_address(settings.metrics_listen, may_be_remote=settings.metrics_may_be_remote)
            if settings.metrics_listen
            else None
        )
        self.collectors = CollectorRegistry()
        self.calls = CallMetrics(self.collectors)
        if self._address is not None:
            ProcessCollector(registry=self.collectors)
            WorkMetrics(registry, self.collectors)
            loop = asyncio.get_running_loop()
            self.collectors.register(StandingCollector(registry, mirror, loop))
        self._server: MetricsServer | None = None

    @property
    def port(self) -> int:
        """Where they are served; 0 = nowhere."""
        return 0 if self._server is None else self._server.port

    def start(self) -> None:
        """Serves them, if anywhere.

        Raises:
            OSError: the address cannot be bound.
        """
        if self._address is not None:
            self._server = MetricsServer(self._address, self.collectors)

    def close(self) -> None:
        """Stops serving; not from the event loop, which a scrape may be waiting for."""
        if self._server is not None:
            self._server.close()
