"""What has not been tried yet: the instruments that no event of a case uses.

Rules:
1. Only what a mechanism can begin by itself is told: replies, follow-up and closures answer what
   came before, and States are no mechanisms.
2. An event uses the instrument that it names. One that names none may have used any of its body
   that is told by its kind: those are `perhaps`, never `untried`.
3. A regional mechanism is told for the States of its region only. Whether a State is bound by a
   treaty, or has accepted a procedure, is not known here.
4. Where a quasi-judicial procedure is under way, any other one is told with it: the two would meet
   on the same matter, and one may be inadmissible for it. All other overlap is none.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, instrument_of
from registry.domain.mechanisms import Instrument, Profile, Profiles
from registry.domain.mechanisms.regions import Reach, reach_of
from registry.domain.vocabulary import EventKind as K

Standing: TypeAlias = Literal["untried", "perhaps"]
QUASI_JUDICIAL: Final = "quasi_judicial"
_ANSWERS: Final = frozenset(
    {
        K.REPLY_RECEIVED,
        K.FOLLOWUP_INFORMATION,
        K.FOLLOWUP_ASSESSED,
        K.RECOMMENDATION_RESPONSE,
        K.CASE_CLOSED,
        K.COMMITMENT_MADE,
    }
)
_DECIDE: Final = frozenset(
    {K.PETITION_REGISTERED, K.PETITION_DECIDED, K.OPINION_ADOPTED, K.JUDGMENT_DELIVERED}
)


class Option(NamedTuple):
    """An instrument that may be left.

    Attributes:
        code: such as wgad.opinion.
        instrument: what the profile says of it.
        standing: whether an event may have used it without naming it.
        meets: participants whose quasi-judicial procedure it would meet in this case.
    """

    code: str
    instrument: Instrument
    standing: Standing
    meets: tuple[str, ...]


class Choice(NamedTuple):
    """What one mechanism has done in a case, and what it has not.

    Attributes:
        name: of its profile.
        profile: what is known of it.
        reach: applies, or to be confirmed.
        used: codes of the instruments that events name.
        options: all others.
    """

    name: str
    profile: Profile
    reach: Reach
    used: tuple[str, ...]
    options: tuple[Option, ...]


class Choices(NamedTuple):
    """What is left in a case.

    Attributes:
        choices: by nature, then by name of the profile.
        left_out: names of regional profiles that do not deal with the States of the case.
        meeting: participants whose quasi-judicial procedures are under way, if more than one.
    """

    choices: tuple[Choice, ...]
    left_out: tuple[str, ...]
    meeting: tuple[str, ...]


def choices_of(acts: Iterable[Act], profiles: Profiles, states: Collection[str]) -> Choices:
    """Tells what the readable acts of a case leave.

    Args:
        acts: in any order.
        profiles: the mechanisms as this node has them.
        states: alpha-3 of the States that the case concerns.
    """
    known = list(acts)
    used = {instrument_of(act.content) for act in known} - {""}
    unnamed = {
        (a.content.acting_body, a.content.kind) for a in known if not instrument_of(a.content)
    }
    told = {name: p for name, p in sorted(profiles.by_name.items()) if p.nature != "state"}
    reaches = {name: reach_of(profile.region, states) for name, profile in told.items()}
    deciding = tuple(name for name, profile in told.items() if _is_deciding(profile, used))
    choices = [
        _choice(name, profile, reaches[name], used, unnamed, _others(name, deciding, told))
        for name, profile in told.items()
        if reaches[name] != "does_not_apply" or not used.isdisjoint(profile.instruments)
    ]
    kept = {each.name for each in choices}
    return Choices(
        tuple(sorted(choices, key=lambda each: (_NATURES.index(each.profile.nature), each.name))),
        tuple(name for name in told if name not in kept),
        tuple(told[name].participant for name in deciding) if len(deciding) > 1 else (),
    )


_NATURES: Final[Sequence[str]] = ("quasi_judicial", "non_judicial", "political", "ngo", "state")


def _choice(
    name: str,
    profile: Profile,
    reach: Reach,
    used: Collection[str],
    unnamed: Collection[tuple[str, K]],
    others: tuple[str, ...],
) -> Choice:
    options = []
    for code, instrument in profile.instruments.items():
        kind = instrument.event_kind
        if code in used or kind in _ANSWERS:
            continue
        is_perhaps = any((body, kind) in unnamed for body in profile.bodies)
        meets = others if profile.nature == QUASI_JUDICIAL and _decides(instrument) else ()
        options.append(Option(code, instrument, "perhaps" if is_perhaps else "untried", meets))
    return Choice(
        name, profile, reach, tuple(c for c in profile.instruments if c in used), tuple(options)
    )


def _decides(instrument: Instrument) -> bool:
    """Whether it belongs to a procedure that decides on a person's case.

    Of letters of a quasi-judicial body only one to which a reply is due by its clock does.
    """
    kind = instrument.event_kind
    return kind in _DECIDE or (kind is K.COMMUNICATION_SENT and instrument.reply_days > 0)


def _is_deciding(profile: Profile, used: Collection[str]) -> bool:
    return profile.nature == QUASI_JUDICIAL and any(
        code in used and _decides(instrument) for code, instrument in profile.instruments.items()
    )


def _others(name: str, deciding: Iterable[str], profiles: Mapping[str, Profile]) -> tuple[str, ...]:
    return tuple(profiles[each].participant for each in deciding if each != name)
