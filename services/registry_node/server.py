"""The gRPC server: mutual TLS 1.3, explicit limits, health, reflection, our services."""

from collections.abc import Collection, Iterable
from time import monotonic
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from grpc_health.v1.health import aio as health_aio  # noqa: E402
from grpc_reflection.v1alpha import reflection  # noqa: E402

from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.key_care.key_files import read_private  # noqa: E402
from registry.domain.identifiers import Slug  # noqa: E402
from registry.log.roster import Roster  # noqa: E402
from registry_node.caller_limits import OpenCalls  # noqa: E402
from registry_node.callers import CallerDirectory  # noqa: E402
from registry_node.interceptors import CallInterceptor  # noqa: E402
from registry_node.metrics.calls import CallMetrics  # noqa: E402
from registry_node.offered_services import of_servicer  # noqa: E402
from registry_node.peer_tls import pem_of  # noqa: E402
from registry_node.settings import (  # noqa: E402
    NodeSettings,
    calls_of_one_caller,
    streams_of_one_connection,
)

_QUIET: Final = frozenset({"/grpc.health.v1.Health/"})
_PING_INTERVAL_MS: Final = 20_000
_NO_COMPRESSION: Final = 1
_HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


class NodeServer:
    """One listening server with its health state."""

    def __init__(
        self,
        settings: NodeSettings,
        folder: NodeFolder,
        roster: Roster,
        metrics: CallMetrics | None = None,
    ) -> None:
        self._settings = settings
        members = len(roster.active_members())
        self._callers = CallerDirectory(folder, roster)
        interceptor = CallInterceptor(
            self._callers,
            open_methods=_QUIET,
            open_calls=OpenCalls(calls_of_one_caller(settings, members), monotonic),
            metrics=metrics,
        )
        self._server = grpc.aio.server(
            interceptors=[interceptor],
            options=_options(settings, members),
            maximum_concurrent_rpcs=settings.calls_max,
        )
        self._health = health_aio.HealthServicer()
        self._credentials = _credentials(folder, roster)
        self.port = 0

    def add_services(self, servicers: Iterable[object]) -> None:
        """Registers our services with health and reflection."""
        names = [_HEALTH, reflection.SERVICE_NAME]
        for servicer in servicers:
            offered = of_servicer(servicer)
            offered.add(servicer, self._server)
            names.append(offered.name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(names, self._server)

    async def start(self, address: str, *, offered_at: str = "") -> None:
        """Listens; port 0 takes a free one, told by `port`.

        Args:
            address: where callers find the node.
            offered_at: a socket of this machine where it listens too, for what it offers to peers.

        Raises:
            OSError: the address cannot be bound.
        """
        try:
            self.port = self._server.add_secure_port(address, self._credentials)
            if offered_at:
                self._server.add_secure_port(offered_at, self._credentials)
        except RuntimeError as error:
            msg = f"cannot listen on {address}; is another process using it?"
            raise OSError(msg) from error
        await self._server.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    def part_from(self, slugs: Collection[Slug]) -> None:
        """Answers some members nothing more: new calls are refused, open ones end."""
        self._callers.part_from(slugs)

    async def stop(self) -> None:
        """Refuses new calls, lets open ones end within the grace time, then closes."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.shutdown_grace_s)


def _credentials(folder: NodeFolder, roster: Roster) -> grpc.ServerCredentials:
    """The only roots are the members' own certificates and this node's client authority."""
    roots = [pem_of(member.tls_certificate) for member in roster.active_members()]
    roots.append((folder.tls / "client_authority.crt").read_bytes())
    key = read_private(folder.keys / "tls.key")
    certificate = (folder.tls / "node.crt").read_bytes()
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=b"".join(roots), require_client_auth=True
    )


def _options(settings: NodeSettings, members: int) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", settings.message_max_bytes),
        ("grpc.max_send_message_length", settings.message_max_bytes),
        ("grpc.max_metadata_size", settings.metadata_max_bytes),
        ("grpc.absolute_max_metadata_size", settings.metadata_max_bytes),
        ("grpc.max_concurrent_streams", streams_of_one_connection(settings, members)),
        ("grpc.server_handshake_timeout_ms", int(settings.handshake_timeout_s * 1000)),
        ("grpc.keepalive_time_ms", 2 * _PING_INTERVAL_MS),
        ("grpc.keepalive_timeout_ms", _PING_INTERVAL_MS),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MS // 2),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", settings.connections_max),
        # A compressed message is unpacked before its size is known; nobody needs to send one.
        ("grpc.compression_enabled_algorithms_bitset", _NO_COMPRESSION),
    ]
