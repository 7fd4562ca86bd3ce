"""Heads that bring the last entries along: taken, left, or the reason to drop their peer."""

from dataclasses import replace
from typing import Final

import pytest

from registry.domain.identifiers import LogId, Slug
from registry.log.checkpoint import verify_checkpoint
from registry.replication.effects import AskFenceAgain, DropPeer, TakeTail
from registry.replication.ingest import TAIL_MAX_BYTES, TAIL_MAX_ENTRIES
from registry.replication.messages import (
    FetchEnded,
    HeadOffered,
    LogFrozen,
    LogGrew,
    Message,
    Tail,
)
from registry.replication.session import Session
from tests.faults.session_world import (
    NOW_MS,
    OWN,
    A,
    B,
    C,
    checkpoint,
    fetch,
    lied,
    log,
    member,
    new_session,
    note,
    offer,
    unreached,
    up,
)


def bring(peer: Slug, author: Slug, start: int, size: int) -> HeadOffered:
    """An offer with the entries [start, size)."""
    entries = tuple(b"entry %d" % index for index in range(start, size))
    return HeadOffered(peer, log(author), note(author, size), Tail(start, entries))


def take(offered: HeadOffered, author: Slug) -> TakeTail:
    """What is done with a tail that fits."""
    known = member(author)
    checkpoint = verify_checkpoint(offered.note, origin=known.origin, log_key=known.log_key)
    assert offered.tail is not None
    return TakeTail(offered.peer, offered.log_id, offered.note, checkpoint, offered.tail)


def connected(*peers: Slug, held: dict[LogId, int] | None = None) -> Session:
    session = new_session(held)
    for peer in peers:
        session.handle(NOW_MS, up(peer))
    return session


def tell(session: Session, *messages: Message) -> list[object]:
    """All that the session wants done, in order."""
    return [effect for message in messages for effect in session.handle(NOW_MS, message)]


def test_tail_that_follows_what_is_held_is_taken_and_nothing_is_fetched() -> None:
    session = connected(A, held={log(A): 10})
    offered = bring(A, A, 10, 13)
    assert tell(session, offered) == [take(offered, A)]
    assert tell(session, LogGrew(log(A), 13), FetchEnded(A, log(A))) == []
    assert session.lag() == 0


def test_tail_of_a_log_of_which_nothing_is_held_is_taken_from_its_beginning() -> None:
    offered = bring(A, A, 0, TAIL_MAX_ENTRIES)
    assert tell(connected(A), offered) == [take(offered, A)]


def test_relay_may_bring_the_tail_of_another_log() -> None:
    session = connected(B, held={log(A): 4})
    offered = bring(B, A, 4, 5)
    assert tell(session, offered) == [take(offered, A)]


def test_tails_of_different_logs_are_taken_side_by_side() -> None:
    session = connected(A, B)
    first, second = bring(A, A, 0, 1), bring(A, B, 0, 1)
    assert tell(session, first, second) == [take(first, A), take(second, B)]


@pytest.mark.parametrize("start", [9, 11], ids=["it_overlaps", "it_leaves_a_gap"])
def test_tail_that_does_not_begin_where_the_held_log_ends_is_left_and_fetched(start: int) -> None:
    session = connected(A, held={log(A): 10})
    assert tell(session, bring(A, A, start, 12)) == [fetch(A, A, 12)]


def test_repeated_tail_is_left_and_nothing_is_fetched() -> None:
    session = connected(A, B, held={log(A): 10})
    offered = bring(A, A, 10, 11)
    again = replace(offered, peer=B)
    assert tell(session, offered, offered, again) == [take(offered, A)]
    assert tell(session, LogGrew(log(A), 11), FetchEnded(A, log(A)), offered, again) == []


def test_tail_that_comes_while_its_log_is_fetched_is_left_and_fetched_afterwards() -> None:
    session = connected(A)
    assert tell(session, offer(A, A, 10), bring(A, A, 0, 12)) == [fetch(A, A, 10)]
    assert tell(session, LogGrew(log(A), 10), FetchEnded(A, log(A))) == [fetch(A, A, 12)]


def test_tail_that_comes_while_another_is_taken_is_left_and_fetched_afterwards() -> None:
    session = connected(A)
    first = bring(A, A, 0, 1)
    assert tell(session, first, bring(A, A, 1, 2)) == [take(first, A)]
    assert tell(session, LogGrew(log(A), 1), FetchEnded(A, log(A))) == [fetch(A, A, 2)]


def test_older_head_with_a_tail_that_comes_late_is_left() -> None:
    session = connected(A, held={log(A): 10})
    assert tell(session, bring(A, A, 7, 8)) == []


def test_tail_of_a_frozen_log_is_left() -> None:
    session = connected(A, held={log(A): 10})
    assert tell(session, LogFrozen(log(A)), bring(A, A, 10, 11)) == []


def test_tail_of_the_own_log_is_never_taken_but_its_head_counts() -> None:
    session = connected(A, held={log(OWN): 10})
    assert tell(session, bring(A, OWN, 10, 11)) == [AskFenceAgain(A, checkpoint(OWN, 11))]


def test_tail_of_a_log_that_no_roster_names_is_left() -> None:
    stranger = HeadOffered(A, LogId(bytes(32)), b"no note at all", Tail(0, (b"",)))
    assert tell(connected(A), stranger) == []


def test_tail_of_a_peer_that_is_not_connected_is_left() -> None:
    assert tell(new_session(), bring(A, A, 0, 1)) == []


def test_lying_tail_costs_its_peer_the_connection_and_the_log_is_fetched_from_another() -> None:
    session = connected(A, B, C, held={log(A): 10})
    offered = bring(B, A, 10, 11)
    assert tell(session, offered, offer(C, A, 11)) == [take(offered, A)]
    dropped, fetched = tell(session, lied(B, A))
    assert isinstance(dropped, DropPeer)
    assert dropped.peer == B
    assert fetched == fetch(C, A, 11)


def test_tail_that_could_not_be_taken_for_nobody_s_fault_is_fetched_elsewhere() -> None:
    session = connected(A, B, held={log(A): 10})
    offered = bring(A, A, 10, 11)
    assert tell(session, offered, offer(B, A, 11)) == [take(offered, A)]
    assert tell(session, unreached(A, A)) == [fetch(B, A, 11)]


MALFORMED: Final = {
    "without_entries": ("empty_message", Tail(11, ())),
    "too_many_entries": (
        "limit_exceeded",
        Tail(11 - TAIL_MAX_ENTRIES - 1, (b"x",) * (TAIL_MAX_ENTRIES + 1)),
    ),
    "too_many_bytes": ("limit_exceeded", Tail(10, (bytes(TAIL_MAX_BYTES + 1),))),
    "ends_before_its_head": ("misplaced_entry", Tail(9, (b"x",))),
    "ends_behind_its_head": ("misplaced_entry", Tail(10, (b"x", b"x"))),
    "start_beyond_all_sizes": ("misplaced_entry", Tail(2**64 - 1, (b"x",))),
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("is_busy", [False, True], ids=["log_is_free", "log_is_being_fetched"])
def test_malformed_tail_is_its_peer_s_fault_even_where_it_would_have_been_left(
    case: str, *, is_busy: bool
) -> None:
    reason, tail = MALFORMED[case]
    session = connected(A, B, held={log(A): 10})
    if is_busy:
        tell(session, offer(A, A, 12))
    (effect,) = tell(session, HeadOffered(B, log(A), note(A, 11), tail))
    assert isinstance(effect, DropPeer)
    assert effect.peer == B
    assert effect.reason == reason
    assert not session.view_of(B, log(A)).is_connected


@pytest.mark.parametrize("is_full_of", ["entries", "bytes"])
def test_tail_of_exactly_the_limits_is_taken(is_full_of: str) -> None:
    entries = {
        "entries": (b"x",) * TAIL_MAX_ENTRIES,
        "bytes": (bytes(TAIL_MAX_BYTES - 1), b"x"),
    }[is_full_of]
    offered = HeadOffered(A, log(A), note(A, len(entries)), Tail(0, entries))
    assert tell(connected(A), offered) == [take(offered, A)]


def test_tail_under_a_note_that_its_author_did_not_sign_is_refused_with_its_peer() -> None:
    offered = replace(bring(B, A, 0, 1), note=note(B, 1))
    (effect,) = tell(connected(B), offered)
    assert isinstance(effect, DropPeer)
