"""What the session does after a fetch that brought nothing: it waits longer each time, never spins.

And what it does about a history that contradicts the one it holds: it blames no honest relay.
"""

from dataclasses import replace
from typing import Final

import pytest

from registry.domain.identifiers import LogId, Slug
from registry.errors import (
    BadEntrySignature,
    LogDiverged,
    PeerUnavailable,
    RegistryError,
    RootMismatch,
    TruncatedStream,
    TryLater,
)
from registry.log.log_keys import LogKey
from registry.replication.effects import (
    Effect,
    FetchEntries,
    FindParting,
    JudgeOwnNote,
    TakeTail,
)
from registry.replication.messages import (
    Blame,
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    LogThawed,
    PeerDown,
    Tail,
    Tick,
    blame_of,
)
from registry.replication.peer_standing import (
    CONTRADICTED_MS,
    RETRY_FIRST_MS,
    RETRY_LONGEST_MS,
)
from registry.replication.session import LAST_ERROR_MAX, Session
from tests.faults.session_world import (
    NOW_MS,
    OWN,
    A,
    B,
    C,
    checkpoint,
    contradicted,
    fetch,
    keys_of,
    log,
    member,
    new_session,
    note,
    offer,
    roster,
    signer_of,
    unreached,
    up,
)

STEP_MS: Final = 100


def connected(*peers: Slug) -> Session:
    session = new_session()
    for peer in peers:
        session.handle(NOW_MS, up(peer))
    return session


def wait_for_fetch(session: Session, now_ms: int) -> int:
    """Lets time pass until something is fetched; returns when that was."""
    while not session.handle(now_ms, Tick()):
        now_ms += STEP_MS
        assert now_ms < NOW_MS + 3_600_000, "nothing was ever fetched again"
    return now_ms


# --- a peer that was not reached ------------------------------------------------------------------


def test_one_failed_attempt_at_the_only_source_is_repeated_without_a_new_offer_or_stream() -> None:
    session = connected(A)
    session.handle(NOW_MS, offer(A, A, 10))
    assert session.handle(NOW_MS, unreached(A, A)) == ()
    assert session.handle(NOW_MS + RETRY_FIRST_MS - 1, Tick()) == ()

    assert session.handle(NOW_MS + RETRY_FIRST_MS, Tick()) == (fetch(A, A, 10),)
    assert session.handle(NOW_MS + 2 * RETRY_FIRST_MS, Tick()) == (), "one at a time"


def test_waits_between_attempts_double_up_to_a_limit() -> None:
    session, now_ms, waits = connected(A), NOW_MS, []
    session.handle(now_ms, offer(A, A, 10))
    for _ in range(15):
        session.handle(now_ms, unreached(A, A))
        waits.append(wait_for_fetch(session, now_ms) - now_ms)
        now_ms += waits[-1]

    assert waits == [min(RETRY_FIRST_MS * 2**n, RETRY_LONGEST_MS) for n in range(15)]


def test_attempt_that_brought_something_makes_the_next_wait_short_again() -> None:
    session, now_ms = connected(A), NOW_MS
    session.handle(now_ms, offer(A, A, 10))
    for _ in range(4):
        session.handle(now_ms, unreached(A, A))
        now_ms = wait_for_fetch(session, now_ms)
    session.handle(now_ms, LogGrew(log(A), 4))

    assert session.handle(now_ms, unreached(A, A)) == (fetch(A, A, 10),)
    session.handle(now_ms, unreached(A, A))
    assert wait_for_fetch(session, now_ms) - now_ms == RETRY_FIRST_MS


def test_fetch_that_ended_well_makes_the_next_wait_short_again() -> None:
    session, now_ms = connected(A), NOW_MS
    session.handle(now_ms, offer(A, A, 10))
    for _ in range(4):
        session.handle(now_ms, unreached(A, A))
        now_ms = wait_for_fetch(session, now_ms)
    session.handle(now_ms, LogGrew(log(A), 10))
    session.handle(now_ms, FetchEnded(A, log(A)))
    session.handle(now_ms, offer(A, A, 11))

    session.handle(now_ms, unreached(A, A))

    assert wait_for_fetch(session, now_ms) - now_ms == RETRY_FIRST_MS


def fetches(effects: tuple[Effect, ...]) -> int:
    return sum(isinstance(effect, FetchEntries | TakeTail) for effect in effects)


@pytest.mark.parametrize("sizes", [(1,), (2, 1)])
def test_peer_that_repeats_its_offer_and_never_delivers_does_not_make_fetches_spin(
    sizes: tuple[int, ...],
) -> None:
    session, count = connected(A), 0
    for now_ms in range(NOW_MS, NOW_MS + 1_000):
        size = sizes[now_ms % len(sizes)]
        message = HeadOffered(A, log(A), note(A, size), Tail(0, (b"entry",) * size))
        begun = fetches(session.handle(now_ms, message))
        if begun:
            # Smaller offers while it is under way must not make the next one look like more.
            session.handle(now_ms, offer(A, A, 1))
            session.handle(now_ms, unreached(A, A))
        count += begun

    assert count == 1


def test_offer_of_more_is_tried_at_once() -> None:
    session = connected(A)
    session.handle(NOW_MS, offer(A, A, 10))
    session.handle(NOW_MS, unreached(A, A))

    assert session.handle(NOW_MS, offer(A, A, 10)) == ()
    assert session.handle(NOW_MS, offer(A, A, 11)) == (fetch(A, A, 11),)


def test_offer_of_less_in_between_does_not_make_the_old_one_look_like_more() -> None:
    session = connected(A)
    session.handle(NOW_MS, offer(A, A, 10))
    session.handle(NOW_MS, unreached(A, A))
    session.handle(NOW_MS, offer(A, A, 1))
    now_ms = wait_for_fetch(session, NOW_MS)
    session.handle(now_ms, unreached(A, A))

    assert session.handle(now_ms, offer(A, A, 10)) == ()


# --- two histories of one author ------------------------------------------------------------------


def test_relay_of_another_history_keeps_its_stream_and_all_its_other_logs() -> None:
    session = connected(B, C)
    session.handle(NOW_MS, offer(C, A, 10))

    assert session.handle(NOW_MS, contradicted(C, A)) == ()

    assert session.connected() == (B, C)
    assert session.view_of(C, log(A)).last_error == "root_mismatch: two histories"
    assert session.handle(NOW_MS, offer(C, B, 3)) == (fetch(C, B, 3),)
    session.handle(NOW_MS, LogGrew(log(B), 3))
    session.handle(NOW_MS, FetchEnded(C, log(B)))
    told = session.view_of(C, log(A)).last_error
    assert told == "root_mismatch: two histories", "it stays so as long as it is so"
    assert session.handle(NOW_MS, offer(B, A, 12)) == (fetch(B, A, 12),)


def test_log_that_contradicts_is_not_taken_from_that_peer_for_long_whatever_it_offers() -> None:
    session = connected(C)
    session.handle(NOW_MS, offer(C, A, 10))
    session.handle(NOW_MS, contradicted(C, A))
    last_ms = NOW_MS + CONTRADICTED_MS - 1
    bring = HeadOffered(C, log(A), note(A, 1), Tail(0, (b"entry",)))

    for message in (offer(C, A, 20), bring, offer(C, A, 20), Tick()):
        assert session.handle(last_ms, message) == ()
    assert session.lag_of(log(A)) == 0, "nobody waits for it"
    assert session.handle(last_ms + 1, Tick()) == (fetch(C, A, 20),)


# --- words of a peer ------------------------------------------------------------------------------

NASTY: Final = "UNAVAILABLE: \x1b[2J\n" + 10_000 * "x"


@pytest.mark.parametrize(
    "message",
    [
        PeerDown(A, NASTY),
        FetchFailed(A, log(A), NASTY, Blame.NOBODY),
        FetchFailed(A, log(A), NASTY, Blame.AUTHOR),
        FetchFailed(A, log(A), NASTY, Blame.PEER),
    ],
)
def test_words_of_a_peer_are_cut_and_cannot_steer_a_terminal_or_a_log(
    message: PeerDown | FetchFailed,
) -> None:
    session = connected(A)

    effects = session.handle(NOW_MS, message)

    last_error = session.view_of(A, log(A)).last_error
    assert last_error.startswith("UNAVAILABLE: ?[2J?xx")
    assert len(last_error) == LAST_ERROR_MAX
    assert [effect.reason for effect in effects if hasattr(effect, "reason")] in (
        [],
        ["UNAVAILABLE"],
    )


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (RootMismatch, Blame.AUTHOR),
        (LogDiverged, Blame.AUTHOR),
        (BadEntrySignature, Blame.PEER),
        (TruncatedStream, Blame.PEER),
        (PeerUnavailable, Blame.NOBODY),
        (TryLater, Blame.NOBODY),
    ],
)
def test_each_error_is_blamed_on_whose_fault_it_is(
    error: type[RegistryError], blame: Blame
) -> None:
    assert blame_of(error("invented")) is blame


def test_rotation_that_does_not_fit_costs_its_peer_that_log_alone() -> None:
    session = new_session()
    session.handle(NOW_MS, up(B))
    shown = HeadOffered(B, log(A), note(A, 10), rotations=(b"no rotation",))

    asked = FindParting(B, log(A), note(A, 10))
    assert session.handle(NOW_MS, shown) == (asked,)
    assert session.handle(NOW_MS, shown) == (), "asked once"
    assert session.connected() == (B,)
    assert session.view_of(B, log(A)).last_error.startswith("bad_key_rotation: ")
    assert session.handle(NOW_MS, HeadOffered(B, log(A), note(A, 11))) == ()
    assert session.handle(NOW_MS, HeadOffered(B, log(C), note(C, 3))) != ()


def test_head_of_the_own_log_that_tells_of_rotations_is_judged_each_time_by_the_fence() -> None:
    session = new_session({log(OWN): 10})
    session.handle(NOW_MS, up(B))
    junk = HeadOffered(B, log(OWN), note(OWN, 10), rotations=(b"no rotation",))
    judged = JudgeOwnNote(B, junk.note, junk.rotations)

    assert session.handle(NOW_MS, HeadOffered(B, log(OWN), note(OWN, 10))) == ()
    assert session.handle(NOW_MS, junk) == (FindParting(B, log(OWN), junk.note), judged)
    assert session.handle(NOW_MS, junk) == (judged,)
    assert session.connected() == (B,)


def test_note_that_another_key_of_the_log_has_signed_costs_its_peer_that_log_alone() -> None:
    keys = keys_of(roster())
    newer = LogKey(5, signer_of(C).public_key, bytes(32))
    keys[log(A)] = replace(keys[log(A)], keys=(*keys[log(A)].keys, newer))
    session = Session(roster(), member(OWN), {}, keys)
    session.handle(NOW_MS, up(B))

    asked = FindParting(B, log(A), note(A, 10))
    assert session.handle(NOW_MS, HeadOffered(B, log(A), note(A, 10))) == (asked,)
    assert session.connected() == (B,)
    assert session.view_of(B, log(A)).last_error.startswith("bad_note_signature: ")
    assert session.is_retired(log(A), 5)
    assert not session.is_retired(log(A), 6)


def test_log_whose_freeze_is_lifted_is_fetched_again() -> None:
    session = connected(A)
    session.handle(NOW_MS, LogFrozen(log(A)))
    assert session.handle(NOW_MS, offer(A, A, 10)) == ()

    assert session.handle(NOW_MS, LogThawed(log(A))) == (fetch(A, A, 10),)
    session.handle(NOW_MS, LogGrew(log(A), 4))
    assert session.held_of(log(A)) == 4


def test_session_tells_how_often_a_key_was_rotated_and_nothing_of_a_log_that_it_does_not_know() -> (
    None
):
    keys = keys_of(roster())
    newer = LogKey(5, signer_of(C).public_key, bytes(32))
    keys[log(A)] = replace(keys[log(A)], keys=(*keys[log(A)].keys, newer))
    session = Session(roster(), member(OWN), {}, keys)

    generations = [session.generation_of(each) for each in (log(A), log(B), LogId(bytes(32)))]
    assert generations == [1, 0, 0]


def test_tail_has_the_size_of_its_head() -> None:
    tail = Tail(9, (b"x",))
    assert TakeTail(A, log(A), note(A, 10), checkpoint(A, 10), tail).size == 10
