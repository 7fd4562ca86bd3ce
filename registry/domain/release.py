"""Release: whether names may leave with an act. The one copy of the rule.

Recording, preview, sharing and export ask here. A use follows from who gets the content: every
member is the public, since whatever all hold is one copy away from it; named mechanisms need a
consent that names them; an act addressed to a State takes the names to that State.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from registry.domain.audience import AudienceChoice
from registry.domain.consent import Consents
from registry.domain.content import ActContent
from registry.domain.content.persons import PersonUse
from registry.domain.identifiers import LogId
from registry.domain.protected_names import Sought
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation


@dataclass(frozen=True, slots=True)
class Use:
    """What names would be used for; mechanisms (slugs) for share_with_mechanisms only."""

    use: PersonUse
    mechanisms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person and one use; `why_not` is empty if a consent covers it."""

    person_id: str
    name: str
    use: PersonUse
    why_not: str


@dataclass(frozen=True, slots=True)
class Release:
    """What was found for one act: each named person, and each protected name in its text."""

    persons: tuple[Verdict, ...] = ()
    names_in_text: tuple[Verdict, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the act may not leave as it is; empty = it may. Names nobody, but by id."""
        return tuple(
            f"{each.use} of person {each.person_id}: {each.why_not}"
            for each in (*self.persons, *self.names_in_text)
            if each.why_not
        )


_TO_A_STATE: Final = frozenset(
    {
        EventKind.COMMUNICATION_SENT,
        EventKind.COURT_SUBMISSION_MADE,
        EventKind.DEMARCHE_MADE,
        EventKind.DIALOGUE_RAISED,
    }
)
"""Acts before a State, whether it is named or not."""
NO_NAMES: Final = Release()
"""Of an act in a case in which nobody is named."""


def refuse_release(release: Release) -> None:
    """Refuses an act with which a name would leave that may not.

    Raises:
        RuleViolation: the text names the first person by id, and the use.
    """
    if release.refusals:
        raise RuleViolation(release.refusals[0])


@dataclass(frozen=True, slots=True)
class KnownPersons:
    """What a node knows of the persons of a case: their consents and every name they go by."""

    consents: Consents
    names: Mapping[str, tuple[str, ...]]


def uses_of_audience(choice: AudienceChoice, author: str) -> tuple[Use, ...]:
    """The uses that an audience makes of the names in an act of the mechanism `author`."""
    if choice.kind == "all":
        return (Use("names_in_public"),)
    others = tuple(sorted(set(choice.mechanisms) - {author}))
    return (Use("share_with_mechanisms", others),) if others else ()


def uses_of_act(content: ActContent) -> tuple[Use, ...]:
    """The uses that an act makes of the names in it, whoever holds its record."""
    is_to_state = bool(getattr(content, "addressee_state", ""))
    if content.kind in _TO_A_STATE or is_to_state:
        return (Use("names_to_state"),)
    return ()


def judge_persons(
    content: ActContent, uses: Iterable[Use], author_log: LogId, known: KnownPersons
) -> tuple[Verdict, ...]:
    """Judges every named person for every use."""
    wanted = tuple(uses)
    return tuple(
        Verdict(
            person.person_id,
            person.name,
            use.use,
            known.consents.why_not(person.person_id, use.use, author_log, use.mechanisms),
        )
        for person in content.persons
        for use in wanted
    )


def judge_text(
    content: ActContent,
    uses: Iterable[Use],
    author_log: LogId,
    known: KnownPersons,
    confirmed: Collection[str] = (),
) -> tuple[Verdict, ...]:
    """Finds the names in the text that no consent covers for one of the uses.

    Args:
        content: the act.
        uses: what it would be used for.
        author_log: the log of the act.
        known: the persons of the case.
        confirmed: ids of persons whom the words do not mean, as an officer confirmed.
    """
    wanted = tuple(uses)
    if not wanted or not known.names:
        return ()
    protected = {
        (person_id, use): why_not
        for person_id in known.names
        for use in wanted
        if (why_not := known.consents.why_not(person_id, use.use, author_log, use.mechanisms))
    }
    asked = {person_id: known.names[person_id] for person_id, _ in protected}
    found = Sought(asked).find_in(content)
    return tuple(
        Verdict(
            person_id,
            known.names[person_id][0],
            use.use,
            "" if person_id in confirmed else f"the name stands in the text, and {why_not}",
        )
        for (person_id, use), why_not in protected.items()
        if person_id in found
    )


def judge_withdrawal(
    content: ActContent, known: KnownPersons, confirmed: Collection[str] = ()
) -> tuple[Verdict, ...]:
    """Finds the names in the text of a withdrawal: it has none, whatever is permitted.

    It goes to everyone who may hold the names, whatever audience was asked for; it is sent whoever
    else withdraws later, since without it the name would be used on; and it is never erased.

    Args:
        content: the withdrawal.
        known: the persons of the case.
        confirmed: as in `judge_text`.
    """
    found = Sought(known.names).find_in(content)
    return tuple(
        Verdict(
            person_id,
            names[0],
            "share_with_mechanisms",
            ""
            if person_id in confirmed
            else "the name stands in the text of a withdrawal, which "
            "goes to everyone who may hold the names of its person and stays",
        )
        for person_id, names in known.names.items()
        if person_id in found
    )


def denied_names(uses: Iterable[Use], author_log: LogId, known: KnownPersons) -> Sought:
    """The names, by person, of those who permit a log none of the uses: no text may tell them."""
    wanted = tuple(uses)
    return Sought(
        {
            person_id: names
            for person_id, names in known.names.items()
            if all(
                known.consents.why_not(person_id, use.use, author_log, use.mechanisms)
                for use in wanted
            )
        }
    )
