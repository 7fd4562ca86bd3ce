"""Verbs that prove what a folder or a file says, and believe nothing but a roster."""

from pathlib import Path
from typing import Annotated, Final

import typer

from registry.application import verification
from registry.domain.identifiers import parse_registry_id
from registry.domain.vocabulary import kind_code
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_verdict import TWO_ENTRIES, TWO_HISTORIES, verify_fault_proof
from registry.log.merkle import leaf_hash
from registry.log.proof import decode_inclusion_evidence, verify_inclusion_evidence
from registry.log.roster import verify_genesis
from registry.log.roster_chain import RosterChain, verify_chain
from registry_cli.errors import EXIT_FINDINGS
from registry_cli.output import Output
from registry_cli.rendering import print_proof, time_text
from registry_cli.surroundings import surroundings_of

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
_FAULTS: Final = {
    TWO_HISTORIES: "the author of {} signed two histories",
    TWO_ENTRIES: "the author of {} signed two events for one place",
}
_BROKE_A_RULE: Final = "the author of {} signed a checkpoint over an event that breaks a rule"


def verify(folder: Folder, json: Json = False) -> None:
    """Prove that no log of a folder was changed: every signature, every root; the node may run."""
    output = Output(is_json=json)
    with output.progress("verifying", 1) as bar:
        report = verification.verify_folder(folder, bar)
    for log in report.logs:
        mark = "ok" if log.ok else "FAILED"
        output.say(
            f"{mark:<7} {log.origin:<44} {log.entries_verified:>7} signatures  "
            f"root {log.root.hex()}"
        )
        for finding in log.findings:
            output.say(f"        {finding}")
    print_proof(output, report.node_digest, report.case_count, report.vector, of="cases")
    output.result(
        {
            "ok": report.ok,
            "registry_id": report.registry_id,
            "logs": report.logs,
            "node_digest": report.node_digest,
            "case_count": report.case_count,
            "vector": report.vector,
        }
    )
    if not report.ok:
        raise typer.Exit(EXIT_FINDINGS)


def fsck(context: typer.Context, folder: Folder, json: Json = False) -> None:
    """Check a node's database for damage; names the log and the event of each damaged thing.

    Reads everything back: entries, trees, signatures, content, indexes, erasures, the guard, the
    tombstone journal, and compares the views with a fresh fold. A node may run meanwhile. Ends with
    1 if anything was found.
    """
    output = Output(is_json=json)
    now_ms = surroundings_of(context).now_ms
    findings = []
    with output.progress("checking", 1) as bar:
        for finding in verification.fsck_folder(folder, bar, now_ms=now_ms):
            findings.append(finding)
            where = finding.origin or "database"
            place = "" if finding.index is None else f" #{finding.index}"
            output.say(f"{where}{place}: {finding.reason}: {finding.detail}")
    output.say(f"{len(findings)} findings" if findings else "no findings")
    output.result(
        {
            "findings": [
                {"origin": f.origin, "index": f.index, "reason": f.reason, "detail": f.detail}
                for f in findings
            ]
        }
    )
    if findings:
        raise typer.Exit(EXIT_FINDINGS)


def check_fault_proof(
    file: Annotated[Path, typer.Argument(help="the file that `registry fault-proof --out` wrote")],
    roster: Annotated[
        list[Path], typer.Option(help="the founding roster; repeat it with each version after it")
    ],
    registry_id: Annotated[
        str, typer.Option(help="the registry's id as you were told it; refuses any other roster")
    ] = "",
    json: Json = False,
) -> None:
    """Check the proof that the author of a log broke its rules; needs no node.

    It counts as long as the key that signed it is the log's: a proof by a key that was replaced
    since ends no log. Without --registry-id the roster is believed as it is: compare the id that
    is printed.
    """
    chain = _chain(roster, registry_id)
    verdict = verify_fault_proof(file.read_bytes(), chain.newest, chain.versions_of)
    output = Output(is_json=json)
    output.say(f"proven: {_FAULTS.get(verdict.reason, _BROKE_A_RULE).format(verdict.origin)}")
    output.say(f"  rule         {verdict.reason}")
    output.say(f"  the log ends at {verdict.frozen_at}: that event and all behind it are void")
    output.say(f"  signed by    key {verdict.generation + 1} of the log")
    output.say(f"  registry id  {chain.newest.registry_id.hex()}")
    output.result(
        {
            "origin": verdict.origin,
            "reason": verdict.reason,
            "frozen_at": verdict.frozen_at,
            "rotations": verdict.generation,
            "registry_id": chain.newest.registry_id,
        }
    )


def _chain(roster: list[Path], registry_id: str) -> RosterChain:
    expected = parse_registry_id(registry_id) if registry_id else None
    versions = tuple([each.read_bytes() for each in roster])
    verify_genesis(versions[0], registry_id=expected)
    return verify_chain(versions)


def check_proof(
    file: Annotated[Path, typer.Argument(help="the file that `registry proof --out` wrote")],
    roster: Annotated[
        list[Path], typer.Option(help="the founding roster; repeat it with each version after it")
    ],
    registry_id: Annotated[
        str, typer.Option(help="the registry's id as you were told it; refuses any other roster")
    ] = "",
    json: Json = False,
) -> None:
    """Check the proof that an event stands at its place in a log; needs no node.

    Without --registry-id the roster is believed as it is: compare the id that is printed.
    """
    members = _chain(roster, registry_id).newest
    data = file.read_bytes()
    header = verify_inclusion_evidence(data, members)
    evidence = decode_inclusion_evidence(data)
    checkpoint = parse_checkpoint(parse_note(evidence.checkpoint).text)
    leaf = leaf_hash(evidence.entry)
    output = Output(is_json=json)
    output.say(
        f"proven: event {header.index} of {checkpoint.origin}, under its checkpoint of "
        f"{checkpoint.size} entries"
    )
    output.say(f"  kind         {kind_code(header.kind)}")
    output.say(f"  case         {header.case_id.hex() or 'none'}")
    output.say(f"  recorded     {time_text(header.time_ms)} UTC")
    output.say(f"  leaf hash    {leaf.hex()}")
    output.say(f"  root         {checkpoint.root.hex()}")
    output.say(f"  registry id  {members.registry_id.hex()}")
    output.result(
        {
            "origin": checkpoint.origin,
            "index": header.index,
            "kind": kind_code(header.kind),
            "case_id": header.case_id,
            "recorded_ms": header.time_ms,
            "leaf_hash": leaf,
            "checkpoint_size": checkpoint.size,
            "checkpoint_root": checkpoint.root,
            "registry_id": members.registry_id,
        }
    )
