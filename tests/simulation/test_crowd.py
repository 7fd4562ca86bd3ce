"""A hundred members with a hundred logs: messages and bytes grow with what is new."""

from collections.abc import Iterator
from functools import cache
from unittest import mock

import pytest

from registry.log.signing import verify
from tests.counts import tell
from tests.simulation.crowd import MEMBERS, RELAYS, Crowd

HELD = (1, 10, 100)
WRITERS = 10


@pytest.fixture(autouse=True)
def signatures_are_verified_once() -> Iterator[None]:
    """A hundred members check the same signatures; here one check of each is enough."""
    once = cache(verify)
    with (
        mock.patch("registry.log.checkpoint.verify", once),
        mock.patch("registry.log.entry_rules.verify", once),
    ):
        yield


def test_traffic_grows_with_what_is_new_not_with_what_is_held() -> None:
    first = Crowd(1, knows_all=False)
    learned = first.connect()
    assert first.sizes() == {(1,) * MEMBERS}
    tell(
        f"{MEMBERS} members learn {MEMBERS} logs of 1 event from {len(RELAYS)} relays each: "
        f"{learned.messages} messages, {learned.size_bytes} bytes"
    )

    found = []
    for held in HELD:
        crowd = Crowd(held, knows_all=True)
        again = crowd.connect()
        new = crowd.write(WRITERS)
        assert crowd.sizes() == {(held + 1,) * WRITERS + (held,) * (MEMBERS - WRITERS)}
        found.append((again, new))
        tell(
            f"{MEMBERS * held} events held by each: all streams anew {again.messages} messages, "
            f"{again.size_bytes} bytes; {WRITERS} new events {new.messages} messages, "
            f"{new.size_bytes} bytes"
        )

    (least_again, least), (most_again, most) = found[0], found[-1]
    assert most.messages == least.messages <= WRITERS * MEMBERS * len(RELAYS)
    assert most_again.messages == least_again.messages == MEMBERS * len(RELAYS)
    # Numbers have more digits; nothing else is longer.
    assert most.size_bytes < least.size_bytes * 1.05
    assert most_again.size_bytes < least_again.size_bytes * 1.05
