"""Where logs end, and the fault proofs that say so: the smallest of all counts.

A freeze without a proof (a cut by the roster, a fork of the own log) stays for ever. One by a proof
counts for the generation of the log's key that signed it: once that key is known to have been
replaced, it counts no more, and its proof is let go. Of each generation the proof with the smallest
size is kept, of two that are equal the first: so they never grow beyond the rotations of a log.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.peer_errors import OtherThanRoster
from registry.store.failpoints import Step, reach
from registry.store.rows import read_state
from registry.store.values import FreezeStored, KeptProof

WITHOUT_PROOF: Final = -1
CUT_BY_ROSTER: Final = "cut_by_roster"
"""Why a log is frozen where the roster ends it."""
OTHER_THAN_ROSTER: Final = OtherThanRoster.reason
"""Why nothing counts of a log that the roster ends with another history than is held."""


FreezeChange: TypeAlias = Callable[[SQLiteCursor, int, LogId], FreezeStored | None]
"""Changes where a log (number, id) ends, inside a transaction; returns what is to be told of it."""


def freeze_for_ever(at: int, reason: str, evidence: bytes) -> FreezeChange:
    """A freeze that no proof is needed for; a later one can only lower the size."""

    def change(cursor: SQLiteCursor, log_no: int, log_id: LogId) -> FreezeStored | None:
        before = read_state(cursor, log_id).frozen_at
        _put(cursor, log_no, (WITHOUT_PROOF, at, reason, evidence))
        _settle(cursor, log_no)
        return _moved(cursor, log_id, before)

    return change


def keep_proof(proof: KeptProof) -> FreezeChange:
    """Keeps a verified proof, if none that is kept says as much; those of keys before go."""

    def change(cursor: SQLiteCursor, log_no: int, log_id: LogId) -> FreezeStored | None:
        _, generation, at, reason, data = proof
        cursor.execute(
            "SELECT 1 FROM freezes WHERE log_no = ?1 AND (generation > ?2 "
            "OR (generation = ?2 AND frozen_at <= ?3))",
            (log_no, generation, at),
        )
        if cursor.fetchone() is not None:
            return None
        _put(cursor, log_no, (generation, at, reason, data))
        _drop(cursor, log_no, generation)
        _settle(cursor, log_no)
        return FreezeStored(log_id, read_state(cursor, log_id).frozen_at, data)

    return change


def drop_retired(generation: int) -> FreezeChange:
    """Lets go of proofs of keys that were replaced; what only they froze counts again."""

    def change(cursor: SQLiteCursor, log_no: int, log_id: LogId) -> FreezeStored | None:
        before = read_state(cursor, log_id).frozen_at
        _drop(cursor, log_no, generation)
        _settle(cursor, log_no)
        return _moved(cursor, log_id, before)

    return change


def read_proofs(cursor: SQLiteCursor) -> list[KeptProof]:
    """All fault proofs that are kept, by log."""
    cursor.execute(
        "SELECT l.log_id, f.generation, f.frozen_at, f.reason, f.evidence FROM freezes f "
        "JOIN logs l ON l.log_no = f.log_no WHERE f.generation > ? ORDER BY l.origin, f.generation",
        (WITHOUT_PROOF,),
    )
    return [
        KeptProof(
            LogId(row["log_id"]),
            row["generation"],
            row["frozen_at"],
            row["reason"],
            row["evidence"],
        )
        for row in cursor.fetchall()
    ]


def _moved(cursor: SQLiteCursor, log_id: LogId, before: int | None) -> FreezeStored | None:
    """What is to be told of a log that ends elsewhere than before."""
    after = read_state(cursor, log_id).frozen_at
    return None if before == after else FreezeStored(log_id, after)


def _put(cursor: SQLiteCursor, log_no: int, freeze: tuple[int, int, str, bytes]) -> None:
    cursor.execute(
        "INSERT INTO freezes VALUES (?, ?, ?, ?, ?) ON CONFLICT (log_no, generation) DO UPDATE SET "
        "frozen_at = excluded.frozen_at, reason = excluded.reason, evidence = excluded.evidence "
        "WHERE excluded.frozen_at < frozen_at",
        (log_no, *freeze),
    )


def _drop(cursor: SQLiteCursor, log_no: int, generation: int) -> None:
    cursor.execute(
        "DELETE FROM freezes WHERE log_no = ? AND generation > ? AND generation < ?",
        (log_no, WITHOUT_PROOF, generation),
    )


def _settle(cursor: SQLiteCursor, log_no: int) -> None:
    """Lets the smallest of all freezes of a log count."""
    cursor.execute(
        "UPDATE logs SET (frozen_at, frozen_reason, evidence) = (SELECT frozen_at, reason, "
        "evidence FROM freezes WHERE log_no = ?1 ORDER BY frozen_at, generation LIMIT 1) "
        "WHERE log_no = ?1",
        (log_no,),
    )
    reach(Step.FREEZE_WRITTEN)
