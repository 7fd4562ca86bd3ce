"""A register of reprisals as a file: Markdown, CSV or JSON; the same bytes for the same register.

Names that no consent covers never come here: in their place stands "withheld". How many reprisals
may not be used for it is told to the officer alone: a reader would learn that there are some. A
cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from registry.client.reprisal_values import Register, RegisterAct, RegisterEntry
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_title
from registry_cli.output import plain, printable
from registry_cli.rendering import state_text

_TITLES: Final[Mapping[str, str]] = {
    "achpr": "Register of reprisals, as ACHPR/Res.273 (LV) 2014 asks for",
    "sg": "Cooperation with the United Nations: reprisals, for the report of the Secretary-General",
}
_STANDINGS: Final[Mapping[str, str]] = {
    "none": "no step of an authority known",
    "under_way": "under way",
    "ended": "ended without accountability",
    "reached": "accountability reached",
}
_IMPUNITY: Final[Mapping[str, str]] = {
    "none": "none after {months} months",
    "ended": "ended without accountability",
    "stalled": "no step for {months} months",
}
COLUMNS: Final = (
    "number",
    "State",
    "date",
    "body cooperated with",
    "kind of cooperation",
    "what was done",
    "against",
    "follow-up",
    "accountability",
    "status",
    "reported by",
    "references",
)
"""What the two registers ask for."""
_FORMULA: Final = re.compile(r"^[=+\-@\t\r]")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
NOTHING: Final = "none known"
WITHHELD: Final = "withheld"


class RegisterFormat(StrEnum):
    """How a register is written."""

    MARKDOWN = "md"
    CSV = "csv"
    JSON = "json"


def write_register(register: Register, form: RegisterFormat) -> str:
    """Writes a register as text; lines end with a line feed."""
    return _WRITERS[form](register)


def register_document(register: Register) -> dict[str, Any]:
    """What a register tells its readers, as JSON knows it: all but what was left out."""
    document: dict[str, Any] = plain(register)
    del document["left_out"]
    return document


def standing_text(standing: str, impunity: str, months: int) -> str:
    """Where accountability stands, in words."""
    words = _STANDINGS.get(standing, standing)
    why = _IMPUNITY.get(impunity, "").format(months=months)
    return words if not why or why == words else f"{words}: {why}"


def _row(register: Register, number: int, entry: RegisterEntry) -> tuple[str, ...]:
    """One entry, a text for each of `COLUMNS`."""
    return (
        str(number),
        ", ".join(map(state_text, entry.states)) or "not named",
        entry.date or "unknown",
        ", ".join(map(_body, entry.bodies)) or "not named",
        _listed(entry.cooperation) or "not described",
        _done(entry),
        _against(entry),
        _listed(entry.follow_up) or NOTHING,
        _listed(entry.accountability) or NOTHING,
        _status(register, entry),
        _body(entry.reported_by),
        ", ".join(entry.references),
    )


def _done(entry: RegisterEntry) -> str:
    acts = ", ".join(each.replace("_", " ") for each in entry.acts)
    told = dict.fromkeys(filter(None, (acts, entry.title, entry.summary)))
    invented = "INVENTED · " if entry.is_invented else ""
    return invented + "; ".join(told)


def _against(entry: RegisterEntry) -> str:
    withheld = f"{WITHHELD} ({entry.withheld})" if entry.withheld else ""
    return ", ".join(filter(None, (*entry.against, withheld))) or "not named"


def _status(register: Register, entry: RegisterEntry) -> str:
    stands = standing_text(entry.standing, entry.impunity, register.months)
    outcome = entry.outcome.replace("_", " ")
    return "; ".join(filter(None, (entry.confidence, outcome, stands)))


def _listed(acts: Iterable[RegisterAct]) -> str:
    return "; ".join(map(_act, acts))


def _act(act: RegisterAct) -> str:
    if not act.what:
        return act.title
    what = kind_title(act.what)
    name = what if what != act.what else act.what.replace("_", " ")
    who = f" ({_body(act.who)})" if act.who else ""
    date = act.date or "undated"
    title = f", {act.title}" if act.title else ""
    return f"{date} {name}{who}{title}"


def _body(code: str) -> str:
    return shipped_profiles().body_name(code)


def _for_whom(register: Register) -> str:
    if not register.recipients:
        return "what may be published; names only where consent covers that"
    recipients = ", ".join(register.recipients)
    return f"for {recipients} alone; names only where consent covers that"


def _markdown(register: Register) -> str:
    lines = [
        f"# {_TITLES.get(register.register, register.register)}",
        "",
        f"As of {register.day}; {_for_whom(register)}.",
        f"{len(register.entries)} entries.",
    ]
    for number, entry in enumerate(register.entries, 1):
        row = dict(zip(COLUMNS, _row(register, number, entry), strict=True))
        lines += ["", f"## {row.pop('number')}. {_marked(row['State'])}, {row['date']}", ""]
        lines += [f"- **{name}**: {_marked(text)}" for name, text in row.items() if text]
    return "\n".join(lines) + "\n"


def _marked(text: str) -> str:
    """Text that others wrote, on one line and without effect as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(printable(text).split()))


def _csv(register: Register) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, entry in enumerate(register.entries, 1):
        writer.writerow(map(_cell, _row(register, number, entry)))
    return file.getvalue()


def _cell(text: str) -> str:
    told = printable(text)
    return f"'{told}" if _FORMULA.match(told) else told


def _json(register: Register) -> str:
    return json.dumps(register_document(register), indent=2, ensure_ascii=False) + "\n"


_WRITERS: Final[Mapping[RegisterFormat, Callable[[Register], str]]] = {
    RegisterFormat.MARKDOWN: _markdown,
    RegisterFormat.CSV: _csv,
    RegisterFormat.JSON: _json,
}
