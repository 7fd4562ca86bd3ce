"""Which cases belong together: folded from the headers of both, so that all nodes agree.

A proposal counts if its author had recorded in the first case before. It is in effect while another
mechanism, which had recorded in the second case before, accepts it, and no mechanism that had
recorded in one of the two declines it. The last answer of a mechanism counts. Who proposed ends a
link for all; who accepted ends its own acceptance, for good, and may decline ever after. Answers
that differ are all kept. The logs that one member wrote, one after the other, are one mechanism's:
a later one goes on where those before it ended, and answers or ends where they took part.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from registry.domain.identifiers import (
    NO_LOGS_BEFORE,
    CaseId,
    LeafHash,
    LogId,
    LogsBefore,
)
from registry.domain.vocabulary import EventKind
from registry.log.entry import Header
from registry.log.links import ANSWERS, LINK_KINDS, LinkAnswer, LinkProposal, read_link
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import LogState, read_header

State: TypeAlias = Literal["proposed", "accepted", "declined", "disputed", "ended"]
_Answer: TypeAlias = Literal["accepted", "declined"]
LINKED_MAX = 200
"""So many cases are merged into one history; a chain that is longer is cut there, told by nobody's
clock: the nearest ones are taken, in the order of their ids."""


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A proposal and how it stands; logs stand for the mechanisms that write them.

    Attributes:
        log_id, index: where it was proposed.
        case_id, other_case_id: the first and the second case.
        time_ms: when it was proposed, as its author says.
        state: `disputed` = some accept and some decline; like all but `accepted` it joins nothing.
        accepted_by, declined_by: whose last answer it is, in the order of their ids; of the logs of
            one member the last that said something.
        ended_by: who proposed or had accepted, and ended that; also if it has declined since.
        is_closed: whether who proposed it, in this log or a later one, has ended it for all.
    """

    log_id: LogId
    index: int
    case_id: CaseId
    other_case_id: CaseId
    time_ms: int
    state: State
    accepted_by: tuple[LogId, ...]
    declined_by: tuple[LogId, ...]
    ended_by: tuple[LogId, ...]
    is_closed: bool

    @property
    def is_in_effect(self) -> bool:
        """Whether the two cases have one history."""
        return self.state == "accepted"


class _Event(NamedTuple):
    header: Header
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class _Case:
    """What the events of one case say of links; `first_acts` = by whom, from which index on."""

    proposals: list[_Event] = field(default_factory=list)
    answers: dict[LinkAnswer, list[Header]] = field(default_factory=dict)
    first_acts: dict[LogId, int] = field(default_factory=dict)

    def take(self, header: Header, entry: bytes) -> None:
        if header.kind not in LINK_KINDS:
            first = self.first_acts.get(header.log_id, header.index)
            self.first_acts[header.log_id] = min(first, header.index)
        match read_link(header):
            case LinkProposal():
                self.proposals.append(_Event(header, leaf_hash(entry)))
            case LinkAnswer() as named:
                self.answers.setdefault(named, []).append(header)

    def has_taken_part(self, header: Header, former: Iterable[LogId] = ()) -> bool:
        """Whether the author had recorded anything but links here before, in former logs too."""
        is_first = self.first_acts.get(header.log_id, header.index) >= header.index
        return not is_first or any(log_id in self.first_acts for log_id in former)


class Links:
    """Reads links from a store under the log states at one moment; each case is read once."""

    def __init__(
        self,
        store: EntryStore,
        states: Mapping[LogId, LogState],
        logs_before: LogsBefore = NO_LOGS_BEFORE,
    ) -> None:
        self._store = store
        self._logs_before = logs_before
        self._sizes = {log_id: state.valid_size for log_id, state in states.items()}
        self._cases: dict[CaseId, _Case] = {}
        self._proposals: dict[tuple[LogId, int], _Proposal | None] = {}
        self._known: dict[tuple[LogId, int], CaseLink | None] = {}

    def at(self, log_id: LogId, index: int) -> CaseLink | None:
        """The link that was proposed there; None = no proposal that counts."""
        if (log_id, index) not in self._known:
            self._known[log_id, index] = self._read(log_id, index)
        return self._known[log_id, index]

    def of_case(self, case_id: CaseId) -> list[CaseLink]:
        """The links from a case, and those to it that were answered in it."""
        case = self._case(case_id)
        proposed = [(each.header.log_id, each.header.index) for each in case.proposals]
        answered = [(named.log_id, named.index) for named in case.answers]
        # An answer may name anything: only what is of this case is looked into.
        places = [p for p in dict.fromkeys((*proposed, *answered)) if self._is_of(p, case_id)]
        return [link for link in (self.at(*place) for place in places) if link is not None]

    def joined(
        self,
        case_id: CaseId,
        may_see: Callable[[CaseId], bool] | None = None,
        *,
        follows: Callable[[CaseLink], bool] = lambda link: link.is_in_effect,
    ) -> tuple[CaseId, ...]:
        """All cases that links lead to, the case itself included, in id order.

        Args:
            case_id: where to start.
            may_see: cases that are not to be seen lead nowhere; None = all are.
            follows: which links lead on; those in effect, if nothing else is said.
        """
        seen, front = {case_id}, [case_id]
        while front and len(seen) < LINKED_MAX:
            near: set[CaseId] = set()
            for each in front:
                for link in self.of_case(each):
                    if follows(link):
                        near |= {link.case_id, link.other_case_id}
            new = sorted(n for n in near - seen if may_see is None or may_see(n))
            front = new[: LINKED_MAX - len(seen)]
            seen.update(front)
        return tuple(sorted(seen))

    def _case(self, case_id: CaseId) -> _Case:
        if case_id not in self._cases:
            case = _Case()
            for each in self._store.case_entries(case_id):
                if each.index < self._sizes.get(each.log_id, 0):
                    case.take(read_header(each.entry), each.entry)
            self._cases[case_id] = case
        return self._cases[case_id]

    def _is_of(self, place: tuple[LogId, int], case_id: CaseId) -> bool:
        proposal = self._proposal(*place)
        return proposal is not None and case_id in {proposal.case_id, proposal.other_case_id}

    def _proposal(self, log_id: LogId, index: int) -> "_Proposal | None":
        if (log_id, index) not in self._proposals:
            self._proposals[log_id, index] = self._read_proposal(log_id, index)
        return self._proposals[log_id, index]

    def _read_proposal(self, log_id: LogId, index: int) -> "_Proposal | None":
        if not 0 <= index < self._sizes.get(log_id, 0):
            return None
        (entry,) = self._store.entries(log_id, index, index + 1)
        header = read_header(entry)
        found = read_link(header)
        if not isinstance(found, LinkProposal):
            return None
        name = LinkAnswer(log_id, index, leaf_hash(entry))
        return _Proposal(name, header, header.case_id, found.other_case_id)

    def _read(self, log_id: LogId, index: int) -> CaseLink | None:
        proposal = self._proposal(log_id, index)
        if proposal is None:
            return None
        first = self._case(proposal.case_id)
        if not first.has_taken_part(proposal.header):
            return None
        second = self._case(proposal.other_case_id)
        stances = _stances(proposal.name, first, second, self._logs_before)

        def who(stance: _Answer) -> tuple[LogId, ...]:
            return tuple(sorted(each.log_id for each in stances if each.last == stance))

        ended_by = tuple(sorted(each.log_id for each in stances if each.has_ended))
        is_closed = any(each.has_ended and each.is_proposer for each in stances)
        return CaseLink(
            log_id,
            index,
            proposal.case_id,
            proposal.other_case_id,
            proposal.header.time_ms,
            "ended" if is_closed else _state(who, ended_by),
            who("accepted"),
            who("declined"),
            ended_by,
            is_closed,
        )


class _Proposal(NamedTuple):
    """A proposal, whoever made it, and the name by which answers know it."""

    name: LinkAnswer
    header: Header
    case_id: CaseId
    other_case_id: CaseId


class _Stance(NamedTuple):
    """How one mechanism stands to a proposal: its last answer, and whether it ended what it was."""

    log_id: LogId
    """The log in which it spoke last."""
    is_proposer: bool
    last: _Answer | None = None
    has_ended: bool = False


def _stances(
    proposal: LinkAnswer, first: _Case, second: _Case, logs_before: LogsBefore
) -> list[_Stance]:
    """How each mechanism that took part stands to a proposal."""
    proposer = _first_log(proposal.log_id, logs_before)
    said: dict[LogId, list[Header]] = {}
    for case in (first, second):
        for answer in case.answers.get(proposal, ()):
            author = _first_log(answer.log_id, logs_before)
            is_for_second = answer.kind == EventKind.CASE_LINK_ACCEPTED
            is_to_itself = author == proposer and (
                answer.kind in ANSWERS or answer.log_id in logs_before.get(proposal.log_id, ())
            )
            takes_part = case.has_taken_part(answer, logs_before.get(answer.log_id, ()))
            if takes_part and not is_to_itself and (case is second or not is_for_second):
                said.setdefault(author, []).append(answer)
    return [
        _stance(
            sorted(each, key=lambda h: (len(logs_before.get(h.log_id, ())), h.index)),
            is_proposer=author == proposer,
        )
        for author, each in said.items()
    ]


def _first_log(log_id: LogId, logs_before: LogsBefore) -> LogId:
    """Stands for the member that wrote a log."""
    return next(iter(logs_before.get(log_id, ())), log_id)


def _stance(answers: Sequence[Header], *, is_proposer: bool) -> _Stance:
    """After an end of its own a mechanism accepts no more; it may still decline."""
    last: _Answer | None = None
    has_ended = False
    for answer in answers:
        if answer.kind == EventKind.CASE_LINK_DECLINED:
            last = "declined"
        elif answer.kind == EventKind.CASE_LINK_ACCEPTED:
            last = last if has_ended else "accepted"
        elif last == "accepted" or is_proposer:
            last, has_ended = None, True
    return _Stance(answers[-1].log_id, is_proposer, last, has_ended)


def _state(who: Callable[[_Answer], tuple[LogId, ...]], ended_by: tuple[LogId, ...]) -> State:
    if who("accepted"):
        return "disputed" if who("declined") else "accepted"
    if who("declined"):
        return "declined"
    return "ended" if ended_by else "proposed"
