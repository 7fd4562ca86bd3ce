"""Where a log ends as this node holds it, for a roster that removes its author."""

from collections.abc import Callable
from pathlib import Path

from registry.application.registry import Registry
from registry.errors import InvalidRequest
from registry.log.member import Cut

_REASON_MAX = 200


def cut_here(folder_path: Path, mechanism: str, reason: str, *, now_ms: Callable[[], int]) -> Cut:
    """The cut after everything that this node holds of a mechanism's log.

    Args:
        folder_path: of a stopped node.
        mechanism: slug.
        reason: for people to read; no names.
        now_ms: the clock.

    Raises:
        NotFound: the roster knows no such mechanism.
        InvalidRequest: the reason is empty or too long.
        FolderError: no node, or it is running.
    """
    if not 1 <= len(reason) <= _REASON_MAX or not reason.isprintable():
        msg = f"say why in 1 to {_REASON_MAX} printable characters"
        raise InvalidRequest(msg)
    registry = Registry.open(folder_path, now_ms=now_ms, random_bytes=_no_randomness)
    try:
        member = registry.roster.member_by_slug(mechanism)
        state = registry.store.log_state(member.log_id)
        return Cut(
            state.valid_size, registry.store.root_at(member.log_id, state.valid_size), reason
        )
    finally:
        registry.close()


def _no_randomness(size: int) -> bytes:
    msg = f"to look where a log ends makes no random bytes ({size} were asked)"
    raise AssertionError(msg)
