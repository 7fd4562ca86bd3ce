"""The chapters in the order of record. One without scenes waits for its feature and is not told."""

from typing import Final

from registry_cli.story.chapters import (
    accountability,
    asked,
    briefing,
    detention,
    first_acts,
    follow_up,
    intent,
    meeting,
    plans,
    release,
    reprisal,
    statement,
    submission,
)

CHAPTERS: Final = (
    submission.CHAPTER,
    asked.CHAPTER,
    first_acts.CHAPTER,
    detention.CHAPTER,
    intent.CHAPTER,
    statement.CHAPTER,
    reprisal.CHAPTER,
    follow_up.CHAPTER,
    meeting.CHAPTER,
    release.CHAPTER,
    accountability.CHAPTER,
    plans.CHAPTER,
    briefing.CHAPTER,
)
