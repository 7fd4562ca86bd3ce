"""Three nodes that carry out plans of acts that may tell names; see names_plans.py.

All headers are carried to every node before another mechanism acts, so that each act was done in
knowledge of those before it.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest

from registry.application.desk import Desk, open_desk
from registry.application.erasing import WidenCommand
from registry.application.folder import NodeFolder
from registry.application.policy import Policy, write_policy
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.identifiers import CaseId, LogId
from registry.errors import RegistryError, RuleViolation
from registry.log.entry import Header, decode_header, split_entry
from registry.store.values import HeldPart
from tests.confidentiality.names_calls import OFFICER, TELLING, Calls, Told, content_at
from tests.confidentiality.names_cases import Case, Done, Key
from tests.confidentiality.names_plans import NOBODY, Act
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    carry_entries,
    open_federation,
    opening,
)

SLUGS: Final = ("alpha", "beta", "gamma")
_WIDENED: Final = (("name", "intend", "reply", "retract", "open"), TELLING)
_NAMED_EVERY: Final = 4
"""So many cases have one that is opened by naming somebody."""
_OPENING: Final = 99
"""The place of that act: beside those of a plan."""
_DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass
class World:
    """Three open nodes with their desks; every plan is carried out in a case of its own."""

    folder: Path
    nodes: Nodes
    calls: dict[str, Calls]
    count: int = 0
    carried: dict[LogId, int] = field(default_factory=dict)
    scanned: dict[LogId, int] = field(default_factory=dict)

    @property
    def desks(self) -> dict[str, Desk]:
        return {slug: calls.desk for slug, calls in self.calls.items()}

    def open_case(self) -> Case:
        """Opens one on the next day: what is asked within a day is limited."""
        self.count += 1
        for node in self.nodes.values():
            node.clock.time_ms += _DAY_MS
        states = self.nodes["alpha"].registry.store.log_states()
        begins = {state.log_id: state.size for state in states}
        if self.count % _NAMED_EVERY:
            receipt = self.nodes["alpha"].record(opening())
            return Case(self.nodes, receipt.case_id, self.count, begins=begins)
        case = Case(self.nodes, CaseId(b""), self.count, begins=begins)
        self._open_naming(case)
        return case

    def _open_naming(self, case: Case) -> None:
        """Opens a case by an event that names somebody: nobody has permitted anything yet."""
        alpha, act = self.nodes["alpha"], Act("open", "alpha", None, persons=(0,))
        with pytest.raises(RuleViolation):
            alpha.record(case.content(act, _OPENING), audience=EVERYONE)
        act = act._replace(audience=NOBODY)
        receipt = alpha.record(case.content(act, _OPENING), audience=OWN_ONLY)
        case.case_id = receipt.case_id
        (entry,) = alpha.registry.store.entries(alpha.log_id, receipt.index, receipt.index + 1)
        header = decode_header(split_entry(entry)[0])
        content = content_at(alpha, receipt.index)
        key = (alpha.log_id, receipt.index, 0)
        case.done.append(Done(act, key, header, content, _OPENING))

    def do(self, case: Case, act: Act, number: int) -> tuple[Told, Done | None]:
        """Makes the call of an act that tells something; returns whether it was taken, too."""
        node = self.nodes[act.author]
        told, appended = self.calls[act.author].carry_out(case, act, number)
        if appended is None:
            return told, None
        header = decode_header(split_entry(appended.entry)[0])
        content = content_at(node, header.index)
        done = Done(told.act, (node.log_id, header.index, 0), header, content, number)
        case.done.append(done)
        return told, done

    def widen(self, case: Case, act: Act, number: int) -> tuple[str, bool]:
        """Lets more members hold the newest act of an author that is not for everyone.

        Returns:
            What the preview of it tells, and whether it was done.
        """
        # What is asked and drafted stays among whom it names: it is tried if there is nothing else.
        done = next(
            filter(None, (case.newest(*w, author=act.author, is_narrow=True) for w in _WIDENED)),
            None,
        )
        if done is None:
            return "", False
        place = case.done.index(done)
        slugs = () if act.audience is None else tuple(sorted(act.audience))
        command = WidenCommand(f"widen {case.number} {number}", "", done.key[1], slugs)
        desk = self.calls[act.author].desk
        try:
            shown = desk.preview_widening(OFFICER, command)
            is_refused = bool(shown.preview.refusals)
            desk.widen(OFFICER, command).result()
        except RegistryError as error:
            return str(error), False
        assert not is_refused, "a widening is done that its preview refuses"
        wider = None if act.audience is None else done.act.audience | act.audience  # type: ignore[operator] # not for everyone
        case.done[place] = done._replace(act=done.act._replace(audience=wider))
        holders = set(SLUGS) if wider is None else {act.author, *wider}
        assert set(shown.preview.recipients) == holders
        return repr(shown), True

    def erase(self, case: Case, act: Act, number: int) -> bool:
        """Erases the newest act of an author that tells something, and keeps a copy of it."""
        done = case.newest(*TELLING, author=act.author)
        if done is None:
            return False
        copies = self.nodes[act.author].registry.store.parts_of(done.keys)
        self.calls[act.author].erase(case, done, number)
        case.done.remove(done)
        case.erased.append((done, copies))
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
        held = {slug: self.held(case, node) for slug, node in self.nodes.items()}
        for giver, taker in permutations(self.nodes, 2):
            lacked = held[giver] - held[taker]
            given = self.given(case, self.nodes[giver], self.nodes[taker], lacked)
            if given:
                self.nodes[taker].registry.store.put_parts(given).result()
                held[taker] |= {(part.log_id, part.index, part.ordinal) for part in given}

    def given(
        self, case: Case, source: Node, target: Node, keys: Collection[Key] | None = None
    ) -> list[HeldPart]:
        """What one node gives another that asks for every part of a case, or for some."""
        if keys is not None and not keys:
            return []
        asked = {
            key: each.header.parts[key[2]].commitment
            for each in (*case.done, *(done for done, _ in case.erased))
            for key in each.keys
            if keys is None or key in keys
        }
        return source.registry.parts_for(target.registry.own, asked)

    def held(self, case: Case, node: Node) -> frozenset[Key]:
        keys = [key for each in case.done for key in each.keys]
        return frozenset((p.log_id, p.index, p.ordinal) for p in node.registry.store.parts_of(keys))

    def newly_written(self) -> Iterator[bytes]:
        """The entries of every log that were not given out before, as every member gets them."""
        for node in self.nodes.values():
            start, size = self.scanned.get(node.log_id, 0), self.carried.get(node.log_id, 0)
            self.scanned[node.log_id] = size
            yield from node.registry.store.entries(node.log_id, start, size)


def is_as_chosen(nodes: Nodes, header: Header, act: Act) -> bool:
    """Whether a signed audience is that of an act, and no more; of a withdrawal it follows."""
    if act.what == "withdraw":
        return not header.audience.is_all
    if act.audience is None or header.audience.is_all:
        return header.audience.is_all and act.audience is None
    members = {nodes[slug].registry.own.id for slug in {act.author, *act.audience}}
    return set(header.audience.member_ids) == members


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Opens a founded federation; one person is enough for every act."""
    for slug in SLUGS:
        policy = Policy(two_people_to_publish=False, two_people_to_erase=False)
        write_policy(NodeFolder(folder / slug), policy)
    with open_federation(folder, SLUGS) as nodes, ExitStack() as stack:
        calls = {}
        for slug, node in nodes.items():
            desk = open_desk(node.registry, random_bytes=node.random_bytes)
            stack.callback(desk.close)
            calls[slug] = Calls(node, desk)
        yield World(folder, nodes, calls)
