"""What the session remembers of a peer: how long it is left alone, and how it is shown."""

from dataclasses import replace

import pytest

from registry.replication.effects import DropPeer
from registry.replication.messages import FetchEnded, LogFrozen, LogGrew, PeerCaughtUp, PeerDown
from registry.replication.peer_standing import PeerView
from registry.replication.session import (
    DROP_FIRST_MS,
    DROP_LONGEST_MS,
    FORGIVE_AFTER_MS,
    Session,
)
from tests.faults.session_world import (
    LIE,
    NOW_MS,
    OWN,
    A,
    B,
    C,
    keys_of,
    lied,
    log,
    member,
    new_session,
    offer,
    roster,
    unreached,
    up,
)

# --- the wait after a lie -----------------------------------------------------------------------


def lie_once(session: Session, now_ms: int) -> int:
    """The peer comes, lies and is dropped; returns how long for."""
    session.handle(now_ms, up(A))
    session.handle(now_ms, offer(A, A, 10))
    (drop,) = session.handle(now_ms, lied(A, A))
    assert isinstance(drop, DropPeer)
    session.handle(now_ms, PeerDown(A, ""))
    return drop.until_ms - now_ms


def test_a_peer_that_lies_again_and_again_is_dropped_for_longer_each_time_up_to_a_limit() -> None:
    session, now_ms, waits = new_session(), NOW_MS, []
    for _ in range(20):
        waits.append(lie_once(session, now_ms))
        now_ms += waits[-1]

    assert waits == [min(DROP_FIRST_MS * 2**n, DROP_LONGEST_MS) for n in range(20)]


def test_good_bytes_between_two_lies_do_not_make_the_wait_short_again() -> None:
    session, now_ms, waits = new_session(), NOW_MS, []
    for size in range(1, 5):
        session.handle(now_ms, up(A))
        session.handle(now_ms, offer(A, B, size))
        session.handle(now_ms, LogGrew(log(B), size))
        session.handle(now_ms, FetchEnded(A, log(B)))
        waits.append(lie_once(session, now_ms))
        now_ms += waits[-1]

    assert waits == [DROP_FIRST_MS * 2**n for n in range(4)]


def test_a_fetch_that_ends_well_after_the_drop_does_not_excuse_the_lie() -> None:
    session = new_session()
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 10))
    session.handle(NOW_MS, offer(A, B, 5))
    session.handle(NOW_MS, lied(A, A))

    session.handle(NOW_MS, FetchEnded(A, log(B)))

    assert session.view_of(A, log(A)).last_error == LIE
    assert lie_once(session, NOW_MS) == 2 * DROP_FIRST_MS


@pytest.mark.parametrize(("short_by_ms", "expected"), [(1, 4), (0, 1)])
def test_faults_are_forgotten_after_a_long_time_without_any(
    short_by_ms: int, expected: int
) -> None:
    session = new_session()
    lie_once(session, NOW_MS)
    until_ms = NOW_MS + lie_once(session, NOW_MS)

    later_ms = until_ms + FORGIVE_AFTER_MS - short_by_ms

    assert lie_once(session, later_ms) == expected * DROP_FIRST_MS


# --- what people see ----------------------------------------------------------------------------


def test_the_view_of_a_peer_follows_what_happens() -> None:
    session = new_session()
    assert session.view_of(A, log(A)) == PeerView(
        is_connected=False, is_caught_up=False, last_error="", offered_size=0
    )
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 10))
    session.handle(NOW_MS, PeerCaughtUp(A))
    assert session.view_of(A, log(A)) == PeerView(
        is_connected=True, is_caught_up=False, last_error="", offered_size=10
    )
    session.handle(NOW_MS, unreached(A, A))
    assert session.view_of(A, log(A)).last_error == "peer_unavailable: invented"
    session.handle(NOW_MS, LogGrew(log(A), 10))
    session.handle(NOW_MS, FetchEnded(A, log(A)))
    assert session.view_of(A, log(A)) == PeerView(
        is_connected=True, is_caught_up=True, last_error="", offered_size=10
    )
    session.handle(NOW_MS, PeerDown(A, "UNAVAILABLE: gone"))
    assert session.view_of(A, log(A)) == PeerView(
        is_connected=False, is_caught_up=False, last_error="UNAVAILABLE: gone", offered_size=0
    )


def test_an_ordinary_renewal_keeps_the_last_error_and_a_new_stream_is_not_caught_up() -> None:
    session = new_session()
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, PeerCaughtUp(A))
    session.handle(NOW_MS, PeerDown(A, "UNAVAILABLE: gone"))
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, PeerDown(A, ""))
    session.handle(NOW_MS, up(A))

    view = session.view_of(A, log(A))

    assert (view.is_connected, view.is_caught_up) == (True, False)
    assert view.last_error == "UNAVAILABLE: gone"


def test_a_frozen_log_does_not_keep_a_peer_from_being_caught_up() -> None:
    session = new_session()
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, B, 10))
    session.handle(NOW_MS, PeerCaughtUp(A))

    session.handle(NOW_MS, LogFrozen(log(B)))

    assert session.view_of(A, log(A)).is_caught_up
    assert session.lag() == 0


def test_lag_is_the_most_that_is_missing_of_one_log() -> None:
    session = new_session({log(B): 5})
    assert session.lag() == 0
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 10))
    session.handle(NOW_MS, offer(A, B, 7))

    assert (session.lag(), session.lag_of(log(A)), session.lag_of(log(B))) == (10, 10, 2)
    session.handle(NOW_MS, LogGrew(log(A), 12))
    assert (session.lag(), session.lag_of(log(A))) == (2, 0)


def test_a_promise_that_a_peer_could_not_keep_holds_up_nobody() -> None:
    session = new_session()
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 2**62))
    assert session.lag() == 2**62

    session.handle(NOW_MS, unreached(A, A))
    assert session.lag() == 0

    session.handle(NOW_MS, PeerDown(A, ""))
    session.handle(NOW_MS, offer(A, A, 2**62))
    assert session.lag() == 0, "it is not connected"


def test_connected_names_the_peers_whose_streams_are_open() -> None:
    session = new_session()
    for peer in (A, C):
        session.handle(NOW_MS, up(peer))

    assert session.connected() == (A, C)


def test_a_registry_of_one_waits_for_nobody() -> None:
    alone = replace(roster(), members=(member(OWN),))
    session = Session(alone, member(OWN), {}, keys_of(alone))

    assert session.lag() == 0
    assert session.connected() == ()
