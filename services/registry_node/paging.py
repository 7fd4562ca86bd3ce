"""Pages: one rule for every list call."""

from typing import Final

from registry.errors import InvalidRequest

PAGE_SIZE_MAX: Final = 1000
_PAGE_SIZE_DEFAULT: Final = 100


def page_size(asked: int) -> int:
    """Returns how many items a page has; 0 = the default.

    Raises:
        InvalidRequest: more than the limit was asked.
    """
    if asked > PAGE_SIZE_MAX:
        msg = f"a page has at most {PAGE_SIZE_MAX} items, {asked} were asked"
        raise InvalidRequest(msg)
    return asked or _PAGE_SIZE_DEFAULT


def read_place(token: str, *, sealed_by: str = "") -> int:
    """Reads a token made by `write_place`; empty = 0.

    Raises:
        InvalidRequest: the token is not one of ours, or belongs to another list.
    """
    if not token:
        return 0
    place, _, seal = token.partition(".")
    is_number = place.isascii() and place.isdigit()  # `²` is a digit too, and no number
    if not is_number or len(place) > 18 or seal != sealed_by:  # noqa: PLR2004 - fits 63 bits
        msg = "this page token belongs to another list; start from the first page"
        raise InvalidRequest(msg)
    return int(place)


def write_place(place: int, *, sealed_by: str = "") -> str:
    """Makes the token of the page that starts at a place."""
    return f"{place}.{sealed_by}"
