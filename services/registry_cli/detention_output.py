"""How detentions, and what has not been tried, look on a terminal."""

from calendar import monthrange
from typing import Final

from rich.text import Text

from registry.client.detention import (
    CaseDetentions,
    DaySpan,
    Detention,
    DetentionAct,
    DetentionFile,
    MechanismChoice,
    Untried,
)
from registry.domain.detention import Days
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title, label
from registry_cli.output import Output, printable
from registry_cli.rendering import heading, print_wrapped, state_text

_ID_SHOWN: Final = 8
_STATES_SHOWN: Final = 4
_DAYS_WIDTH: Final = 16
_STANDINGS: Final = {
    "not_begun": "not yet detained on that day",
    "detained": "still detained",
    "under_house_arrest": "under house arrest",
    "unclear": "perhaps released",
    "disputed": "released, and said to be held",
    "released": "released",
}
_DISPUTES: Final = {
    "detained_date": "when it began",
    "released_date": "when it ended",
    "released": "whether the person is held",
}
_SAYS: Final = {"began": "detained", "changed": "changed", "ended": "released"}
_NONE_KNOWN: Final = "none known here"


def days_text(days: Days) -> str:
    """A number of days, or between which two numbers it lies."""
    if days.most is None:
        return f"at least {days.least} days" if days.least else "unknown"
    if days.least == days.most:
        return "1 day" if days.least == 1 else f"{days.least} days"
    return f"{days.least} to {days.most} days"


def span_text(span: DaySpan) -> str:
    """A date as far as it is known: a day, a month, a year, or between which days it lies."""
    first, last = span
    if not first and not last:
        return "undated"
    if not first:
        return f"by {last}"
    if first == last:
        return first
    if first[:4] == last[:4] and first.endswith("-01-01") and last.endswith("-12-31"):
        return first[:4]
    is_whole = (
        first.endswith("-01") and int(last[8:]) == monthrange(int(last[:4]), int(last[5:7]))[1]
    )
    if first[:7] == last[:7] and is_whole:
        return first[:7]
    return f"{first} to {last}"


def print_detentions(output: Output, found: list[Detention], on: str) -> None:
    """Prints who is held, longest first."""
    if not found:
        output.say(_NONE_KNOWN)
        return
    for each in found:
        days = days_text(each.days)
        who = Text(printable(_who(each)), style="bold")
        print_wrapped(output, f"{days:>{_DAYS_WIDTH}}  ", who)
        stands = label("words", each.standing)
        differing = "DISPUTED" if each.disputes and each.standing != "disputed" else ""
        facts = (
            f"since {span_text(each.start)}",
            stands,
            differing,
            ", ".join(each.states[:_STATES_SHOWN]),
            f"case {each.case_id.hex()[:_ID_SHOWN]}",
        )
        print_wrapped(output, " " * (_DAYS_WIDTH + 2), " · ".join(filter(None, facts)))
    as_of = f", as of {on}" if on else ""
    output.say(f"{len(found)} known here{as_of}")


def print_case_detentions(output: Output, found: CaseDetentions) -> None:
    """Prints the detentions of a case, each with its line of time."""
    for each in found.files:
        _print_file(output, each, found.on)
    if not found.files:
        output.say(f"detentions in this case: {_NONE_KNOWN}")
    _print_unreadable(output, found.unreadable_count, "what they say is not counted")


def print_untried(output: Output, found: Untried) -> None:
    """Prints what has not been tried, by nature and mechanism."""
    states = ", ".join(map(state_text, found.states)) or "no State named"
    heading(output, f"Not tried yet, as far as is known here ({states})")
    nature = ""
    for each in found.choices:
        if each.nature != nature:
            nature = each.nature
            output.say(f"{label('words', nature)}")
        _print_choice(output, each)
    if found.left_out:
        profiles = shipped_profiles().by_name
        names = (profiles[n].participant if n in profiles else n for n in found.left_out)
        print_wrapped(output, "  ", f"not for these States: {'; '.join(names)}")
    if found.meeting:
        print_wrapped(
            output,
            "  ",
            f"quasi-judicial procedures meet in this case already: {'; '.join(found.meeting)}",
        )
    print_wrapped(
        output,
        "  ",
        "Whether a State is bound by a treaty, or has accepted a procedure, is not known here.",
    )
    _print_unreadable(output, found.unreadable_count, "what they used is not known")


def _print_file(output: Output, file: DetentionFile, on: str) -> None:
    each = file.detention
    heading(output, _who(each))
    _fact(output, "stands", _standing(each))
    end = f" to {span_text(each.end)}" if each.is_ended else ""
    _fact(output, "held", f"{span_text(each.start)}{end}")
    _fact(output, "days", f"{days_text(each.days)}, as of {on}")
    if each.house_arrest_days.most != 0:
        custody, house = days_text(each.custody_days), days_text(each.house_arrest_days)
        _fact(output, "of these", f"{custody} in custody, {house} under house arrest")
    for phase in each.phases:
        if phase.deprivation:
            how = label("words", phase.deprivation)
            _fact(output, "how", f"{how} from {span_text(phase.since)}")
    _fact(output, "where", each.place)
    _fact(output, "authority", each.authority)
    _fact(output, "charges", "; ".join(each.charges))
    _fact(output, "hearing", each.next_hearing)
    sure = (f"{label('words', how)} ({who})" for who, how in each.confidences)
    _fact(output, "sure", ", ".join(sure))
    disputes = ", ".join(_DISPUTES.get(matter, matter) for matter in each.disputes)
    _fact(output, "DISPUTED", disputes and f"{disputes}; see `registry case show`")
    output.say("  line of time")
    for act in file.acts:
        _print_act(output, act)


def _print_act(output: Output, each: DetentionAct) -> None:
    act = each.act
    body = shipped_profiles().body_name(act.body)
    what = _SAYS.get(each.says) or kind_title(act.kind)
    line = Text(printable(what), style="bold")
    # Its date counts for nothing, and the act stands all the same.
    wrong = "date called wrong" if each.says and act.date and _day(each) == "" else ""
    told = " · ".join(filter(None, (body, *act.references[:2], act.title, wrong)))
    invented = "INVENTED · " if act.is_invented else ""
    line.append(printable(f"  {invented}{told}"), style="not bold")
    print_wrapped(output, f"  {act.date or 'undated':<10}  {_day(each):>11}  ", line)


def _day(each: DetentionAct) -> str:
    """How long after the beginning, in few letters."""
    least, most = each.day
    if not each.act.date or most is None:
        return ""
    sign = "-" if each.is_before else ""
    return f"day {sign}{least}" if least == most else f"day {sign}{least}-{most}"


def _print_choice(output: Output, each: MechanismChoice) -> None:
    unsure = " (?)" if each.is_to_be_confirmed else ""
    print_wrapped(output, "  ", Text(printable(f"{each.participant}{unsure}"), style="bold"))
    if each.used:
        print_wrapped(output, "    ", f"used: {', '.join(each.used)}")
    names = [
        f"{one.name}{' (perhaps used)' if one.is_perhaps_used else ''}" for one in each.untried
    ]
    print_wrapped(output, "    ", ", ".join(names) or "everything was tried")
    meeting = [one for one in each.untried if one.meets]
    if meeting:
        others = "; ".join(dict.fromkeys(name for one in meeting for name in one.meets))
        codes = ", ".join(one.name for one in meeting)
        print_wrapped(output, "    ", f"note: {codes} would meet a procedure under way: {others}")


def _standing(each: Detention) -> str:
    words = _STANDINGS.get(each.standing, each.standing)
    if each.standing == "released" and each.release:
        return f"{words} ({each.release.replace('_', ' ')})"
    return words


def _who(each: Detention) -> str:
    invented = "INVENTED · " if each.is_invented else ""
    if each.name:
        return f"{invented}{each.name} · {each.case_title}"
    unnamed = f"person {each.person_id[:_ID_SHOWN]} · " if each.person_id else ""
    return f"{invented}{unnamed}{each.case_title}"


def _fact(output: Output, name: str, text: str) -> None:
    if text:
        print_wrapped(output, f"  {name:<10} ", text)


def _print_unreadable(output: Output, count: int, what: str) -> None:
    if count:
        output.say(f"  {count} events of this case are not readable here: {what}")
