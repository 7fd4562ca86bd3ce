"""Finds where two histories of one log part, by questions to a peer, without any I/O.

Both sides hold a log of the same author up to some size. The search asks the peer for the root that
its signed checkpoint has at a size, halves, and ends at the first size at which the roots differ:
the entries before the last of these are the same. What was found by then is proven even if the
peer vanishes in the middle, only not at the smallest size.
"""

from collections.abc import Callable

from registry.domain.identifiers import RootHash
from registry.log.fault_proof import SignedPrefix
from registry.log.fault_verdict import verify_signed_prefix
from registry.log.log_keys import LogKeys


class PartingSearch:
    """One search; `next_size` and `take` in turns until there is nothing more to ask."""

    def __init__(
        self, keys: LogKeys, root_at: Callable[[int], RootHash], *, held: int, shown: int
    ) -> None:
        """Asks nothing yet.

        Args:
            keys: of the author, as far as the roster tells.
            root_at: the root that is held here at a size.
            held: how many entries are held here.
            shown: size of the checkpoint by which the peer contradicts.
        """
        self._keys = keys
        self._root_at = root_at
        self._same = 0
        self._other = min(held, shown) + 1
        self.theirs: SignedPrefix | None = None
        """What the peer has at `parted_by`."""

    @property
    def parted_by(self) -> int | None:
        """The smallest size at which the roots are known to differ; None = they do not so far."""
        return None if self.theirs is None else self._other

    @property
    def is_agreed(self) -> bool:
        """Whether the peer was shown to hold what is held here, as far as both go."""
        return self.theirs is None and self._same > 0

    def next_size(self) -> int | None:
        """The size to ask about next, at first the largest; None = the search is over."""
        if self._other - self._same <= 1:
            return None
        if self.theirs is None:
            return self._other - 1
        return (self._same + self._other) // 2

    def take(self, size: int, prefix: SignedPrefix) -> None:
        """Takes the answer about a size.

        Raises:
            EntryError: it does not hold.
        """
        verify_signed_prefix(prefix, size, self._keys)
        if prefix.root == self._root_at(size):
            self._same = size
        else:
            self._other, self.theirs = size, prefix
