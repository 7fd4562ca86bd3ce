"""Entries for the registers of reprisals: ACHPR Res. 273 (LV) 2014, the Secretary-General's report.

Resolution 273 (LV) 2014 of the African Commission asks for a register of cases of reprisals against
those who cooperated with it; Human Rights Council resolutions 12/2 and 24/24 ask for the
Secretary-General's report on cooperation and reprisals. Entries are folded from what `exporting`
lets out for that use and from nothing else: content that the recipient may hold, or all may; names
that consent covers, all others withheld and counted; no event in whose text a protected name
stands. They are one more thing made of an export, not one more way out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from registry.application.exporting import Export, ExportPurpose
from registry.application.registry import Registry
from registry.domain.acts import Act, place_of
from registry.domain.content import AccountabilityStep, ReprisalAlleged, ReprisalLinked
from registry.domain.identifiers import CaseId, log_id_of
from registry.domain.reprisals import (
    Impunity,
    Reprisal,
    Standing,
    date_of,
    impunity_on,
    reprisals_of,
    standing_of,
    victims_of,
)
from registry.domain.vocabulary import kind_code
from registry.errors import InvalidRequest
from registry.views.acts import acts_of, name_of
from registry.views.case_file import CaseHistory
from registry.views.reprisal_board import recorded_day

RegisterName: TypeAlias = Literal["achpr", "sg"]
KEPT_BY: Final[Mapping[RegisterName, str]] = {"achpr": "achpr", "sg": "sg.reprisals"}
"""Code of the body that keeps a register."""


class Happened(NamedTuple):
    """Something that was done: when, as far as it is known, by whom, and what (a code)."""

    date: str
    who: str
    what: str
    title: str


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """One reprisal as a register has it.

    Attributes:
        case_id: the case, and the event that alleges it:
        origin, index: its place.
        states: alpha-3 of the States concerned.
        date: when it occurred, as far as it is known.
        bodies: codes of the bodies cooperated with.
        cooperation: what the cooperation was: acts of the case, or the contact in words.
        acts: codes of what was done.
        title, summary: in words.
        against: names of persons whose consent covers this use, and of organisations.
        withheld: how many persons are not named for want of consent.
        follow_up: what mechanisms and the State did about it, by date.
        accountability: the steps, by date.
        standing: of accountability; `impunity` why there is none on the day of the register.
        outcome: how it was resolved; empty = it was not.
        confidence: how sure it is.
        reported_by: code of the body whose act it is.
        references: as written.
        is_invented: an invented example.
    """

    case_id: CaseId
    origin: str
    index: int
    states: tuple[str, ...]
    date: str
    bodies: tuple[str, ...]
    cooperation: tuple[Happened, ...]
    acts: tuple[str, ...]
    title: str
    summary: str
    against: tuple[str, ...]
    withheld: int
    follow_up: tuple[Happened, ...]
    accountability: tuple[Happened, ...]
    standing: Standing
    impunity: Impunity
    outcome: str
    confidence: str
    reported_by: str
    references: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a register is for.

    Attributes:
        purpose: of the export.
        recipients: slugs of the mechanisms that get it; none = it may be published.
    """

    purpose: ExportPurpose
    recipients: tuple[str, ...]


def register_name(text: str) -> RegisterName:
    """Reads which register is meant.

    Raises:
        InvalidRequest: there is no such register.
    """
    if text not in KEPT_BY:
        msg = f"a register is one of {', '.join(KEPT_BY)}, not {text[:80]!r}"
        raise InvalidRequest(msg)
    return cast("RegisterName", text)


def destination_of(registry: Registry, name: RegisterName, *, is_public: bool) -> Destination:
    """Tells whom a register goes to: the members at whose node its keeper is at home.

    If none of them is a member, it can only be what everybody may read.
    """
    members = {each.slug for each in registry.roster.members if each.is_active}
    homes = registry.profiles.homes_of(KEPT_BY[name])
    recipients = tuple(sorted(slug for slug in homes if slug in members))
    if is_public or not recipients:
        return Destination("public", ())
    return Destination("mechanisms", recipients)


def entries_of_case(
    registry: Registry, case_id: CaseId, destination: Destination, *, day: date, months: int
) -> tuple[tuple[RegisterEntry, ...], Export]:
    """The entries of one case, by date, and the export that they are made of.

    Raises:
        NotFound: no such case is here.
        InvalidRequest: see `Registry.export`.
    """
    export = registry.export(case_id, destination.purpose, destination.recipients)
    is_situation = registry.situations.state_of(case_id) is not None
    entries = entries_of(export, case_id, day=day, months=months, is_situation=is_situation)
    return entries, export


def entries_of(
    export: Export, case_id: CaseId, *, day: date, months: int, is_situation: bool = False
) -> tuple[RegisterEntry, ...]:
    """The entries that an export of a case makes, by date; of nothing else than it."""
    acts = acts_of(CaseHistory(case_id, export.events, b"", ()))
    recorded: dict[tuple[str, int], str] = {
        (each.origin, each.index): recorded_day(each.recorded_ms) for each in export.events
    }
    return tuple(
        _entry(
            case_id,
            each,
            acts,
            export,
            impunity_on(each.date, recorded[each.act.place], each.steps, day, months),
        )
        for each in reprisals_of(acts, is_situation=is_situation)
    )


def _entry(
    case_id: CaseId, found: Reprisal, acts: Sequence[Act], export: Export, impunity: Impunity
) -> RegisterEntry:
    content = found.act.content
    assert isinstance(content, ReprisalAlleged)  # noqa: S101 - the fold says so
    parties = (each.name for each in victims_of(content))
    place = (log_id_of(found.act.origin), found.act.index)
    steps = {(each.origin, each.index) for each in found.steps}
    return RegisterEntry(
        case_id=case_id,
        origin=found.act.origin,
        index=found.act.index,
        states=found.states,
        date=found.date,
        bodies=found.bodies,
        cooperation=tuple(_cooperation(found, acts)),
        acts=content.acts,
        title=name_of(content),
        summary=content.summary,
        against=(*(person.name for person in content.persons), *parties),
        withheld=export.withheld.get(place, 0),
        follow_up=tuple(_happened(act) for act in _followed(found, acts)),
        accountability=tuple(_happened(act) for act in _by_date(acts) if act.place in steps),
        standing=standing_of(found.steps),
        impunity=impunity,
        outcome=found.outcome,
        confidence=content.confidence,
        reported_by=content.acting_body,
        references=content.references,
        is_invented=content.is_invented,
    )


def _cooperation(found: Reprisal, acts: Iterable[Act]) -> Iterator[Happened]:
    """The acts of cooperation that may be told, and the contacts in words."""
    at = {act.place: act for act in acts}
    yield from (_happened(at[place]) for place in found.cooperation if place in at)
    yield from (Happened("", "", "", words) for words in found.words)


def _followed(found: Reprisal, acts: Sequence[Act]) -> Iterator[Act]:
    """What was done about a reprisal, accountability and links apart."""
    for act in _by_date(acts):
        is_other = isinstance(act.content, AccountabilityStep | ReprisalLinked | ReprisalAlleged)
        if not is_other and place_of(act.content.about) == found.act.place:
            yield act


def _happened(act: Act) -> Happened:
    content = act.content
    if isinstance(content, AccountabilityStep):
        return Happened(date_of(content), content.authority, content.step, name_of(content))
    return Happened(
        date_of(content), content.acting_body, kind_code(content.kind), name_of(content)
    )


def _by_date(acts: Iterable[Act]) -> list[Act]:
    return sorted(acts, key=lambda act: (date_of(act.content) or "~", act.origin, act.index))
