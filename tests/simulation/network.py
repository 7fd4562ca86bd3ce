"""The simulated network: calls between hosts, cuts in one direction, loss, delay, reordering.

A call is one request and a stream of answers, as gRPC's are: what is lost breaks the call, and its
client learns that later or never, by its own deadline. Answers keep their order, except on a
network that `reorders`: heads may then come twice, and in another order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.simulation.scheduler import Scheduler

Host: TypeAlias = str
_NOTICED_MS: Final = (500, 8_000)
"""After so long a client learns that its call is broken."""


@dataclass
class Weather:
    """How bad the network is: chances of 1000, delays in milliseconds."""

    loss: int = 0
    duplicates: int = 0
    reorders: int = 0
    delay_ms: tuple[int, int] = (1, 40)

    @property
    def is_calm(self) -> bool:
        return not self.loss and self.delay_ms[1] <= 200


CALM: Final = Weather()


class Network:
    """All links."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.weather = CALM
        self.calm_since_ms = 0
        self._cut: dict[tuple[Host, Host], int] = {}
        self._open_since: dict[tuple[Host, Host], int] = {}
        self.messages = 0
        self.size_bytes = 0

    def set_weather(self, weather: Weather) -> None:
        if weather.is_calm and not self.weather.is_calm:
            self.calm_since_ms = self.scheduler.now_ms
        self.weather = weather

    def cut(self, source: Host, target: Host) -> None:
        """Nothing gets from one host to another any more; cuts of one direction add up."""
        link = (source, target)
        self._cut[link] = self._cut.get(link, 0) + 1
        self.scheduler.note(f"cut {source}>{target}")

    def mend_all(self) -> None:
        """Ends every cut."""
        for source, target in [link for link, count in self._cut.items() if count]:
            self._cut[source, target] = 1
            self.mend(source, target)

    def mend(self, source: Host, target: Host) -> None:
        """Ends one cut of a link."""
        link = (source, target)
        if not self._cut.get(link):
            return
        self._cut[link] -= 1
        self._open_since[link] = self.scheduler.now_ms
        self.scheduler.note(f"mended {source}>{target}")

    def is_open(self, source: Host, target: Host, *, since_ms: int) -> bool:
        """Whether a link carried everything, quickly, since a time."""
        link = (source, target)
        return (
            not self._cut.get(link)
            and self._open_since.get(link, 0) <= since_ms
            and self.weather.is_calm
            and self.calm_since_ms <= since_ms
        )

    def carry(self, source: Host, target: Host, deliver: Callable[[], None]) -> bool:
        """Carries a lone message; returns whether it will arrive."""
        if self._loses(source, target):
            return False
        self.scheduler.after(self.delay_ms(), deliver)
        return True

    def delay_ms(self) -> int:
        return self.scheduler.random.randint(*self.weather.delay_ms)

    def _loses(self, source: Host, target: Host) -> bool:
        random, counts = self.scheduler.random, self.scheduler
        if self._cut.get((source, target)):
            counts.count("messages cut")
            return True
        if self.weather.loss and random.randrange(1000) < self.weather.loss:
            counts.count("messages lost")
            return True
        return False

    def chance(self, of_thousand: int) -> bool:
        return of_thousand > 0 and self.scheduler.random.randrange(1000) < of_thousand


class Call:
    """One call under way; the client's callbacks are not called after it is over."""

    def __init__(
        self,
        network: Network,
        client: Host,
        server: Host,
        name: str,
        *,
        on_message: Callable[[Any], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._network = network
        self.client = client
        self.server = server
        self.name = name
        self.is_over = False
        self.heard_ms = network.scheduler.now_ms
        self._on_message = on_message
        self._on_end = on_end
        self._is_broken = False
        self._last_ms = 0

    def request(self, serve: Callable[["Call"], None]) -> None:
        """Brings the request to the server."""
        if not self._network.carry(self.client, self.server, lambda: self._arrive(serve)):
            self.break_off("UNAVAILABLE: the request was lost")

    def answer(self, message: Any, *, may_move: bool = False) -> None:
        """Sends the client a message; `may_move` allows a second copy and another order."""
        if self.is_over or self._is_broken:
            return
        network, scheduler = self._network, self._network.scheduler
        network.messages += 1
        network.size_bytes += message.ByteSize()
        if network._loses(self.server, self.client):
            self.break_off("UNAVAILABLE: the stream broke")
            return
        if may_move and network.chance(network.weather.duplicates):
            scheduler.count("heads twice")
            scheduler.after(network.delay_ms(), lambda: self._deliver(message))
        delay_ms = network.delay_ms()
        if may_move and network.chance(network.weather.reorders):
            scheduler.after(delay_ms * 5, lambda: self._deliver(message))
            scheduler.count("heads out of order")
            return
        self._last_ms = max(self._last_ms, scheduler.now_ms + delay_ms)
        scheduler.after(self._last_ms - scheduler.now_ms, lambda: self._deliver(message))

    def finish(self, reason: str) -> None:
        """The server ends the call, after all that it has sent."""
        if self.is_over or self._is_broken:
            return
        self._is_broken = True
        wait_ms = max(self._last_ms - self._network.scheduler.now_ms, 0)
        self._network.scheduler.after(wait_ms + self._network.delay_ms(), lambda: self.end(reason))

    def break_off(self, reason: str) -> None:
        """Something was lost: the rest is too, and the client learns it some time later."""
        if self.is_over or self._is_broken:
            return
        self._is_broken = True
        scheduler = self._network.scheduler
        scheduler.after(scheduler.random.randint(*_NOTICED_MS), lambda: self.end(reason))

    def end(self, reason: str) -> None:
        """Tells the client, once, that nothing more will come."""
        if not self.is_over:
            self.is_over = True
            self._network.scheduler.note(f"{self.client}<{self.server} {self.name} end {reason}")
            self._on_end(reason)

    def cancel(self) -> None:
        """The client is not interested any more."""
        self.is_over = True

    @property
    def is_dead(self) -> bool:
        """Whether a server may forget it."""
        return self.is_over or self._is_broken

    def _arrive(self, serve: Callable[["Call"], None]) -> None:
        if not self.is_dead:
            serve(self)

    def _deliver(self, message: Any) -> None:
        if self.is_over:
            return
        self.heard_ms = self._network.scheduler.now_ms
        self._network.scheduler.note(
            f"{self.client}<{self.server} {self.name}",
            message.SerializeToString(deterministic=True),
        )
        self._on_message(message)
