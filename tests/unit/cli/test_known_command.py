"""`registry case known` takes one question, and days and times as people write them."""

import pytest
from typer.testing import CliRunner

from registry.errors import InvalidRequest
from registry_cli.commands.knowledge import end_of_day_or_time
from registry_cli.main import app

DAY_MS = 24 * 60 * 60 * 1000


def test_day_counts_to_its_end_and_a_time_to_its_moment() -> None:
    assert end_of_day_or_time("1970-01-02") == 2 * DAY_MS - 1
    assert end_of_day_or_time("1970-01-02T00:00") == DAY_MS
    assert end_of_day_or_time("1970-01-02T01:00+01:00") == DAY_MS


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="--by"):
        end_of_day_or_time(text)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], "--when-recording"),
        (["--by", "2026-01-01", "--at", "a/b/1:1"], "say one of"),
        (["--when-recording", "a/b/1#0", "--to", "un"], "--to"),
    ],
)
def test_question_that_says_nothing_or_two_things_is_refused(
    options: list[str], named: str
) -> None:
    refused = CliRunner().invoke(app, ["case", "known", "POL", "--profile", "x", *options])

    assert isinstance(refused.exception, InvalidRequest)
    assert named in str(refused.exception)
