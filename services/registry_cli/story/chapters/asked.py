"""Whether anyone has acted: from the own mirror, then by asking peers."""

from typing import Final

from registry_cli.story.script import Chapter

CHAPTER: Final = Chapter("Has anyone acted?")
