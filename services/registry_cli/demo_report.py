"""What `registry demo` found and how it tells it, to people and as JSON."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from registry.application.verification import VerificationReport
from registry.client import History, NodeDigest, Receipt
from registry.domain.identifiers import CaseId, RegistryId
from registry_cli.demonstration import REGISTRY_NAME, Crash, RegisterImported
from registry_cli.federation import LocalNode
from registry_cli.output import Output
from registry_cli.rendering import (
    columns,
    heading,
    print_events,
    print_vector,
    print_wrapped,
    reason_text,
)
from registry_cli.story import Told

LEFT_OUT_FILE: Final = "rows-left-out.csv"
_EVENTS_SHOWN: Final = 6
_LEFT_OUT_SHOWN: Final = 20


@dataclass(slots=True)
class DemoReport:
    """Everything that the demo did and proved."""

    folder: Path
    registry_id: RegistryId
    nodes: Sequence[LocalNode]
    imports: Sequence[RegisterImported] = ()
    crash: Crash | None = None
    opinion: Receipt | None = None
    story: Sequence[Told] = ()
    start_s: float = 0.0
    import_s: float = 0.0
    catch_up_s: float = 0.0
    poland: Mapping[str, History] = field(default_factory=dict)
    invented: Mapping[str, History] = field(default_factory=dict)
    verified: Mapping[str, VerificationReport] = field(default_factory=dict)
    digests: Mapping[str, NodeDigest] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def records(self) -> int:
        """Real public records that are in: rows of the registers, and the opinion."""
        return sum(each.report.rows_taken for each in self.imports) + (self.opinion is not None)

    @property
    def story_case_id(self) -> CaseId:
        """The case that the story is about."""
        (case_id,) = {told.receipt.case_id for told in self.story if told.receipt is not None}
        return case_id

    @property
    def is_equal(self) -> bool:
        """Whether all nodes, and all folders as verified, have one digest for one vector."""
        told = {(each.digest, each.vector) for each in self.digests.values()}
        proved = {each.node_digest for each in self.verified.values()}
        cases = ({h.digest for h in seen.values()} for seen in (self.poland, self.invented))
        is_complete = len(self.digests) == len(self.verified) == len(self.nodes)
        return (
            is_complete
            and len(told) == 1
            and proved == {digest for digest, _ in told}
            and all(len(digests) == 1 for digests in cases)
        )

    @property
    def is_verified(self) -> bool:
        """Whether every log of every folder proved itself."""
        logs = [log for report in self.verified.values() for log in report.logs]
        return len(logs) == len(self.nodes) ** 2 and all(log.ok for log in logs)

    @property
    def is_accounted(self) -> bool:
        """Whether every row of every register is in or told as left out."""
        return bool(self.imports) and all(
            each.report.rows - each.report.rows_taken
            <= len({row.line for row in each.report.rejected})
            for each in self.imports
        )

    @property
    def is_good(self) -> bool:
        """Whether the demo ended as it must."""
        return self.is_equal and self.is_verified and self.is_accounted

    def document(self, commands: Sequence[str]) -> dict[str, Any]:
        """The JSON document."""
        return {
            "ok": self.is_good,
            "is_equal": self.is_equal,
            "is_verified": self.is_verified,
            "is_accounted": self.is_accounted,
            "registry": REGISTRY_NAME,
            "registry_id": self.registry_id,
            "folder": str(self.folder),
            "nodes": [
                {
                    "mechanism": node.mechanism.slug,
                    "display_name": node.mechanism.display_name,
                    "address": node.address,
                    "folder": str(node.folder),
                    "profile": str(node.profile),
                }
                for node in self.nodes
            ],
            "records": self.records,
            "imports": [{"mechanism": e.mechanism, "report": e.report} for e in self.imports],
            "killed": self.crash,
            "opinion": self.opinion,
            "story": self.story,
            "start_s": self.start_s,
            "import_s": self.import_s,
            "catch_up_s": self.catch_up_s,
            "poland": self.poland,
            "invented_case": self.invented,
            "verified": self.verified,
            "digests": self.digests,
            "commands": commands,
            "duration_s": self.duration_s,
        }


def print_nodes(output: Output, report: DemoReport) -> None:
    """Prints who takes part."""
    output.say(f"A registry of five mechanisms, {REGISTRY_NAME}, on this machine only")
    for node in report.nodes:
        name = node.mechanism.slug
        output.say(f"  {name:<18} {node.address:<17} {node.mechanism.display_name}")
    output.say(f"  registry id {report.registry_id.hex()}")


def print_imports(output: Output, report: DemoReport, file: Path) -> None:
    """Prints what was imported, and what was left out: each row, or a count if they are many."""
    numbers = ("ROWS", "IN", "OUT")
    table = columns("  REGISTER", "NODE", *numbers, right=numbers)
    for each in report.imports:
        found = each.report
        counts = (found.rows, found.rows_taken, found.rows - found.rows_taken)
        table.add_row(f"  {found.register}", each.mechanism, *(f"{count:,}" for count in counts))
    if report.opinion is not None:
        table.add_row("  opinion NGO-POL/303/2017", "osce-odihr", "1", "1", "0")
    output.table(table)
    output.say(f"  {report.records:,} real public records are in.")
    _print_left_out(output, report.imports, file)
    if report.crash is not None:
        crash = report.crash
        output.say(
            f"  {crash.mechanism} was killed (SIGKILL) after {crash.rows_done} rows and started "
            f"again; it took events {crash.recovery_s:.1f} s later."
        )


def write_left_out(path: Path, imports: Iterable[RegisterImported]) -> None:
    """Writes every row that was left out: register, line, reason, detail."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("register", "line", "reason", "detail"))
        for each in imports:
            for row in each.report.rejected:
                writer.writerow((each.report.register, row.line, row.reason, row.detail))


def print_histories(output: Output, report: DemoReport) -> None:
    """Prints Poland's situation file as two nodes see it, and the end of the invented case."""
    for mechanism, history in report.poland.items():
        heading(output, f"The situation in Poland, as {mechanism} sees it")
        print_events(output, history, most=_EVENTS_SHOWN)
        _print_digest(output, history)
    heading(output, "The invented case, as each of the five nodes tells it")
    for mechanism, history in report.invented.items():
        sealed = sum(event.content is None for event in history.events)
        count = f"{len(history.events)} events, {sealed} of them for others"
        output.say(f"  {mechanism:<18} {history.digest.hex()}  {count}")


def print_verified(output: Output, report: DemoReport) -> None:
    """Prints what every folder proved, log by log."""
    numbers = [node.mechanism.slug for node in report.nodes]
    table = columns("  FOLDER OF", *numbers, right=numbers)
    for mechanism, verified in report.verified.items():
        cells = [f"{log.entries_verified:,} {'ok' if log.ok else 'BAD'}" for log in verified.logs]
        table.add_row(f"  {mechanism}", *cells)
    output.table(table)
    for mechanism, verified in report.verified.items():
        for log in verified.logs:
            for finding in log.findings:
                output.say(f"  {mechanism}: {log.origin}: {finding}")


def print_digests(output: Output, report: DemoReport) -> None:
    """Prints each node's digest over all cases and the checkpoints that it stands for."""
    for mechanism, digest in report.digests.items():
        output.say(f"  {mechanism:<18} {digest.digest.hex()}")
    vectors = {digest.vector for digest in report.digests.values()}
    if len(vectors) == 1:
        count = next(iter(report.digests.values())).case_count
        output.say(f"  over {count:,} cases; each stands for the same checkpoints:")
        print_vector(output, next(iter(vectors)))
        return
    for mechanism, each in report.digests.items():
        output.say(f"  {mechanism} stands for")
        print_vector(output, each.vector)


def _print_digest(output: Output, history: History) -> None:
    output.say(f"digest {history.digest.hex()} over {len(history.events)} events")


def _print_left_out(output: Output, imports: Sequence[RegisterImported], file: Path) -> None:
    rows = [(each.report.register, row) for each in imports for row in each.report.rejected]
    if not rows:
        return
    output.say("  What stayed out, whole rows or a part of one:")
    if len(rows) <= _LEFT_OUT_SHOWN:
        for register, row in rows:
            place = f"{register} line {row.line}"
            print_wrapped(output, f"    {place:<27} ", f"{reason_text(row.reason)}: {row.detail}")
        return
    for (register, reason), count in Counter((n, row.reason) for n, row in rows).most_common():
        output.say(f"    {count:>5} in {register}: {reason_text(reason)}")
    output.say(f"  Each of them, with its line and reason: {file}")
