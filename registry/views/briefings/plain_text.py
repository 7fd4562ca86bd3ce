"""Text of others made harmless before any form: no control characters, no turned directions.

Marks that turn the direction of writing could make a line read otherwise than it is; those that
join letters are kept, since some scripts need them.
"""

import re
from typing import Final

_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SPACE: Final = re.compile(r"\s+")


def one_line(text: str) -> str:
    """Text in one line, without what is not to be seen."""
    return _SPACE.sub(" ", _CONTROL.sub("", text)).strip()
