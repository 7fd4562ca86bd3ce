"""Facts that a store keeps beside an entry, and the guard's verdicts."""

from registry.log.entry import Header
from registry.log.facts import EntryFacts, GuardComparison, GuardVerdict


def test_facts_of_an_entry_stand_in_its_header() -> None:
    assert set(EntryFacts._fields) < set(Header._fields)


def test_verdicts_are_told_apart() -> None:
    assert {verdict.value for verdict in GuardVerdict} == {
        "equal",
        "database_ahead",
        "guard_ahead",
        "guard_missing",
        "inconsistent",
        "database_damaged",
    }
    assert GuardComparison(GuardVerdict.EQUAL, 3, 3).kind is GuardVerdict.EQUAL
