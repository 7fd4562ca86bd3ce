"""The first sync of a node that joined later: whole only once two members have shown their heads.

One member alone may hide the ends of logs, and with them erasures and withdrawals; it cannot forge
what it shows. So a node that joins a registry of others counts who has shown all its heads, and
says that it is behind until two have, or one where there is only one other, and all of that is
held. That this is still to be done is a file of its folder, made by `registry join`: a restart asks
again.
"""

from collections.abc import Callable
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug

_log = structlog.get_logger()
_NEEDED: Final = 2


class FirstSync:
    """Who has shown all its heads since the start, and whether that is enough."""

    def __init__(self, registry: Registry, lag_of: Callable[[LogId], int]) -> None:
        """Reads whether the first sync is still to be done.

        Args:
            registry: whose node joined.
            lag_of: entries of a log that connected peers offer beyond what is held.
        """
        roster, own = registry.roster, registry.own
        self._file = registry.folder.first_sync_file
        self._lag_of = lag_of
        self._log_ids = tuple(w.log_id for w in roster.writers() if w.log_id != own.log_id)
        self._shown: set[Slug] = set()
        self.needed: Final = min(_NEEDED, len(roster.active_members()) - 1)
        self.is_under_way = self._file.exists()

    @property
    def compared_with(self) -> int:
        """How many members have shown all their heads since the start."""
        return len(self._shown)

    @property
    def entries_behind(self) -> int:
        """Entries of other logs that connected members offer and this node does not hold."""
        return sum(map(self._lag_of, self._log_ids))

    @property
    def is_done(self) -> bool:
        """Whether there is none to do, or enough have shown their heads and all is held."""
        if not self.is_under_way:
            return True
        return self.compared_with >= self.needed and not self.entries_behind

    def shown(self, peer: Slug) -> None:
        """Counts a member that has shown all its heads."""
        self._shown.add(peer)

    def end(self) -> None:
        """Says that it is done, once."""
        if self.is_under_way:
            self._file.unlink(missing_ok=True)
            self.is_under_way = False
            _log.info("first_sync_done", members=self.compared_with)

    def warn(self) -> None:
        """Says that content is opened though fewer than enough members were there to compare."""
        if self.is_under_way:
            _log.warning(
                "first_sync_compared_with_too_few", members=self.compared_with, needed=self.needed
            )
