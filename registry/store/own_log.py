"""How the own log stands to the guard; tells a damaged disk from another history."""

from eventsourcing.sqlite import SQLiteCursor

from registry.log.facts import GuardComparison, GuardVerdict
from registry.store.guard import Guard, GuardState, compare_with_guard
from registry.store.rows import LogNumbers, root_of_first
from registry.store.values import LogState


def compare_own_log(
    cursor: SQLiteCursor, numbers: LogNumbers, guard: Guard | None, state: LogState
) -> GuardComparison:
    """Compares the entries of the own log with the guard, whatever root is stored with them."""
    log_no, size = numbers.of(cursor, state.log_id), 0 if guard is None else guard.read().size
    if size > state.size:
        return compare_with_guard(guard, state.size, None)
    root = root_of_first(cursor, log_no, state.log_id, size)
    compared = compare_with_guard(guard, state.size, root)
    if compared.kind is not GuardVerdict.INCONSISTENT:
        return compared
    # Which history it is cannot be told before its entries are those that were stored.
    if root_of_first(cursor, log_no, state.log_id, state.size) == state.root:
        return compared
    return compared._replace(kind=GuardVerdict.DATABASE_DAMAGED)


def may_be_shown(compared: GuardComparison, guard: Guard | None, state: LogState) -> bool:
    """Whether what is held of the own log is what was signed, though some of it may be damaged."""
    if compared.kind is GuardVerdict.DATABASE_DAMAGED:
        return guard is not None and guard.read() == GuardState(state.size, state.root)
    return compared.kind is not GuardVerdict.INCONSISTENT
