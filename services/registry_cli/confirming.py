"""Confirmation words on the screen, each time with a sentence that says what to do with them."""

from typing import Final

from registry_cli.output import Output

TO_FOUNDERS: Final = (
    "read these words to every founder by telephone; who sees others holds another file: stop"
)
BEFORE_JOINING: Final = (
    "ask another founder by telephone for the words on that screen; join only if they are the same"
)
TO_SIGNERS: Final = (
    "read these words by telephone to those who sign; who sees others must not sign that file"
)
TO_RECEIVER: Final = (
    "read these words by telephone to whoever takes the member file; others there: another file"
)
OF_MEMBER_FILE: Final = (
    "ask whoever made this member file, by telephone, for the words that they were shown; "
    "others: stop"
)


def say_words(output: Output, words: str, advice: str) -> None:
    """Prints confirmation words on a line of their own, and what to do with them."""
    output.say(f"words  {words}")
    output.say(f"  {advice}")
