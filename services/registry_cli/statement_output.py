"""How a joint statement looks on a terminal."""

from registry.client.casework import EventPlace
from registry.client.statements import ShownStatement, Statement
from registry.domain.content.statement_texts import StatementText
from registry_cli.output import Output
from registry_cli.rendering import heading, print_wrapped, time_text

_LATE = {"late": "joined later", "not_counted": "not counted", "named": "signed, says its author"}


def status_text(each: Statement) -> str:
    """How a statement stands, in few words."""
    if each.is_sealed:
        return f"released at {time_text(each.release_ms)[:-3]} UTC"
    if each.status in {"draft", "ready"} and each.needed:
        return f"{each.status}, {each.standing} of {each.needed} of {len(each.invited)} signed"
    return each.status


def print_statement(output: Output, shown: ShownStatement) -> None:
    """Prints a statement, who has signed it, what is missing, and its words."""
    each = shown.statement
    invented = "INVENTED · " if each.is_invented else ""
    heading(output, f"{invented}{each.title}")
    _print_facts(output, each)
    _print_signatures(output, each)
    _print_texts(output, shown.texts)
    for correction in shown.corrections:
        heading(output, f"CORRECTED {correction.date or 'undated'}, {_place(correction.event)}")
        if correction.correction:
            print_wrapped(output, "  ", correction.correction)
        if correction.text_hash:
            _say(output, "hash", f"{correction.text_hash}; the signatures are not of this")
        _print_texts(output, correction.texts)


def _print_facts(output: Output, each: Statement) -> None:
    """Prints what is known of it, a line each; of what is not there, none."""
    planned = "" if each.issued is not None else " (planned)"
    facts = {
        "event": _place(each.event),
        "case": each.case_id.hex(),
        "by": f"{each.mechanism} ({each.body}), {each.date or 'undated'}",
        "status": status_text(each),
        "withdrawn": each.withdrawn_date,
        "replaces": _place(each.replaces),
        "superseded": _place(each.superseded_by),
        "issued": "" if each.issued == each.event else _place(each.issued),
        "release": f"{time_text(each.release_ms)} UTC{planned}" if each.release_ms else "",
        "languages": ", ".join(each.languages) or "no texts",
        "hash": each.text_hash,
    }
    for name, text in facts.items():
        if text:
            _say(output, name, text)


def _print_signatures(output: Output, each: Statement) -> None:
    for signature in each.signatures:
        state = _LATE.get(signature.state, signature.state)
        if signature.state == "named" and not signature.recorded_ms:
            state = "not received"
        if signature.withdrawn_date:
            state = f"withdrawn {signature.withdrawn_date}"
        told = f"{signature.mechanism:<20} {state:<14} {signature.date:<10}  "
        _say(output, "signature", told + _place(signature.event))
    if each.status in {"draft", "ready"} and each.missing:
        left = max(0, each.needed - each.standing)
        asked = ", ".join(each.missing)
        _say(output, "missing", f"{left} of: {asked}" if left else f"nothing; may sign: {asked}")


def _print_texts(output: Output, texts: tuple[StatementText, ...]) -> None:
    for each in texts:
        heading(output, f"  [{each.language}]")
        for line in each.text.splitlines():
            print_wrapped(output, "  ", line) if line.strip() else output.say()


def _say(output: Output, name: str, text: str) -> None:
    output.say(f"  {name:<11} {text}")


def _place(place: EventPlace | None) -> str:
    return "" if place is None else f"{place.origin}#{place.index}"
