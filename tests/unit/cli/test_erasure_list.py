"""The list of who has confirmed an erasure, as it is given to the person."""

import pytest

from registry.client.confidentiality import ErasureConfirmation
from registry_cli.commands.erasing import confirmation_line


@pytest.mark.parametrize(
    ("confirmed_ms", "takes_part_no_more", "says"),
    [
        (0, False, ("not yet", "last heard 2023-11-14")),
        (1_700_000_000_000, False, ("confirmed 2023-11-14", "last heard 2023-11-14")),
        (0, True, ("NEVER CONFIRMED", "takes part no more")),
        (1_700_000_000_000, True, ("confirmed 2023-11-14", "takes part no more")),
    ],
)
def test_line_tells_who_confirmed_and_who_never_will(
    confirmed_ms: int, *, takes_part_no_more: bool, says: tuple[str, str]
) -> None:
    each = ErasureConfirmation(
        "beta", bool(confirmed_ms), confirmed_ms, 1_700_000_000_000, takes_part_no_more
    )
    line = confirmation_line(each)
    assert line.startswith("beta ")
    assert all(words in line for words in says)
