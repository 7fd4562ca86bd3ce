"""Which cosignatures each stream of heads is still to be told: each once, and only the newest.

What a witness made, and what the author of a log was given for it, goes to everyone at once; what
others made waits on the shelf for a while before it is handed on, for most of them come from the
witness itself meanwhile. A peer is not told what it has shown, nor what it made. So in a federation
where everyone hears everyone a cosignature crosses each connection about once each way, and where
some hear each other through a relay alone it arrives all the same.

Lives on one event loop.
"""

from collections.abc import Container, Iterable
from typing import TypeAlias

from registry.domain.identifiers import Origin, Slug
from registry.log.cosignature import Cosignature
from registry.log.roster import Member

Key: TypeAlias = tuple[Origin, str]
"""A log and a witness, by their origins."""


def key_of(cosignature: Cosignature) -> Key:
    """What a larger cosignature replaces."""
    return cosignature.checkpoint.origin, cosignature.witness


class CosignatureBoard:
    """What this node tells about cosignatures."""

    def __init__(self, own: Origin, known: Iterable[Cosignature]) -> None:
        self._own = own
        self._number = 0
        self._told: dict[Key, tuple[int, Cosignature]] = {}
        self._shelf: dict[Key, Cosignature] = {}
        self._shown: dict[Slug, dict[Key, int]] = {}
        for each in known:
            self._tell(each)

    @property
    def has_waiting(self) -> bool:
        """Whether something is to be handed on later."""
        return bool(self._shelf)

    def add(self, cosignatures: Iterable[Cosignature]) -> bool:
        """Takes what is stored; returns whether some of it goes out at once."""
        is_urgent = False
        for each in cosignatures:
            if self._own in key_of(each):
                self._tell(each)
                is_urgent = True
            else:
                self._shelf[key_of(each)] = each
        return is_urgent

    def hand_on(self) -> None:
        """Tells what has waited."""
        waiting, self._shelf = self._shelf, {}
        for each in waiting.values():
            self._tell(each)

    def note_shown(self, peer: Slug, cosignatures: Iterable[Cosignature]) -> None:
        """Takes down what a peer knows, of which this node has judged that it is genuine."""
        shown = self._shown.setdefault(peer, {})
        for each in cosignatures:
            shown[key_of(each)] = max(each.checkpoint.size, shown.get(key_of(each), 0))

    def since(self, number: int) -> tuple[int, list[Cosignature]]:
        """What was told after a number, oldest first, and the number to ask with next time."""
        found = []
        # The newest stand last: what was told before is not even looked at.
        for at, each in reversed(self._told.values()):
            if at <= number:
                break
            found.append(each)
        return self._number, found[::-1]

    def waiting(self) -> list[Cosignature]:
        """What is to be handed on later; who comes new is told at once."""
        return list(self._shelf.values())

    def is_known_to(self, peer: Slug, cosignature: Cosignature) -> bool:
        """Whether a peer has shown as much, or more."""
        size = self._shown.get(peer, {}).get(key_of(cosignature), 0)
        return size >= cosignature.checkpoint.size

    def _tell(self, cosignature: Cosignature) -> None:
        self._number += 1
        self._told.pop(key_of(cosignature), None)
        self._told[key_of(cosignature)] = (self._number, cosignature)


class CosignatureFeed:
    """One stream's view of the board."""

    def __init__(self, board: CosignatureBoard, peer: Member, differing: Container[Origin]) -> None:
        """Nothing was told yet.

        Args:
            board: of this node.
            peer: who reads the stream.
            differing: the logs of which the peer does not know exactly what this node knows.
        """
        self._board = board
        self._peer = peer
        self._differing: Container[Origin] | None = differing
        self._number = 0
        self._sizes: dict[Key, int] = {}

    def take(self) -> list[Cosignature]:
        """What this peer is to be told now; at first all that is known of logs that differ."""
        self._number, found = self._board.since(self._number)
        if self._differing is None:
            fresh = [each for each in found if self._is_news(each)]
        else:
            # Also what it has made, or shown before: it may have lost its memory since.
            known = (*found, *self._board.waiting())
            fresh = [each for each in known if each.checkpoint.origin in self._differing]
            self._differing = None
            self._sizes |= {key_of(each): each.checkpoint.size for each in known}
        self._sizes |= {key_of(each): each.checkpoint.size for each in fresh}
        return fresh

    def _is_news(self, cosignature: Cosignature) -> bool:
        is_told = self._sizes.get(key_of(cosignature), 0) >= cosignature.checkpoint.size
        is_its_own = cosignature.witness == self._peer.origin
        is_known = is_told or is_its_own or self._board.is_known_to(self._peer.slug, cosignature)
        return not is_known
