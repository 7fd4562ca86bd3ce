"""The fold: from the acts of a case to detentions, each with what every mechanism says of it.

Rules:
1. A detention begins with an act that records one while nobody says that its subject is held; what
   is recorded while somebody does is another account of the same. So is, at any time, what points
   at another mechanism's record of it.
2. It ends with a release: of what the release is about, or else of the detention at its time. A
   release into house arrest ends nothing. A detention that begins afterwards is another one.
3. Of a date that nobody knows to the day all days are kept that it can mean. Of each body the last
   claim counts (`registry.domain.claims`); where claims share no day, all their days are kept, and
   the dates are in dispute. So is a release after which another one says that the person is held.
4. A date that its own mechanism has called wrong (`event_corrected`) does not count.

What is found depends on the acts and on the order within each log, not on how the logs are mixed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final, Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, nearest_about, place_of
from registry.domain.claims import Claim, last_claims
from registry.domain.content import (
    DetentionChanged,
    DetentionRecorded,
    EventCorrected,
    PartialDate,
    PersonReleased,
)
from registry.domain.detention.counting import HOUSE_ARREST, Course, Phase
from registry.domain.detention.spans import UNKNOWN, Span, joined, span_of
from registry.domain.detention.subjects import (
    DETENTION_ACTS,
    Place,
    Subject,
    subjects_of,
)

Matter: TypeAlias = Literal["detained_date", "released_date", "released"]
What: TypeAlias = Literal["began", "changed", "ended"]
PHASES_MAX: Final = 100
"""So many changes of one detention are kept, the last ones; nobody is moved so often."""
_TOLD_BY_CHANGE: Final = {"sentenced": "sentenced", "incommunicado": "incommunicado"}
_EARLIER_ENDS, _BEGINS, _CHANGES, _ENDS, _BEGINS_AGAIN = range(5)
"""The order of what has the same day: one who is released may be arrested again on that day."""


class Account(NamedTuple):
    """What one act says: that a detention began, changed or ended, and when, as far as known."""

    act: Act
    what: What
    span: Span
    date: str


class Dispute(NamedTuple):
    """A matter on which mechanisms differ, and their claims."""

    matter: Matter
    claims: tuple[Claim, ...]


class Detention(NamedTuple):
    """One time that somebody was held.

    Attributes:
        person_id: who, as the case's events name them; empty = nobody is named.
        course: when it began and ended and how the person was held.
        accounts: what each act says, by date; at least one.
        disputes: on what mechanisms differ.
    """

    person_id: str
    course: Course
    accounts: tuple[Account, ...]
    disputes: tuple[Dispute, ...]

    @property
    def opening(self) -> Act:
        """The act that tells what came first."""
        return self.accounts[0].act


@dataclass(slots=True)
class _Spell:
    """A detention while it is folded."""

    accounts: list[Account] = field(default_factory=list)
    is_closed: bool = False

    def add(self, account: Account) -> None:
        self.accounts.append(account)
        self.is_closed = self.is_closed or account.what == "ended"

    def of(self, what: What) -> list[Account]:
        return [each for each in self.accounts if each.what == what]


_Wrong: TypeAlias = frozenset[tuple[str, Place, str]]
"""(mechanism, place, field) of what mechanisms say was wrong."""


def detentions_of(acts: Iterable[Act]) -> tuple[Detention, ...]:
    """Finds the detentions of a case, by subject and by when they began.

    Args:
        acts: the readable acts of one history, in its order.
    """
    known = list(acts)
    told = [act for act in known if isinstance(act.content, DETENTION_ACTS)]
    if not told:
        return ()
    order = {act.place: position for position, act in enumerate(told)}
    wrong = _called_wrong(known)
    return tuple(
        _detention(subject, spell, order)
        for subject, its in sorted(subjects_of(told).items())
        for spell in _spells(its, wrong)
    )


def _called_wrong(acts: Iterable[Act]) -> _Wrong:
    return frozenset(
        (act.mechanism, place, name)
        for act in acts
        if isinstance(act.content, EventCorrected)
        and (place := place_of(act.content.about)) is not None
        for name in act.content.wrong_fields
    )


def _account(act: Act, wrong: _Wrong) -> Account:
    content = act.content
    names = [content.date_field]
    what: What = "changed"
    if isinstance(content, DetentionRecorded):
        names, what = ["arrested_date", *names], "began"
    elif isinstance(content, PersonReleased) and content.release != HOUSE_ARREST:
        what = "ended"
    for name in names:
        found: PartialDate | None = getattr(content, name)
        if found is not None and found.value and (act.mechanism, act.place, name) not in wrong:
            return Account(act, what, span_of(found), found.value)
    return Account(act, what, UNKNOWN, "")


def _spells(acts: Sequence[Act], wrong: _Wrong) -> list[_Spell]:
    """Walks through what is said of one subject, by date."""
    by_place = {act.place: act for act in acts}
    links = nearest_about(by_place, lambda act: not isinstance(act.content, DetentionChanged))
    accounts = {act.place: _account(act, wrong) for act in acts}
    firsts = [a.span.first for a in accounts.values() if a.what == "began" and a.span.first]
    first = min(firsts, default=date.min)
    spells: list[_Spell] = []
    of_record: dict[Place, _Spell] = {}
    for account in sorted(
        accounts.values(), key=lambda each: _when(each, _linked(each, links, accounts), first)
    ):
        linked = _linked(account, links, accounts)
        spell = None if linked is None else of_record.get(linked.act.place)
        if account.what == "began" and linked and linked.act.mechanism == account.act.mechanism:
            spell = None  # its own next detention, if that one is over
        if spell is None and spells and not (account.what == "began" and spells[-1].is_closed):
            spell = spells[-1]
        if spell is None:
            spell = _Spell()
            spells.append(spell)
        spell.add(account)
        if account.what == "began":
            of_record[account.act.place] = spell
    return spells


def _linked(
    account: Account, links: Mapping[Place, Act | None], accounts: Mapping[Place, Account]
) -> Account | None:
    """The record or the release that an act is about, directly or over changes."""
    link = links[account.act.place]
    return None if link is None else accounts[link.place]


def _when(account: Account, linked: Account | None, first: date) -> tuple[date, int, Place]:
    """The place of an account in the walk.

    What begins or changes comes as early as its date allows, and a release that is about nothing as
    late; what is about something never comes before it. `first` is the first day of the earliest
    record.
    """
    span, place = account.span, account.act.place
    earliest = date.min if linked is None else linked.span.first or date.min
    if account.what == "began":
        is_again = linked is not None and linked.what == "ended"
        when = max(span.first or date.min, earliest)
        return when, _BEGINS_AGAIN if is_again else _BEGINS, place
    if account.what == "changed":
        return max(span.first or date.min, earliest), _CHANGES, place
    if linked is None:
        when, earliest = span.last or date.max, first
    else:
        when = max(span.first or date.min, earliest)
    return when, _EARLIER_ENDS if when > earliest else _ENDS, place


def _detention(subject: Subject, spell: _Spell, order: Mapping[Place, int]) -> Detention:
    starts, ends = _counted(spell.of("began"), order), _counted(spell.of("ended"), order)
    start = joined(each.span for each in starts)
    end = joined(each.span for each in ends) if ends else None
    if not start.is_known:
        # Whoever was held on a day was detained on that day or before.
        lasts = [each.span.last for each in spell.accounts if each.span.last is not None]
        start = Span(None, min(lasts, default=None))
    after = [each for each in spell.of("changed") if end is not None and end.is_before(each.span)]
    course = Course(start, end, _phases(spell, start), is_contradicted=bool(after))
    disputes = tuple(_disputes(starts, ends, after))
    return Detention(subject.person_id, course, tuple(spell.accounts), disputes)


def _counted(accounts: Sequence[Account], order: Mapping[Place, int]) -> list[Account]:
    """The accounts that count: the last of each body, in the order of record."""
    by_place = {each.act.place: each for each in accounts}
    in_order = sorted(accounts, key=lambda each: order[each.act.place])
    counted = last_claims(_claim(each, each.date) for each in in_order)
    return sorted((by_place[claim.act.place] for claim in counted), key=lambda each: each.act.place)


def _phases(spell: _Spell, start: Span) -> tuple[Phase, ...]:
    """How the person was held: as it was recorded first, and from each change on."""
    first = next((how for each in spell.of("began") if (how := _deprivation(each.act))), "")
    changes = [
        Phase(each.span, how) for each in spell.of("changed") if (how := _deprivation(each.act))
    ]
    phases = [Phase(start, first), *changes[-PHASES_MAX:]]
    return (phases[0], *(b for a, b in pairwise(phases) if a.deprivation != b.deprivation))


def _deprivation(act: Act) -> str:
    content = act.content
    if isinstance(content, PersonReleased):
        return content.release if content.release == HOUSE_ARREST else ""
    if isinstance(content, DetentionChanged):
        return content.deprivation or _TOLD_BY_CHANGE.get(content.change, "")
    return content.deprivation if isinstance(content, DetentionRecorded) else ""


def _disputes(
    starts: Sequence[Account], ends: Sequence[Account], after: Sequence[Account]
) -> Iterator[Dispute]:
    if _differ(starts):
        yield Dispute(
            "detained_date", tuple(_claim(each, each.date) for each in starts if each.date)
        )
    if _differ(ends):
        yield Dispute("released_date", tuple(_claim(each, each.date) for each in ends if each.date))
    if {each.act.mechanism for each in after} - {each.act.mechanism for each in ends}:
        released = (_claim(each, "released") for each in ends)
        yield Dispute("released", (*released, *(_claim(each, "detained") for each in after)))


def _claim(account: Account, value: str) -> Claim:
    return Claim(account.act, account.act.content.acting_body, value, "")


def _differ(accounts: Sequence[Account]) -> bool:
    """Whether two mechanisms name days that cannot be the same."""
    lasts: dict[str, date] = {}
    firsts: dict[str, date] = {}
    for each in accounts:
        who, (first, last) = each.act.mechanism, each.span
        if first is not None and last is not None:
            lasts[who] = min(last, lasts.get(who, date.max))
            firsts[who] = max(first, firsts.get(who, date.min))
    return any(lasts[a] < firsts[b] for a in lasts for b in firsts if a != b)
