"""Pauses in looking for garbage: the last who asked ends one, and nothing else is changed."""

import gc
from collections.abc import Iterator

import pytest

from registry.application.memory import without_collecting


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_nothing_is_looked_for_until_the_last_who_asked_is_done() -> None:
    with without_collecting():
        with without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_pause_ends_with_an_error() -> None:
    def fail() -> None:
        with without_collecting():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.isenabled()


def test_process_that_looks_for_no_garbage_does_not_begin_to() -> None:
    gc.disable()
    with without_collecting():
        pass
    assert not gc.isenabled()
