"""Which cases belong together: folded from the headers of both, so that all nodes agree.

A proposal counts if its author had recorded in the first case before. It is in effect while another
mechanism, which had recorded in the second case before, accepts it, and neither its author nor one
that accepted has ended it. The last answer of a mechanism counts. Answers that differ are all kept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from registry.domain.identifiers import CaseId, LeafHash, LogId
from registry.domain.vocabulary import EventKind
from registry.log.entry import Header
from registry.log.links import ANSWERS, LINK_KINDS, LinkAnswer, LinkProposal, read_link
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import LogState, read_header

State: TypeAlias = Literal["proposed", "accepted", "declined", "disputed", "ended"]
LINKED_MAX = 200
"""So many cases are merged into one history; a chain that is longer is cut there, told by nobody's
clock: the nearest ones are taken, in the order of their ids."""


class _Event(NamedTuple):
    header: Header
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A proposal and how it stands; logs stand for the mechanisms that write them."""

    log_id: LogId
    index: int
    case_id: CaseId
    other_case_id: CaseId
    time_ms: int
    state: State
    accepted_by: tuple[LogId, ...]
    declined_by: tuple[LogId, ...]

    @property
    def is_in_effect(self) -> bool:
        """Whether the two cases have one history."""
        return self.state in {"accepted", "disputed"}


class Links:
    """Reads links from a store under the log states at one moment."""

    def __init__(self, store: EntryStore, states: Mapping[LogId, LogState]) -> None:
        self._store = store
        self._sizes = {log_id: state.valid_size for log_id, state in states.items()}
        self._cases: dict[CaseId, list[_Event]] = {}
        self._first_acts: dict[CaseId, dict[LogId, int]] = {}

    def at(self, log_id: LogId, index: int) -> CaseLink | None:
        """The link that was proposed there; None = no proposal that counts."""
        if not 0 <= index < self._sizes.get(log_id, 0):
            return None
        (entry,) = self._store.entries(log_id, index, index + 1)
        return self._link(_Event(read_header(entry), leaf_hash(entry)))

    def of_case(self, case_id: CaseId) -> list[CaseLink]:
        """The links from a case, and those to it that were answered in it."""
        found: list[CaseLink | None] = []
        for event in self._events(case_id):
            link = read_link(event.header)
            if isinstance(link, LinkProposal):
                found.append(self._link(event))
            elif isinstance(link, LinkAnswer) and event.header.kind in ANSWERS:
                found.append(self.at(link.log_id, link.index))
        known = {(each.log_id, each.index): each for each in found if each is not None}
        return [each for each in known.values() if case_id in {each.case_id, each.other_case_id}]

    def joined(
        self, case_id: CaseId, may_see: Callable[[CaseId], bool] | None = None
    ) -> tuple[CaseId, ...]:
        """All cases that links in effect lead to, the case itself included, in id order.

        Args:
            case_id: where to start.
            may_see: cases that are not to be seen lead nowhere; None = all are.
        """
        seen, front = {case_id}, [case_id]
        while front and len(seen) < LINKED_MAX:
            near: set[CaseId] = set()
            for each in front:
                for link in self.of_case(each):
                    if link.is_in_effect:
                        near |= {link.case_id, link.other_case_id}
            new = sorted(n for n in near - seen if may_see is None or may_see(n))
            front = new[: LINKED_MAX - len(seen)]
            seen.update(front)
        return tuple(sorted(seen))

    def _events(self, case_id: CaseId) -> list[_Event]:
        if case_id not in self._cases:
            self._cases[case_id] = [
                _Event(read_header(e.entry), leaf_hash(e.entry))
                for e in self._store.case_entries(case_id)
                if e.index < self._sizes.get(e.log_id, 0)
            ]
        return self._cases[case_id]

    def _link(self, event: _Event) -> CaseLink | None:
        proposal = read_link(event.header)
        header = event.header
        if not isinstance(proposal, LinkProposal) or not self._took_part(header, header.case_id):
            return None
        other = proposal.other_case_id
        here, there = self._events(header.case_id), self._events(other)
        last: dict[LogId, tuple[int, EventKind]] = {}
        for answer in there:
            if answer.header.kind in ANSWERS and self._names(answer, event):
                if not self._took_part(answer.header, other):
                    continue
                at, kind = answer.header.index, EventKind(answer.header.kind)
                if at > last.get(answer.header.log_id, (-1, kind))[0]:
                    last[answer.header.log_id] = (at, kind)
        accepted = [log for log, (_, k) in last.items() if k is EventKind.CASE_LINK_ACCEPTED]
        declined = [log for log, (_, k) in last.items() if k is EventKind.CASE_LINK_DECLINED]
        ended = any(
            each.header.kind == EventKind.CASE_UNLINKED
            and each.header.log_id in {header.log_id, *accepted}
            and self._names(each, event)
            for each in (*here, *there)
        )
        return CaseLink(
            header.log_id,
            header.index,
            header.case_id,
            other,
            header.time_ms,
            "ended" if ended else _state(accepted, declined),
            tuple(sorted(accepted)),
            tuple(sorted(declined)),
        )

    def _names(self, answer: _Event, event: _Event) -> bool:
        named = read_link(answer.header)
        place = (event.header.log_id, event.header.index, event.leaf_hash)
        return isinstance(named, LinkAnswer) and tuple(named) == place

    def _took_part(self, header: Header, case_id: CaseId) -> bool:
        """Whether the author had recorded anything but links in a case before."""
        if case_id not in self._first_acts:
            first: dict[LogId, int] = {}
            for each in (event.header for event in self._events(case_id)):
                if each.kind not in LINK_KINDS:
                    first[each.log_id] = min(each.index, first.get(each.log_id, each.index))
            self._first_acts[case_id] = first
        return self._first_acts[case_id].get(header.log_id, header.index) < header.index


def _state(accepted: Collection[LogId], declined: Collection[LogId]) -> State:
    if accepted:
        return "disputed" if declined else "accepted"
    return "declined" if declined else "proposed"
