"""Plans of acts that name persons, carried out by three nodes; and what the design permits.

`Memory` is written from the design and shares no code with what it judges: it keeps every act in
the order in which it was done and answers who may be told a name. All headers are carried to every
node before another mechanism acts, so that each act was done in knowledge of those before it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from registry.application.desk import Desk, Order, open_desk
from registry.application.erasing import WidenCommand
from registry.application.folder import NodeFolder
from registry.application.policy import Policy, write_policy
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import (
    CommunicationSent,
    ConsentRecorded,
    ConsentWithdrawn,
    NamedPerson,
    ReprisalAlleged,
    SourceIdentity,
    StatementIssued,
)
from registry.domain.identifiers import CaseId, LogId
from registry.errors import RegistryError
from registry.log.entry import Header, decode_header, split_entry
from registry.store.values import HeldPart
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    carry_entries,
    open_federation,
    opening,
)

SLUGS: Final = ("alpha", "beta", "gamma")
SHARE: Final = "share_with_mechanisms"
PUBLIC: Final = "names_in_public"
STATE: Final = "names_to_state"
OFFICER: Final = Client("officer", Role.OFFICER)
_OWN: Final[dict[str, Any]] = {"acting_body": "a", "basis": "own_act", "is_invented": True}
Key = tuple[LogId, int, int]


class Act(NamedTuple):
    """One step of a plan; persons are numbers, audiences are slugs or None for everyone."""

    what: str
    author: str
    audience: frozenset[str] | None
    persons: tuple[int, ...] = ()
    in_text: tuple[int, ...] = ()
    use: str = ""
    mechanisms: tuple[str, ...] = ()
    is_given: bool = True
    uses: tuple[str, ...] = ()
    to_state: bool = False


def _act(**fields: Any) -> Act:
    """Hypothesis would draw the fields that have a default, too."""
    return Act(**fields)


def _audiences() -> st.SearchStrategy[frozenset[str] | None]:
    return st.sampled_from(
        [None, *(frozenset(each) for each in ((), ("beta",), ("gamma",), ("beta", "gamma")))]
    )


_USES: Final = st.sampled_from((PUBLIC, STATE, SHARE))
_PERSON: Final = st.sampled_from((0, 0, 1))
_AUTHOR: Final = st.sampled_from(("alpha", "alpha", "alpha", "beta"))
_CONSENT: Final = st.builds(
    _act,
    what=st.just("consent"),
    author=_AUTHOR,
    audience=st.sampled_from((frozenset(), frozenset({"beta", "gamma"}), frozenset({"gamma"}))),
    persons=st.tuples(_PERSON),
    use=_USES,
    mechanisms=st.sampled_from((("beta", "gamma"), ("beta",), ("alpha", "gamma"))),
    is_given=st.sampled_from((True, True, True, False)),
)
_NAMING: Final = st.builds(
    _act,
    what=st.just("name"),
    author=_AUTHOR,
    audience=_audiences(),
    persons=st.sampled_from(((0,), (0,), (1,), (0, 1), ())),
    in_text=st.sampled_from(((), (), (0,))),
    to_state=st.sampled_from((False, False, False, True)),
)
_WITHDRAWAL: Final = st.builds(
    _act,
    what=st.just("withdraw"),
    author=st.sampled_from(SLUGS),
    audience=st.just(frozenset()),
    persons=st.tuples(_PERSON),
    in_text=st.sampled_from(((), (), (0,), (1,))),
    uses=st.sampled_from(((), (PUBLIC,), (SHARE,), (STATE, PUBLIC))),
)
_WIDENING: Final = st.builds(
    _act,
    what=st.just("widen"),
    author=_AUTHOR,
    audience=st.sampled_from((None, frozenset({"beta"}), frozenset({"beta", "gamma"}))),
)
PLANS: Final = st.tuples(
    st.lists(_CONSENT, min_size=1, max_size=2),
    st.lists(_NAMING, min_size=1, max_size=2),
    st.lists(_WIDENING, max_size=1),
    st.lists(_WITHDRAWAL, max_size=1),
    st.lists(st.one_of(_CONSENT, _NAMING), max_size=1),
).map(lambda lists: tuple(act for acts in lists for act in acts))
Plan = tuple[Act, ...]


class Done(NamedTuple):
    """An act that was recorded: its part, who may hold that."""

    act: Act
    key: Key
    header: Header


@dataclass
class Case:
    """One case as a plan left it; persons' names and sources are its own."""

    nodes: Nodes
    case_id: CaseId
    number: int
    done: list[Done] = field(default_factory=list)
    begins: Mapping[LogId, int] = field(default_factory=dict)
    """How long each log was before."""

    def name(self, person: int) -> str:
        return f"{('Xanthippe', 'Ysolde')[person]} Vermilion{self.number:06}{'ab'[person]}"

    def person(self, number: int) -> NamedPerson:
        return NamedPerson(
            person_id=f"{self.number:030x}{number:02x}", name=self.name(number), role="defender"
        )

    @property
    def source(self) -> str:
        return f"source-of-{self.number:08}-who-told"

    def content(self, act: Act) -> Any:
        persons = tuple(self.person(number) for number in act.persons)
        if act.what == "consent":
            return ConsentRecorded(
                **_OWN,
                persons=persons,
                use=act.use,  # type: ignore[arg-type] # one of the literals
                mechanisms=act.mechanisms if act.use == SHARE else (),
                is_informed_of_risk=True,
                agrees=act.is_given,
            )
        text = " and ".join(["It concerns", *(self.name(number) for number in act.in_text)])
        if act.what == "withdraw":
            who = persons[0].person_id
            return ConsentWithdrawn(**_OWN, person_id=who, uses=act.uses, summary=text)  # type: ignore[arg-type] # of the literals
        # Half of the cases are about reprisals, so that registers have entries.
        told = ReprisalAlleged if self.number % 2 else StatementIssued
        kind = CommunicationSent if act.to_state else told
        return kind(**_OWN, persons=persons, summary=text)

    def command(self, act: Act, number: int) -> RecordCommand:
        return RecordCommand(
            f"{self.number} {number}", "", self.case_id, self.content(act), _choice(act)
        )

    def names_in(self, text: str) -> set[int]:
        return {number for number in (0, 1) if self.name(number) in text}


def _choice(act: Act) -> AudienceChoice:
    if act.audience is None:
        return EVERYONE
    others = tuple(sorted(act.audience - {act.author}))
    return named(*others) if others else OWN_ONLY


class Memory:
    """What one node may do with names, from the acts whose content it holds, in their order."""

    def __init__(self, done: Iterable[Done], held: frozenset[Key]) -> None:
        self._acts = [(each.act, each.key) for each in done if each.key in held]

    def knows(self, person: int) -> bool:
        """Whether the node has ever been told that somebody of this name is in the case."""
        return any(person in act.persons and act.what != "withdraw" for act, _ in self._acts)

    def has_taken_back(self, person: int) -> bool:
        """Whether somebody whose name is known withdrew, or refused, any use of it."""
        return self.knows(person) and any(
            person in act.persons
            and (act.what == "withdraw" or (act.what == "consent" and not act.is_given))
            for act, _ in self._acts
        )

    def permits(self, person: int, use: str, author: str, *recipients: str) -> bool:
        """Whether a name may be used as an act of a mechanism names it; the default is no."""
        covered: set[str] | None = None
        for act, _ in self._acts:
            if person not in act.persons:
                continue
            if act.what == "withdraw" and use in (act.uses or (PUBLIC, STATE, SHARE)):
                covered = None
            elif act.what == "consent" and act.author == author and act.use == use:
                covered = {*(covered or ()), *act.mechanisms} if act.is_given else None
        if use != SHARE:
            return covered is not None
        return covered is not None and bool(recipients) and set(recipients) <= covered


@dataclass
class World:
    """Three open nodes with their desks; every plan is carried out in a case of its own."""

    folder: Path
    nodes: Nodes
    desks: dict[str, Desk]
    count: int = 0
    carried: dict[LogId, int] = field(default_factory=dict)
    scanned: dict[LogId, int] = field(default_factory=dict)

    def open_case(self) -> Case:
        self.count += 1
        states = self.nodes["alpha"].registry.store.log_states()
        begins = {state.log_id: state.size for state in states}
        receipt = self.nodes["alpha"].record(opening())
        return Case(self.nodes, receipt.case_id, self.count, begins=begins)

    def record(self, case: Case, act: Act, number: int) -> bool:
        """Records an act with its source through the desk; returns whether it was taken."""
        node = self.nodes[act.author]
        order = Order(source=SourceIdentity(name=case.source, contact=case.source))
        try:
            appended = self.desks[act.author].record(OFFICER, case.command(act, number), order)
            entry = appended.result()
        except RegistryError:
            return False
        header = decode_header(split_entry(entry.entry)[0])  # type: ignore[union-attr] # one person is enough here
        case.done.append(Done(act, (node.log_id, header.index, 0), header))
        return True

    def widen(self, case: Case, act: Act, number: int) -> bool:
        """Lets more members hold the newest act of an author that is not for everyone."""
        for place in reversed(range(len(case.done))):
            done = case.done[place]
            if (done.act.what, done.act.author) == ("name", act.author) and (
                done.act.audience is not None
            ):
                break
        else:
            return False
        slugs = () if act.audience is None else tuple(sorted(act.audience))
        command = WidenCommand(f"widen {case.number} {number}", "", done.key[1], slugs)
        try:
            self.desks[act.author].widen(OFFICER, command).result()
        except RegistryError:
            return False
        wider = None if act.audience is None else done.act.audience | act.audience
        case.done[place] = done._replace(act=done.act._replace(audience=wider))
        return True

    def carry(self, case: Case) -> None:
        """Carries what is new in every log to every node, then the parts that may go."""
        for source in self.nodes.values():
            size = source.registry.store.log_state(source.log_id).size
            if size == self.carried.get(source.log_id):
                continue
            self.carried[source.log_id] = size
            for target in self.nodes.values():
                if source is not target:
                    assert carry_entries(source, target, source.log_id) is None
        for source, target in permutations(self.nodes.values(), 2):
            lacked = {each.key for each in case.done} - self.held(case, target)
            given = self.given(case, source, target, lacked) if lacked else []
            if given:
                target.registry.store.put_parts(given).result()

    def given(
        self, case: Case, source: Node, target: Node, keys: Collection[Key] | None = None
    ) -> list[HeldPart]:
        """What one node gives another that asks for every part of a case, or for some."""
        asked = {
            each.key: each.header.parts[0].commitment
            for each in case.done
            if keys is None or each.key in keys
        }
        return source.registry.parts_for(target.registry.own, asked)

    def held(self, case: Case, node: Node) -> frozenset[Key]:
        keys = [each.key for each in case.done]
        return frozenset((p.log_id, p.index, p.ordinal) for p in node.registry.store.parts_of(keys))

    def newly_written(self) -> Iterator[bytes]:
        """The entries of every log that were not given out before, as every member gets them."""
        for node in self.nodes.values():
            start, size = self.scanned.get(node.log_id, 0), self.carried.get(node.log_id, 0)
            self.scanned[node.log_id] = size
            yield from node.registry.store.entries(node.log_id, start, size)


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Opens a founded federation; one person is enough for every act."""
    for slug in SLUGS:
        policy = Policy(two_people_to_publish=False, two_people_to_erase=False)
        write_policy(NodeFolder(folder / slug), policy)
    with open_federation(folder, SLUGS) as nodes, ExitStack() as stack:
        desks = {}
        for slug, node in nodes.items():
            desks[slug] = open_desk(node.registry, random_bytes=node.random_bytes)
            stack.callback(desks[slug].close)
        yield World(folder, nodes, desks)
