"""What would leave a node, and what may be used of a case, as people read it."""

from enum import StrEnum

from registry.client.confidentiality import Export, Preview, WideningPreview
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
    tell_preview(output, preview)
    output.result(preview)


def print_widening(output: Output, found: WideningPreview) -> None:
    """Prints which event it is, which files go with it, who is new, and what forbids it."""
    output.say(f"event         {found.kind}: {found.title}")
    for each in found.attachments:
        output.say(f"file          {each.file_name}, {each.size} bytes")
    output.say(f"newly for     {', '.join(found.new_recipients) or 'nobody that takes part today'}")
    tell_preview(output, found.preview, is_recorded=True)


def tell_preview(output: Output, preview: Preview, *, is_recorded: bool = False) -> None:
    """Prints a preview for people; what is recorded already is recorded anew if it must change."""
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
        if found.why_not and not is_recorded:
            output.say(f"              take it out, or --confirm-person {found.person_id}")
    if preview.needs_approval:
        output.say("published: a second person may have to approve it")
    for refusal in preview.refusals:
        output.say(f"REFUSED       {refusal}")
    _print_warnings(output, preview)


def warn(output: Output, preview: Preview) -> None:
    """Warns, beside a result, of whom an event does not alert."""
    for warning in preview.warnings:
        output.remark(f"warning: {warning}")
    if preview.add_to_audience:
        output.remark(f"  to alert them: {audience_that_alerts(preview)}; later: registry widen")


def audience_that_alerts(preview: Preview) -> str:
    """The option that adds to an audience whom the event should alert."""
    slugs = dict.fromkeys((*preview.recipients, *preview.add_to_audience))
    return f"--audience {','.join(slugs)}"


def _print_warnings(output: Output, preview: Preview) -> None:
    for warning in preview.warnings:
        output.say(f"WARNING       {warning}")
    if preview.add_to_audience:
        output.say(f"proposed      {audience_that_alerts(preview)}")


def print_export(output: Output, export: Export) -> None:
    """Prints what may be used and how much was left out."""
    print_events(output, History(NO_CASE, export.events, b"", ()))
    output.say(
        f"{len(export.events)} events may be used, {export.left_out} left out, "
        f"{export.names_taken_out} names taken out"
    )
    output.result(export)
