"""Budgets: who floods is held back; history, and everybody else, is not."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.identifiers import LogId
from registry.replication.budget import BudgetLimits, Budgets
from registry.replication.effects import FetchEntries
from registry.replication.messages import (
    ContentStored,
    FetchEnded,
    LogGrew,
    PeerCaughtUp,
    Tick,
)
from registry.replication.session import Session
from tests.faults.session_world import (
    NOW_MS,
    OWN,
    A,
    B,
    C,
    fetch,
    keys_of,
    log,
    member,
    offer,
    roster,
    up,
)

LIMITS: Final = BudgetLimits(
    burst_entries=1000, burst_bytes=1_000_000, entries_per_hour=600, bytes_per_hour=600_000
)
MINUTE_MS: Final = 60_000
LOG: Final = LogId(bytes(32))


def budgets(limits: BudgetLimits | None = LIMITS, **others: int) -> Budgets:
    """Of one log, with what the other members offer of it."""
    return Budgets(limits, {LOG: A}, lambda _: {A: 10**9, **others})  # type: ignore[dict-item]


def test_log_is_held_back_when_its_burst_is_used_and_no_sooner() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 999, 999)
    assert not found.is_held_back(0, LOG, 999)

    found.grew(0, LOG, 999, 1000, 1)
    assert found.is_held_back(0, LOG, 1000)


def test_bytes_alone_hold_a_log_back() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 1, 999_999)
    assert not found.is_held_back(0, LOG, 1)

    found.grew(0, LOG, 1, 2, 1)
    assert found.is_held_back(0, LOG, 2)


def test_content_waits_for_bytes_and_the_entry_that_erases_it_does_not() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 1, 400_000)
    found.gained_content(0, LOG, [(0, 599_999)])
    assert not found.is_content_held_back(0, LOG, 1)

    found.gained_content(0, LOG, [(0, 1)])
    assert found.is_content_held_back(0, LOG, 1)
    assert not found.is_held_back(0, LOG, 1)
    assert not found.is_content_held_back(MINUTE_MS, LOG, 1)


def test_content_does_not_wait_for_a_count_of_entries() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 1000, 1)
    assert found.is_held_back(0, LOG, 1000)
    assert not found.is_content_held_back(0, LOG, 1000)


def test_log_goes_on_when_a_minutes_worth_has_come_back() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 1000, 0)
    assert found.is_held_back(MINUTE_MS - 1, LOG, 1000)
    assert not found.is_held_back(MINUTE_MS, LOG, 1000)

    found.grew(MINUTE_MS, LOG, 1000, 1010, 0)
    assert found.is_held_back(MINUTE_MS, LOG, 1010)


def test_debt_of_a_batch_that_was_under_way_is_paid_first() -> None:
    found = budgets()
    found.grew(0, LOG, 0, 1500, 0)
    assert found.is_held_back(50 * MINUTE_MS, LOG, 1500)
    assert not found.is_held_back(51 * MINUTE_MS, LOG, 1500)


def test_clock_that_goes_back_gives_nothing() -> None:
    found = budgets()
    found.grew(NOW_MS, LOG, 0, 1000, 0)
    assert found.is_held_back(0, LOG, 1000)
    assert found.is_held_back(NOW_MS, LOG, 1000)


def test_what_half_of_the_others_hold_is_not_new() -> None:
    found = budgets(b=50_000, c=50_000, d=0, e=0)
    found.grew(0, LOG, 0, 50_000, 10**9)
    found.gained_content(0, LOG, [(49_999, 10**9)])
    assert not found.is_held_back(0, LOG, 50_000)

    found.grew(0, LOG, 50_000, 51_000, 0)
    assert found.is_held_back(0, LOG, 51_000)
    assert not found.is_held_back(0, LOG, 49_999)


def test_one_of_three_others_makes_nothing_old() -> None:
    found = budgets(b=50_000, c=0, d=0)
    found.grew(0, LOG, 0, 50_000, 0)
    assert found.is_held_back(0, LOG, 50_000)


@pytest.mark.parametrize("held", [0, 20_000])
def test_what_a_peer_offers_before_it_has_told_all_is_history(held: int) -> None:
    found = budgets()
    found.hear_of(B, LOG, 10_000)
    found.heard_all(B)
    found.hear_of(B, LOG, 60_000)  # new by then
    found.hear_of(A, LOG, 50_000)
    found.heard_all(A)
    found.grew(0, LOG, held, 50_000, 40_000_000)
    found.gained_content(0, LOG, [(49_999, 10_000_000)])
    assert not found.is_held_back(0, LOG, 50_000)
    assert not found.is_content_held_back(0, LOG, 50_000)

    found.grew(0, LOG, 50_000, 51_000, 0)
    assert found.is_held_back(0, LOG, 51_000)


def test_history_goes_on_while_new_entries_of_its_log_would_wait() -> None:
    found = budgets()
    found.hear_of(A, LOG, 50_000)
    found.grew(0, LOG, 50_000, 51_000, 0)
    assert not found.is_held_back(0, LOG, 49_999)


def test_entries_and_bytes_of_history_are_bounded() -> None:
    for size_bytes, held in ((0, 64_000), (64_000_000, 63_999)):
        found = budgets()
        found.hear_of(A, LOG, 2**60)
        found.grew(0, LOG, 0, held, size_bytes)
        assert not found.is_held_back(0, LOG, held)  # the burst is left

        found.grew(0, LOG, held, held + 1000, 0 if held == 64_000 else 1_000_000)
        assert found.is_held_back(0, LOG, held + 1000)
        assert not found.is_held_back(MINUTE_MS, LOG, held + 1000)


def test_content_of_what_was_held_at_the_start_is_history_and_bounded() -> None:
    found = Budgets(LIMITS, {LOG: A}, lambda _: {}, {LOG: 10})
    found.gained_content(0, LOG, [(9, 64_000_000)])
    assert not found.is_content_held_back(0, LOG, 10)

    found.gained_content(0, LOG, [(8, 1_000_000)])
    assert found.is_content_held_back(0, LOG, 10)


def test_log_that_did_not_grow_takes_nothing() -> None:
    found = budgets()
    found.grew(0, LOG, 1000, 1000, 10**9)
    found.gained_content(0, LOG, [])
    assert not found.is_held_back(0, LOG, 1000)


def test_growth_across_the_border_counts_what_is_new_with_its_share_of_the_bytes() -> None:
    found = budgets(b=500)
    found.grew(0, LOG, 0, 1000, 1_999_998)
    assert not found.is_held_back(0, LOG, 1000)

    found.grew(0, LOG, 1000, 1001, 1)
    assert found.is_held_back(0, LOG, 1001)


def test_without_limits_and_for_the_own_log_nothing_is_held_back() -> None:
    unlimited, own = budgets(None), LogId(bytes(31) + b"o")
    unlimited.grew(0, LOG, 0, 10**9, 10**12)
    unlimited.gained_content(0, LOG, [(0, 10**12)])
    assert not unlimited.is_held_back(0, LOG, 10**9)
    assert not unlimited.is_content_held_back(0, LOG, 10**9)

    found = budgets()
    found.grew(0, own, 0, 10**9, 10**12)
    found.gained_content(0, own, [(0, 10**12)])
    assert not found.is_held_back(0, own, 10**9)
    assert not found.is_content_held_back(0, own, 10**9)


@given(steps=st.lists(st.tuples(st.integers(0, 10 * MINUTE_MS), st.integers(1, 400)), max_size=60))
def test_no_more_is_taken_than_burst_and_rate_allow(steps: list[tuple[int, int]]) -> None:
    found, now_ms, held = budgets(), 0, 0
    for wait_ms, batch in steps:
        now_ms += wait_ms
        if not found.is_held_back(now_ms, LOG, held):
            found.grew(now_ms, LOG, held, held + batch, 0)
            held += batch
        # One batch more may have been under way.
        assert held <= 1000 + now_ms * 600 / 3_600_000 + 400


# --- in the session -------------------------------------------------------------------------------


@pytest.fixture
def session() -> Session:
    """Holds 10 entries of a and b; a, b and c are connected and hold no more."""
    held = {log(A): 10, log(B): 10}
    found = Session(roster(), member(OWN), held, keys_of(roster()), LIMITS)
    for peer in (A, B, C):
        found.handle(NOW_MS, up(peer))
        found.handle(NOW_MS, PeerCaughtUp(peer))
    return found


def flood(session: Session, size: int) -> None:
    """All of a flood that a session asked for has come."""
    assert session.handle(NOW_MS, offer(A, A, size)) == (fetch(A, A, size),)
    session.handle(NOW_MS, LogGrew(log(A), size, 0))
    session.handle(NOW_MS, FetchEnded(A, log(A)))


def test_flooding_log_is_not_fetched_and_others_are(session: Session) -> None:
    flood(session, 1010)
    assert session.is_held_back(NOW_MS, log(A))

    assert session.handle(NOW_MS, offer(A, A, 5000)) == ()
    assert session.handle(NOW_MS, offer(A, B, 20)) == (fetch(A, B, 20),)
    assert session.missing_from(A) == {log(A): 3990, log(B): 10}
    assert not session.is_held_back(NOW_MS, log(B))


def test_session_without_budgets_is_noticed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budgets, "is_held_back", lambda *_: False)

    with pytest.raises(AssertionError):
        test_flooding_log_is_not_fetched_and_others_are(session)


def test_flooding_log_goes_on_with_time_alone(session: Session) -> None:
    flood(session, 1010)
    session.handle(NOW_MS, offer(A, A, 5000))

    assert session.handle(NOW_MS + MINUTE_MS - 1, Tick()) == ()
    assert session.handle(NOW_MS + MINUTE_MS, Tick()) == (fetch(A, A, 5000),)


def test_flooding_log_goes_on_at_once_when_the_others_hold_more_of_it(session: Session) -> None:
    flood(session, 1010)
    session.handle(NOW_MS, offer(A, A, 5000))
    (effect,) = session.handle(NOW_MS, offer(B, A, 2000))

    assert isinstance(effect, FetchEntries)
    assert not session.is_held_back(NOW_MS, log(A))


def test_content_of_new_entries_holds_content_back_and_that_of_old_ones_does_not(
    session: Session,
) -> None:
    session.handle(NOW_MS, ContentStored(log(A), ((9, 10_000_000),)))
    assert not session.is_content_held_back(NOW_MS, log(A))

    session.handle(NOW_MS, LogGrew(log(A), 11))
    session.handle(NOW_MS, ContentStored(log(A), ((10, 10_000_000),)))
    assert session.is_content_held_back(NOW_MS, log(A))
    assert session.handle(NOW_MS, offer(A, A, 12)) == (fetch(A, A, 12),)


def test_content_goes_on_at_once_when_the_others_hold_its_entries(session: Session) -> None:
    session.handle(NOW_MS, LogGrew(log(A), 11))
    session.handle(NOW_MS, ContentStored(log(A), ((10, 10_000_000),)))
    session.handle(NOW_MS, offer(B, A, 11))
    assert not session.is_content_held_back(NOW_MS, log(A))


def test_own_log_is_never_held_back(session: Session) -> None:
    session.handle(NOW_MS, LogGrew(log(OWN), 10**9, 10**12))
    assert not session.is_held_back(NOW_MS, log(OWN))


@pytest.mark.parametrize("held", [0, 1_500_000])
def test_node_that_starts_or_starts_again_takes_a_long_log_without_a_break(held: int) -> None:
    """Nobody but the author holds it: as in a registry of two."""
    limits = BudgetLimits(1_000_000, 2**31, 100_000, 2**28)
    session = Session(roster(), member(OWN), {log(A): held}, keys_of(roster()), limits)
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 3_000_000))
    session.handle(NOW_MS, PeerCaughtUp(A))
    for size in range(held + 100_000, 3_000_001, 100_000):
        session.handle(NOW_MS, LogGrew(log(A), size, 50_000_000))
        session.handle(NOW_MS, ContentStored(log(A), ((size - 1, 10**9),)))
        assert not session.is_held_back(NOW_MS, log(A))
        assert not session.is_content_held_back(NOW_MS, log(A))


def test_lie_about_a_size_switches_no_budget_off() -> None:
    session = Session(roster(), member(OWN), {}, keys_of(roster()), LIMITS)
    session.handle(NOW_MS, up(A))
    session.handle(NOW_MS, offer(A, A, 2**60))

    session.handle(NOW_MS, LogGrew(log(A), 65_000))
    assert session.is_held_back(NOW_MS, log(A))
