"""`registry demo`: five mechanisms on this machine, real public records, one invented case, proof.

The nodes are processes of their own on loopback and end with the demo. Its folder is temporary and
goes too, unless `--folder` names one or something did not end as it must.
"""

import asyncio
import shlex
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

import typer

from registry.errors import FolderError
from registry_cli.demo_report import (
    LEFT_OUT_FILE,
    DemoReport,
    print_digests,
    print_histories,
    print_imports,
    print_nodes,
    print_verified,
    write_left_out,
)
from registry_cli.demonstration import Demonstration, demonstrating
from registry_cli.errors import EXIT_FINDINGS
from registry_cli.output import Output
from registry_cli.rendering import heading
from registry_cli.story import CHAPTERS, Told, play
from registry_cli.story.cast import OBSERVATORY, ODIHR, UN
from registry_cli.story.telling import Teller

EXIT_INTERRUPTED: Final = 130
_SEEN_BY: Final = (UN.slug, ODIHR.slug)


def demo(
    once: Annotated[bool, typer.Option("--once", help="end when all is shown")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help="new folder to keep all in, its briefing too; default: temporary"),
    ] = None,
    kill_during_import: Annotated[
        bool,
        typer.Option(
            "--kill-during-import",
            help="end one node by SIGKILL in the middle of its import and start it again",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """See it work: five mechanisms on this machine, real public records, one history, proof.

    Takes less than a minute. Without --once the five nodes go on until Ctrl-C, for you to try.
    """
    output = Output(is_json=json)
    place = _new_folder(folder)
    run = _Run(output, place, is_once=once, with_kill=kill_during_import)
    is_kept = True
    try:
        asyncio.run(run.run())
        is_kept = not run.is_good
    except asyncio.CancelledError:
        is_kept = run.is_finished and not run.is_good
    finally:
        _leave(output, place, is_kept=is_kept or folder is not None)
    if not run.is_finished:
        raise typer.Exit(EXIT_INTERRUPTED)
    if not run.is_good:
        raise typer.Exit(EXIT_FINDINGS)


class _Run:
    """One run of the demo, told step by step."""

    def __init__(self, output: Output, folder: Path, *, is_once: bool, with_kill: bool) -> None:
        self._output = output
        self._folder = folder
        self._is_once = is_once
        self._with_kill = with_kill
        self.is_finished = False
        self.is_good = False

    async def run(self) -> None:
        """Runs to the end, or until a signal cancels it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio.run made it
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        started = monotonic()
        self._output.say("Founding a registry of five mechanisms and starting their nodes ...")
        async with demonstrating(self._folder) as demonstration:
            report = DemoReport(self._folder, demonstration.registry_id, demonstration.nodes)
            report.start_s = monotonic() - started
            await self._act(demonstration, report)
            await self._prove(demonstration, report)
            report.duration_s = monotonic() - started
            self.is_good = report.is_good
            self.is_finished = True
            self._conclude(report)
            if not self._is_once:
                await asyncio.Event().wait()

    async def _act(self, demonstration: Demonstration, report: DemoReport) -> None:
        """Imports, records, plays the invented case, waits until all nodes have everything."""
        output = self._output
        started = monotonic()
        print_nodes(output, report)
        heading(output, "Real public records, each imported where it belongs ...")
        with output.bars() as add_bar:
            report.imports, report.crash = await demonstration.import_registers(
                add_bar, with_kill=self._with_kill
            )
        report.import_s = monotonic() - started
        report.opinion = await demonstration.record_opinion()
        left_out = self._folder / LEFT_OUT_FILE
        write_left_out(left_out, report.imports)
        print_imports(output, report, left_out)
        report.story = await self._play(demonstration)
        report.catch_up_s = await demonstration.wait_until_equal()

    async def _play(self, demonstration: Demonstration) -> list[Told]:
        """Plays the invented case and prints each scene as it happens."""
        heading(self._output, "The story of one invented case, live through all five nodes")
        teller, told = Teller(self._output), []
        async for scene in play(demonstration.stage(_now_ms, self._folder), CHAPTERS):
            teller.tell(scene)
            told.append(scene)
        return told

    async def _prove(self, demonstration: Demonstration, report: DemoReport) -> None:
        """Reads histories and digests at several nodes, verifies every log of every folder."""
        output = self._output
        report.poland = {slug: await demonstration.situation_at(slug, "POL") for slug in _SEEN_BY}
        case_id = report.story_case_id
        report.invented = {
            node.mechanism.slug: await demonstration.case_at(node.mechanism.slug, case_id)
            for node in report.nodes
        }
        print_histories(output, report)
        heading(output, "Every log in every folder verified: entries whose signature holds")
        with output.progress("verifying", 1) as bar:
            report.verified = await demonstration.verify(bar)
        report.digests = await demonstration.digests()
        print_verified(output, report)
        heading(output, "One digest over all cases, told by each node")
        print_digests(output, report)

    def _conclude(self, report: DemoReport) -> None:
        output = self._output
        commands = [] if self._is_once else _commands(report)
        output.say()
        if report.is_good:
            output.say(
                f"All five nodes hold the same history and can prove it. "
                f"({report.duration_s:.0f} s)"
            )
        else:
            output.say(_what_is_wrong(report))
        if commands:
            heading(output, "The nodes are running. Paste into another terminal, for example:")
            for command in commands:
                output.say(f"  {command}")
            output.say()
            output.say("Ctrl-C stops the nodes.")
        output.result(report.document(commands))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000  # noqa: TID251 - the command is its own composition root


def _what_is_wrong(report: DemoReport) -> str:
    wrong = [
        words
        for is_right, words in (
            (report.is_accounted, "rows are missing that nothing tells of"),
            (report.is_verified, "a log does not prove itself"),
            (report.is_equal, "nodes differ"),
        )
        if not is_right
    ]
    return f"NOT AS IT MUST BE: {'; '.join(wrong)}. See above."


def _new_folder(wanted: Path | None) -> Path:
    """Makes the demo's folder.

    Raises:
        FolderError: it holds something already.
    """
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="registry-demo-"))
    if wanted.exists() and (not wanted.is_dir() or any(wanted.iterdir())):
        msg = f"{wanted} is not empty; the demo needs a new folder"
        raise FolderError(msg)
    wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    return wanted.resolve()


def _leave(output: Output, folder: Path, *, is_kept: bool) -> None:
    if is_kept:
        output.remark(f"everything is kept in {folder}; each node's own log is NODE/node.log")
    else:
        shutil.rmtree(folder)
        output.remark("the nodes have ended, their temporary folder is removed")


def _commands(report: DemoReport) -> list[str]:
    """Commands that work when pasted into any shell on this machine."""
    registry = shlex.quote(_registry_program())
    observatory = next(n for n in report.nodes if n.mechanism == OBSERVATORY)
    return [
        f"export REGISTRY_PROFILE={shlex.quote(str(observatory.profile))}",
        f"{registry} case list",
        f"{registry} case history POL",
        f"{registry} case timeline {report.story_case_id.hex()}",
        f"{registry} peers",
        f"{registry} verify {shlex.quote(str(observatory.folder))}",
    ]


def _registry_program() -> str:
    """How to call this program: by name where the shell finds it, else by its path."""
    own = Path(sys.executable).with_name("registry")
    found = shutil.which("registry")
    return "registry" if found and Path(found).samefile(own) else str(own)
