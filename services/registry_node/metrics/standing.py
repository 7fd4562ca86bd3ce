"""Reads how the node stands when somebody scrapes: logs, peers, fence, lists, disk.

Runs in the thread of the metrics server. What lives on the event loop is read there; the store is
read by the thread itself, as by any other reader.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import RegistryError
from registry.store.values import LogState
from registry_node.log_fields import INTERNAL_REASON
from registry_node.metrics import listing
from registry_node.metrics.listing import Metric, counter_family, gauge_family
from registry_node.mirror import Mirror

T = TypeVar("T")
_PATIENCE_S: Final = 5.0
_OTHER: Final = "other"
_STATES: Final = ("open", "waiting", "frozen")


@dataclass(frozen=True, slots=True)
class _Peer:
    is_connected: bool
    is_caught_up: bool
    heard_ms: int
    missing: Mapping[LogId, int]


@dataclass(frozen=True, slots=True)
class _OnLoop:
    """What lives on the event loop."""

    peers: Mapping[Slug, _Peer]
    lags: Mapping[LogId, int]
    held_back: frozenset[LogId]
    refused: Mapping[str, int]
    roster_forks: int


class StandingCollector(Collector):
    """Answers each scrape anew; keeps nothing."""

    def __init__(self, registry: Registry, mirror: Mirror, loop: asyncio.AbstractEventLoop) -> None:
        self._registry = registry
        self._mirror = mirror
        self._loop = loop
        self._origins = {m.log_id: m.origin for m in registry.roster.writers()}

    def describe(self) -> Iterable[Family]:
        """Tells nothing before it is asked: the names are in listing.py."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Reads everything.

        Raises:
            TimeoutError: the event loop is blocked.
            StorageError: the disk failed.
        """
        on_loop = self._ask_loop(self._read_on_loop)
        states = [s for s in self._registry.store.log_states() if s.log_id in self._origins]
        yield from self._of_logs(states, on_loop)
        yield from self._of_peers(on_loop)
        yield from self._of_node(states)
        yield _single(listing.ROSTER_FORKS, on_loop.roster_forks)
        yield from self._of_disk()
        refused = counter_family(listing.REFUSED)
        for reason, count in on_loop.refused.items():
            refused.add_metric([reason], count)
        yield refused

    def _ask_loop(self, read: Callable[[], T]) -> T:
        async def answer() -> T:
            return read()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(_PATIENCE_S)

    def _read_on_loop(self) -> _OnLoop:
        mirror, session = self._mirror, self._mirror.session
        peers = {}
        for member in mirror.peers:
            view = mirror.status_of(member)
            peers[member.slug] = _Peer(
                view.is_connected,
                view.is_caught_up,
                mirror.last_heard_ms(member.slug),
                session.missing_from(member.slug) if view.is_connected else {},
            )
        own = self._registry.own.log_id
        lags = {log_id: session.lag_of(log_id) for log_id in self._origins if log_id != own}
        refused: dict[str, int] = {}
        for reason, count in mirror.refusals.items():
            listed = reason if reason in KNOWN_REASONS else _OTHER
            refused[listed] = refused.get(listed, 0) + count
        held_back = frozenset(filter(mirror.is_held_back, lags))
        return _OnLoop(peers, lags, held_back, refused, len(mirror.rosters.forks))

    def _of_logs(self, states: list[LogState], on_loop: _OnLoop) -> Iterator[Family]:
        missing = self._registry.parts_missing
        by_log = (
            (listing.LOG_ENTRIES, {s.log_id: s.size for s in states}),
            (listing.LOG_NOTED, {s.log_id: s.noted_size for s in states}),
            (listing.LOG_FROZEN, {s.log_id: int(s.frozen_at is not None) for s in states}),
            (listing.LOG_PARTS_WANTED, {s.log_id: missing(s) for s in states}),
            (listing.LOG_LAG, on_loop.lags),
            (
                listing.LOG_HELD_BACK,
                {log_id: int(log_id in on_loop.held_back) for log_id in on_loop.lags},
            ),
        )
        for metric, values in by_log:
            yield _labelled(metric, {self._origins[log]: value for log, value in values.items()})

    def _of_peers(self, on_loop: _OnLoop) -> Iterator[Family]:
        peers = on_loop.peers.items()
        yield _labelled(listing.PEER_CONNECTED, {slug: int(p.is_connected) for slug, p in peers})
        yield _labelled(listing.PEER_CAUGHT_UP, {slug: int(p.is_caught_up) for slug, p in peers})
        yield _labelled(listing.PEER_HEARD, {slug: p.heard_ms / 1000 for slug, p in peers})
        lag = gauge_family(listing.PEER_LAG)
        for slug, peer in peers:
            for log_id, count in peer.missing.items():
                lag.add_metric([slug, self._origins[log_id]], count)
        yield lag

    def _of_node(self, states: list[LogState]) -> Iterator[Family]:
        registry = self._registry
        yield _labelled(listing.BUILD, {version("intermechanisms-registry"): 1})
        own = next(state for state in states if state.log_id == registry.own.log_id)
        is_open = registry.store.read_only_reason() is None
        now = "open" if is_open else "waiting" if own.frozen_at is None else "frozen"
        yield _labelled(listing.OWN_LOG_STATE, {state: int(state == now) for state in _STATES})
        yield _single(listing.GUARD_ENTRIES, registry.store.own_state_against_guard().guard_size)
        yield _single(listing.PROJECTION_LAG, max(registry.projector.lag(), 0))

    def _of_disk(self) -> Iterator[Family]:
        folder = self._registry.folder
        files = {
            "log": folder.database,
            "views": folder.views_database,
            "office": folder.office_database,
        }
        yield _labelled(listing.DATABASE_BYTES, {k: _size_of(path) for k, path in files.items()})
        wals = {name: path.with_name(f"{path.name}-wal") for name, path in files.items()}
        yield _labelled(listing.WAL_BYTES, {k: _size_of(path) for k, path in wals.items()})
        disk = self._registry.store.disk
        yield _single(listing.DISK_FREE, disk.free_bytes())
        yield _single(listing.DISK_RESERVE, disk.reserve_bytes)


def _reasons(kind: type[RegistryError]) -> Iterator[str]:
    yield kind.reason
    for each in kind.__subclasses__():
        yield from _reasons(each)


KNOWN_REASONS: Final = frozenset(_reasons(RegistryError)) | {INTERNAL_REASON}
"""The reasons that a metric may show."""


def _single(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, value=value)


def _labelled(metric: Metric, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = gauge_family(metric)
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
