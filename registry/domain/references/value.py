"""What a reference is: its scheme, the one form that its spellings meet in, what it updates."""

from typing import Final, NamedTuple

UNKNOWN: Final = "unknown"
"""The scheme of a reference that no parser knows; it is kept as written."""
REFERENCE_MAX: Final = 500
"""A longer text is not looked at: it is kept as written, as an unknown reference."""


class Reference(NamedTuple):
    """A reference.

    Attributes:
        scheme: the format, such as `un.communication`; `unknown` if no parser knows it.
        normal: the normal form; of an unknown one the text as written, without outer spaces.
        updates: the normal form of what it updates; empty = nothing.
        attribute: what the spelling says besides, such as the type of a communication (UA).
    """

    scheme: str
    normal: str
    updates: str = ""
    attribute: str = ""

    def meets(self, other: "Reference") -> bool:
        """Whether both name the same thing, however they were written."""
        if self.scheme == UNKNOWN:
            return False  # nothing says which body wrote it
        return (self.scheme, self.normal) == (other.scheme, other.normal)
