"""How cases, histories, timelines, proofs and imports look on a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from rich.table import Table
from rich.text import Text

from registry.client import CaseSummary, Disagreement, History, HistoryEvent, TimelineItem
from registry.domain.content import ActContent, PartialDate
from registry.domain.mechanisms import shipped_profiles
from registry.domain.states import state_name
from registry.domain.vocabulary import kind_title, label
from registry_cli.importing import ImportReport
from registry_cli.output import Output, printable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATES_SHOWN: Final = 4
_REFERENCES_SHOWN: Final = 3
_NARROWEST: Final = 40
_INDENT: Final = " " * 18
_STATES_IN_WORDS: Final = {
    "none": "(no content)",
    "not_here": "(content has not arrived here yet)",
    "erased": "(content was erased)",
    "withheld": "(content is for other members)",
    "opaque": "(content of a kind this software does not know)",
}
_REASONS_IN_WORDS: Final = {
    "state_no_longer_exists": "names a State that is no more",
    "state_unknown": "names a State that nobody knows",
    "value_unknown": "holds a value that the mapping does not know",
    "date_unreadable": "holds a date that cannot be read",
    "content_invalid": "breaks a rule of its kind",
    "other_facts_for_key": "repeats a key with other facts",
    "row_malformed": "has more or fewer cells than the header",
    "key_missing": "has no key",
    "rule_violation": "breaks a rule",
}


class Place(Protocol):
    """How much of one log counted: `size` entries with RFC 6962 root `root`."""

    @property
    def origin(self) -> str:
        """The log's origin."""
        ...

    @property
    def size(self) -> int:
        """Number of entries."""
        ...

    @property
    def root(self) -> bytes:
        """Root of these entries, 32 bytes."""
        ...


def time_text(time_ms: int) -> str:
    """A time in UTC, to the second; a clock that lies beyond the year 9999 is told as such."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=time_ms):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{time_ms} ms (no time)"


def witnessed_text(count: int, total: int) -> str:
    """How many of the other members have cosigned something; empty if there are none."""
    return f", witnessed {count} of {total}" if total else ""


def date_text(date: PartialDate | None) -> str:
    """The date of an act as far as it is known."""
    return date.value if date is not None and date.value else "undated"


def state_text(code: str) -> str:
    """A State's code and, where it has one, its name."""
    name = state_name(code)
    return code if name == code else f"{code} ({name})"


def reason_text(reason: str) -> str:
    """Why a row was left out, in words."""
    return _REASONS_IN_WORDS.get(reason, reason.replace("_", " "))


def heading(output: Output, text: str) -> None:
    """Prints an empty line and a heading."""
    output.say()
    output.say(Text(printable(text), style="bold"))


def print_wrapped(output: Output, start: str, text: str | Text) -> None:
    """Prints a start and text beside it, which keeps its column on further lines."""
    whole = Text(printable(text)) if isinstance(text, str) else text
    width = max(_NARROWEST, output.console.width - len(start))
    for line in whole.wrap(output.console, width):
        line.rstrip()
        output.say(Text(start).append_text(line))
        start = " " * len(start)


def columns(*names: str, right: Sequence[str] = ()) -> Table:
    """An empty table without lines; columns named in `right` hold numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    return table


def print_cases(output: Output, cases: Sequence[CaseSummary], *, with_count: bool = True) -> None:
    """Prints a list of cases."""
    for case in cases:
        states = " ".join(case.states[:_STATES_SHOWN])
        more = " …" if len(case.states) > _STATES_SHOWN else ""
        output.say(Text(_title(case), style="bold").append(f"  {states}{more}", style="not bold"))
        facts = (
            f"{case.event_count} events, last {time_text(case.last_recorded_ms)} UTC, "
            f"by {', '.join(case.mechanisms)}"
        )
        print_wrapped(output, f"  {case.case_id.hex()}  ", facts)
    if with_count:
        output.say(f"{len(cases)} cases")


def print_case(output: Output, case: CaseSummary) -> None:
    """Prints one case."""
    output.say(Text(_title(case), style="bold"))
    states = ", ".join(state_text(code) for code in case.states)
    output.say(f"  case       {case.case_id.hex()}")
    output.say(f"  States     {states or 'none named'}")
    output.say(f"  events     {case.event_count}, {case.unreadable_count} not readable here")
    output.say(f"  by         {', '.join(case.mechanisms)}")
    first, last = time_text(case.first_recorded_ms), time_text(case.last_recorded_ms)
    output.say(f"  recorded   {first} to {last} UTC")

    if case.themes:
        output.say(f"  themes     {', '.join(label('themes', theme) for theme in case.themes)}")
    mark = ", emblematic" if case.is_emblematic else ""
    output.say(f"  status     {label('words', case.status)}{mark}")
    if case.own_numbers:
        print_wrapped(output, "  numbers    ", ", ".join(case.own_numbers))


def print_disagreements(output: Output, found: Sequence[Disagreement]) -> None:
    """Prints on what the mechanisms differ in a case; each claim stands."""
    for each in found:
        about = "" if each.about is None else f" of event {each.about[0]}#{each.about[1]}"
        when = "neither knew of the other" if each.is_concurrent else "knowing of each other"
        heading(output, f"disagreement on {each.matter.replace('_', ' ')}{about} ({when})")
        for claim in each.claims:
            said = label("words", claim.value)
            output.say(f"  {claim.mechanism:<24} {said}  (event {claim.index} of {claim.origin})")


def print_history(output: Output, history: History, *, most: int | None = None) -> None:
    """Prints a history in the order of record; with `most`, its first and last events only."""
    print_events(output, history, most=most)
    print_proof(output, history.digest, len(history.events), history.vector)


def print_events(output: Output, history: History, *, most: int | None = None) -> None:
    """Prints the events of a history without its proof; `most` as for `print_history`."""
    events = history.events
    places = {(event.origin, event.index): event.position for event in events}
    left_out = 0 if most is None else max(0, len(events) - most)
    start = (len(events) - left_out) // 2
    for event in events[:start] if left_out else events:
        _print_event(output, event, places)
    if left_out:
        output.say(f"   …  {left_out} more events")
        for event in events[start + left_out :]:
            _print_event(output, event, places)


def print_timeline(output: Output, items: Sequence[TimelineItem]) -> None:
    """Prints acts by their own dates, beside when they were recorded and received."""
    for item in items:
        print_wrapped(output, f"{date_text(item.act_date):<10}  ", _headline(item.event))
        recorded, received = time_text(item.event.recorded_ms), time_text(item.received_ms)
        output.say(f"            recorded {recorded}, received here {received} UTC")
    output.say(f"{len(items)} acts")


def print_proof(
    output: Output, digest: bytes, count: int, vector: Sequence[Place], *, of: str = "events"
) -> None:
    """Prints a digest and the vector of checkpoints it stands for."""
    output.say(f"digest {digest.hex()} over {count} {of}, standing for")
    print_vector(output, vector)


def print_vector(output: Output, vector: Sequence[Place]) -> None:
    """Prints how much of each log counted: two lines each, so that roots stay whole."""
    for place in vector:
        output.say(f"  {place.size:>7} entries of {place.origin}")
        output.say(f"          root {place.root.hex()}")


def print_import(output: Output, report: ImportReport) -> None:
    """Prints what became of a register: every row that was left out, and a count by reason."""
    output.say(
        f"{report.register}: {report.rows_taken} of {report.rows} rows taken, "
        f"{report.events_added} events added, {report.events_known} were there already"
    )
    for each in report.rejected:
        output.say(f"  line {each.line}: {each.reason}: {each.detail}")
    for reason, count in Counter(each.reason for each in report.rejected).most_common():
        output.say(f"  {count} left out: {reason_text(reason)}")


def _print_event(
    output: Output, event: HistoryEvent, places: Mapping[tuple[str, int], int]
) -> None:
    date = date_text(event.content.act_date() if event.content is not None else None)
    line = _headline(event)
    pointer = event.content.about if event.content is not None else None
    if pointer is not None and (pointer.origin, pointer.index) in places:
        line.append(f" · about {places[pointer.origin, pointer.index]}", style="not bold")
    print_wrapped(output, f"{event.position:>4}  {date:<10}  ", line)
    place = f"{event.origin}#{event.index}"
    witnessed = witnessed_text(event.witnessed_by, event.witnesses)
    output.say(f"{_INDENT}recorded {time_text(event.recorded_ms)} UTC, {place}{witnessed}")
    for file in event.attachments:
        told = f"file {event.position}/{file.ordinal}: {file.file_name!a}, {file.size} bytes"
        print_wrapped(output, _INDENT, f"{told}, {file.state}")
    for remark in event.remarks:
        print_wrapped(output, _INDENT, f"note: {remark}")


def _headline(event: HistoryEvent) -> Text:
    line = Text(printable(kind_title(event.kind)), style="bold")
    if event.content is None:
        state = _STATES_IN_WORDS.get(event.content_state, "")
        if event.content_state == "embargoed":
            state = f"(sealed until {time_text(event.not_before_ms)[:-3]} UTC)"
        return line.append(f"  {event.mechanism}  {state}", style="not bold")
    return line.append(printable(f"  {_facts(event.content)}"), style="not bold")


def _facts(content: ActContent) -> str:
    body = shipped_profiles().body_name(content.acting_body)
    facts = [body, *content.references[:_REFERENCES_SHOWN]]
    facts += [
        str(getattr(content, name))
        for name in (
            "decision_type",
            "document_type",
            "reply_kind",
            "law_title",
            "recommending_state",
        )
        if getattr(content, name, "")
    ]
    response = getattr(content, "response", None) or getattr(content, "grade", None)
    if response is not None:
        facts.append(f"{response.scheme}: {response.value}")
    if content.title:
        facts.append(content.title)
    if content.basis != "own_act":
        facts.append(content.basis.replace("_", " "))
    invented = "INVENTED · " if content.is_invented else ""
    return invented + " · ".join(facts)


def _title(case: CaseSummary) -> str:
    return printable(("INVENTED · " if case.is_invented else "") + (case.title or "untitled"))


def compared_text(count: int) -> str:
    """With how many other members heads were compared."""
    return f"heads compared with {count} member{'' if count == 1 else 's'}"
