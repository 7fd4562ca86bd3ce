"""The demo's story: one invented emblematic case through all nodes, as data and steps.

`chapters` is what happens, `order` in which order; `script` what a chapter is made of; `stage`
the nodes that it is played on; `playing` plays it; `telling` prints it. What nodes see meanwhile
is in `looks`, and by its matter in `known`, `held`, `intents`, `statements`, `reprisals`. A new
feature of the registry becomes a scene in the chapter of its name: a `Deed` records an event, a
`Look` asks a node. What a client records by a call of its own is a `Deed` with one of `calls`.
"""

from registry_cli.story.order import CHAPTERS
from registry_cli.story.playing import Told, play
from registry_cli.story.script import Chapter, Deed, Look
from registry_cli.story.stage import Stage, wait_for_events

__all__ = ["CHAPTERS", "Chapter", "Deed", "Look", "Stage", "Told", "play", "wait_for_events"]
