"""What `registry bench` found: one figure per line, with what makes it worth something beside it.

Each figure says what it was measured against, how durable the work was, how many syncs of the disk
an append cost and how that is known, and what was verified while the clock ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, Final

from registry.application.benchmark import AppendFigures
from registry_cli.benchmark.between_nodes import ReplicationFigures
from registry_cli.output import Output
from registry_cli.rendering import columns

_GOALS: Final = {"append_one": 0.3, "append_32": 1.5, "replication": 0.5}
_LIVE_GOAL_MS: Final = 3.0
_LIVE_FSYNCS: Final = 3
_READ_GOAL_MS: Final = 20.0
_RECORD_GOAL_MS: Final = 8.0
_LONG_CASE_GOAL_MS: Final = 50.0
_MEMORY_GOAL_MIB: Final = 250.0
_APPEND_DURABILITY: Final = "WAL, synchronous=FULL, guard on; answered after both are on disk"
_APPEND_VERIFIED: Final = "rules, request id; entry and note signed, entries read back and hashed"


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that one run measured; times in seconds, memory in MiB."""

    events: int
    content_bytes: int
    entry_bytes: int
    append_one: AppendFigures
    append_32: AppendFigures
    replication: ReplicationFigures
    raw_verify_per_s: float
    live_visible_s: Sequence[float]
    live_content_s: Sequence[float]
    fsync_s: Sequence[float]
    read_s: Sequence[float]
    record_s: Sequence[float]
    long_case_s: Sequence[float]
    long_case_events: int
    verified_events: int
    verify_s: float
    author_mib: float
    receiver_mib: float
    bench_mib: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]


def document(found: Measured) -> dict[str, Any]:
    """The JSON document: the figures, each with its goal and whether it was met."""
    fsync_ms = median(found.fsync_s) * 1000
    goal_ms = _LIVE_GOAL_MS + _LIVE_FSYNCS * fsync_ms
    p50_ms = median(found.live_visible_s) * 1000
    ratio = found.replication.events_per_s / found.raw_verify_per_s
    read_ms = median(found.read_s) * 1000
    return {
        "events": found.events,
        "content_bytes": found.content_bytes,
        "entry_bytes": found.entry_bytes,
        "fsync": {
            "p50_ms": _rounded(fsync_ms),
            "p99_ms": _rounded(percentile(found.fsync_s, 0.99) * 1000),
            "what": "fdatasync after overwriting 4 KiB in a preallocated file",
        },
        "append_one": _append(found.append_one, "append_one"),
        "append_32": _append(found.append_32, "append_32"),
        "replication": {
            "entries": found.replication.entries,
            "events_per_s": _rounded(found.replication.events_per_s),
            "raw_verify_per_s": _rounded(found.raw_verify_per_s),
            "ratio": _rounded(ratio),
            "parts": found.replication.parts,
            "parts_per_s": _rounded(found.replication.parts_per_s),
            "durability": "receiver: WAL, synchronous=FULL, one commit per message of 500",
            "verified": "every signature, place, root and consistency proof; parts: commitment",
            **_goal(ratio >= _GOALS["replication"], f"ratio >= {_GOALS['replication']}"),
        },
        "live": {
            "p50_ms": _rounded(p50_ms),
            "p99_ms": _rounded(percentile(found.live_visible_s, 0.99) * 1000),
            "events": len(found.live_visible_s),
            "content_p50_ms": _rounded(median(found.live_content_s) * 1000),
            "content_events": len(found.live_content_s),
            "fsyncs_on_the_way": _LIVE_FSYNCS,
            "fsync_p50_ms": _rounded(fsync_ms),
            "goal_ms": _rounded(goal_ms),
            "durability": "on the author's disk and guard, then on the peer's disk, then seen",
            "verified": "signature, root and proof at the peer; every tenth event read there",
            **_goal(p50_ms <= goal_ms, f"p50 <= {_LIVE_GOAL_MS:g} ms + {_LIVE_FSYNCS} fsyncs"),
        },
        "case_read": {
            "p50_ms": _rounded(read_ms),
            "p99_ms": _rounded(percentile(found.read_s, 0.99) * 1000),
            "reads": len(found.read_s),
            "held_events": found.events,
            **_goal(read_ms < _READ_GOAL_MS, f"p50 < {_READ_GOAL_MS:g} ms"),
        },
        **_through_grpc(found),
        "verify": {
            "events": found.verified_events,
            "events_per_s": _rounded(found.verified_events / found.verify_s),
            "verified": "every signature, place, root and note; the digest over all cases",
        },
        "memory_mb": {
            "author": _rounded(found.author_mib),
            "receiver": _rounded(found.receiver_mib),
            "bench": _rounded(found.bench_mib),
            "what": "VmHWM, the largest resident size, in MiB",
            **_goal(found.receiver_mib < _MEMORY_GOAL_MIB, f"receiver < {_MEMORY_GOAL_MIB:g}"),
        },
        "receiver_rss_mb": _rounded(found.receiver_mib),
    }


def _through_grpc(found: Measured) -> dict[str, Any]:
    """What a client waits for: recording an event with content, reading a long case."""
    record_ms, case_ms = median(found.record_s) * 1000, median(found.long_case_s) * 1000
    return {
        "record": {
            "p50_ms": _rounded(record_ms),
            "p99_ms": _rounded(percentile(found.record_s, 0.99) * 1000),
            "events": len(found.record_s),
            "durability": _APPEND_DURABILITY,
            "verified": "content encrypted under its own data key; " + _APPEND_VERIFIED,
            **_goal(record_ms < _RECORD_GOAL_MS, f"p50 < {_RECORD_GOAL_MS:g} ms"),
        },
        "long_case_read": {
            "p50_ms": _rounded(case_ms),
            "p99_ms": _rounded(percentile(found.long_case_s, 0.99) * 1000),
            "reads": len(found.long_case_s),
            "encrypted_parts": found.long_case_events,
            **_goal(case_ms < _LONG_CASE_GOAL_MS, f"p50 < {_LONG_CASE_GOAL_MS:g} ms"),
        },
    }


def print_report(output: Output, figures: dict[str, Any]) -> None:
    """Prints the document for people."""
    table = columns("FIGURE", "VALUE", "GOAL", "DURABILITY", "FSYNCS", "VERIFIED")
    for column in table.columns[3:]:
        column.no_wrap = False
    for name, words in (("append_one", "append, one by one"), ("append_32", "append, 32 callers")):
        row = figures[name]
        table.add_row(
            words,
            f"{row['events_per_s']:,.0f}/s = {row['ratio']:.2f} x bare recorder "
            f"({row['bare_events_per_s']:,.0f}/s)",
            _verdict(row),
            row["durability"],
            f"{row['fsyncs_per_append']:.2f} an append",
            row["verified"],
        )
    row = figures["replication"]
    table.add_row(
        "replication, entries",
        f"{row['events_per_s']:,.0f}/s = {row['ratio']:.2f} x raw Ed25519 in two threads "
        f"({row['raw_verify_per_s']:,.0f}/s)",
        _verdict(row),
        row["durability"],
        "1 a message",
        row["verified"],
    )
    table.add_row(
        "replication, parts",
        f"{row['parts_per_s']:,.0f}/s of {figures['content_bytes']} bytes",
        "",
        "receiver: as for entries",
        "1 a message",
        "commitment of every part",
    )
    _add_reads(table, figures)
    output.table(table)
    output.say()
    output.say(
        f"fsync p50 {figures['fsync']['p50_ms']} ms, p99 {figures['fsync']['p99_ms']} ms "
        f"({figures['fsync']['what']}); entries have {figures['entry_bytes']} bytes."
    )
    output.say(
        "Fsyncs per append = 2 x groups / events: the store tells of every append group, and a "
        "group is one WAL commit and one guard sync; WAL checkpoints are not counted."
    )
    output.say(
        "Ratios to the bare recorder are medians over rounds in which all take turns; it stores "
        "the same bytes, entry and content in one row, one event per commit, WAL, "
        "synchronous=FULL, no guard."
    )


def _add_reads(table: Any, figures: dict[str, Any]) -> None:  # noqa: ANN401 - rich's table
    live, read, memory = figures["live"], figures["case_read"], figures["memory_mb"]
    table.add_row(
        "live, append to visible",
        f"p50 {live['p50_ms']:.1f} ms, p99 {live['p99_ms']:.1f} ms; content p50 "
        f"{live['content_p50_ms']:.1f} ms",
        f"{_verdict(live)} = {live['goal_ms']:.1f} ms",
        live["durability"],
        f"{live['fsyncs_on_the_way']} on the way",
        live["verified"],
    )
    table.add_row(
        "a case of 10 events, read",
        f"p50 {read['p50_ms']:.1f} ms, p99 {read['p99_ms']:.1f} ms at a node of "
        f"{read['held_events']:,} events",
        _verdict(read),
        "reads only",
        "0",
        "nothing on reading: entries were verified when they came",
    )
    record, long_case = figures["record"], figures["long_case_read"]
    table.add_row(
        "record with content, through gRPC",
        f"p50 {record['p50_ms']:.1f} ms, p99 {record['p99_ms']:.1f} ms",
        _verdict(record),
        record["durability"],
        "2",
        record["verified"],
    )
    table.add_row(
        f"a case of {long_case['encrypted_parts']} encrypted parts, read",
        f"p50 {long_case['p50_ms']:.1f} ms, p99 {long_case['p99_ms']:.1f} ms",
        _verdict(long_case),
        "reads only",
        "0",
        "each part is opened with its own data key",
    )
    table.add_row(
        "full re-verification",
        f"{figures['verify']['events_per_s']:,.0f}/s",
        "",
        "reads only",
        "0",
        figures["verify"]["verified"],
    )
    table.add_row(
        "peak memory",
        f"receiver {memory['receiver']:.0f}, author {memory['author']:.0f}, "
        f"bench {memory['bench']:.0f} MiB",
        _verdict(memory),
        "",
        "",
        "",
    )


def _append(found: AppendFigures, name: str) -> dict[str, Any]:
    return {
        "events_per_s": _rounded(found.events_per_s),
        "bare_events_per_s": _rounded(found.bare_events_per_s),
        "ratio": _rounded(found.ratio),
        "ratio_lowest": _rounded(found.ratio_lowest),
        "ratio_highest": _rounded(found.ratio_highest),
        "rounds": found.rounds,
        "fsyncs_per_append": _rounded(found.fsyncs_per_append),
        "durability": _APPEND_DURABILITY,
        "verified": _APPEND_VERIFIED,
        **_goal(found.ratio >= _GOALS[name], f"ratio >= {_GOALS[name]}"),
    }


def _goal(is_met: bool, goal: str) -> dict[str, Any]:
    return {"goal": goal, "is_met": is_met}


def _verdict(row: dict[str, Any]) -> str:
    return f"{'met' if row['is_met'] else 'MISSED'}: {row['goal']}"


def _rounded(value: float) -> float:
    # A disk in memory is synced in less than a thousandth.
    return round(value, 3) or float(f"{value:.1e}")
