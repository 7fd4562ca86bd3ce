"""Witnessing in the node: cosigns what was mirrored, takes what peers show, tells what is new.

All that happened since comes together in a round, at most one in `EVERY_S`: one write to the
witness guard and one transaction, however many logs have grown. Holds no rule of its own: the
witness decides (`registry.application.witness`), this carries out.

Nothing is cosigned before every peer has shown what it knows, or had a moment to: a node that was
set back learns so what it has cosigned before. If its guard was lost it waits for all peers that it
can reach, however long.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import structlog

from registry.application.cosignature_book import Shown, Verdict
from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Origin, Slug, log_id_of
from registry.errors import DamagedLog, TryLater
from registry.log.cosignature import Cosignature, cosignature_notes
from registry.log.roster import Member
from registry_node.cosignature_feed import CosignatureBoard, CosignatureFeed
from registry_node.fetching import written
from registry_node.heads import HeadHub

_log = structlog.get_logger()
EVERY_S: Final = 1.0
"""Between two rounds; and for each member, so that 100 of them do not tell each other every second
what all have made in it:"""
EVERY_S_PER_MEMBER: Final = 0.05
GATHER_S: Final = 0.1
"""After a quiet time: what comes together is taken together."""
HAND_ON_S: Final = 5.0
"""What others have made is handed on after so long, and half a second for each member."""
HAND_ON_S_PER_MEMBER: Final = 0.5
WAIT_FOR_PEERS_S: Final = 1.5
_NOTES_PER_MESSAGE: Final = 200
_INBOX_MAX: Final = 256
"""Messages with cosignatures of one peer that wait for the next round; further ones are dropped,
and shown again when the stream is opened anew."""


class Witnessing:
    """Runs on one event loop; the work is done in threads."""

    def __init__(self, registry: Registry, heads: HeadHub) -> None:
        """Starts nothing yet.

        Args:
            registry: whose witness works.
            heads: whose readers are woken when there is something to tell.
        """
        self._registry = registry
        self._witness = registry.witness
        self._heads = heads
        own, members = registry.own, registry.roster.active_members()
        self._every_s = max(EVERY_S, EVERY_S_PER_MEMBER * len(members))
        self._hand_on_s = HAND_ON_S + HAND_ON_S_PER_MEMBER * len(members)
        self._board = CosignatureBoard(own.origin, self._witness.book.all())
        self._logs = {m.log_id for m in registry.roster.writers() if m.id != own.id}
        self._awaited = {m.slug for m in members if m.id != own.id and _reach_each_other(own, m)}
        self._has_waited = False
        self._has_asked = False
        self._grown = set(self._logs)
        self._inbox: list[tuple[Slug, Sequence[bytes]]] = []
        self._told_faults: set[tuple[Slug, Verdict]] = set()
        self._wake = asyncio.Event()

    # --- what happened: called on the loop --------------------------------------------------

    def grew(self, log_id: LogId) -> None:
        """A log has grown, and may be cosigned; or what waited for it may count."""
        if log_id in self._logs or log_id == self._registry.own.log_id:
            self._grown.add(log_id)
            self._wake.set()

    def shown(self, peer: Slug, notes: Sequence[bytes]) -> None:
        """A peer has shown cosignatures."""
        if notes and sum(sender == peer for sender, _ in self._inbox) < _INBOX_MAX:
            self._inbox.append((peer, notes))
            self._wake.set()

    def met(self, peer: Slug) -> None:
        """A peer has shown all that it knows."""
        self._awaited.discard(peer)
        self._wake.set()

    def made(self, cosignature: Cosignature) -> None:
        """A cosignature was made because somebody asked for it; it is stored."""
        self._board.add([cosignature])
        self._heads.wake()
        self.grew(log_id_of(cosignature.checkpoint.origin))  # there may be more to cosign

    def check_has_asked(self) -> None:
        """Asked before anything is cosigned for somebody who brings it.

        Raises:
            TryLater: peers have not shown yet what this member has cosigned.
        """
        if not self._has_asked:
            msg = "this node has just started and asks what it has cosigned: ask again in a moment"
            raise TryLater(msg)

    def feed(self, peer: Member, summaries: dict[LogId, bytes]) -> CosignatureFeed:
        """A view for one stream of heads.

        Args:
            peer: who reads it.
            summaries: what it knows of each log, as `CosignatureBook.summary`.
        """
        book = self._witness.book
        differing = {
            Origin(writer.origin)
            for writer in self._registry.roster.writers()
            if summaries.get(writer.log_id) != book.summary(writer.log_id)
        }
        return CosignatureFeed(self._board, peer, differing)

    # --- rounds -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wait_for_peers())
            tasks.create_task(self._hand_on())
            while True:
                await self._wake.wait()
                await asyncio.sleep(GATHER_S)
                await self._round()
                await asyncio.sleep(self._every_s - GATHER_S)

    async def _wait_for_peers(self) -> None:
        await asyncio.sleep(WAIT_FOR_PEERS_S)
        self._has_waited = True
        self._wake.set()

    async def _hand_on(self) -> None:
        while True:
            await asyncio.sleep(self._hand_on_s)
            if self._board.has_waiting:
                self._board.hand_on()
                self._heads.wake()

    async def _round(self) -> None:
        self._wake.clear()
        # As of now: what comes while this round judges waits in the next inbox, and is not known.
        has_heard_all = not self._awaited
        has_asked = self._has_waited or has_heard_all
        inbox, self._inbox = self._inbox, []
        news: list[Cosignature] = []
        made: list[Cosignature] = []
        # First: what is shown may be what this member itself has cosigned and forgotten.
        for peer, notes in inbox:
            news += await self._take(peer, notes)
        grown = self._grown
        news += await asyncio.to_thread(self._witness.grown, grown)
        self._has_asked = has_asked
        if has_asked and await self._has_guard(has_heard_all=has_heard_all):
            self._grown = set()
            made = await self._cosign(grown)
            news += made
        if news:
            await written(lambda: self._registry.store.cosignatures.put(news))
            self._witness.stored(made)
            if self._board.add(news):
                self._heads.wake()

    async def _take(self, peer: Slug, notes: Sequence[bytes]) -> list[Cosignature]:
        shown = await asyncio.to_thread(self._witness.take, notes)
        self._tell_faults(peer, shown)
        # Kept in mind for what verified only: nobody is kept from what it has not.
        known = [each for each, verdict in shown if each and verdict in _GENUINE]
        self._board.note_shown(peer, known)
        return [each for each, verdict in shown if each and verdict is Verdict.ACCEPTED]

    def _tell_faults(self, peer: Slug, shown: Iterable[Shown]) -> None:
        """Each kind of fault once a peer: it costs nobody anything but this line."""
        for verdict in {each.verdict for each in shown if not each.verdict.is_ordinary}:
            if (peer, verdict) not in self._told_faults:
                self._told_faults.add((peer, verdict))
                _log.warning("cosignature_refused", peer=peer, verdict=verdict.value)

    async def _has_guard(self, *, has_heard_all: bool) -> bool:
        if self._witness.is_guard_lost and has_heard_all:
            await asyncio.to_thread(self._witness.recover_guard)
        return not self._witness.is_guard_lost

    async def _cosign(self, logs: set[LogId]) -> list[Cosignature]:
        try:
            return await asyncio.to_thread(self._witness.cosign, logs & self._logs)
        except (TryLater, DamagedLog) as error:
            # The token does not answer, or a log is damaged here: with the next round.
            _log.warning("not_cosigned", reason=error.reason)
            self._grown |= logs
            self._wake.set()
            return []


def _reach_each_other(own: Member, peer: Member) -> bool:
    """Of two nodes one at least must take calls; what the other made comes through the rest."""
    return own.takes_calls or peer.takes_calls


_GENUINE: Final = frozenset({Verdict.ACCEPTED, Verdict.AHEAD})


def cosignature_messages(cosignatures: Iterable[Cosignature]) -> list[list[bytes]]:
    """Writes cosignatures as notes, so many as one message may have."""
    notes = cosignature_notes(cosignatures)
    return [notes[at : at + _NOTES_PER_MESSAGE] for at in range(0, len(notes), _NOTES_PER_MESSAGE)]
