"""Metrics are served to this machine alone, and a scrape that fails tells no words of the error."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.registry import Collector

from registry.errors import InvalidRequest
from registry_node.metrics.serving import MetricsServer, parse_address

CANARY: Final = "canary-metric-51ab"


@contextmanager
def serving(collectors: CollectorRegistry, host: str = "127.0.0.1") -> Iterator[MetricsServer]:
    server = MetricsServer((host, 0), collectors)
    try:
        yield server
    finally:
        server.close()


def ask(server: MetricsServer, method: str, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = HTTPConnection(host, server.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("[::1]:9464", ("::1", 9464)),
        ("127.8.0.1:0", ("127.8.0.1", 0)),
    ],
)
def test_loopback_addresses_are_taken(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, may_be_remote=False) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "[::]", "node.example"])  # noqa: S104
def test_address_that_others_can_reach_is_refused_unless_allowed(host: str) -> None:
    with pytest.raises(InvalidRequest, match="loopback"):
        parse_address(f"{host}:9464", may_be_remote=False)

    assert parse_address(f"{host}:9464", may_be_remote=True)[1] == 9464


@pytest.mark.parametrize("text", ["9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="such as"):
        parse_address(text, may_be_remote=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_metrics_are_served_whatever_is_asked_for(host: str) -> None:
    collectors = CollectorRegistry()
    Gauge("something", "A thing.", registry=collectors).set(7)
    with serving(collectors, host) as server:
        for path in ("/metrics", "/", "/favicon.ico", f"/metrics?name[]={CANARY}"):
            status, text = ask(server, "GET", path, host)
            assert status == 200
            assert "something 7.0" in text

        assert ask(server, "POST", "/metrics", host) == (405, "")


def test_scrape_that_fails_tells_no_words_of_the_error(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(Collector):
        def collect(self) -> Iterable[Any]:
            raise ValueError(CANARY)

        def describe(self) -> Iterable[Any]:
            return ()

    collectors = CollectorRegistry()
    collectors.register(Broken())
    with serving(collectors) as server:
        assert ask(server, "GET", "/metrics") == (503, "")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.connect()
        connection.sock.sendall(f"{CANARY} \x00\r\n\r\n".encode())
        connection.sock.recv(4096)
        connection.close()
    shown = capfd.readouterr()
    assert "scrape_failed" in shown.out + shown.err
    assert CANARY not in shown.out + shown.err
