"""`registry acted`: before acting, see who has acted on a matter, as far as this node knows."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from registry.client.acting import ActingAct, ActingAnswer, LogStanding, MatchedCase, Question
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title, label
from registry_cli.commands.casework import Since, State, Theme, Until
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.output import Output
from registry_cli.rendering import heading, print_wrapped, time_text

_ID_SHOWN = 8
_INDENT = " " * 6


def acted(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    profile: Profile,
    reference: Annotated[str, typer.Option(help="a reference in any spelling")] = "",
    name: Annotated[
        str, typer.Option(help="person or organisation, in any script, spelling and order")
    ] = "",
    state: State = None,
    theme: Theme = None,
    since: Since = "",
    until: Until = "",
    planned: Annotated[
        str, typer.Option(help="instrument that you mean to use, such as iachr.petition")
    ] = "",
    body: Annotated[str, typer.Option(help="code of the body that means to use it")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="cases at most")] = 20,
    json: Json = False,
) -> None:
    """Ask before acting: has anyone acted on this person, reference, State and time, theme?

    The answer comes from what this node holds; no other node is asked. Give any mix of options.
    """
    question = Question(
        reference=reference,
        name=name,
        states=tuple(each.upper() for each in state or ()),
        themes=theme or (),
        since=since,
        until=until,
        planned_instrument=planned,
        planned_body=body,
        limit=limit,
    )
    answer = with_client(profile, lambda client: client.acting.has_anyone_acted(question))
    output = Output(is_json=json)
    print_answer(output, answer, is_identifying=bool(reference or name))
    output.result(answer)


def print_answer(output: Output, answer: ActingAnswer, *, is_identifying: bool) -> None:
    """Prints an answer; `is_identifying` = a reference or a name was asked for."""
    same = [case for case in answer.cases if case.is_identified]
    others = [case for case in answer.cases if not case.is_identified]
    if is_identifying and not same:
        output.say("none known here by this reference or name")
    elif not answer.cases:
        output.say("none known here")
    if same:
        heading(output, "The same by reference or name")
        _print_cases(output, same)
    if others:
        heading(output, "Other cases in these circumstances" if is_identifying else "Known here")
        _print_cases(output, others)
    if answer.has_more:
        output.say("there are more: ask for more with --limit, or narrow the question down")
    _print_overlaps(output, answer)
    heading(output, f"What this stands for, {time_text(answer.answered_ms)} UTC")
    held = ", ".join(f"{log.mechanism} {log.size:,}" for log in answer.logs)
    print_wrapped(output, "  ", f"events held of each log: {held}")
    for line in standing_lines(answer):
        print_wrapped(output, "  ", line)


def standing_lines(answer: ActingAnswer) -> Iterator[str]:
    """What the answer may lack, log by log."""
    for log in answer.logs:
        said = list(_lacks(log))
        if said:
            yield f"{log.mechanism}: {'; '.join(said)}"
    if answer.projection_lag:
        yield f"{answer.projection_lag:,} entries that arrived are not in the lists yet"


def _lacks(log: LogStanding) -> Iterator[str]:
    if not log.is_connected:
        heard = time_text(log.last_heard_ms) if log.last_heard_ms else ""
        yield f"silent, last heard {heard} UTC" if heard else "silent since this node started"
    if log.missing_entries:
        yield f"behind: {log.missing_entries:,} entries are offered and not here yet"
    if log.missing_parts:
        yield f"the content of {log.missing_parts:,} parts is not here yet"
    if log.is_frozen:
        yield "its log was ended: what comes after does not count"


def _print_cases(output: Output, cases: Sequence[MatchedCase]) -> None:
    for case in cases:
        title = f"INVENTED · {case.title}" if case.is_invented else case.title
        start = f"{case.score:.2f}  {case.case_id.hex()[:_ID_SHOWN]}  "
        print_wrapped(output, start, title)
        for reason in case.reasons:
            print_wrapped(output, f"{_INDENT}because  ", reason.words)
        for each in case.acts:
            print_wrapped(output, f"{_INDENT}{each.act.date or 'undated':<10}  ", _act_text(each))
        if case.has_more_acts:
            output.say(f"{_INDENT}and earlier acts: see registry case timeline")
        print_wrapped(output, _INDENT, _known_text(case))


def _act_text(each: ActingAct) -> str:
    profiles = shipped_profiles()
    act = each.act
    instrument = profiles.instrument(act.instrument)
    what = instrument.name if instrument else kind_title(act.kind)
    nature = label("words", each.nature) if each.nature else "nature not known"
    references = f" · {', '.join(act.references)}" if act.references else ""
    code = f" ({act.instrument})" if act.instrument else ""
    return f"{profiles.body_name(act.body)}: {what}{code}, {nature}{references}"


def _known_text(case: MatchedCase) -> str:
    nothing = "" if case.acts else "no act of a body can be read here; "
    hidden = (
        f"; {case.unreadable_count} of its events cannot be read here"
        if case.unreadable_count
        else ""
    )
    return f"{nothing}recorded in by {', '.join(case.mechanisms)}{hidden}"


def _print_overlaps(output: Output, answer: ActingAnswer) -> None:
    if not answer.overlaps:
        return
    heading(output, "Where bodies meet on one matter")
    for each in answer.overlaps:
        bodies = " and ".join(body or "the body that you plan for" for body in each.bodies)
        planned = " (planned)" if each.is_planned else ""
        if each.is_duplication:
            text = (
                f"WARNING, duplication: {bodies}{planned}: both procedures are quasi-judicial, "
                "and a petition may be found inadmissible for it"
            )
        else:
            text = f"for information: {bodies}{planned}"
        print_wrapped(output, "  ", text)
