"""A node of the simulated federation: the real store, guard and heads, in one life after another.

What is a thread, a task or a gRPC call in `registry_node` is an event of the scheduler here; what
is decided and written is the node's own code: `LogIntake`, `FenceSteps`, `Session`, `HeadHub`,
`FaultSteps`, `Parting`, `FaultProofs`, the messages of the servicer and all of the store.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from registry.api.v1 import replication_pb2
from registry.application.fault_proofs import FaultProofs
from registry.domain.identifiers import LogId
from registry.errors import NotFound, RegistryError, StorageError
from registry.log.author import Author
from registry.log.facts import GuardVerdict
from registry.log.log_keys import LogKeys
from registry.log.roster import Member, Roster
from registry.replication.ingest import TAIL_MAX_ENTRIES
from registry.replication.messages import LogGrew, Tail
from registry.store.guard import Guard
from registry.store.sealing import NodeKeys
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.values import (
    Appended,
    AppendRequest,
    EntriesStored,
    FreezeStored,
    StoreEvent,
)
from registry_node.heads import HeadHub, OfferedHead, Subscription
from registry_node.servicers.replication import (
    entries_message,
    head_message,
    held_alike,
    note_to_prove,
    prefix_message,
)
from tests.simulation.accusing import Accusing
from tests.simulation.cast import REGISTRY, keys_of, signer_of
from tests.simulation.disk import Crashed, Disk, Image, put_faults, put_guard_faults
from tests.simulation.fencing import Fencing
from tests.simulation.following import Following
from tests.simulation.network import Call

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
ENTRIES_PER_MESSAGE: Final = 2
"""Few, so that a stream of a small log has a middle in which it can break."""
_EPOCH_MS: Final = 1_700_000_000_000
_NODE_KEYS: Final = NodeKeys(b"n" * 32, random_bytes=bytes)


@dataclass
class _Watch:
    call: Call
    client: Member
    subscription: Subscription
    resources: ExitStack
    is_late: bool = False


class SimNode:
    """One host with one member's node."""

    def __init__(self, world: "World", own: Member, host: str, disk: Disk) -> None:
        self.world = world
        self.scheduler = world.scheduler
        self.network = world.network
        self.own = own
        self.host = host
        self.disk = disk
        self.roster: Roster = world.roster
        self.peers = [m for m in world.roster.active_members() if m.id != own.id]
        self.skew_ms = 0
        self.life = 0
        self.is_up = False
        self.up_since_ms = 0
        self._open_store: SqliteStore | None = None
        self.hub = HeadHub(self.scheduler.now_s)
        self._watches: list[_Watch] = []
        self._calls: list[Call] = []
        self._news: list[StoreEvent] = []
        self.following: Following
        self.fencing: Fencing
        self.accusing: Accusing

    @property
    def store(self) -> SqliteStore:
        assert self._open_store is not None
        return self._open_store

    @property
    def faults(self) -> FaultProofs:
        return FaultProofs(self.store, self.roster, lambda _: range(1, self.roster.version + 1))

    def log_keys(self, member: Member) -> LogKeys:
        return keys_of(member)

    def versions_of(self, _member: Member) -> range:
        return range(1, self.roster.version + 1)

    def now_ms(self) -> int:
        """This node's clock, which nobody should trust."""
        return _EPOCH_MS + self.skew_ms + self.scheduler.now_ms

    # --- lives ----------------------------------------------------------------------------------

    def make_empty(self) -> None:
        """What `registry init` leaves: a guard of an empty log."""
        Guard.create(self.disk.guard_file, self.own.origin)

    def start(self) -> None:
        """Opens the folder and begins to follow its peers; tries again while the disk refuses."""
        if self.is_up or self.world.is_retired(self):
            return
        try:
            self._open_store = self._opened()
        except StorageError as error:
            self.scheduler.note(f"{self.host} does not start: {error.reason}")
            self.scheduler.count("starts refused by the disk")
            self.scheduler.after(3_000, self.start)
            return
        self.is_up, self.up_since_ms = True, self.scheduler.now_ms
        self.hub = HeadHub(self.scheduler.now_s)
        states = self.store.log_states()
        self.following = Following(self, {state.log_id: state.size for state in states})
        self.fencing = Fencing(self)
        self.accusing = Accusing(self)
        self.scheduler.note(f"{self.host} starts {[state.size for state in states]}")
        self.world.checks.started(self)
        for proof in self.faults.kept():
            self.hub.publish_proof(proof.log_id, proof.proof)
        for state in states:
            if state.note is not None:
                self._publish(OfferedHead(state.log_id, state.noted_size, state.note))
        self.store.add_listener(self._news.append)
        self.fencing.start()
        self.following.start()

    def _opened(self) -> SqliteStore:
        author = Author(
            signer=signer_of(self.own.slug),
            registry_id=REGISTRY,
            origin=self.own.origin,
            roster_version=self.roster.version,
        )
        guard = None
        if self.disk.guard_file.exists():
            guard = Guard.open(self.disk.guard_file, self.own.origin)
            put_guard_faults(guard, self.disk)
            if guard.damaged_slots:
                self.scheduler.count("guards with a torn slot")
        with ExitStack() as stack:
            store = open_sqlite_store(
                self.disk.database,
                author=author,
                guard=guard,
                node_keys=_NODE_KEYS,
                now_ms=self.now_ms,
                member_id=self.own.id,
                logs_before=self.roster.logs_before(),
            )
            stack.callback(store.close)
            if store._writing.comparison.kind is GuardVerdict.DATABASE_AHEAD:
                self.scheduler.count("databases ahead of their guard")
            put_faults(store, self.disk)
            store.register_logs([member.origin for member in self.roster.writers()]).result()
            stack.pop_all()
            return store

    def power_cut(self, left: Image | None = None) -> None:
        """The host loses its power; what is not synced may be gone."""
        image = self.disk.after_power_cut(self.store) if left is None else left
        self.scheduler.note(f"{self.host} crashes")
        self._end()
        self.disk.write(image)

    def stop(self) -> None:
        """The process ends, its files are closed properly."""
        self.scheduler.note(f"{self.host} stops")
        self._end()

    def _end(self) -> None:
        if not self.is_up:
            return
        self.is_up = False
        self.life += 1
        self._news.clear()
        for call in self._calls:
            call.break_off("UNAVAILABLE: the peer is gone")
        for watch in self._watches:
            watch.resources.close()
        self._calls, self._watches = [], []
        self.following.end()
        with suppress(RegistryError):
            self.store.close()
        self._open_store = None

    # --- its own events ---------------------------------------------------------------------------

    def guarded(self, call: Callable[..., None]) -> Callable[..., None]:
        """A callback of this life: a crash or a failing disk in it ends the life."""
        life = self.life

        def run(*arguments: Any) -> None:
            if self.life != life or not self.is_up:
                return
            try:
                call(*arguments)
            except Crashed as crash:
                self.scheduler.count(f"crashes: {crash}")
                self.power_cut(self.disk.take_left())
                self.world.restart_later(self)
            except StorageError as error:
                # As the node's process does: its own disk failed.
                self.scheduler.note(f"{self.host} exits: {error.reason}")
                self.scheduler.count("exits for a failing disk")
                self.stop()
                self.world.restart_later(self)

        return run

    def later(self, delay_ms: int, call: Callable[[], None]) -> None:
        self.scheduler.after(delay_ms, self.guarded(call))

    def write(self, write: Callable[[], T]) -> T:
        """Does a write, which may crash, then tells what the store has told."""
        try:
            result = self.disk.during(write, self.scheduler.random)
        except Crashed:
            self._news.clear()
            raise
        except RegistryError:
            self.tell_news()
            raise
        self.tell_news()
        return result

    def append(self, request: AppendRequest) -> Appended:
        """Appends an event, as a client would ask."""
        return self.write(lambda: self.store.append_now(request).result())

    def tell_news(self) -> None:
        """What `Mirror._grew` does after each commit."""
        while self._news:
            news = self._news.pop(0)
            if isinstance(news, FreezeStored):
                self._froze(news)
            if isinstance(news, EntriesStored):
                if news.note is not None and news.noted_size == news.end:
                    is_small = len(news.entries) <= TAIL_MAX_ENTRIES
                    tail = Tail(news.start, tuple(news.entries)) if is_small else None
                    self._publish(OfferedHead(news.log_id, news.end, news.note, tail))
                self.following.tell(LogGrew(news.log_id, news.end))

    def _froze(self, news: FreezeStored) -> None:
        """What `Mirror._froze` does."""
        assert news.at is not None
        self.world.checks.frozen(self, news.log_id, news.at)
        self.following.ends(news.log_id, news.at)
        if news.proof:
            self.hub.publish_proof(news.log_id, news.proof)
            self._pump()
        if news.log_id == self.own.log_id:
            self.fencing.look_again()

    def _publish(self, head: OfferedHead) -> None:
        self.world.checks.published(self, head)
        self.hub.publish(head)
        self._pump()

    def open_log(self) -> None:
        """As `Registry.open_log` does."""
        if self.store.own_state_against_guard().kind is GuardVerdict.GUARD_MISSING:
            Guard.create(self.disk.guard_file, self.own.origin)
            guard = Guard.open(self.disk.guard_file, self.own.origin)
            put_guard_faults(guard, self.disk)
            self.store.attach_guard(guard).result()
            self.scheduler.count("guards made anew")
        self.store.allow_appends()
        self.world.checks.opened(self)

    # --- serving ------------------------------------------------------------------------------

    def serve_watch(
        self, call: Call, client: Member, request: replication_pb2.WatchHeadsRequest
    ) -> None:
        """WatchHeads: the heads there are, the marker, then what grows."""
        resources = ExitStack()
        held = held_alike(self.store, request)
        subscription = resources.enter_context(self.hub.subscribe(held))
        watch = _Watch(call, client, subscription, resources)
        self._calls.append(call)
        self._watches.append(watch)
        self._send_heads(watch)
        caught_up = replication_pb2.CaughtUp(roster_version=self.roster.version)
        call.answer(replication_pb2.WatchHeadsResponse(caught_up=caught_up))

    def _pump(self) -> None:
        for watch in list(self._watches):
            if watch.call.is_dead:
                watch.resources.close()
                self._watches.remove(watch)
                self._calls.remove(watch.call)
            else:
                self._send_heads(watch)

    def _send_heads(self, watch: _Watch) -> None:
        # The fence asks for heads up to the marker: their order is what it counts on.
        may_move = watch.call.name == "heads"
        for item in watch.subscription.take_for(watch.client.log_id):
            if isinstance(item, bytes):
                message = replication_pb2.WatchHeadsResponse(evidence=item)
            else:
                message = head_message(watch.client, item, ())
            watch.call.answer(message, may_move=may_move)
        late_s = watch.subscription.late_s
        if late_s is not None and not watch.is_late:
            watch.is_late = True
            self.scheduler.after(round(late_s * 1000) + 1, lambda: self._send_late(watch))

    def _send_late(self, watch: _Watch) -> None:
        watch.is_late = False
        if not watch.call.is_dead:
            self._send_heads(watch)

    def serve_prefix(self, call: Call, log_id: LogId, size: int) -> None:
        """GetPrefix."""
        try:
            call.answer(prefix_message(self.faults, log_id, size))
        except NotFound:
            call.finish("NOT_FOUND")

    def serve_entries(self, call: Call, log_id: LogId, start: int, size: int) -> None:
        """GetEntries: messages one after the other, while this life lasts."""
        try:
            note, size = note_to_prove(self.store, log_id, start, size)
        except NotFound:
            call.finish("NOT_FOUND")
            return
        self._calls.append(call)
        self._send_entries(call, log_id, start, size, note)

    def _send_entries(
        self, call: Call, log_id: LogId, start: int, size: int, note: bytes = b""
    ) -> None:
        if call.is_dead or start >= size:
            self._calls.remove(call)
            return
        message = entries_message(self.store, log_id, start, size, ENTRIES_PER_MESSAGE)
        message.checkpoint = note
        self.world.checks.served(self, log_id, start + len(message.entries))
        call.answer(message)
        next_start = start + len(message.entries)
        self.later(2, lambda: self._send_entries(call, log_id, next_start, size))


class InlineWriter:
    """Stands for the store's writer thread: does every job at once, in its caller's thread."""

    def __init__(
        self,
        append_group: Callable[[list[AppendRequest]], list[Appended | Exception]],
        after_job: Callable[[], None],
    ) -> None:
        self._append_group = append_group
        self._after_job = after_job

    def append(self, request: AppendRequest) -> "Future[Appended]":
        def call() -> Appended:
            (result,) = self._append_group([request])
            if isinstance(result, Exception):
                raise result
            return result

        return self.run(call)

    append_now = append

    def run(self, call: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - the asker is told
            self._after_job()
            future.set_exception(error)
        else:
            self._after_job()
            future.set_result(result)
        return future

    def close(self) -> None:
        """Nothing waits."""
