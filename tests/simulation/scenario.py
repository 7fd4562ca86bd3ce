"""What goes wrong in a seed: faults, drawn from the seed, in the first minute of virtual time."""

from collections.abc import Callable
from functools import partial
from typing import Final

from registry.domain.identifiers import Slug
from tests.simulation.disk import DATABASE, GUARD, WAL, CrashPoint, Image
from tests.simulation.network import CALM, Weather
from tests.simulation.node import SimNode
from tests.simulation.world import World

STORM_MS: Final = 60_000
_YEAR_MS: Final = 31_557_600_000
_WEATHERS: Final = (
    CALM,
    Weather(loss=20),
    Weather(loss=100, delay_ms=(1, 800)),
    Weather(duplicates=100, reorders=200),
    Weather(loss=30, duplicates=100, reorders=100, delay_ms=(5, 300)),
    Weather(delay_ms=(200, 3_000)),
)
Fault = Callable[[World], None]


def plan(world: World) -> None:
    """Plans a whole storm: events, backups, faults; heal() ends it."""
    random, scheduler = world.scheduler.random, world.scheduler
    slugs = list(world.at)
    for node in world.nodes:
        node.skew_ms = random.choice((0, 0, random.randint(-40, 40) * _YEAR_MS))
        # All start together, as after a power cut in one building.
        scheduler.after(random.randint(0, 200), node.start)
    for _ in range(random.randint(12, 25)):
        slug = random.choice(slugs)
        scheduler.after(random.randint(300, STORM_MS), partial(_record_at, world, slug))
    kinds = [*FAULTS]
    for _ in range(random.randint(3, 8)):
        fault = FAULTS[random.choice(kinds)]
        scheduler.after(random.randint(1_500, STORM_MS - 5_000), partial(fault, world))


def heal(world: World) -> None:
    """Every fault ends, everyone is reachable; who is down starts."""
    world.scheduler.note("healing")
    world.network.set_weather(CALM)
    world.network.mend_all()
    for slug, node in world.at.items():
        for twin in [each for each in world.nodes if each.own.slug == slug and each is not node]:
            world.retire(twin)
    for node in world.at.values():
        node.disk.is_full, node.disk.fails_in, node.disk.crash_point = False, None, None
        node.start()


# --- faults -------------------------------------------------------------------------------------


def _one(world: World) -> SimNode:
    return world.scheduler.random.choice(world.honest_nodes())


def crash(world: World) -> None:
    """A power cut, now or inside the next write."""
    node = _one(world)
    point = world.scheduler.random.choice((None, *CrashPoint))
    if point is not None:
        node.disk.crash_point = point
        world.scheduler.after(2_000, partial(_record, world, node))
    elif node.is_up:
        world.scheduler.count("crashes: idle")
        node.power_cut()
        world.restart_later(node)


def crash_all(world: World) -> None:
    """Everyone loses power at once and starts together."""
    world.scheduler.count("crashes of all at once")
    for node in world.honest_nodes():
        if node.is_up:
            node.power_cut()
        world.scheduler.after(world.scheduler.random.randint(2_000, 2_200), node.start)


def cut_one_way(world: World) -> None:
    """One or more links carry nothing in one direction."""
    random = world.scheduler.random
    hosts = [node.host for node in world.honest_nodes()]
    for _ in range(random.randint(1, len(hosts))):
        source, target = random.sample(hosts, 2)
        _cut_for(world, source, target, random.randint(2_000, 30_000))


def isolate(world: World) -> None:
    """Two sides that hear nothing of each other."""
    random = world.scheduler.random
    hosts = [node.host for node in world.honest_nodes()]
    random.shuffle(hosts)
    place = random.randint(1, len(hosts) - 1)
    for_ms = random.randint(5_000, 40_000)
    world.scheduler.count("partitions")
    for source in hosts[:place]:
        for target in hosts[place:]:
            _cut_for(world, source, target, for_ms)
            _cut_for(world, target, source, for_ms)
    writer = _one(world)
    for place in range(random.randint(3, 9)):
        world.scheduler.after(place * 300, partial(_record, world, writer))


def _cut_for(world: World, source: str, target: str, for_ms: int) -> None:
    world.scheduler.count("links cut")
    world.network.cut(source, target)
    world.scheduler.after(for_ms, lambda: world.network.mend(source, target))


def change_weather(world: World) -> None:
    """The network becomes worse, or better."""
    world.network.set_weather(world.scheduler.random.choice(_WEATHERS))


def fill_disk(world: World) -> None:
    """There is no room for some seconds."""
    node = _one(world)
    node.disk.is_full = True
    world.scheduler.count("disks full")

    def empty() -> None:
        node.disk.is_full = False

    world.scheduler.after(world.scheduler.random.randint(3_000, 15_000), empty)


def fail_call(world: World) -> None:
    """One of the next calls to the disk fails."""
    world.scheduler.count("I/O errors planned")
    _one(world).disk.fails_in = world.scheduler.random.randint(0, 6)


def jump_clock(world: World) -> None:
    """A clock is set, by seconds or by decades."""
    random = world.scheduler.random
    world.scheduler.count("clocks that jumped")
    step = random.choice((1_000, 3_600_000, _YEAR_MS))
    _one(world).skew_ms += random.randint(-30, 30) * step


def restore(world: World) -> None:
    """An older copy comes back: of the database, the guard, both, or nothing but the keys."""
    kinds = ("database", "snapshot", "guard lost", "both lost in part", "all lost")
    _restore(world, _one(world), world.scheduler.random.choice(kinds))


def restore_alone(world: World) -> None:
    """A snapshot comes back while no other node can be reached: only later can anybody tell."""
    random, node = world.scheduler.random, _one(world)
    if not node.is_up:
        return
    wait_ms = _restore(world, node, "snapshot")

    # From before the last events, which are lost then, or from after them.
    alone_ms = random.choice((0, wait_ms - 1))

    def be_alone() -> None:
        for member in node.peers:
            for_ms = wait_ms - alone_ms + random.randint(20_000, 30_000)
            other = world.host_of(member.slug)
            _cut_for(world, node.host, other, for_ms)
            _cut_for(world, other, node.host, for_ms)

    for place in range(3):
        # Before the snapshot comes back, so that there is something to lose, and after it.
        world.scheduler.after(place * wait_ms // 3 + 10, lambda: _record(world, node))
        world.scheduler.after(wait_ms + 9_000, lambda: _record(world, node))
    world.scheduler.after(alone_ms, be_alone)


def _record_at(world: World, slug: Slug) -> None:
    world.ask_to_record(slug, world.new_number())


def _record(world: World, node: SimNode) -> None:
    world.ask_to_record(node.own.slug, world.new_number(), node)


def _restore(world: World, node: SimNode, kind: str) -> int:
    """Plans a restore; returns in how many milliseconds it comes."""
    random = world.scheduler.random
    if not node.is_up:
        return 0
    backup = node.disk.read()
    wait_ms = random.choice((10, 2_000, 10_000))

    def put_back() -> None:
        if node.is_up:
            node.power_cut()
        now = node.disk.read()
        node.disk.crash_point = None
        node.disk.write(_restored(kind, backup, now))
        world.checks.restored(node, kind)
        world.restart_later(node)

    world.scheduler.after(wait_ms, put_back)
    return wait_ms


def _restored(kind: str, backup: Image, now: Image) -> Image:
    database: Image = {name: backup[name] for name in (DATABASE, WAL) if name in backup}
    match kind:
        case "database":
            return database | {name: now[name] for name in (GUARD,) if name in now}
        case "snapshot":
            return dict(backup)
        case "guard lost":
            return {name: data for name, data in now.items() if name != GUARD}
        case "both lost in part":
            return database
        case _:
            return {}


def run_twice(world: World) -> None:
    """A copy of a node starts beside it; later the address moves to the copy, or not."""
    random, node = world.scheduler.random, _one(world)
    if not node.is_up or any(each.host == f"{node.host}'" for each in world.nodes):
        return
    world.scheduler.count("clones")
    twin = world.clone(node)
    world.scheduler.after(random.randint(0, 10_000), twin.start)
    for place in range(1, 5):
        each = random.choice((node, twin))
        world.scheduler.after(place * 4_000, partial(_record, world, each))
    if random.random() < 0.5:

        def move() -> None:
            if not world.is_retired(twin):
                world.at[node.own.slug] = twin

        world.scheduler.after(random.randint(3_000, 20_000), move)


FAULTS: Final[dict[str, Fault]] = {
    "crash": crash,
    "crash again": crash,
    "crash more": crash,
    "crash_all": crash_all,
    "cut_one_way": cut_one_way,
    "isolate": isolate,
    "change_weather": change_weather,
    "change_weather again": change_weather,
    "change_weather more": change_weather,
    "fill_disk": fill_disk,
    "fail_call": fail_call,
    "jump_clock": jump_clock,
    "restore": restore,
    "restore again": restore,
    "restore_alone": restore_alone,
    "run_twice": run_twice,
}
