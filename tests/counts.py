"""What a test has counted, told at the end of the run, whatever else is captured."""

_told: list[str] = []


def tell(text: str) -> None:
    """Says a count of the test that runs now; the run prints it at its end, with its test."""
    _told.append(text.strip())


def take() -> list[str]:
    """What was told since the last time."""
    taken = _told.copy()
    _told.clear()
    return taken
