"""Serves the metrics over plain HTTP to this machine: one scrape at a time, in a thread of its own.

Rules: listens on a loopback address, or where the operator has said that others may read; answers
every request with the metrics and with nothing that the request says; gives a caller that stalls a
few seconds. A scrape that the node's own loop does not answer in time fails: that tells enough.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, ClassVar, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from registry.errors import InvalidRequest
from registry_node.log_fields import place_of

_log = structlog.get_logger()

_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.1
_PORT_MAX: Final = 0xFFFF
_PORT_DIGITS: Final = 5


def parse_address(text: str, *, may_be_remote: bool) -> tuple[str, int]:
    """Reads `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`.

    Raises:
        InvalidRequest: it is none, or others could reach it and may not.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS
    if not (host and colon and is_port and int(port) <= _PORT_MAX):
        msg = f"expected an address such as 127.0.0.1:9464, found {text!r}"
        raise InvalidRequest(msg)
    if host == "localhost":
        host = "127.0.0.1"
    if not may_be_remote and not _is_loopback(host):
        msg = (
            f"metrics are served in clear and to anybody, on a loopback address only, found {host};"
            " set REGISTRY_NODE_METRICS_MAY_BE_REMOTE=true if that network is yours alone"
        )
        raise InvalidRequest(msg)
    return host, int(port)


class MetricsServer:
    """A listening thread."""

    def __init__(self, address: tuple[str, int], collectors: CollectorRegistry) -> None:
        """Listens; port 0 takes a free one, told by `port`.

        Raises:
            OSError: the address cannot be bound.
        """
        app: Any = make_wsgi_app(collectors, disable_compression=True)
        server_class = _Ipv6Server if ":" in address[0] else _Server
        self._server = make_server(
            *address, _only_get(app), server_class=server_class, handler_class=_Handler
        )
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; not from the event loop, which a scrape may be waiting for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(WSGIServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says that somebody broke off; the original prints a traceback."""
        del request, client_address
        _log.warning("scrape_broken")


class _Ipv6Server(_Server):
    address_family: int = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout: ClassVar[float | None] = _PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Says nothing: requests are written by whoever sends them."""

    def address_string(self) -> str:
        """Asks no name server."""
        return str(self.client_address[0])


def _only_get(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Of the request nothing counts: no filter by name, no path.
        asked = {**environ, "QUERY_STRING": "", "PATH_INFO": "/metrics"}
        if environ.get("REQUEST_METHOD") != "GET":
            start_response("405 Method Not Allowed", [("Allow", "GET")])
            return [b""]
        try:
            return app(asked, start_response)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a scrape
            _log.warning("scrape_failed", error=type(error).__name__, at=place_of(error))
            start_response("503 Service Unavailable", [])
            return [b""]

    return answer


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
