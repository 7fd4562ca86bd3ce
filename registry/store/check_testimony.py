"""Checks what others' signatures say of logs: where they end by proof, and who has witnessed them.

A freeze that this node judged by itself has no proof and can only be read; so can the notes of a
witness that is no member any more.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from registry.domain.identifiers import LogId, Origin, RootHash
from registry.errors import EntryError, NotFound, TryLater
from registry.log.checkpoint import Checkpoint, NoteSignature
from registry.log.cosignature import COSIGNATURE_SIZE_BYTES, Cosignature, is_made_by
from registry.log.fault_verdict import verify_fault_proof
from registry.log.roster import Roster
from registry.store.check_log import Finding, blob
from registry.store.freezes import CUT_BY_ROSTER, OTHER_THAN_ROSTER, WITHOUT_PROOF

VersionsOf: TypeAlias = Callable[[LogId], range]
"""The roster versions under which a member takes part with a log."""


def check_freezes(
    connection: sqlite3.Connection, roster: Roster, versions_of: VersionsOf
) -> Iterator[Finding]:
    """Yields logs that end elsewhere than the roster and the proofs say."""
    for number, origin, *shown in connection.execute(
        "SELECT log_no, origin, frozen_at, frozen_reason, evidence FROM main.logs"
    ).fetchall():
        rows = connection.execute(
            "SELECT generation, frozen_at, reason, evidence FROM main.freezes WHERE log_no = ? "
            "ORDER BY frozen_at, generation",
            (number,),
        ).fetchall()
        if shown != (list(rows[0][1:]) if rows else [None] * 3):
            detail = f"the log is frozen at {shown[0]!r}, its freezes do not say so"
            yield Finding(origin, None, "freeze_mismatch", detail)
        cut = next((m.cut.size for m in roster.writers() if m.origin == origin and m.cut), None)
        # A fault proof does not stand for the cut: it goes when the log's key is rotated.
        if cut is not None and not any(r[0] == WITHOUT_PROOF and r[1] <= cut for r in rows):
            detail = f"the roster cuts the log at {cut}, and no freeze says so: start the node once"
            yield Finding(origin, cut, "freeze_mismatch", detail)
        for row in rows:
            if wrong := _wrong_freeze(origin, row, cut, roster, versions_of):
                yield Finding(origin, None, "freeze_mismatch", wrong)


def _wrong_freeze(
    origin: Origin,
    row: tuple[Any, ...],
    cut: int | None,
    roster: Roster,
    versions_of: VersionsOf,
) -> str:
    """Says what is wrong with a freeze; empty = nothing."""
    generation, at, reason, evidence = row
    if generation == WITHOUT_PROOF:
        is_sound = isinstance(at, int) and at >= 0 and bool(reason)
        if is_sound and reason == CUT_BY_ROSTER:
            is_sound = at == cut and evidence == b""
        if is_sound and reason == OTHER_THAN_ROSTER:
            is_sound = at == 0 and cut is not None and evidence == b""
        return "" if is_sound else f"a freeze at {at!r} for the reason {reason!r} has no ground"
    try:
        verdict = verify_fault_proof(evidence, roster, versions_of)
    except TryLater:
        return ""  # it was judged under a roster that this folder has not adopted yet
    except (EntryError, NotFound, TypeError) as error:
        return f"the fault proof of key generation {generation!r} proves nothing: {error}"
    proven = (verdict.log_id, verdict.frozen_at, verdict.reason, verdict.generation)
    log_id = next((m.log_id for m in roster.writers() if m.origin == origin), None)
    is_same = proven == (log_id, at, reason, generation)
    return "" if is_same else "a fault proof proves something else than is stored with it"


def check_cosignatures(connection: sqlite3.Connection, roster: Roster) -> Iterator[Finding]:
    """Yields cosignatures that their witness has not made; roots are compared with the log."""
    keys = {member.origin: member.cosigner_key for member in roster.members}
    former = {writer.origin for writer in roster.writers()} - set(keys)
    rows = connection.execute(
        f"SELECT l.origin, c.witness, c.size, {blob('c.root')}, {blob('c.key_id')}, "  # noqa: S608 - constant names
        f"{blob('c.signature')} FROM main.cosignatures c JOIN main.logs l USING (log_no)"
    )
    for origin, witness, size, root, key_id, signature in rows.fetchall():
        if witness in former:
            continue  # the roster knows the key no more, and nobody counts it
        key = keys.get(witness)
        line = NoteSignature(witness, key_id, signature)
        checkpoint = Checkpoint(Origin(origin), size, RootHash(root))
        is_sound = key is not None and len(signature) == COSIGNATURE_SIZE_BYTES
        if not is_sound or not is_made_by(
            Cosignature(checkpoint, line), witness=witness, cosigner_key=key or b""
        ):
            index = size - 1 if isinstance(size, int) and size > 0 else None
            detail = f"{witness!r} has not made the cosignature at {size!r} that is stored"
            yield Finding(Origin(origin), index, "bad_cosignature", detail)
