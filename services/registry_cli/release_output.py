"""What would leave a node, and what may be used of a case, as people read it."""

from enum import StrEnum

from registry.client.confidentiality import Export, Preview
from registry.client.values import History
from registry.domain.identifiers import NO_CASE
from registry_cli.output import Output
from registry_cli.rendering import print_events, time_text


class ExportPurpose(StrEnum):
    """Whom an export is for."""

    PUBLIC = "public"
    STATE = "state"
    MECHANISMS = "mechanisms"


def print_preview(output: Output, preview: Preview) -> None:
    """Prints what every member would see, who would get the content, and what forbids it."""
    output.say("nothing was recorded; every member would see:")
    for fact in preview.visible_to_all:
        output.say(f"  {fact}")
    later = ", and every member that joins later" if preview.is_for_everyone else ""
    output.say(f"content for   {', '.join(preview.recipients)}{later}")
    output.say(f"size classes  {', '.join(f'{size} bytes' for size in preview.size_classes)}")
    if preview.not_before_ms:
        output.say(f"not before    {time_text(preview.not_before_ms)} UTC")
    for person in preview.persons:
        output.say(f"names         {person.name} ({person.use}): {person.why_not or 'permitted'}")
    for found in preview.names_in_text:
        output.say(f"in the text   {found.name}: {found.why_not or 'confirmed to be another'}")
        if found.why_not:
            output.say(f"              take it out, or --confirm-person {found.person_id}")
    if preview.needs_approval:
        output.say("published: a second person may have to approve it")
    for refusal in preview.refusals:
        output.say(f"REFUSED       {refusal}")
    output.result(preview)


def print_export(output: Output, export: Export) -> None:
    """Prints what may be used and how much was left out."""
    print_events(output, History(NO_CASE, export.events, b"", ()))
    output.say(
        f"{len(export.events)} events may be used, {export.left_out} left out, "
        f"{export.names_taken_out} names taken out"
    )
    output.result(export)
