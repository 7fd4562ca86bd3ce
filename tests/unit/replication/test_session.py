"""The session as a table: what it is told, and what it wants done then."""

from typing import Final, TypeAlias

import pytest

from registry.domain.identifiers import LogId, Slug
from registry.replication.effects import AskFenceAgain, DropPeer, Effect
from registry.replication.messages import (
    FetchEnded,
    HeadOffered,
    LogFrozen,
    LogGrew,
    Message,
    PartsRefused,
    PeerCaughtUp,
    PeerDown,
)
from registry.replication.session import (
    DROP_FIRST_MS,
)
from tests.faults.session_world import (
    GONE,
    LIE,
    LIE_REASON,
    NOW_MS,
    OWN,
    A,
    B,
    C,
    checkpoint,
    fetch,
    lied,
    log,
    new_session,
    note,
    offer,
    unreached,
    up,
)

Step: TypeAlias = tuple[Message, tuple[Effect, ...]]


def dropped(peer: Slug, wait_ms: int = DROP_FIRST_MS) -> DropPeer:
    return DropPeer(peer, LIE_REASON, NOW_MS + wait_ms)


SCENES: Final[dict[str, list[Step]]] = {
    "an_offer_is_fetched": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (PeerCaughtUp(A), ()),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(A, log(A)), ()),
    ],
    "nothing_is_fetched_from_a_peer_that_is_not_connected": [
        (offer(A, A, 10), ()),
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
    ],
    "the_own_log_is_not_fetched": [
        (up(A), ()),
        (LogGrew(log(OWN), 10), ()),
        (offer(A, OWN, 10), ()),
        (offer(A, OWN, 3), ()),
    ],
    "a_peer_that_holds_more_of_the_own_log_makes_the_fence_run_again": [
        (up(A), ()),
        (LogGrew(log(OWN), 10), ()),
        (offer(A, OWN, 11), (AskFenceAgain(A, checkpoint(OWN, 11)),)),
        (LogGrew(log(OWN), 11), ()),
        (offer(A, OWN, 11), ()),
    ],
    "a_peer_that_sent_wrong_content_is_dropped_and_another_asked": [
        (up(A), ()),
        (up(B), ()),
        (PartsRefused(A, LIE), (dropped(A),)),
        (offer(B, A, 4), (fetch(B, A, 4),)),
    ],
    "what_is_held_is_not_fetched": [
        (up(A), ()),
        (LogGrew(log(A), 10), ()),
        (offer(A, A, 10), ()),
        (offer(A, A, 9), ()),
        (offer(A, A, 11), (fetch(A, A, 11),)),
    ],
    "an_older_size_told_late_does_not_bring_a_log_back": [
        (up(A), ()),
        (LogGrew(log(A), 10), ()),
        (LogGrew(log(A), 4), ()),
        (offer(A, A, 10), ()),
    ],
    "a_log_that_grows_meanwhile_is_fetched_once_and_then_again": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(A, A, 12), ()),
        (offer(A, A, 15), ()),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(A, log(A)), (fetch(A, A, 15),)),
    ],
    "different_logs_are_fetched_side_by_side": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, B, 20), (fetch(B, B, 20),)),
        (offer(A, C, 30), (fetch(A, C, 30),)),
    ],
    "any_peer_relays_a_log": [
        (up(B), ()),
        (offer(B, A, 10), (fetch(B, A, 10),)),
    ],
    "the_author_is_preferred_to_a_relay_that_offers_more": [
        (up(A), ()),
        (up(B), ()),
        (offer(B, A, 5), (fetch(B, A, 5),)),
        (offer(B, A, 12), ()),
        (offer(A, A, 10), ()),
        (LogGrew(log(A), 5), ()),
        (FetchEnded(B, log(A)), (fetch(A, A, 10),)),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(A, log(A)), (fetch(B, A, 12),)),
    ],
    "of_two_relays_the_one_that_offers_more_is_asked": [
        (up(B), ()),
        (up(C), ()),
        (offer(B, A, 1), (fetch(B, A, 1),)),
        (offer(B, A, 5), ()),
        (offer(C, A, 8), ()),
        (LogGrew(log(A), 1), ()),
        (FetchEnded(B, log(A)), (fetch(C, A, 8),)),
    ],
    "a_peer_that_was_not_reached_costs_one_attempt": [
        (up(A), ()),
        (up(B), ()),
        (up(C), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, A, 10), ()),
        (offer(C, A, 9), ()),
        (unreached(A, A), (fetch(B, A, 10),)),
        (unreached(B, A), (fetch(C, A, 9),)),
        (unreached(C, A), ()),
        (offer(B, A, 11), (fetch(B, A, 11),)),
    ],
    "a_fetch_that_broke_off_goes_on_where_it_stopped": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (LogGrew(log(A), 4), ()),
        (unreached(A, A), (fetch(A, A, 10),)),
        (unreached(A, A), ()),
    ],
    "a_fetch_that_broke_off_goes_on_at_the_others_first": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, A, 7), ()),
        (LogGrew(log(A), 4), ()),
        (unreached(A, A), (fetch(B, A, 7),)),
        (LogGrew(log(A), 7), ()),
        (FetchEnded(B, log(A)), (fetch(A, A, 10),)),
    ],
    "a_peer_that_promises_more_than_it_has_is_passed_over": [
        (up(B), ()),
        (up(C), ()),
        (offer(B, A, 1000), (fetch(B, A, 1000),)),
        (offer(C, A, 10), ()),
        (unreached(B, A), (fetch(C, A, 10),)),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(C, log(A)), ()),
    ],
    "a_new_stream_gives_a_peer_another_attempt": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (unreached(A, A), ()),
        (PeerDown(A, ""), ()),
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
    ],
    "a_peer_that_goes_away_during_a_fetch_leaves_it_to_end_by_itself": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, A, 10), ()),
        (PeerDown(A, "UNAVAILABLE: invented"), ()),
        (LogGrew(log(A), 4), ()),
        (unreached(A, A), (fetch(B, A, 10),)),
    ],
    "a_fetch_that_ends_well_after_its_peer_went_away_counts": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (PeerDown(A, ""), ()),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(A, log(A)), ()),
        (up(A), ()),
        (offer(A, A, 10), ()),
    ],
    "what_a_peer_offered_is_forgotten_with_its_stream": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, A, 12), ()),
        (PeerDown(B, ""), ()),
        (up(B), ()),
        (LogGrew(log(A), 10), ()),
        (FetchEnded(A, log(A)), ()),
    ],
    "a_liar_is_dropped_and_its_log_is_fetched_from_an_honest_relay": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, A, 9), ()),
        (lied(A, A), (dropped(A), fetch(B, A, 9))),
    ],
    "honest_peers_go_on_when_one_lies": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(B, B, 20), (fetch(B, B, 20),)),
        (lied(A, A), (dropped(A),)),
        (LogGrew(log(B), 20), ()),
        (FetchEnded(B, log(B)), ()),
        (offer(B, B, 21), (fetch(B, B, 21),)),
    ],
    "nothing_more_is_taken_from_a_dropped_peer_before_it_comes_back": [
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (offer(A, B, 5), (fetch(A, B, 5),)),
        (lied(A, A), (dropped(A),)),
        (offer(A, C, 3), ()),
        (unreached(A, B), ()),
        (up(A), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
    ],
    "a_frozen_log_is_not_fetched": [
        (up(A), ()),
        (up(B), ()),
        (offer(A, A, 10), (fetch(A, A, 10),)),
        (LogGrew(log(A), 4), ()),
        (LogFrozen(log(A)), ()),
        (FetchEnded(A, log(A)), ()),
        (offer(A, A, 11), ()),
        (offer(B, A, 12), ()),
        (offer(A, B, 3), (fetch(A, B, 3),)),
    ],
    "unknown_logs_are_not_fetched_and_those_of_removed_members_are": [
        (up(A), ()),
        (offer(A, GONE, 10), (fetch(A, GONE, 10),)),
        (HeadOffered(A, LogId(bytes(32)), b"no note at all"), ()),
    ],
}


@pytest.mark.parametrize("scene", SCENES)
def test_scene(scene: str) -> None:
    session = new_session()
    for number, (message, expected) in enumerate(SCENES[scene]):
        assert session.handle(NOW_MS, message) == expected, (number, message)


def test_what_was_held_at_the_start_is_not_fetched_again() -> None:
    session = new_session({log(A): 10})
    session.handle(NOW_MS, up(A))

    assert session.handle(NOW_MS, offer(A, A, 10)) == ()
    assert session.handle(NOW_MS, offer(A, A, 11)) == (fetch(A, A, 11),)


@pytest.mark.parametrize(
    ("bad_note", "reason"),
    [
        (b"", "malformed_note"),
        (note(B, 10), "foreign_note"),
        (note(A, 10).replace(b"\n10\n", b"\n11\n"), "bad_note_signature"),
        (bytes(16_385), "limit_exceeded"),
    ],
)
def test_a_peer_that_offers_a_bad_note_is_dropped_and_nothing_is_fetched(
    bad_note: bytes, reason: str
) -> None:
    session = new_session()
    session.handle(NOW_MS, up(B))

    effects = session.handle(NOW_MS, HeadOffered(B, log(A), bad_note))

    assert effects == (DropPeer(B, reason, NOW_MS + DROP_FIRST_MS),)
    assert session.view_of(B, log(A)).last_error.startswith(f"{reason}: ")
    assert session.connected() == ()
