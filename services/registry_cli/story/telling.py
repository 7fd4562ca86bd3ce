"""Prints the story: who did what, for whom it is, and what others then see."""

from typing import Final

from rich.text import Text

from registry_cli.output import Output
from registry_cli.rendering import heading, print_wrapped
from registry_cli.story.playing import Told

_SLUG_COLUMNS: Final = 18


class Teller:
    """Prints scenes as they are played, with a heading for each chapter."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._chapter = ""

    def tell(self, told: Told) -> None:
        """Prints one scene."""
        if told.chapter != self._chapter:
            self._chapter = told.chapter
            heading(self._output, told.chapter)
        if told.receipt is None:
            start = f"              > {told.mechanism:<{_SLUG_COLUMNS - 2}} "
            for line in told.lines:
                print_wrapped(self._output, start, Text(line, style="dim"))
                start = " " * len(start)
            return
        (words,) = told.lines
        start = f"  {told.date:<10}  {told.mechanism:<{_SLUG_COLUMNS}} "
        print_wrapped(self._output, start, f"{words}{_for_whom(told)}")


def _for_whom(told: Told) -> str:
    """Who may hold it, if not everybody."""
    if told.held_by == ("all",):
        return ""
    if told.held_by == ("own",):
        return " (for itself alone)"
    others = [slug for slug in told.held_by if slug != told.mechanism]
    return f" (for {', '.join(others)} alone)"
