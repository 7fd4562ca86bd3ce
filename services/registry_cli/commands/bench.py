"""`registry bench`: what the registry costs, in ratios to what the same machine can do."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Final

import typer

from registry.application.benchmark import (
    EVENTS_PER_CASE,
    AppendFigures,
    FilledLog,
    RawVerification,
    fill_log,
    measure_appends,
    measure_fsyncs,
)
from registry.application.benchmark.casework import SEQUENCE
from registry.application.memory import collect_seldom
from registry.application.randomness import RandomBytes
from registry.application.verification import verify_folder
from registry.errors import CorruptDatabase, RegistryError
from registry_cli.benchmark.between_nodes import (
    measure_reads,
    measure_recording,
    measure_replication,
    peak_mib,
    wait_until_idle,
)
from registry_cli.benchmark.callers import record_together
from registry_cli.benchmark.casework import measure_casework
from registry_cli.benchmark.catch_up import EVENTS_MIN as CATCH_UP_MIN
from registry_cli.benchmark.catch_up import measure_catch_up
from registry_cli.benchmark.live import measure_live
from registry_cli.benchmark.report import Measured, document, print_report
from registry_cli.federation import LocalNode, Mechanism, found_federation, running
from registry_cli.output import Output
from registry_cli.rendering import columns

REGISTRY_NAME: Final = "bench.registry.example"
CONTENT_BYTES: Final = 600
EVENTS_MIN: Final = 2_000
_AUTHOR: Final = Mechanism("bench-author", "An invented author")
_RECEIVER: Final = Mechanism("bench-receiver", "An invented receiver")
_EVENTS_PER_ROUND: Final = 2_000
_ROUNDS: Final = (3, 24)
_RAW_ROUNDS: Final = 4
_FSYNCS: Final = 200
_READS: Final = 300
_LONG_CASE: Final = 50
_LONG_CASE_READS: Final = 100
_LIVE: Final = (500, 100)
_SAMPLES_PER_EVENTS: Final = 20
"""Reads and live events are at most a twentieth of all events, so that a small run is short."""
_LIVE_CASES: Final = 20
_LOG_LINES: Final = 5


def now_ms() -> int:
    """The clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the command is its own composition root


def bench(
    events: Annotated[
        int, typer.Option(min=EVENTS_MIN, help="events that are replicated")
    ] = 100_000,
    folder: Annotated[
        Path | None,
        typer.Option(help="a folder on the disk to measure; default: where temporary files go"),
    ] = None,
    casework: Annotated[
        bool,
        typer.Option(
            "--casework", help="measure lists and the rebuilding of views instead, 20 events a case"
        ),
    ] = False,
    catch_up: Annotated[
        bool,
        typer.Option(
            "--catch-up",
            help="measure fresh nodes that fetch a tenth of the events, and all of them, instead",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Measure appends, replication, live latency, reads and memory on this machine."""
    _end_like_ctrl_c()
    output = Output(is_json=json)
    with TemporaryDirectory(prefix="registry-bench-", dir=folder) as scratch:
        if casework:
            _bench_casework(Path(scratch), events, output)
            return
        if catch_up:
            _bench_catch_up(Path(scratch), events, output)
            return
        measured = _Run(Path(scratch), events - events % EVENTS_PER_CASE, output).run()
    figures = document(measured)
    print_report(output, figures)
    output.result(figures)


def _bench_casework(scratch: Path, events: int, output: Output) -> None:
    _, nodes = found_federation(scratch, REGISTRY_NAME, [_AUTHOR, _RECEIVER])
    collect_seldom()  # as a node does
    figures = measure_casework(nodes[0], events // len(SEQUENCE), output, now_ms)
    table = columns("FIRST PAGE OF", "P50 MS", "P99 MS", "ROWS", right=("P50 MS", "P99 MS", "ROWS"))
    for name, each in figures["queries"].items():
        table.add_row(name, f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}", str(each.rows))
    output.say(f"{figures['events']:,} events in {figures['cases']:,} cases")
    rate = figures["rebuild_events_per_s"]
    output.say(f"all views rebuilt in {figures['rebuild_s']} s ({rate:,} events/s)")
    output.table(table)
    for name, made in figures["briefings"].items():
        output.say(f"{name}: {made.took_s} s, {made.size:,} bytes")
    output.result(figures)


def _bench_catch_up(scratch: Path, events: int, output: Output) -> None:
    if events < CATCH_UP_MIN:
        msg = f"--catch-up takes {CATCH_UP_MIN:,} events or more"
        raise typer.BadParameter(msg)
    collect_seldom()  # as a node does
    figures = measure_catch_up(scratch, events, output, now_ms)
    for each in figures["rounds"]:
        rates = ", ".join(f"{rate:,}" for rate in each["events_per_s"])
        output.say(f"{each['events']:,} events: {rates} events/s")
    output.say(f"longer against shorter log, medians: {figures['ratio']}")
    output.say(f"a receiver's largest peak: {figures['receiver_peak_mb']} MB")
    output.say(f"killed with {figures['killed_at']:,} held: {figures['after_the_kill']}")
    output.result(figures)


def _end_like_ctrl_c() -> None:
    """Makes SIGTERM clean up as Ctrl-C does: the folder is removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Run:
    """One run in a folder of its own."""

    def __init__(self, scratch: Path, events: int, output: Output) -> None:
        self._scratch = scratch
        self._events = events
        self._output = output
        self._fsyncs: list[float] = []

    def run(self) -> Measured:
        """Measures one thing after the other."""
        self._measure_fsyncs()
        one, many = self._append()
        _, nodes = found_federation(
            self._scratch / "replication", REGISTRY_NAME, [_AUTHOR, _RECEIVER]
        )
        author, receiver = nodes
        filled = self._fill(author)
        raw = RawVerification(filled.sample, filled.log_key)
        raw.measure(_RAW_ROUNDS)
        try:
            return asyncio.run(self._between(author, receiver, filled, raw, (one, many)))
        except (RegistryError, ExceptionGroup):
            self._show_ends_of_logs(nodes)
            raise
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            _end_like_ctrl_c()  # the event loop has put the default back

    def _show_ends_of_logs(self, nodes: Sequence[LocalNode]) -> None:
        """Shows why a node may have failed, before its folder is removed."""
        for node in nodes:
            if node.log_file.exists():
                lines = node.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
                self._output.remark("\n".join([f"{node.log_file}:", *lines[-_LOG_LINES:]]))

    def _measure_fsyncs(self) -> None:
        self._fsyncs += measure_fsyncs(self._scratch, _FSYNCS)

    def _append(self) -> tuple[AppendFigures, AppendFigures]:
        low, high = _ROUNDS
        rounds = max(low, min(high, self._events // _EVENTS_PER_ROUND))
        self._output.remark(f"appending in {rounds} rounds, taking turns with the bare recorder")
        _, nodes = found_federation(self._scratch / "append", REGISTRY_NAME, [_AUTHOR, _RECEIVER])
        collect_seldom()  # as a node does
        with self._output.progress("rounds", rounds) as bar:
            return measure_appends(
                nodes[0].folder,
                rounds=rounds,
                content_bytes=CONTENT_BYTES,
                record_together=record_together,
                now_ms=now_ms,
                random_bytes=RandomBytes(os.urandom),
                progress=bar,
            )

    def _fill(self, author: LocalNode) -> FilledLog:
        self._output.remark(f"filling a log with {self._events:,} invented events")
        with self._output.progress("events", self._events) as bar:
            return fill_log(
                author.folder,
                events=self._events,
                content_bytes=CONTENT_BYTES,
                now_ms=now_ms,
                random_bytes=RandomBytes(os.urandom),
                progress=bar,
            )

    async def _between(
        self,
        author: LocalNode,
        receiver: LocalNode,
        filled: FilledLog,
        raw: RawVerification,
        appends: tuple[AppendFigures, AppendFigures],
    ) -> Measured:
        task = asyncio.current_task()
        if task is not None:
            # Not by an exception at any place: one inside Popen would lose a node just started.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        samples = self._events // _SAMPLES_PER_EVENTS
        reads, entries, contents = (min(each, samples) for each in (_READS, *_LIVE))
        async with running([author]):
            await wait_until_idle(author)
            self._output.remark("replicating to a second node over mutual TLS, then its content")
            async with running([receiver]):
                with self._output.progress("entries and parts", 2 * filled.size) as bar:
                    replication = await measure_replication(
                        receiver, filled.origin, filled.size, bar
                    )
                self._output.remark("reading cases and following live events at the second node")
                await wait_until_idle(receiver)
                await asyncio.to_thread(raw.measure, _RAW_ROUNDS)
                unused = filled.cases[_LIVE_CASES:]
                step = max(len(unused) // reads, 1)
                read_s = await measure_reads(receiver, unused[::step][:reads], EVENTS_PER_CASE)
                long_case, record_s = await measure_recording(
                    author, events=_LONG_CASE, content_bytes=CONTENT_BYTES
                )
                long_s = await measure_reads(author, [long_case] * _LONG_CASE_READS, _LONG_CASE)
                await asyncio.to_thread(self._measure_fsyncs)
                with self._output.progress("live events", entries + contents) as bar:
                    live = await measure_live(
                        author,
                        receiver,
                        filled.cases[:_LIVE_CASES],
                        entries=entries,
                        contents=contents,
                        content_bytes=CONTENT_BYTES,
                        progress=bar,
                    )
                await asyncio.to_thread(self._measure_fsyncs)
                receiver_mib = _peak_of(receiver)
            author_mib = _peak_of(author)
        verified, verify_s = await asyncio.to_thread(self._verify, receiver)
        return Measured(
            events=self._events,
            content_bytes=CONTENT_BYTES,
            entry_bytes=round(mean(map(len, filled.sample))),
            append_one=appends[0],
            append_32=appends[1],
            replication=replication,
            raw_verify_per_s=raw.per_s,
            live_visible_s=live.visible,
            live_content_s=live.content,
            fsync_s=self._fsyncs,
            read_s=read_s,
            record_s=record_s,
            long_case_s=long_s,
            long_case_events=_LONG_CASE,
            verified_events=verified,
            verify_s=verify_s,
            author_mib=author_mib,
            receiver_mib=receiver_mib,
            bench_mib=peak_mib("self"),
        )

    def _verify(self, receiver: LocalNode) -> tuple[int, float]:
        """Re-verifies all that the receiver holds; returns how many entries, and the seconds.

        Raises:
            CorruptDatabase: something does not hold.
        """
        self._output.remark("verifying all that the second node holds")
        with self._output.progress("entries", 1) as bar:
            started = perf_counter()
            report = verify_folder(receiver.folder, bar)
            took_s = perf_counter() - started
        if not report.ok:
            msg = "what the receiver holds does not prove itself: run `registry verify`"
            raise CorruptDatabase(msg)
        return sum(log.entries_verified for log in report.logs), took_s


def _peak_of(node: LocalNode) -> float:
    """Peak memory of a running node, in MiB."""
    return peak_mib(node.process.pid) if node.process is not None else 0.0
