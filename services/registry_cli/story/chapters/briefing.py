"""A briefing, written to a file."""

from typing import Final

from registry_cli.story.script import Chapter

CHAPTER: Final = Chapter("A briefing")
