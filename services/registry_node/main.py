"""The node process: `python -m registry_node FOLDER`.

The composition root: the only place of the node where a clock, randomness and signals come in.
SIGTERM and SIGINT end it cleanly: health turns to NOT_SERVING, open calls get their grace time,
what is being written is finished, the folder is let go. SIGKILL loses nothing that was
acknowledged. A fault of our own disk ends it as cleanly, with exit status 5.
"""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import Final

from registry.client.tls import require_tls13

require_tls13()

import structlog  # noqa: E402 - grpc reads the cipher setting when it is first imported
from pydantic import ValidationError  # noqa: E402

from registry.application.desk import Desk, open_desk  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.key_care.passphrases import PASSPHRASE, UNLOCKED, asker  # noqa: E402
from registry.application.key_care.token_file import read_token_file  # noqa: E402
from registry.application.key_care.tokens import TOKEN_PIN, TOKENS  # noqa: E402
from registry.application.memory import collect_seldom  # noqa: E402
from registry.application.randomness import RandomBytes  # noqa: E402
from registry.application.registry import Registry  # noqa: E402
from registry.errors import RegistryError  # noqa: E402
from registry_node.handing_on import HandingOnLoop  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from registry_node.key_rotation import KeyRotation  # noqa: E402
from registry_node.log_fields import INTERNAL_REASON  # noqa: E402
from registry_node.metrics.node import NodeMetrics  # noqa: E402
from registry_node.mirror import Mirror  # noqa: E402
from registry_node.observability import configure_logging, place_of, watch_loop  # noqa: E402
from registry_node.process_limits import give_memory_back, raise_open_files  # noqa: E402
from registry_node.projection import ProjectionLoop  # noqa: E402
from registry_node.receipts import ErasureReceipts  # noqa: E402
from registry_node.renewal import tell_when_due  # noqa: E402
from registry_node.scrubbing import Scrub  # noqa: E402
from registry_node.server import NodeServer  # noqa: E402
from registry_node.servicers.admin import AdminServicer  # noqa: E402
from registry_node.servicers.attachments import AttachmentServicer  # noqa: E402
from registry_node.servicers.audit import AuditServicer  # noqa: E402
from registry_node.servicers.for_clients import servicers_for_clients  # noqa: E402
from registry_node.servicers.replication import ReplicationServicer  # noqa: E402
from registry_node.settings import NodeSettings  # noqa: E402
from registry_node.threads import FairThreads  # noqa: E402

_log = structlog.get_logger()
EXIT_FAULT: Final = 1
EXIT_USAGE: Final = 2
EXIT_STORAGE: Final = 5
_THREADS: Final = 8
"""For what has no threads of its own."""


def now_ms() -> int:
    """The node's clock: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


async def serve(settings: NodeSettings) -> bool:
    """Runs a node until it is told to stop, or has adopted another roster.

    Returns:
        Whether it is to be run again, under the roster that it has adopted.

    Raises:
        RegistryError: the folder cannot be opened; in a group: the disk failed later.
        OSError: the address cannot be bound.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    watch_loop(loop)
    loop.set_default_executor(FairThreads(_THREADS, name="node"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    registry = await asyncio.to_thread(
        Registry.open,
        settings.folder,
        now_ms=now_ms,
        random_bytes=RandomBytes(os.urandom),
        disk_reserve_bytes=settings.disk_reserve_bytes,
    )
    resources = ExitStack()
    resources.callback(registry.close)
    try:
        desk = await asyncio.to_thread(open_desk, registry, random_bytes=RandomBytes(os.urandom))
        resources.callback(desk.close)
        heads = HeadHub()
        mirror = Mirror(registry, heads, settings, uniform=SystemRandom().uniform)
        projection = ProjectionLoop(registry, mirror)
        scrub = Scrub(
            registry, settings, sources=mirror.sources, is_busy=lambda: mirror.is_catching_up
        )
        receipts = ErasureReceipts(registry)
        handing_on = HandingOnLoop(registry, mirror)
        rotation = KeyRotation(registry)
        attachments = AttachmentServicer(registry, desk)
        metrics = NodeMetrics(settings, registry, mirror)
        server = NodeServer(settings, registry.folder, registry.roster, metrics.calls)
        replication = ReplicationServicer(
            registry, heads, mirror.rosters, mirror.witnessing, mirror.offers
        )
        audit, admin = AuditServicer(registry, heads), AdminServicer(registry, mirror, scrub)
        for_clients = servicers_for_clients(settings, registry, desk, mirror, resources)
        server.add_services((replication, audit, admin, attachments, *for_clients))
        address = settings.listen or _address_of(registry)
        await server.start(address, offered_at=mirror.offering.address)
        resources.callback(metrics.close)
        metrics.start()
        _log.info(
            "node_started",
            mechanism=registry.own.slug,
            origin=registry.own.origin,
            port=server.port,
            metrics_port=metrics.port,
        )
        async with asyncio.TaskGroup() as tasks:
            working = (mirror, projection, scrub, receipts, handing_on, rotation, attachments)
            running = [tasks.create_task(each.run()) for each in working]
            running.append(tasks.create_task(_look_for_missed(mirror, desk)))
            running.append(tasks.create_task(give_memory_back()))
            running.append(tasks.create_task(tell_when_due(registry.roster, now_ms)))
            ends = (stopping.wait(), mirror.rosters.adopted.wait())
            waiting = [tasks.create_task(each) for each in ends]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Also when one of them has failed: nobody is served from a closed store.
                await _end(server, heads, mirror)
            for task in (*running, *waiting):
                task.cancel()
        return mirror.rosters.adopted.is_set() and not stopping.is_set()
    finally:
        await asyncio.to_thread(resources.close)
        _log.info("node_stopped")


async def _end(server: NodeServer, heads: HeadHub, mirror: Mirror) -> None:
    """Serves nobody any more; first of all those whom an adopted roster does not name."""
    server.part_from(mirror.rosters.lost)
    heads.close()
    async with asyncio.TaskGroup() as ending:
        ending.create_task(server.stop())
        await mirror.rosters.part()
        # Not before: offered connections carry the farewells too.
        mirror.offers.close()


def _address_of(registry: Registry) -> str:
    """Where it is reached; one that takes no calls from peers, by its own clients."""
    own = registry.own
    return own.address if own.takes_calls else registry.folder.describe().address


async def _look_for_missed(mirror: Mirror, desk: Desk) -> None:
    """What came while nobody could read it, or just before this node stopped."""
    await mirror.content.wait()
    desk.look_for_missed_withdrawals()


def main(arguments: list[str] | None = None) -> int:
    """Reads the folder from the command line and serves; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m registry_node FOLDER", file=sys.stderr)  # noqa: T201 - before logging
        return EXIT_USAGE
    try:
        settings = NodeSettings(folder=Path(arguments[0]))
    except ValidationError as wrong:
        for line in _wrong_settings(wrong):
            print(line, file=sys.stderr)  # noqa: T201 - before logging
        return EXIT_USAGE
    configure_logging(settings.log_format)
    # A dump of the memory would hold keys and content.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    raise_open_files()
    collect_seldom()
    status = 0
    UNLOCKED.ask_by(asker(PASSPHRASE, os.environ))
    TOKENS.ask_by(asker(TOKEN_PIN, os.environ))
    try:
        # Before the loop, whose signal handlers would keep Ctrl-C from whoever is asked.
        _unlock(NodeFolder(settings.folder))
        while asyncio.run(serve(settings)):
            _log.info("roster_adopted")  # it counts from this start on
    except* (RegistryError, OSError) as group:
        status = EXIT_STORAGE
        _tell_failure(group)
    except* Exception as group:  # noqa: BLE001 - the outermost handler of the process
        status = EXIT_FAULT
        _tell_failure(group)
    return status


def _unlock(folder: NodeFolder) -> None:
    """Asks once for the life of the process, if a passphrase or a PIN is needed."""
    if folder.passphrase_file.exists():
        UNLOCKED.folder_keys(folder.keys)
    if token := read_token_file(folder.token_file):
        TOKENS.session(token)


def _wrong_settings(error: ValidationError) -> Iterator[str]:
    """One line for each variable that does not fit, by its full name."""
    prefix = NodeSettings.model_config.get("env_prefix", "")
    for each in error.errors(include_url=False):
        name = "_".join(str(step) for step in each["loc"])
        yield f"{prefix}{name.upper()}: {each['msg']}, found {each['input']!r}"


def _tell_failure(group: BaseException) -> None:
    """Logs each error without its text: it names files and might hold content."""
    for error in _leaves(group):
        fault: dict[str, str | int] = {}
        if isinstance(error, RegistryError):
            fault["reason"] = error.reason
        elif not isinstance(error, OSError):
            fault["reason"] = INTERNAL_REASON
        elif error.errno is not None:
            fault["errno"] = error.errno
        _log.error("node_failed", error=type(error).__name__, at=place_of(error), **fault)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
